package node

import (
	"errors"
	"net"
	"os"
	"testing"

	"rhizome/base/errs"
)

// TestAFirstStartThatCannotBe is refused and leaves nothing: no rhizome of a witness, no
// folder, no keys.
func TestAFirstStartThatCannotBe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, change := range map[string]func(*Config){
		"a witness of nobody":  func(c *Config) { c.Witness = true },
		"a gateway of nobody":  func(c *Config) { c.Gateway = true },
		"no invitation":        func(c *Config) { c.Join = "abc" },
		"a port that is taken": func(c *Config) { c.S3 = taken.Addr().String() },
		"no certificate":       func(c *Config) { c.TLSCert, c.TLSKey = "/nowhere/c", "/nowhere/k" },
	} {
		for _, there := range []bool{false, true} {
			c := config(t)
			c.Data += "/made"
			if there {
				if err := os.MkdirAll(c.Data, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			change(&c)
			n, err := Open(t.Context(), c)
			if err == nil {
				_ = n.Close()
			}
			if !errors.Is(err, errs.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
			left, err := os.ReadDir(c.Data)
			if there && (err != nil || len(left) != 0) || !there && !os.IsNotExist(err) {
				t.Errorf("%s: it leaves %v, %v", name, left, err)
			}
		}
	}
}
