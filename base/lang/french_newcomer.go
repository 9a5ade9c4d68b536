package lang

// frenchNewcomer is what helps those who use a command for the first time.
var frenchNewcomer = map[string]string{
	"Nothing is lost by it: what it replaces is kept as another version. What was not there then is deleted, which is asked about first.": "Rien n'est perdu : ce qui est remplacé est gardé comme une autre version. Ce qui n'était pas là à ce moment est supprimé, après une question.",
	"a whole bucket":             "tout un bucket",
	"see first what it would do": "voir d'abord ce que cela ferait",
	"all objects under BUCKET/KEY, or BUCKET/ for all there are":                                                                    "tous les objets sous BUCKET/CLÉ, ou BUCKET/ pour tous ceux qu'il y a",
	"say what it would do, and do nothing":                                                                                          "dire ce que cela ferait, et ne rien faire",
	"%s would be brought back, %s deleted, as they were not there then, and %s stay as they are. Nothing was done.":                 "%s seraient ramenés, %s supprimés, car ils n'étaient pas là à ce moment, et %s restent tels quels. Rien n'a été fait.",
	"On %s, %s of these objects were not there, and are deleted; %s are brought back. Do it?":                                       "Le %s, %s de ces objets n'étaient pas là, et sont supprimés ; %s sont ramenés. Le faire ?",
	"%s of these objects were not there at that time and are deleted by it, and nobody can be asked here: add --yes if it is meant": "%s de ces objets n'étaient pas là à ce moment et seraient supprimés, et on ne peut demander à personne ici : ajouter --yes si c'est voulu",
	"To take that back: %s": "Pour revenir en arrière : %s",
	"%q is a whole bucket: add --prefix to make all of it what it was, or name an object as BUCKET/KEY": "%q est un bucket entier : ajouter --prefix pour en refaire tout ce qu'il était, ou indiquer un objet comme BUCKET/CLÉ",
	"say which time to go back to: --at \"2026-11-22 18:30\"":                                           "dire à quel moment revenir : --at \"22/11/2026 18:30\"",
	"%q lacks the time of day: write it as 2026-11-22 18:30":                                            "%q n'a pas d'heure : l'écrire comme 22/11/2026 18:30",
	"nobody can go back to a time that is still to come":                                                "personne ne peut revenir à un moment qui est encore à venir",
}
