// Package settings knows every setting of a node: its name, its form, its default
// and what it means. Flags, RHIZOME_* variables, the TOML file, `config show` and
// docs/settings.md all derive from the one table here.
//
// A setting is taken from the first place that names it: flag, environment, file,
// default. Its name is the flag's and the TOML key; the variable is RHIZOME_ and the
// name in capitals with _ for -. Units: sizes are bytes; a time is a number with s, m, h or d.
package settings

import (
	"strings"

	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
)

// Form is what a setting's text must look like.
type Form uint8

// The forms.
const (
	Text    Form = iota
	Path         // a file or folder; relative ones are made absolute
	Address      // host:port
	Name         // a DNS name
	Place        // host or host:port, the host being a name or an IP address
	Size         // 500GB, 2TiB; 0 is no limit
	Age          // 30d, 12h, 10m, 5s; a bare number is days; one second to 3,650 days
	Choice       // one of Setting.Choices
	Switch       // true or false
	Secret       // one word that is never shown; at most 8 KiB
	Hook         // an http or https address that is never shown
	Line         // a line for the shell; at most 4 KiB
)

// Setting is one row of the table.
type Setting struct {
	Name    string
	Form    Form
	Many    bool // may be given several times; a list in TOML; commas in the environment
	Default string
	Choices []string
	Least   int64  // smallest Size that is not 0
	Hint    string // stands for the value in help
	Help    string // English; said through package lang
}

// Env returns the name of the setting's environment variable.
func (s Setting) Env() string {
	return "RHIZOME_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// The names of the settings.
const (
	Data       = "data"
	S3         = "s3"
	S3Domain   = "s3-domain"
	Web        = "web"
	WebDomain  = "web-domain"
	S3TLSCert  = "s3-tls-cert"
	S3TLSKey   = "s3-tls-key"
	Region     = "region"
	Capacity   = "capacity"
	Home       = "home"
	Join       = "join"
	Peer       = "peer"
	Public     = "public"
	Witness    = "witness"
	Gateway    = "gateway"
	ScrubEvery = "scrub-every"
	UploadAge  = "upload-age"
	CleanAfter = "clean-after"
	Metrics    = "metrics"
	RiskHook   = "risk-webhook"
	RiskCmd    = "risk-command"
	LogLevel   = "log-level"
)

// Table returns the settings in the order in which people read them. dataDir is the
// platform's default data folder.
func Table(dataDir string) []Setting {
	return []Setting{
		{Name: Data, Form: Path, Default: dataDir, Hint: "DIR",
			Help: lang.M("folder that holds everything this node keeps")},
		{Name: S3, Form: Address, Default: "127.0.0.1:3900", Hint: "ADDR",
			Help: lang.M("address that S3 listens on; port 0 picks a free one")},
		{Name: S3Domain, Form: Name, Many: true, Hint: "NAME",
			Help: lang.M("domain under which bucket.domain names a bucket; with TLS the addresses that the program prints have the first one, which is to lead here itself too")},
		{Name: Web, Form: Address, Default: "127.0.0.1:8080", Hint: "ADDR",
			Help: lang.M("address that web sites are served on; port 0 picks a free one, and so does the default when its port is taken")},
		{Name: WebDomain, Form: Name, Many: true, Hint: "NAME",
			Help: lang.M("domain under which bucket.domain is the web site of a bucket")},
		{Name: S3TLSCert, Form: Path, Hint: "FILE",
			Help: lang.M("certificate chain (PEM) for S3 over TLS; read again when it changes")},
		{Name: S3TLSKey, Form: Path, Hint: "FILE",
			Help: lang.M("private key (PEM) of the certificate")},
		{Name: Region, Form: Text, Hint: "NAME",
			Help: lang.M("the one region that signatures must name; without it any is accepted")},
		{Name: Capacity, Form: Size, Least: api.LeastCapacity, Default: "0", Hint: "SIZE",
			Help: lang.M("most bytes to keep on disk, such as 500GB or 2TiB; 0 leaves it to the disks; later rhizome node capacity changes it, and then this counts again only when it is another than at the start before")},
		{Name: Home, Form: Text, Default: "home", Hint: "NAME",
			Help: lang.M("name of the home, the place that can fail as a whole; later rhizome node zone changes it")},
		{Name: Join, Form: Secret, Hint: "INVITE",
			Help: lang.M("invitation of the rhizome to join at the first start; - reads it from the standard input")},
		{Name: Peer, Form: Address, Default: ":3901", Hint: "ADDR",
			Help: lang.M("address that other nodes reach this one at; port 0 picks a free one, and so does the default when its port is taken")},
		{Name: Public, Form: Place, Many: true, Hint: "ADDR",
			Help: lang.M("address, HOST or HOST:PORT, under which other homes reach this node from outside, if a router forwards the port to it; a name that follows the line's address is best")},
		{Name: Witness, Form: Switch, Default: "false",
			Help: lang.M("join as a witness: vote and keep rows, but no objects' bytes")},
		{Name: Gateway, Form: Switch, Default: "false",
			Help: lang.M("join as a gateway: serve everything, keep nothing")},
		{Name: ScrubEvery, Form: Age, Default: "30d", Hint: "TIME",
			Help: lang.M("time in which every stored byte is read again and checked once, such as 30d")},
		{Name: UploadAge, Form: Age, Default: "7d", Hint: "TIME",
			Help: lang.M("time after which an upload in parts that was left is given up, such as 7d or 12h")},
		{Name: CleanAfter, Form: Age, Default: "2m", Hint: "TIME",
			Help: lang.M("time after which what a crash left behind is cleaned up")},
		{Name: Metrics, Form: Address, Hint: "ADDR",
			Help: lang.M("address that serves metrics for Prometheus to whoever can reach it; without it, none does")},
		{Name: RiskHook, Form: Hook, Hint: "URL",
			Help: lang.M("address that is sent a message (POST, JSON) when something comes to be at risk, and when all is good again")},
		{Name: RiskCmd, Form: Line, Hint: "COMMAND",
			Help: lang.M("command that is given the same as text, such as: mail -s rhizome me@example.org")},
		{Name: LogLevel, Form: Choice, Default: "info", Choices: []string{"debug", "info", "warn", "error"}, Hint: "LEVEL",
			Help: lang.M("least important messages to log: debug, info, warn or error")},
	}
}
