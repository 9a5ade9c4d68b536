package node

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Names of the key files.
const (
	nodeKeyFile = "node.key"
	rootKeyFile = "root.key"
)

// keys are a node's two secrets.
type keys struct {
	seed ident.Secret // of the node's Ed25519 key
	root ident.Secret
	node ident.NodeID // its public key
}

// id is the node's public key.
func (k *keys) id() ident.NodeID { return k.node }

// loadKeys reads the keys, or makes them in a folder where no node ever lived.
// Keys are never made beside rows: what those rows seal would be lost for good.
//
// A node that joins others gets the root key from them: until then it is zero.
func loadKeys(f *folder, fresh, joining bool) (*keys, error) {
	var k keys
	for name, secret := range map[string]*ident.Secret{nodeKeyFile: &k.seed, rootKeyFile: &k.root} {
		got, err := readKey(f.at(name))
		if errors.Is(err, errs.NotFound) && joining && name == rootKeyFile {
			continue
		}
		if errors.Is(err, errs.NotFound) && fresh {
			got = ident.NewSecret()
			err = writeKey(f.at(name), got)
		}
		if errors.Is(err, errs.NotFound) {
			err = missing(f.at(name))
		}
		if err != nil {
			return nil, err
		}
		*secret = got
	}
	k.node = NodeOf(k.seed)
	return &k, nil
}

func missing(path string) error {
	return errs.Newf(errs.Corrupt, "%s is missing, and what is stored cannot be read without it: put it back with rhizome recovery-kit restore FILE", path)
}

// readKey reads a key file, 64 hexadecimal digits; errs.NotFound if there is none.
func readKey(path string) (ident.Secret, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return ident.Secret{}, errs.NotFound
	}
	if err != nil {
		return ident.Secret{}, errs.Newf(errs.Denied, "a key cannot be read: %w", err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(b) != len(ident.Secret{}) {
		return ident.Secret{}, errs.Newf(errs.Corrupt, "the key in %s is damaged: put it back with rhizome recovery-kit restore FILE", path)
	}
	return ident.Secret(b), nil
}

// writeKey makes a key file; a power cut leaves it whole or absent.
func writeKey(path string, k ident.Secret) error {
	err := writeDurably(path, []byte(hex.EncodeToString(k[:])+"\n"))
	if err != nil {
		return errs.Newf(errs.Internal, "a key cannot be written: %w", err)
	}
	return nil
}

// writeDurably makes or replaces a file of mode 0600: whole or not at all.
func writeDurably(path string, data []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
