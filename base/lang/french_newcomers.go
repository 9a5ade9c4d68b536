package lang

// frenchNewcomers is what somebody who meets computers, disks and services for the first
// time is told.
var frenchNewcomers = map[string]string{
	"This node was emptied and taken out of the rhizome (so say %s): the others have all that it had, and it may be switched off. For this computer to take part again, move its data folder away and join with a new invitation.": "Ce nœud a été vidé et retiré du rhizome (d'après %s) : les autres ont tout ce qu'il avait, et il peut être éteint. Pour que cet ordinateur participe de nouveau, déplacez son dossier de données et rejoignez avec une nouvelle invitation.",
	"this node is no member of its rhizome any more (so say %s): it was removed, or declared lost there. rhizome status says what to do":                                                                                           "ce nœud n'est plus membre de son rhizome (d'après %s) : il en a été retiré, ou y a été déclaré perdu. rhizome status dit que faire",
	"a witness or a gateway joins a rhizome and cannot begin one, for it keeps no objects: give the invitation of another home with --join (rhizome invite prints it there), or leave out --witness and --gateway":                 "un témoin ou une passerelle rejoint un rhizome et ne peut pas en commencer un, car il ne garde pas d'objets : donnez l'invitation d'une autre maison avec --join (rhizome invite l'affiche là-bas), ou enlevez --witness et --gateway",
	"%s belongs to the node %s of this rhizome: give this node a folder of its own":                                                                                                                                                "%s appartient au nœud %s de ce rhizome : donnez à ce nœud un dossier à lui",
	"not known":                "inconnu",
	"%s, of which %s are left": "%s, dont il reste %s",
	"The disk %s is nearly full, or the capacity given to the node nearly used up: %s are left. Delete something, raise the capacity, or add a disk with rhizome disk add.": "Le disque %s est presque plein, ou la capacité donnée au nœud presque épuisée : il reste %s. Effacez quelque chose, augmentez la capacité, ou ajoutez un disque avec rhizome disk add.",
	"The disk %s is taken away. What is left there (disk.lock, keyring and the folders extents, segments, snapshots and tmp) may be deleted.":                               "Le disque %s est retiré. Ce qui y reste (disk.lock, keyring et les dossiers extents, segments, snapshots et tmp) peut être effacé.",
	"the homes %s and %s are full first, and keep the space of the others from being used":                                                                                  "les maisons %s et %s sont pleines les premières, et empêchent d'utiliser la place des autres",
	"this node was removed from its rhizome": "ce nœud a été retiré de son rhizome",
}
