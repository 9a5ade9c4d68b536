package extentstore

import "rhizome/base/ident"

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
