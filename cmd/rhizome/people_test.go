package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type shown struct {
	Name, From, Where string
	Value             any
}

func (h *home) settings(args ...string) map[string]shown {
	h.t.Helper()
	r := h.bare(append([]string{"config", "show", "--json"}, args...)...)
	var list []shown
	if r.code != 0 || json.Unmarshal([]byte(r.out), &list) != nil {
		h.t.Fatalf("exit %d: %s%s", r.code, r.out, r.err)
	}
	out := map[string]shown{}
	for _, s := range list {
		out[s.Name] = s
	}
	return out
}

func TestWhereSettingsComeFrom(t *testing.T) {
	h := newHome(t)
	s := h.settings()
	if s["data"].Value != filepath.Join(h.dir, "share", "rhizome") || s["s3"].Value != "127.0.0.1:3900" || s["s3"].From != "default" {
		t.Errorf("%+v", s)
	}
	path := filepath.Join(h.dir, "config", "rhizome", "rhizome.toml")
	h.write(path, "# ours\nhome = \"garden\"\nregion = \"paris\"\ns3-domain = [\"a.example\", \"b.example\"]\nscrub-every = 10\ncapacity = \"2TiB\"\n")
	h.env = []string{"RHIZOME_REGION=lyon", "RHIZOME_S3=127.0.0.1:1"}
	s = h.settings("--s3", "127.0.0.1:2")
	want := map[string][2]string{
		"home": {"garden", "file"}, "region": {"lyon", "environment"}, "s3": {"127.0.0.1:2", "flag"}, "scrub-every": {"10", "file"}, "capacity": {"2TiB", "file"},
	}
	for name, w := range want {
		if s[name].Value != w[0] || s[name].From != w[1] {
			t.Errorf("%s is %+v, want %v", name, s[name], w)
		}
	}
	if s["home"].Where != path+":2" {
		t.Errorf("home is said to come from %q", s["home"].Where)
	}
	if list, ok := s["s3-domain"].Value.([]any); !ok || len(list) != 2 {
		t.Errorf("s3-domain is %+v", s["s3-domain"])
	}
}

func (h *home) write(path, text string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func TestWrongSettingsAreRefusedWithTheirPlace(t *testing.T) {
	h := newHome(t)
	path := filepath.Join(h.dir, "x.toml")
	for text, want := range map[string]string{
		"home = \"a\"\nhoem = \"b\"\n":  "x.toml:2: there is no setting \"hoem\"",
		"\n\nscrub-every = \"often\"\n": "x.toml:3",
		"home = 5\n":                    "wrong kind",
		"[s3]\naddress = \"x\"\n":       "x.toml:1: tables are not used",
		"home = \"a\"\nhome = \"b\"\n":  "twice",
		"home = \n":                     "x.toml:1: the value after = is missing",
		"capacity = \"lots\"\n":         "is no size",
	} {
		h.write(path, text)
		r := h.bare("config", "show", "--config", path)
		if r.code != 2 || !strings.Contains(r.err, want) {
			t.Errorf("%q: exit %d, %q; want %q", text, r.code, r.err, want)
		}
	}
	if r := h.bare("config", "show", "--config", path+".none"); r.code != 2 {
		t.Errorf("a missing file that was named: exit %d, %s", r.code, r.err)
	}
	h.env = []string{"RHIZOME_S3=nowhere"}
	if r := h.bare("config", "show"); r.code != 2 || !strings.Contains(r.err, "RHIZOME_S3") {
		t.Errorf("exit %d, %s", r.code, r.err)
	}
}

func TestFrench(t *testing.T) {
	h := newHome(t)
	h.env = []string{"LANG=fr_FR.UTF-8"}
	n := h.up()
	if r := h.run("status"); !strings.Contains(r.out, "Tout va bien ici.") {
		t.Error(r.out)
	}
	h.refused("il n'y a pas de bucket", "bucket", "info", "photos")
	h.refused("3 à 63 lettres minuscules", "bucket", "create", "_")
	other := newHome(t)
	other.env = h.env
	other.refused("adresse déjà utilisée", "up", "--s3", n.status.S3.Address)
	if r := h.run("repair", "status"); !strings.Contains(r.out, "Instantané") || !strings.Contains(r.out, "aucun des enregistrements pour l'instant") {
		t.Error(r.out)
	}
	n.stop()
	if !strings.Contains(n.said.String(), "Bienvenue.") {
		t.Error(n.said)
	}
	h.refused("le nœud ne tourne pas", "status")
}

func TestMistakesOnTheCommandLine(t *testing.T) {
	h := newHome(t)
	for line, want := range map[string]string{
		"statsu":                         "status",
		"bucket frob":                    `no command "frob"`,
		"status --frob":                  "no option --frob",
		"status extra":                   "rhizome status",
		"key create":                     "rhizome key create NAME",
		"share a/b --for":                "needs a value",
		"up --s3-tls-cert x":             "belong together",
		"completion csh":                 "csh",
		"import s3://x":                  "--endpoint",
		"import x/y --endpoint http://z": "is no bucket",
	} {
		r := h.bare(strings.Fields(line)...)
		if r.code != 2 || !strings.Contains(r.err, want) || !strings.Contains(r.err, "--help") {
			t.Errorf("rhizome %s: exit %d, %q; want 2 and %q", line, r.code, r.err, want)
		}
	}
	r := h.run("status", "--json")
	var e map[string]struct{ Kind, Message string }
	if err := json.Unmarshal([]byte(r.err), &e); err != nil || e["error"].Kind != "unavailable" || r.out != "" {
		t.Errorf("%v: %q %q", err, r.out, r.err)
	}
}

func TestCompletion(t *testing.T) {
	h := newHome(t)
	for shell, check := range map[string]string{"bash": "bash", "zsh": "", "fish": ""} {
		r := h.bare("completion", shell)
		if r.code != 0 || !strings.Contains(r.out, "rhizome") {
			t.Fatalf("%s: exit %d", shell, r.code)
		}
		if check != "" {
			cmd := exec.Command(check, "-n")
			cmd.Stdin = strings.NewReader(r.out)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s does not take it: %v\n%s", shell, err, out)
			}
		}
	}
	if r := h.bare("__complete", "bucket", "al"); !strings.Contains(r.out, "allow") || !strings.Contains(r.out, "alias") {
		t.Error(r.out)
	}
}

func TestServiceUnit(t *testing.T) {
	h := newHome(t)
	r := h.bare("service", "install", "--system", "--print", "--program", "/usr/local/bin/rhizome", "--s3", "0.0.0.0:3900", "--home", "50% of \"it\"")
	for _, want := range []string{
		`ExecStart=/usr/local/bin/rhizome up --data /var/lib/rhizome --s3 0.0.0.0:3900 --home "50%% of \"it\""`,
		"NoNewPrivileges=yes", "ProtectSystem=full", "User=rhizome", "StateDirectory=rhizome", "WantedBy=multi-user.target",
	} {
		if r.code != 0 || !strings.Contains(r.out, want+"\n") {
			t.Errorf("exit %d %s: the unit lacks %q:\n%s", r.code, r.err, want, r.out)
		}
	}
	r = h.bare("service", "install", "--user", "--print", "--program", "/usr/local/bin/rhizome")
	if r.code != 0 || strings.Contains(r.out, "User=") || !strings.Contains(r.out, "WantedBy=default.target") || !strings.Contains(r.out, "--data "+h.dir) {
		t.Errorf("exit %d %s\n%s", r.code, r.err, r.out)
	}
	var st struct{ Installed bool }
	r = h.bare("service", "status", "--user", "--json")
	if r.code != 0 || json.Unmarshal([]byte(r.out), &st) != nil || st.Installed {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
}

// certificate writes a fresh certificate for 127.0.0.1 over the files.
func (h *home) certificate(serial int64, cert, key string) {
	h.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		h.t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		h.t.Fatal(err)
	}
	var buf bytes.Buffer
	_ = pem.Encode(&buf, &pem.Block{Type: "PRIVATE KEY", Bytes: rawKey})
	h.write(key, buf.String())
	buf.Reset()
	_ = pem.Encode(&buf, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	h.write(cert, buf.String())
}

func TestTLSAndItsRenewal(t *testing.T) {
	h := newHome(t)
	cert, key := filepath.Join(h.dir, "cert.pem"), filepath.Join(h.dir, "key.pem")
	h.certificate(1, cert, key)
	n := h.up("--s3-tls-cert", cert, "--s3-tls-key", key)
	if !strings.HasPrefix(n.status.S3.URL, "https://") {
		t.Errorf("%+v", n.status.S3)
	}
	serial := func() int64 {
		c, err := tls.Dial("tcp", n.status.S3.Address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("serial %d", got)
	}
	h.certificate(2, cert, key)
	n.until(func() bool { return serial() == 2 })
	h.write(cert, "nonsense")
	if got := serial(); got != 2 {
		t.Errorf("a broken file took the certificate away: serial %d", got)
	}
	other := newHome(t)
	other.refused("certificate", "up", "--s3-tls-cert", cert, "--s3-tls-key", key)
}

func TestTheReferenceIsThatOfTheProgram(t *testing.T) {
	for file, locale := range map[string]string{"settings.md": "C", "settings.fr.md": "fr_FR.UTF-8"} {
		h := newHome(t)
		h.env = []string{"LC_ALL=" + locale}
		want := h.bare("config", "reference")
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", file))
		if err != nil || string(got) != want.out {
			t.Errorf("docs/%s is not what `LC_ALL=%s rhizome config reference` prints (%v)", file, locale, err)
		}
	}
}
