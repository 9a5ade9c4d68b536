package lint

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// words that do not belong in the project's text, with the reason. They are built
// from pieces so that this file does not contain them.
var words = []struct {
	match *regexp.Regexp
	why   string
}{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`), "finish it, or write down in docs/design.md what is missing"},
	{regexp.MustCompile(`(?i)\bfor n` + `ow\b`), "say what holds, not what was convenient"},
	{regexp.MustCompile(`(^|[^A-Za-z0-9_.])/(wo` + `rk|ro` + `ot|ho` + `me/[a-z]+)/[A-Za-z0-9._]`), "an absolute path of one machine"},
	{regexp.MustCompile(`proxy\.gol` + `ang\.org|deb\.deb` + `ian\.org|pypi\.o` + `rg`), "the name of a registry's host; the clients are configured where they run"},
	{regexp.MustCompile(`(?i)\bissues? (#|no\.? ?)?[0-9]+\b`), "the project speaks of itself; a number explains nothing to a reader"},
}

// textual are the kinds of file that people read.
var textual = []string{".go", ".md", ".sh", ".toml", ".yml", ".yaml", ".html", ".txt", ".mod", ""}

// checkWords: the project's text speaks of the project alone.
func checkWords(root fs.FS) ([]problem, error) {
	var found []problem
	err := walk(root, func(name string) error {
		if !contains(textual, path.Ext(name)) || path.Base(name) == "LICENSE" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, w := range words {
				if m := w.match.FindString(line); m != "" {
					found = append(found, problem(fmt.Sprintf("%s:%d: %q: %s", name, i+1, m, w.why)))
				}
			}
		}
		return nil
	})
	return found, err
}
