package extentstore

import (
	"errors"
	"os"
	"syscall"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// translate gives an error of the file system its kind; nil stays nil.
func translate(err error, doing string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return errs.Newf(errs.Full, "no room left on the disk: %s: %w", doing, err)
	case errors.Is(err, os.ErrPermission):
		return errs.Newf(errs.Denied, "%s: %w", doing, err)
	}
	return errs.Newf(errs.Internal, "%s: %w", doing, err)
}

func notFound(id ident.ID) error {
	return errs.Newf(errs.NotFound, "extent %s is not on this node's disks", id)
}
