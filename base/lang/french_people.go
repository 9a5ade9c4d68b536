package lang

// frenchPeople is what keys, rights, links, imports and settings have to say beside their results.
var frenchPeople = map[string]string{
	"nothing: it is deleted":           "rien : elle est effacée",
	"show the version of this program": "montrer la version de ce programme",
	" COMMAND":                         " COMMANDE",
	"Objects keep their metadata and ETags. A broken import is gone on with by running it again: what was copied is not copied twice. At the end everything is compared, object by object.\nWhat differs here is replaced by what the other store has, even if it is newer here; what the other store deleted stays here.\nThe other store's key pair is read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or asked for on the terminal.": "Les objets gardent leurs métadonnées et leurs ETags. Un import interrompu se poursuit en le relançant : ce qui a été copié n'est pas copié deux fois. À la fin tout est comparé, objet par objet.\nCe qui diffère ici est remplacé par ce qu'a l'autre stockage, même si c'est plus récent ici ; ce que l'autre stockage a effacé reste ici.\nLa paire de clés de l'autre stockage est lue dans AWS_ACCESS_KEY_ID et AWS_SECRET_ACCESS_KEY, ou demandée au terminal.",
	"the import was interrupted": "l'import a été interrompu",
	"No key may use the bucket %s any more: allow one with rhizome bucket allow.":                                                                            "Plus aucune clé ne peut utiliser le bucket %s : autorisez-en une avec rhizome bucket allow.",
	"The bucket's policy refuses this link (403), unless it lets some in by what nobody knows yet, as their address: rhizome bucket policy get %s shows it.": "La politique du bucket refuse ce lien (403), sauf si elle laisse entrer certains d'après ce que personne ne sait encore, comme leur adresse : rhizome bucket policy get %s la montre.",
	"This link works on this computer alone, because S3 listens only to it: start the node with --s3 0.0.0.0:3900 for others.":                               "Ce lien ne marche que sur cet ordinateur, car S3 n'écoute que lui : démarrez le nœud avec --s3 0.0.0.0:3900 pour les autres.",
	"empty: it may be taken away": "vide : il peut être retiré",
	"no data folder is named, and without HOME there is no place for one: give it with --data":                                     "aucun dossier de données n'est indiqué, et sans HOME il n'y a pas d'endroit pour lui : donnez-le avec --data",
	"the home needs a name: give one with --home":                                                                                  "la maison a besoin d'un nom : donnez-en un avec --home",
	"anybody who reaches this store could write to the bucket and delete what is in it, without a key: add --yes if that is meant": "quiconque atteint ce stockage pourrait écrire dans le bucket et effacer ce qui s'y trouve, sans clé : ajoutez --yes si c'est voulu",
	"a key needs a name of 1 to 128 bytes, without spaces around it":                                                               "une clé a besoin d'un nom de 1 à 128 octets, sans espaces autour",
	"%q cannot be a key's name: it has characters that cannot be printed":                                                          "%q ne peut pas être le nom d'une clé : il a des caractères qui ne s'impriment pas",
	"there is a key %q already: choose another name":                                                                               "il y a déjà une clé %q : choisissez un autre nom",
	"The key can be shown again at any time:":                                                                                      "La clé peut être montrée de nouveau à tout moment :",
	"Configuration file: %s": "Fichier de configuration : %s",
	"The file is ~/.config/rhizome/rhizome.toml, or /etc/rhizome/rhizome.toml for a system service; another is named with --config FILE or RHIZOME_CONFIG. It holds lines of name = value:":                                                   "Le fichier est ~/.config/rhizome/rhizome.toml, ou /etc/rhizome/rhizome.toml pour un service du système ; un autre s'indique avec --config FICHIER ou RHIZOME_CONFIG. Il contient des lignes nom = valeur :",
	"What may be given several times is a list there, and apart by commas in a variable. A path in the file starts where the file lies, or with ~/ in your home. rhizome config show says which settings hold, and which file it looked for.": "Ce qui peut être donné plusieurs fois y est une liste, et séparé par des virgules dans une variable. Un chemin du fichier part de l'endroit où est le fichier, ou avec ~/ de votre dossier personnel. rhizome config show dit quels réglages valent, et quel fichier il a cherché.",
}
