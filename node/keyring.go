package node

import (
	"os"
	"path/filepath"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// keyring keeps the sealed keys of buckets in files, beside the rows that have them
// too: what is lost with the row store is found here. It is an object.Keyring.
type keyring struct{ dir string }

func openKeyring(dir string) (*keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Newf(errs.Internal, "the data folder cannot be written: %w", err)
	}
	return &keyring{dir}, syncDir(filepath.Dir(dir))
}

// Keep writes one bucket's key; it is durable when Keep returns.
func (k *keyring) Keep(bucket ident.ID, sealed []byte) error {
	if err := writeDurably(filepath.Join(k.dir, bucket.String()), sealed); err != nil {
		return errs.Newf(errs.Internal, "a bucket's key cannot be kept: %w", err)
	}
	return nil
}

// all returns every key that was kept.
func (k *keyring) all() (map[ident.ID][]byte, error) {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, errs.Newf(errs.Internal, "the kept keys of buckets cannot be read: %w", err)
	}
	out := map[ident.ID][]byte{}
	for _, e := range entries {
		id, err := ident.Parse(e.Name())
		if err != nil {
			if !strings.HasSuffix(e.Name(), ".new") {
				return nil, errs.Newf(errs.Corrupt, "%s does not belong among the kept keys of buckets", e.Name())
			}
			continue // a power cut came before it was whole
		}
		sealed, err := os.ReadFile(filepath.Join(k.dir, e.Name()))
		if err != nil {
			return nil, errs.Newf(errs.Internal, "the kept keys of buckets cannot be read: %w", err)
		}
		out[id] = sealed
	}
	return out, nil
}
