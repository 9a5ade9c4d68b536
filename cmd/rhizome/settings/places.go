package settings

import (
	"os"
	"path/filepath"
	"runtime"
)

// Places finds the platform's folders from the environment.
type Places struct {
	Getenv func(string) string
	Root   bool                   // the effective user is root
	Exists func(path string) bool // reports whether a folder is there
}

// SystemData is the data folder of a node that runs as a system service on Linux.
const SystemData = "/var/lib/rhizome"

// SystemConfig is the configuration file of such a node.
const SystemConfig = "/etc/rhizome/rhizome.toml"

// HostPlaces are the Places of this process.
func HostPlaces() Places {
	return Places{os.Getenv, os.Geteuid() == 0, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}}
}

// DataDir returns the default data folder, "" if there is no home to put it in: SystemData for root when it runs as a
// service or when that folder exists and root has no node of its own, else the platform's folder for a person's data.
func (p Places) DataDir() string {
	if p.system() {
		return SystemData
	}
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(p.Getenv("AppData"), "rhizome")
	case "darwin":
		return filepath.Join(p.Getenv("HOME"), "Library", "Application Support", "rhizome")
	}
	return under(p.xdg("XDG_DATA_HOME", ".local/share"))
}

// ConfigFile returns the default configuration file.
func (p Places) ConfigFile() string {
	if p.system() {
		return SystemConfig
	}
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(p.Getenv("AppData"), "rhizome", "rhizome.toml")
	case "darwin":
		return filepath.Join(p.Getenv("HOME"), "Library", "Application Support", "rhizome", "rhizome.toml")
	}
	if dir := under(p.xdg("XDG_CONFIG_HOME", ".config")); dir != "" {
		return filepath.Join(dir, "rhizome.toml")
	}
	return ""
}

func (p Places) system() bool {
	if runtime.GOOS != "linux" || !p.Root || p.Getenv("XDG_DATA_HOME") != "" {
		return false
	}
	return p.Getenv("INVOCATION_ID") != "" || p.Getenv("HOME") == "" || p.Exists(SystemData) && !p.ownRuns()
}

// ownRuns reports whether root began with a node of its own, as anybody does, which a folder
// of the system that appears later must not hide; a system's node that runs while the own
// one does not comes first.
func (p Places) ownRuns() bool {
	own := under(p.xdg("XDG_DATA_HOME", ".local/share"))
	if own == "" || !p.Exists(filepath.Join(own, nodeMark)) {
		return false
	}
	return p.Exists(filepath.Join(own, runMark)) || !p.Exists(filepath.Join(SystemData, runMark))
}

// nodeMark is in the folder of every node, runMark in that of one that runs.
const (
	nodeMark = "node.key"
	runMark  = "pid"
)

// Other returns another folder that root may mean and that holds a node, "" if there is none.
func (p Places) Other(data string) string {
	if runtime.GOOS != "linux" || !p.Root {
		return ""
	}
	for _, dir := range []string{SystemData, under(p.xdg("XDG_DATA_HOME", ".local/share"))} {
		if dir != "" && dir != data && p.Exists(filepath.Join(dir, nodeMark)) {
			return dir
		}
	}
	return ""
}

// under returns the program's own folder in dir, "" if that is not known: a relative
// folder would be another one wherever the program is started.
func under(dir string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "rhizome")
}

// xdg follows the XDG Base Directory Specification: a relative path is ignored.
func (p Places) xdg(name, fallback string) string {
	if dir := p.Getenv(name); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(p.Getenv("HOME"), fallback)
}
