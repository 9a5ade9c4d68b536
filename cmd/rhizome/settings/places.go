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

// DataDir returns the default data folder: SystemData for root when it runs as a
// service or when that folder exists, else the platform's folder for a person's data.
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
	return filepath.Join(p.xdg("XDG_DATA_HOME", ".local/share"), "rhizome")
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
	return filepath.Join(p.xdg("XDG_CONFIG_HOME", ".config"), "rhizome", "rhizome.toml")
}

func (p Places) system() bool {
	if runtime.GOOS != "linux" || !p.Root || p.Getenv("XDG_DATA_HOME") != "" {
		return false
	}
	return p.Getenv("INVOCATION_ID") != "" || p.Getenv("HOME") == "" || p.Exists(SystemData)
}

// xdg follows the XDG Base Directory Specification: a relative path is ignored.
func (p Places) xdg(name, fallback string) string {
	if dir := p.Getenv(name); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(p.Getenv("HOME"), fallback)
}
