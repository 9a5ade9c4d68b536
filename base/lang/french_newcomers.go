package lang

// frenchNewcomers is what somebody who meets computers, disks and services for the first
// time is told.
var frenchNewcomers = map[string]string{
	"This node was emptied and taken out of the rhizome (so say %s): the others have all that it had, and it may be switched off. For this computer to take part again, move its data folder away and join with a new invitation.": "Ce nœud a été vidé et retiré du rhizome (d'après %s) : les autres ont tout ce qu'il avait, et il peut être éteint. Pour que cet ordinateur participe de nouveau, déplacez son dossier de données et rejoignez avec une nouvelle invitation.",
	"this node is no member of its rhizome any more (so say %s): it was removed, or declared lost there. rhizome status says what to do":                                                                                           "ce nœud n'est plus membre de son rhizome (d'après %s) : il en a été retiré, ou y a été déclaré perdu. rhizome status dit que faire",
	"a witness or a gateway joins a rhizome and cannot begin one, for it keeps no objects: give the invitation of another home with --join (rhizome invite prints it there), or leave out --witness and --gateway":                 "un témoin ou une passerelle rejoint un rhizome et ne peut pas en commencer un, car il ne garde pas d'objets : donnez l'invitation d'une autre maison avec --join (rhizome invite l'affiche là-bas), ou enlevez --witness et --gateway",
	"this node was removed from its rhizome": "ce nœud a été retiré de son rhizome",
}
