package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/base/lang"
	"rhizome/cmd/rhizome/readme"
)

// TestTheReadmeSpeaksOfCommandsThatThereAre: the parser takes every command line of the pages that
// people read first.
func TestTheReadmeSpeaksOfCommandsThatThereAre(t *testing.T) {
	for _, name := range []string{"README.md", "README.fr.md", "docs/operations.md", "docs/operations.fr.md", "docs/moving.md", "docs/moving.fr.md", "docs/sites.md", "docs/sites.fr.md"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		lines := readme.All(string(raw))
		if len(lines) < 3 {
			t.Errorf("%s: only %q", name, lines)
		}
		for _, line := range lines {
			a, _, _ := app(lang.English)
			root := a.Command()
			words := readme.Words(strings.TrimSuffix(line, "--relay"))[1:]
			found, rest, err := root.Find(words)
			if err != nil || found == root && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
				t.Errorf("%s: %q is no command: %v", name, line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", name, line, err)
			}
			if args := found.Flags().Args(); len(args) > 0 && found.HasSubCommands() {
				t.Errorf("%s: %q: %s has no %q", name, line, found.CommandPath(), args[0])
			}
		}
	}
}
