package cli

import (
	"os"
	"path/filepath"
	"strings"

	"rhizome/base/errs"
	"rhizome/cmd/rhizome/settings"
)

// unitText is the systemd unit. The node needs its data folder, its disks and the
// network; everything else is closed to it.
func (c *call) unitText(s scope) (string, error) {
	line, err := c.execStart(s)
	if err != nil {
		return "", err
	}
	out := []string{
		"# made by rhizome service install",
		"[Unit]",
		"Description=Rhizome node",
	}
	if s.system { // a user's manager has no such target
		out = append(out, "Wants=network-online.target", "After=network-online.target")
	}
	out = append(out,
		"StartLimitIntervalSec=0",
		"",
		"[Service]",
		"Type=exec",
		"ExecStart="+line,
		"Restart=on-failure",
		"RestartSec=5",
		"TimeoutStopSec=15",
		"LimitNOFILE=65536",
		"UMask=0077",
		"NoNewPrivileges=yes",
		"LockPersonality=yes",
		"MemoryDenyWriteExecute=yes",
		"RestrictRealtime=yes",
		"RestrictSUIDSGID=yes",
		"SystemCallArchitectures=native",
		"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK")
	if s.system {
		out = append(out,
			"User=rhizome", "Group=rhizome",
			"StateDirectory=rhizome", "StateDirectoryMode=0700", "ConfigurationDirectory=rhizome",
			"AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
			"ProtectSystem=full", "ProtectHome="+protectHome(line), "PrivateTmp=yes", "PrivateDevices=yes",
			"ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes",
			"ProtectControlGroups=yes", "ProtectClock=yes", "ProtectHostname=yes",
			"RestrictNamespaces=yes", "SystemCallFilter=@system-service")
	}
	target := "default.target"
	if s.system {
		target = "multi-user.target"
	}
	out = append(out, "", "[Install]", "WantedBy="+target, "")
	return strings.Join(out, "\n"), nil
}

// execStart is the command line of the service: this program with the settings that
// were given as options, all checked.
func (c *call) execStart(s scope) (string, error) {
	program, err := c.program()
	if err != nil {
		return "", err
	}
	vs, err := c.values(c.flag)
	if err != nil {
		return "", err
	}
	words := []string{program, "up"}
	if c.config != "" {
		abs, err := filepath.Abs(c.config)
		if err != nil {
			return "", usageError{errs.Newf(errs.Invalid, "%q is no path: %w", c.config, err)}
		}
		words = append(words, "--config", abs)
	}
	for _, v := range vs {
		switch {
		case v.Setting.Name == settings.Join && v.Text() != "":
			return "", usageError{errs.New(errs.Invalid, "others could read an invitation in the service's file: join once with rhizome up --join, stop it with Ctrl-C, then install the service")}
		case v.Setting.Form == settings.Hook && v.Origin == settings.FromFlag:
			return "", usageError{errs.Newf(errs.Invalid, "others could read %s in the service's file: write it into the configuration file", v.Setting.Name)}
		case v.Setting.Form == settings.Switch && v.Origin == settings.FromFlag:
			words = append(words, "--"+v.Setting.Name+"="+v.Text())
		case v.Origin == settings.FromFlag:
			for _, text := range v.Texts {
				words = append(words, "--"+v.Setting.Name, text)
			}
		case v.Setting.Name == settings.Data && s.system:
			words = append(words, "--data", settings.SystemData)
		case v.Setting.Name == settings.Data:
			words = append(words, "--data", v.Text())
		}
	}
	for i, w := range words {
		words[i] = unitQuote(w)
	}
	return strings.Join(words, " "), nil
}

func (c *call) program() (string, error) {
	if p := c.text("program"); p != "" {
		if info, err := os.Stat(p); !c.on("print") && (err != nil || info.IsDir() || info.Mode()&0o111 == 0) {
			return "", errs.Newf(errs.Invalid, "%s is no program", p)
		}
		return filepath.Abs(p)
	}
	p, err := os.Executable()
	if err != nil {
		return "", errs.Newf(errs.Internal, "the program does not know its own file: %w", err)
	}
	if strings.HasPrefix(p, os.TempDir()) && !c.on("print") {
		return "", errs.New(errs.Invalid, "this program was built for one run and will be gone: install it with go install ./cmd/rhizome, or name it with --program")
	}
	return p, nil
}

// unitQuote writes a word of ExecStart as systemd.service(5) reads it.
func unitQuote(w string) string {
	w = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$", "\n", `\n`).Replace(w)
	if w == "" || strings.ContainsAny(w, " \t'\";\\") {
		return `"` + w + `"`
	}
	return w
}

// protectHome hides people's homes unless the service keeps or reads something there.
func protectHome(line string) string {
	for _, people := range []string{"/home", "/root"} {
		if strings.Contains(line, people+"/") {
			return "no"
		}
	}
	return "yes"
}
