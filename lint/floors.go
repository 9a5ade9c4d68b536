package lint

import "strings"

// module is the path that every package of the product begins with.
const module = "rhizome/"

// floors is the house, from the ground up, each floor from left to right. A package
// below one of these folders stands where its parent stands.
var floors = []struct {
	name   string
	places []string
}{
	{"base", []string{"base/errs", "base/ident", "base/codec", "base/clock", "base/crew", "base/memo", "base/seeds", "base/short", "base/vfs", "base/lang"}},
	{"disk and net", []string{"disk/kv", "disk/keyring", "disk/extentstore", "net/rpc", "net/afar", "net/gather"}},
	{"cluster", []string{"cluster/layout", "cluster/membership", "cluster/register", "cluster/extent"}},
	{"model", []string{"model/account", "model/object", "model/named", "model/hook", "model/remote", "model/site", "model/accesslog", "model/inventory", "model/upkeep"}},
	{"edge", []string{"edge/reach", "edge/dns", "edge/cert"}},
	{"gateway", []string{"gateway/s3", "gateway/web", "gateway/files", "gateway/ldap", "gateway/oidc", "gateway/portal", "gateway/events", "gateway/replicate", "gateway/admin"}},
	{"node", []string{"node"}},
	{"roof", []string{"cmd/rhizome", "simtest"}},
}

// outside are folders that are no part of the program: nothing imports them.
var outside = []string{"lint", "e2e", "bench", "tools"}

const gateways = 5

// stand says where a folder stands: its floor and its place on it, -1 if nowhere.
func stand(dir string) (floor, at int) {
	for i, f := range floors {
		for j, p := range f.places {
			if within(dir, p) {
				return i, j
			}
		}
	}
	return -1, -1
}

// within reports whether dir is folder or lies below it.
func within(dir, folder string) bool {
	return dir == folder || strings.HasPrefix(dir, folder+"/")
}

// isOutside reports whether dir is no part of the program.
func isOutside(dir string) bool {
	for _, o := range outside {
		if within(dir, o) {
			return true
		}
	}
	return false
}

// checkFloors: a package imports only lower floors, or packages to its left.
func checkFloors(files []*file) []problem {
	var found []problem
	homeless := map[string]bool{}
	for _, f := range files {
		if isOutside(f.dir) {
			continue
		}
		floor, at := stand(f.dir)
		if floor < 0 {
			if !homeless[f.dir] {
				homeless[f.dir] = true
				found = append(found, f.at(f.ast.Name, "package %s stands on no floor: give it a place in lint/floors.go, as low and as far left as it can go", f.dir))
			}
			continue
		}
		for imported, spec := range f.imports() {
			if why := mayNot(f, floor, at, imported); why != "" {
				found = append(found, f.at(spec, "%s imports %s: %s", f.dir, imported, why))
			}
		}
	}
	return found
}

// mayNot says why a file at (floor, at) may not import the path; empty if it may.
func mayNot(f *file, floor, at int, imported string) string {
	dir, ours := strings.CutPrefix(imported, module)
	if !ours {
		return ""
	}
	if isOutside(dir) {
		return "it is no part of the program; what both need belongs on a floor"
	}
	toFloor, to := stand(dir)
	switch {
	case toFloor < 0:
		return "it stands on no floor: give it a place in lint/floors.go"
	case toFloor < floor, toFloor == floor && to == at:
		return ""
	case toFloor > floor:
		return "floor " + floors[toFloor].name + " is above floor " + floors[floor].name + "; whoever is above passes down what is needed, as an argument or a small interface, so that each floor can be understood and tested without those above it"
	case floor == gateways:
		return "gateways never import each other, so that each can be read, left out and secured alone; what two of them share belongs in model"
	case to > at:
		return "it stands to the right on the same floor; packages import only to their left, so that there is one order in which to read them"
	}
	return ""
}

// checkWiring: only the roof knows node, because node wires everything.
func checkWiring(files []*file) []problem {
	var found []problem
	for _, f := range files {
		if f.test || within(f.dir, "cmd") || within(f.dir, "simtest") || within(f.dir, "node") || isOutside(f.dir) {
			continue
		}
		if floor, _ := stand(f.dir); floor < gateways {
			continue
		}
		for imported, spec := range f.imports() {
			if imported == module+"disk/kv" || imported == module+"disk/extentstore" {
				found = append(found, f.at(spec, "%s imports %s: gateways speak to model, never to a disk; only node wires", f.dir, imported))
			}
		}
	}
	return found
}
