package settings

import (
	"strings"
	"testing"

	"rhizome/base/lang"
)

// TestMistakesInAFile: each is told with its file, its line and our own words, in both
// languages, and what the parser says comes last.
func TestMistakesInAFile(t *testing.T) {
	for text, want := range map[string][2]string{
		"home = cellar":             {"f.toml:2: text stands between", "f.toml:2 : un texte se met"},
		"home = \"cellar":           {"f.toml:2: the quotation mark that ends", "f.toml:2 : le guillemet qui ferme"},
		"home = \"cellar\nx = 1":    {"f.toml:2: the quotation mark that ends", "f.toml:2 : le guillemet qui ferme"},
		"home":                      {"f.toml:2: the line is neither", "f.toml:2 : la ligne n'est ni"},
		"home = # nothing":          {"f.toml:2: the value after = is missing", "f.toml:2 : la valeur"},
		"home =":                    {"f.toml:2: the value after = is missing", "f.toml:2 : la valeur"},
		"s3-domain = [\"a\" \"b\"]": {"f.toml:2: the list is not written", "f.toml:2 : la liste"},
		"s3-domain = [\"a\",":       {"f.toml:2: the list is not written", "f.toml:2 : la liste"},
		`data = "C:\data"`:          {"f.toml:2: text with a backslash", "f.toml:2 : un texte avec"},
		"home = \"a\" b":            {"f.toml:2: the line is not name", "f.toml:2 : la ligne n'est pas nom"},
		"home = \"\xff\"":           {"f.toml:2: the line is not written in UTF-8", "f.toml:2 : la ligne n'est pas écrite"},
		"[s3]":                      {"f.toml:2: tables are not used", "f.toml:2 : pas de tables"},
		"[[s3]]":                    {"f.toml:2: tables are not used", "f.toml:2 : pas de tables"},
	} {
		_, err := parseFile("f.toml", []byte("# mine\n"+text+"\n"), Table("/data"))
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		for k, l := range []lang.Language{lang.English, lang.French} {
			if got := strings.ReplaceAll(lang.New(l).Error(err), "\u00a0", " "); !strings.HasPrefix(got, want[k]) {
				t.Errorf("%q: %s, want %s", text, got, want[k])
			}
		}
	}
}
