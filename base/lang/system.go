package lang

import (
	"errors"
	"strings"
	"syscall"
)

// frenchSystem are the system's own words for what people meet. The names of files and
// calls around them are the same in every language.
var frenchSystem = map[syscall.Errno]string{
	syscall.ENOSPC:        "plus de place sur le disque",
	syscall.EACCES:        "permission refusée",
	syscall.EPERM:         "opération non permise",
	syscall.EROFS:         "système de fichiers en lecture seule",
	syscall.EIO:           "erreur d'entrée-sortie",
	syscall.ENOENT:        "fichier ou dossier introuvable",
	syscall.ENOTDIR:       "ce n'est pas un dossier",
	syscall.EISDIR:        "c'est un dossier",
	syscall.EEXIST:        "le fichier existe déjà",
	syscall.EMFILE:        "trop de fichiers ouverts",
	syscall.EADDRINUSE:    "adresse déjà utilisée",
	syscall.EADDRNOTAVAIL: "cette adresse n'est pas celle de cet ordinateur",
	syscall.ECONNREFUSED:  "connexion refusée",
}

// system says an error that is not ours: a whole text that is known, or one that ends
// in the system's words.
func (p Printer) system(err error) string {
	text := err.Error()
	var no syscall.Errno
	if p.l != French || !errors.As(err, &no) || !strings.HasSuffix(text, no.Error()) {
		return p.T(text)
	}
	if said, ok := frenchSystem[no]; ok {
		return strings.TrimSuffix(text, no.Error()) + said
	}
	return p.T(text)
}
