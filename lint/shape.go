package lint

import (
	"go/ast"
	"path"
	"strings"
)

// Limits of shape, in lines. Good functions here have about ten lines and good files
// about a hundred; these are the ends of the road, not the aim.
const (
	maxFunc     = 100
	maxTestFunc = 200
	maxFile     = 500
	minDoc      = 80 // characters of a package comment
)

// checkLength: no function and no file grows without end.
func checkLength(files []*file) []problem {
	var found []problem
	for _, f := range files {
		if n := f.fset.Position(f.ast.End()).Line; n > maxFile && !f.test {
			found = append(found, f.at(f.ast.Name, "%d lines; a file over %d does more than one thing", n, maxFile))
		}
		limit := maxFunc
		if f.test {
			limit = maxTestFunc
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			if n > limit {
				found = append(found, f.at(fn, "%s has %d lines; over %d nobody reads it whole", fn.Name.Name, n, limit))
			}
		}
	}
	return found
}

// checkDoc: every package says what it owns.
func checkDoc(files []*file) []problem {
	doc, first := map[string]string{}, map[string]*file{}
	for _, f := range files {
		if first[f.dir] == nil {
			first[f.dir] = f
		}
		if text := f.ast.Doc.Text(); len(text) > len(doc[f.dir]) {
			doc[f.dir] = text
		}
	}
	var found []problem
	for dir, f := range first {
		text := doc[dir]
		starts := strings.HasPrefix(text, "Package "+strings.TrimSuffix(f.ast.Name.Name, "_test")+" ") ||
			f.ast.Name.Name == "main" && strings.HasPrefix(text, "Command "+path.Base(dir)+" ")
		if !starts || len(text) < minDoc {
			found = append(found, f.at(f.ast.Name, "package %s has no doc comment that begins with its name and says what it owns, its invariants and its units", dir))
		}
	}
	return found
}

// checkTests: a test runs everywhere, and every time.
func checkTests(files []*file) []problem {
	var found []problem
	for _, f := range files {
		if !f.test && !within(f.dir, "e2e") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			switch name := sel.Sel.Name; {
			case !ok:
			case contains([]string{"t", "b", "f", "tb"}, x.Name) && contains([]string{"Skip", "SkipNow", "Skipf"}, name):
				found = append(found, f.at(sel, "%s.%s: no test is skipped; what a test needs, tools/setup installs", x.Name, name))
			case x.Name == "testing" && name == "Short":
				found = append(found, f.at(sel, "testing.Short: long runs belong in make soak, chosen by a seed count or a flag of the test"))
			}
			return true
		})
	}
	return found
}
