package settings

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/base/errs"
)

func noFlags(string) ([]string, bool) { return nil, false }
func noEnv(string) string             { return "" }

func TestDefaultsAreValid(t *testing.T) {
	vs, err := Resolve(Table("/data"), Sources{Flags: noFlags, Getenv: noEnv})
	if err != nil || vs.Text(Data) != "/data" || vs.Bytes(Capacity) != 0 || vs.Time(ScrubEvery).Hours() != 720 {
		t.Errorf("%v: %+v", err, vs)
	}
}

func TestEveryWayToSayEverySetting(t *testing.T) {
	good := map[Form]string{Text: "x", Path: "/x", Address: "127.0.0.1:1", Name: "a.example", Place: "a.example:3901", Size: "5GB", Age: "3d", Choice: "debug", Switch: "true", Secret: "word", Hook: "https://example.org/x", Line: "mail -s rhizome me"}
	for _, s := range Table("/data") {
		want := good[s.Form]
		other := map[string]string{S3TLSCert: S3TLSKey, S3TLSKey: S3TLSCert}[s.Name]
		file := filepath.Join(t.TempDir(), "x.toml")
		text := s.Name + ` = "` + want + "\"\n"
		if other != "" {
			text += other + " = \"/y\"\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for origin, src := range map[Origin]Sources{
			FromFlag: {Getenv: noEnv, Flags: func(n string) ([]string, bool) { return []string{want}, n == s.Name || n == other }},
			FromEnv: {Flags: noFlags, Getenv: func(n string) string {
				if n == s.Env() || other != "" && n == (Setting{Name: other}).Env() {
					return want
				}
				return ""
			}},
			FromFile: {Flags: noFlags, Getenv: noEnv, File: file, Required: true},
		} {
			vs, err := Resolve(Table("/data"), src)
			if err != nil || vs.Text(s.Name) != want {
				t.Errorf("%s from the %s: %q, %v", s.Name, origin, vs.Text(s.Name), err)
				continue
			}
			for _, v := range vs {
				if v.Setting.Name == s.Name && v.Origin != origin {
					t.Errorf("%s is said to come from the %s, not the %s", s.Name, v.Origin, origin)
				}
			}
		}
	}
}

func TestPublicPlaces(t *testing.T) {
	place := Setting{Name: Public, Form: Place}
	for _, text := range []string{"garden.example.org", "garden.example.org:3901", "203.0.113.7", "203.0.113.7:1", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:3901"} {
		if got, err := place.check(text); err != nil || got != text {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "3901", ":3901", "garden", "garden.example.org:0", "garden.example.org:x", "0.0.0.0", "[::]:3901", "http://garden.example.org", "a b.example", "1.2.3.4.5:70000"} {
		if got, err := place.check(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "500GB": 5e11, "2TiB": 2 << 40, "1.5 GB": 1.5e9, "1,5Go": 1.5e9, "10 kio": 10240, "3m": 3e6,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "GB", "-1", "1.2.3", "5XB", "1e30", "99999999PB", "0x10", "NaN", "1_000", "0.5", "0.4 o", "0.0001k"} {
		if n, err := ParseSize(text); err == nil {
			t.Errorf("%q was taken for %d", text, n)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	f.Add("1.5GB")
	f.Add("٣TiB")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseSize(text); err == nil && n < 0 {
			t.Errorf("%q is %d", text, n)
		}
	})
}

func FuzzParseFile(f *testing.F) {
	for _, s := range []string{"home = \"x\"\n", "s3-domain = [\"a\"]", "[x]\ny=1", "a.b = 1", "home = \"\\", "scrub-every = 99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseFile("f.toml", []byte(text), Table("/data"))
		if err != nil && (errs.KindOf(err) != errs.Invalid || !strings.HasPrefix(err.Error(), "f.toml")) {
			t.Errorf("%q: %v", text, err)
		}
		for name, e := range got {
			if err == nil && (e.line < 1 || e.texts == nil) {
				t.Errorf("%q: %s: %+v", text, name, e)
			}
		}
	})
}

func TestPlaces(t *testing.T) {
	env := map[string]string{"HOME": "/people/ann"}
	p := Places{Getenv: func(n string) string { return env[n] }, Exists: func(string) bool { return false }}
	if p.DataDir() != "/people/ann/.local/share/rhizome" || p.ConfigFile() != "/people/ann/.config/rhizome/rhizome.toml" {
		t.Error(p.DataDir(), p.ConfigFile())
	}
	env["XDG_DATA_HOME"] = "relative/is/ignored"
	if p.DataDir() != "/people/ann/.local/share/rhizome" {
		t.Error(p.DataDir())
	}
	delete(env, "XDG_DATA_HOME")
	p.Root = true
	if p.DataDir() != "/people/ann/.local/share/rhizome" {
		t.Error("root on a terminal:", p.DataDir())
	}
	env["INVOCATION_ID"] = "1"
	if p.DataDir() != SystemData || p.ConfigFile() != SystemConfig {
		t.Error("root on a service:", p.DataDir(), p.ConfigFile())
	}
	env["XDG_DATA_HOME"] = "/elsewhere"
	if p.DataDir() != "/elsewhere/rhizome" {
		t.Error(p.DataDir())
	}
}

// TestRootsOwnNode is not hidden by a folder of the system that appears later, unless that
// one's node is the one that runs.
func TestRootsOwnNode(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	own := "/people/ann/.local/share/rhizome"
	for name, c := range map[string]struct {
		there       string
		want, other string
	}{
		"none":               {"", own, ""},
		"the system's":       {SystemData + " " + SystemData + "/node.key", SystemData, ""},
		"a bare folder":      {SystemData + " " + own + "/node.key", own, ""},
		"both":               {SystemData + " " + SystemData + "/node.key " + own + "/node.key", own, SystemData},
		"both, one runs":     {SystemData + " " + SystemData + "/node.key " + SystemData + "/pid " + own + "/node.key", SystemData, own},
		"both, the own runs": {SystemData + " " + SystemData + "/node.key " + own + "/pid " + own + "/node.key", own, SystemData},
	} {
		p := Places{Root: true, Getenv: func(n string) string { return map[string]string{"HOME": "/people/ann"}[n] },
			Exists: func(path string) bool { return slices.Contains(strings.Fields(c.there), path) }}
		if got := p.DataDir(); got != c.want || p.Other(got) != c.other {
			t.Errorf("%s: %s, beside %q", name, got, p.Other(got))
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Duration{"30m": 30 * time.Minute, "2h": 2 * time.Hour, "7d": 168 * time.Hour, "7": 168 * time.Hour, "7j": 168 * time.Hour, "1w": 168 * time.Hour, "90s": 90 * time.Second} {
		if got, err := ParseTime(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "0h", "1y", "1hm", "3651d", "9999999999999d"} {
		if _, err := ParseTime(text); err == nil {
			t.Errorf("%q was taken for a time", text)
		}
	}
}

// TestPathsInAFile: they start where the file lies, or in the home; nothing depends on
// where the program is started.
func TestPathsInAFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.toml")
	for text, want := range map[string]string{"rel": filepath.Join(dir, "rel"), "~/x": "/my/home/x", "/abs": "/abs"} {
		if err := os.WriteFile(file, []byte("data = \""+text+"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		getenv := func(n string) string { return map[string]string{"HOME": "/my/home"}[n] }
		vs, err := Resolve(Table("/data"), Sources{Flags: noFlags, Getenv: getenv, File: file, Required: true})
		if err != nil || vs.Text(Data) != want {
			t.Errorf("%s: %q, want %q (%v)", text, vs.Text(Data), want, err)
		}
	}
}

func TestWithoutAHomeTheDataFolderMustBeNamed(t *testing.T) {
	p := Places{Getenv: noEnv, Exists: func(string) bool { return false }}
	if runtime.GOOS == "linux" && (p.DataDir() != "" || p.ConfigFile() != "") {
		t.Errorf("%q, %q", p.DataDir(), p.ConfigFile())
	}
	if _, err := Resolve(Table(""), Sources{Flags: noFlags, Getenv: noEnv}); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("%v", err)
	}
	tiny := func(n string) ([]string, bool) { return []string{"10k"}, n == Capacity }
	if _, err := Resolve(Table("/data"), Sources{Flags: tiny, Getenv: noEnv}); err == nil {
		t.Error("a capacity of 10 kB is taken")
	}
}
