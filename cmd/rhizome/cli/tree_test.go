package cli

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
)

func app(l lang.Language) (*App, *bytes.Buffer, *bytes.Buffer) {
	var out, msg bytes.Buffer
	none := func(string) string { return "" }
	return &App{
		In: strings.NewReader(""), Out: &out, Err: &msg, Getenv: none, Clock: clock.System{}, Zone: time.UTC, Say: lang.New(l),
		Places: settings.Places{Getenv: func(string) string { return "/nowhere" }, Exists: func(string) bool { return false }},
	}, &out, &msg
}

func walk(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, s := range c.Commands() {
		if !s.Hidden {
			walk(s, f)
		}
	}
}

// same are commands whose short text may read the same in both languages: none.
func TestEveryCommandExplainsItselfInBothLanguages(t *testing.T) {
	shorts := map[string]string{}
	en, _, _ := app(lang.English)
	walk(en.Command(), func(c *cobra.Command) { shorts[c.CommandPath()] = c.Short })
	if len(shorts) < 35 {
		t.Fatalf("only %d commands", len(shorts))
	}
	fr, _, _ := app(lang.French)
	walk(fr.Command(), func(c *cobra.Command) {
		switch {
		case c.Short == "" || c.Long == "" || c.Example == "":
			t.Errorf("%s lacks a text or an example", c.CommandPath())
		case c.Short == shorts[c.CommandPath()]:
			t.Errorf("%s: no French: %q", c.CommandPath(), c.Short)
		}
	})
}

// TestExamplesAreRealCommands: each example line parses, as far as its flags and the
// number of its arguments go.
func TestExamplesAreRealCommands(t *testing.T) {
	call := regexp.MustCompile(`rhizome ([^|>)]*)`)
	a, _, _ := app(lang.English)
	walk(a.Command(), func(c *cobra.Command) {
		for _, line := range strings.Split(c.Example, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			m := call.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s: the example %q calls nothing", c.CommandPath(), line)
				continue
			}
			root := func() *cobra.Command { a, _, _ := app(lang.English); return a.Command() }()
			found, rest, err := root.Find(strings.Fields(m[1]))
			if err != nil || found == root {
				t.Errorf("%s: the example %q is no command: %v", c.CommandPath(), line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: the example %q: %v", c.CommandPath(), line, err)
			}
		}
	})
}

func TestHelpOfEveryCommand(t *testing.T) {
	var paths [][]string
	a, _, _ := app(lang.English)
	walk(a.Command(), func(c *cobra.Command) { paths = append(paths, strings.Fields(c.CommandPath())[1:]) })
	for _, l := range []lang.Language{lang.English, lang.French} {
		for _, path := range paths {
			a, out, msg := app(l)
			if code := a.Run(context.Background(), append(path, "--help")); code != 0 || msg.Len() > 0 {
				t.Errorf("rhizome %s --help: exit %d %s", strings.Join(path, " "), code, msg)
			}
			for _, want := range []string{a.Say.T("Usage:"), a.Say.T("Examples:"), "--json", "--data"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the help of rhizome %s (%s) lacks %q", strings.Join(path, " "), l, want)
				}
			}
		}
	}
}

func TestTablesAreAligned(t *testing.T) {
	var b bytes.Buffer
	writeRows(&b, [][]string{{"é", "x"}, {"\x1b[31mlong\x1b[0m", "y"}})
	if got := b.String(); got != "é     x\n\x1b[31mlong\x1b[0m  y\n" {
		t.Errorf("%q", got)
	}
}

func TestKitLineComesBack(t *testing.T) {
	seed, root, id := strings.Repeat("ab", 32), strings.Repeat("cd", 32), strings.Repeat("0f", 16)
	line := kitLine(api.Kit{Rhizome: id, NodeKey: seed, RootKey: root})
	for _, text := range []string{
		line + "\n", "<html><h2>Keys</h2>\n<p><code>" + line + "</code></p><code>other</code>", strings.ToLower(line), line[:40] + "\r\n  " + line[40:90] + " \n" + line[90:],
		`{"rhizome_recovery_kit":1,"node_key":"` + seed + `","root_key":"` + root + `"}`,
	} {
		k, _, err := parseKit([]byte(text))
		if err != nil || k.Seed[0] != 0xab || k.Root[31] != 0xcd {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{
		"", "{}", "RHIZOME1:x", "<code>" + line, "<html><code>photos</code>", `{"rhizome_recovery_kit":2}`, line[:len(line)-9],
		strings.Replace(line, "AB", "AC", 1), strings.Replace(line, "CD", "C", 1), strings.Replace(line, "0F", "1F", 1),
		`{"rhizome_recovery_kit":1,"node":"` + seed + `","node_key":"` + seed + `","root_key":"` + root + `"}`,
	} {
		if _, _, err := parseKit([]byte(text)); err == nil {
			t.Errorf("%q was taken for a kit", text)
		}
	}
}

func FuzzParseKit(f *testing.F) {
	f.Add([]byte("RHIZOME1:00:11:22:33"))
	f.Add([]byte(`{"rhizome_recovery_kit":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, _, err := parseKit(raw)
		if err == nil && k.Root == (ident.Secret{}) && !bytes.Contains(raw, bytes.Repeat([]byte("0"), 64)) {
			t.Errorf("%q gave an empty key", raw)
		}
	})
}
