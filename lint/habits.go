package lint

import (
	"go/ast"
	"go/token"
	"strings"
)

// ban forbids selectors such as time.Now in some files, with the reason.
type ban struct {
	pkg   string   // import path
	names []string // empty: every name
	where func(*file) bool
	why   string
	// unless: a comment beside the place that holds this word excuses it.
	unless string
}

func product(f *file) bool { return !f.test && !isOutside(f.dir) }
func library(f *file) bool { return product(f) && !within(f.dir, "cmd") }
func all(*file) bool       { return true }

// globalRand are the functions of math/rand and math/rand/v2 that share one source.
var globalRand = strings.Fields("Int Intn Int31 Int31n Int63 Int63n Int32 Int32N Int64 Int64N IntN N Uint Uint32 Uint32N Uint64 Uint64N UintN Float32 Float64 ExpFloat64 NormFloat64 Perm Shuffle Read Seed")

const seeds = "chance comes from a source with a seed that is passed in, so that a failing run can be played again; where nothing is decided by it, a comment beside it with the word chance says so"

var bans = []ban{
	{"os", []string{"Exit"}, library, "only cmd ends the process; return an error", ""},
	{"log", nil, library, "there is no global logger; a *slog.Logger is passed in", ""},
	{"log/slog", strings.Fields("Default SetDefault Debug Info Warn Error Log DebugContext InfoContext WarnContext ErrorContext LogAttrs"), library,
		"there is no global logger; a *slog.Logger is passed in", ""},
	{"os", []string{"Stdout", "Stderr", "Stdin", "Args"}, library, "only cmd speaks with the terminal; take an io.Writer", ""},
	{"fmt", []string{"Print", "Println", "Printf"}, library, "only cmd speaks with the terminal; take an io.Writer", ""},
	{"time", strings.Fields("Now Since Until"), func(f *file) bool { return library(f) && !within(f.dir, "base/clock") },
		"wall time comes from base/clock, so that tests can set it and no decision hides a clock; where only a deadline of a connection or a duration is meant, a comment beside it with the word stopwatch says so", "stopwatch"},
	{"time", []string{"Sleep"}, all, "nothing sleeps to wait for a condition; wait for the condition, or for a timer together with a context", ""},
	{"github.com/anishathalye/porcupine", nil, func(f *file) bool { return product(f) && !within(f.dir, "simtest") },
		"histories are checked by tests; the program holds nothing of that", ""},
	{"math/rand", globalRand, all, seeds, "chance"},
	{"math/rand/v2", globalRand, all, seeds, "chance"},
	{"os", strings.Fields("Create CreateTemp Open OpenFile ReadFile WriteFile Remove RemoveAll Rename Mkdir MkdirAll Truncate Link ReadDir Stat"),
		func(f *file) bool {
			floor, _ := stand(f.dir)
			return product(f) && floor >= 0 && floor < 4 && !within(f.dir, "base/vfs")
		}, "below the edge files go through base/vfs, so that tests can crash and fail them", ""},
}

// checkBans: what is asked for elsewhere is asked for there.
func checkBans(files []*file) []problem {
	var found []problem
	for _, f := range files {
		for _, b := range bans {
			if b.where(f) {
				found = append(found, b.check(f)...)
			}
		}
	}
	return found
}

func (b ban) check(f *file) []problem {
	name := f.nameOf(b.pkg)
	if name == "" {
		return nil
	}
	var found []problem
	said := f.commentLines()
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || b.unless != "" && strings.Contains(f.beside(said, n), b.unless) {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && (b.names == nil || contains(b.names, sel.Sel.Name)) {
			found = append(found, f.at(sel, "%s.%s: %s", b.pkg, sel.Sel.Name, b.why))
		}
		return true
	})
	return found
}

// nameOf returns the name under which f imports the path; empty if it does not.
func (f *file) nameOf(path string) string {
	spec, ok := f.imports()[path]
	switch {
	case !ok:
		return ""
	case spec.Name != nil:
		return spec.Name.Name
	case path == "math/rand/v2":
		return "rand"
	}
	return path[strings.LastIndex(path, "/")+1:]
}

// checkPanics: a panic is for what cannot happen, and says why it cannot.
func checkPanics(files []*file) []problem {
	var found []problem
	for _, f := range files {
		if !product(f) {
			continue
		}
		said := f.commentLines()
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fn, ok := call.Fun.(*ast.Ident)
			if ok && fn.Name == "panic" && !speaks(call) && f.beside(said, n) == "" {
				found = append(found, f.at(call, "panic that says nothing: a text of its own or a comment beside it says why this cannot happen; anything that can happen is an error"))
			}
			return true
		})
	}
	return found
}

// speaks reports whether a call's argument holds a text written out.
func speaks(call *ast.CallExpr) bool {
	found := false
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			found = found || ok && lit.Kind == token.STRING
			return true
		})
	}
	return found
}

// commentLines returns the comments by the line that they begin on.
func (f *file) commentLines() map[int]string {
	lines := map[int]string{}
	for _, group := range f.ast.Comments {
		for _, c := range group.List {
			lines[f.fset.Position(c.Pos()).Line] = c.Text
		}
	}
	return lines
}

// beside returns the comments on the node's line and on the line above.
func (f *file) beside(said map[int]string, n ast.Node) string {
	line := f.fset.Position(n.Pos()).Line
	return said[line-1] + said[line]
}

// checkState: packages hold no state, and importing one does nothing.
func checkState(files []*file) []problem {
	var found []problem
	for _, f := range files {
		if !product(f) {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					found = append(found, f.at(d, "func init: importing a package does nothing; let a constructor do it"))
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					found = append(found, f.state(d)...)
				}
			}
		}
	}
	return found
}

func (f *file) state(d *ast.GenDecl) []problem {
	var found []problem
	for _, s := range d.Specs {
		v := s.(*ast.ValueSpec)
		if len(v.Values) == 0 && !embedded(d, v) {
			found = append(found, f.at(v, "package variable %s is state; put it into a type that somebody makes and owns", v.Names[0].Name))
		}
		for _, value := range v.Values {
			if call, ok := value.(*ast.CallExpr); ok {
				if fn, ok := call.Fun.(*ast.Ident); ok && (fn.Name == "make" || fn.Name == "new") {
					found = append(found, f.at(v, "package variable %s is state; put it into a type that somebody makes and owns", v.Names[0].Name))
				}
			}
		}
	}
	return found
}

// embedded reports whether the variable is filled by the compiler from a file.
func embedded(d *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
