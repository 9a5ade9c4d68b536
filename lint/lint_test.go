package lint

import (
	"flag"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// source checks that look at parsed Go files.
var checks = map[string]func([]*file) []problem{
	"floors": checkFloors,
	"wiring": checkWiring,
	"bans":   checkBans,
	"panics": checkPanics,
	"state":  checkState,
	"length": checkLength,
	"doc":    checkDoc,
	"tests":  checkTests,
}

func TestSource(t *testing.T) {
	files, err := load(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files found: the check looks in the wrong place", len(files))
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			for _, p := range check(files) {
				t.Error(p)
			}
		})
	}
}

func TestWords(t *testing.T) {
	found, err := checkWords(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		t.Error(p)
	}
}

func TestFiles(t *testing.T) {
	for _, name := range []string{"LICENSE", "README.md", "README.fr.md", "go.mod", "Makefile", ".ci/run", "changelog/README.md"} {
		if _, err := os.Stat("../" + name); err != nil {
			t.Errorf("%s: every release needs it: %v", name, err)
		}
	}
}

const doc = "// Package p owns the things that this fixture needs, which are few, and says so at some length.\n"

// broken are small trees; each breaks one rule, and the check must say so.
var broken = []struct{ check, path, text, want string }{
	{"floors", "disk/kv/a.go", "package kv\nimport _ \"rhizome/cluster/layout\"", "above"},
	{"floors", "cluster/layout/a.go", "package layout\nimport _ \"rhizome/cluster/extent\"", "to the right"},
	{"floors", "gateway/files/a.go", "package files\nimport _ \"rhizome/gateway/s3\"", "never import each other"},
	{"floors", "gateway/s3/a.go", "package s3\nimport _ \"rhizome/lint\"", "no part of the program"},
	{"floors", "attic/a.go", "package attic", "no floor"},
	{"wiring", "gateway/s3/a.go", "package s3\nimport _ \"rhizome/disk/kv\"", "only node wires"},
	{"bans", "node/a.go", "package node\nimport \"os\"\nfunc F() { os.Exit(1) }", "only cmd ends"},
	{"bans", "node/a.go", "package node\nimport \"log\"\nfunc F() { log.Fatal(1) }", "no global logger"},
	{"bans", "node/a.go", "package node\nimport \"time\"\nvar x = time.Now", "base/clock"},
	{"bans", "node/a_test.go", "package node\nimport \"time\"\nfunc F() { time.Sleep(1) }", "nothing sleeps"},
	{"bans", "node/a_test.go", "package node\nimport \"math/rand/v2\"\nvar x = rand.IntN(4)", "seed"},
	{"bans", "disk/kv/a.go", "package kv\nimport \"os\"\nvar _, _ = os.Open(\"x\")", "base/vfs"},
	{"bans", "node/a.go", "package node\nimport \"github.com/anishathalye/porcupine\"\nvar x porcupine.Model", "checked by tests"},
	{"panics", "node/a.go", "package node\nfunc F() { panic(1) }", "panic"},
	{"state", "node/a.go", "package node\nfunc init() {}", "init"},
	{"state", "node/a.go", "package node\nvar n int", "state"},
	{"state", "node/a.go", "package node\nvar m = make(map[int]int)", "state"},
	{"length", "node/a.go", "package node\nfunc F() {\n" + strings.Repeat("\n", maxFunc) + "}", "lines"},
	{"doc", "node/a.go", "package node", "doc comment"},
	{"tests", "node/a_test.go", "package node\nimport \"testing\"\nfunc F(t *testing.T) { t.Skip() }", "skipped"},
}

func TestEachCheckFindsItsFault(t *testing.T) {
	for _, b := range broken {
		files, err := load(fstest.MapFS{b.path: {Data: []byte(b.text)}})
		if err != nil {
			t.Fatal(err)
		}
		found := checks[b.check](files)
		if len(found) != 1 || !strings.Contains(string(found[0]), b.want) {
			t.Errorf("%s on %q: found %q, want one problem with %q", b.check, b.text, found, b.want)
		}
	}
}

func TestGoodSourcePasses(t *testing.T) {
	text := doc + "package p\nimport _ \"rhizome/base/errs\"\n\nfunc F() {\n\t// a programmer's mistake: callers pass constants\n\tpanic(1)\n}\n"
	files, err := load(fstest.MapFS{"node/p/a.go": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range checks {
		if found := check(files); len(found) != 0 {
			t.Errorf("%s: found %q in good source", name, found)
		}
	}
}

func TestWordsAreFound(t *testing.T) {
	found, err := checkWords(fstest.MapFS{"a.md": {Data: []byte("good\nTO" + "DO\n")}})
	if err != nil || len(found) != 1 {
		t.Errorf("found %q, %v; want one problem", found, err)
	}
}

var writeRecords = flag.Bool("write-records", false, "write docs/records.md")

// TestRecords: docs/records.md lists the fields as they are.
func TestRecords(t *testing.T) {
	files, err := load(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	const path = "../docs/records.md"
	page := recordsPage(files)
	if *writeRecords {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != page {
		t.Errorf("%s is not what the code says (%v): go test ./lint -run TestRecords -write-records", path, err)
	}
	for _, want := range []string{"### slot\n", "### bucketRecord\n", "### keyRecord\n", "### rowRecord\n", "### Layout\n", "| 4 | Modified | integer | Unix milliseconds |"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
