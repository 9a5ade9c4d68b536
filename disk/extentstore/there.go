package extentstore

import (
	"rhizome/base/errs"
	"rhizome/base/ident"
)

// There looks at a disk's identity and returns why the disk cannot be used, nil if it
// is there. It changes nothing. Whoever keeps files of his own on a disk asks before he
// makes one: what is made in the folder of a disk that is not mounted is hidden once
// it is.
func (s *Store) There(id ident.ID) error {
	d, err := s.known(id)
	if err != nil {
		return err
	}
	if err := d.usable(); err != nil {
		return err
	}
	return d.check(true)
}

// check looks whether the folder is this disk's.
func (d *disk) check(bool) error {
	got, err := readIdentity(d.fs, d.path(identityName))
	if err == nil && got != d.id {
		err = errs.Newf(errs.Unavailable, "%s holds disk %s, not %s", d.dir, got, d.id)
	}
	if err != nil {
		return errs.Newf(errs.Unavailable, "disk %s in %s cannot be used: %w", d.id, d.dir, err)
	}
	return nil
}
