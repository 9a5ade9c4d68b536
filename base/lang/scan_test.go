package lang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// said are the methods and functions whose literal arguments, from the index on, are
// said to people.
var said = map[string]int{"T": 0, "N": 1, "M": 0, "done": 0, "confirm": 0}

// errorsOf are the places whose errors people read; the others' may be said in English.
var errorsOf = []string{"cmd/", "node/", "gateway/admin/", "model/account/", "model/site/", "model/object/api.go", "model/object/bucket",
	"cluster/layout/change.go", "cluster/layout/next.go", "cluster/layout/share.go", "cluster/membership/decide.go"}

// texts collects every text that the sources say, with a place, and every literal.
func texts(t *testing.T) (used map[string]string, literals map[string]bool) {
	used, literals = map[string]string{}, map[string]bool{}
	root := os.DirFS("../..")
	page := regexp.MustCompile(`\{\{say "([^"]*)"`)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if name := d.Name(); err == nil && path != "." && (strings.HasPrefix(name, ".") || name == "e2e" || name == "bench" || name == "lint" || name == "lang") {
				return fs.SkipDir
			}
			return err
		}
		switch {
		case strings.HasSuffix(path, ".html"):
			raw, err := fs.ReadFile(root, path)
			for _, m := range page.FindAllStringSubmatch(string(raw), -1) {
				used[m[1]], literals[m[1]] = path, true
			}
			return err
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			return scanFile(root, path, used, literals)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// This package's own words, which format.go says.
	for _, own := range []string{"format.go"} {
		if err := scanFile(root, "base/lang/"+own, used, literals); err != nil {
			t.Fatal(err)
		}
	}
	return used, literals
}

func scanFile(root fs.FS, path string, used map[string]string, literals map[string]bool) error {
	raw, err := fs.ReadFile(root, path)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, raw, 0)
	if err != nil {
		return err
	}
	errorsHere := slices.ContainsFunc(errorsOf, func(dir string) bool { return strings.HasPrefix(path, dir) })
	ast.Inspect(f, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok {
			if s, ok := literal(e); ok {
				literals[s] = true
			}
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		from, ok := saidFrom(call, errorsHere)
		if !ok {
			return true
		}
		for i, arg := range call.Args[min(from, len(call.Args)):] {
			if s, ok := literal(arg); ok && (i == 0 || from == 1 && i < 2 && isN(call)) {
				used[s] = fset.Position(arg.Pos()).String()
			}
		}
		return true
	})
	return nil
}

func isN(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "N"
}

// saidFrom returns the index of the first argument that is said.
func saidFrom(call *ast.CallExpr, errorsHere bool) (int, bool) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return 0, false
	}
	if x, ok := sel.X.(*ast.Ident); ok && x.Name == "errs" && strings.HasPrefix(sel.Sel.Name, "New") {
		return 1, errorsHere
	}
	from, ok := said[sel.Sel.Name]
	return from, ok
}

// literal folds string literals joined by +.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		a, ok1 := literal(e.X)
		b, ok2 := literal(e.Y)
		return a + b, ok1 && ok2 && e.Op == token.ADD
	}
	return "", false
}

// neutral are texts that are the same in both languages.
func neutral(s string) bool {
	return !regexp.MustCompile(`[a-zA-Z]{2}`).MatchString(regexp.MustCompile(`%[+\-# 0-9.\[\]]*[a-zA-Z]`).ReplaceAllString(s, ""))
}

func TestEveryTextHasAFrenchForm(t *testing.T) {
	used, _ := texts(t)
	if len(used) < 100 {
		t.Fatalf("only %d texts found: the scan looks in the wrong place", len(used))
	}
	var missing []string
	for s, where := range used {
		if _, ok := french(s); !ok && !neutral(s) {
			missing = append(missing, where+": "+strconv.Quote(s))
		}
	}
	slices.Sort(missing)
	for _, m := range missing {
		t.Errorf("no French form: %s (add it to a file of %s)", m, filepath.Base("base/lang"))
	}
}

func TestNoFrenchFormIsLeftOver(t *testing.T) {
	_, literals := texts(t)
	seen := map[string]bool{}
	for _, c := range catalogues {
		for s := range c {
			if !literals[s] {
				t.Errorf("nothing says %q any more", s)
			}
			if seen[s] {
				t.Errorf("%q stands in two catalogues", s)
			}
			seen[s] = true
		}
	}
}

func TestFormsTakeTheSameArguments(t *testing.T) {
	verb := regexp.MustCompile(`%(\[\d+\])?[+\-# 0-9.]*([a-zA-Z])`)
	verbs := func(s string) []string {
		var out []string
		for _, m := range verb.FindAllStringSubmatch(strings.ReplaceAll(s, "%%", ""), -1) {
			out = append(out, m[2])
		}
		slices.Sort(out)
		return out
	}
	for _, c := range catalogues {
		for en, fr := range c {
			if !slices.Equal(verbs(en), verbs(fr)) {
				t.Errorf("%q and %q take different arguments", en, fr)
			}
			if strings.TrimSpace(fr) == "" {
				t.Errorf("%q has an empty French form", en)
			}
		}
	}
}
