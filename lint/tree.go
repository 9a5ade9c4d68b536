package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// file is one parsed Go file. Paths use slashes and are relative to the repository.
type file struct {
	path string
	dir  string
	test bool
	fset *token.FileSet
	ast  *ast.File
}

// problem is one broken rule: where, and what to do.
type problem string

// at returns a problem at node n of f.
func (f *file) at(n ast.Node, format string, args ...any) problem {
	line := f.fset.Position(n.Pos()).Line
	return problem(fmt.Sprintf("%s:%d: %s", f.path, line, fmt.Sprintf(format, args...)))
}

// imports returns the import paths of f with the nodes that name them.
func (f *file) imports() map[string]*ast.ImportSpec {
	found := map[string]*ast.ImportSpec{}
	for _, spec := range f.ast.Imports {
		found[strings.Trim(spec.Path.Value, `"`)] = spec
	}
	return found
}

// skipped are folders that hold no source of ours.
var skipped = []string{".git", ".cache", "dist", "testdata"}

// load parses every Go file under root.
func load(root fs.FS) ([]*file, error) {
	var files []*file
	err := walk(root, func(name string) error {
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, &file{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), fset: fset, ast: tree})
		return nil
	})
	sort.Slice(files, func(i, j int) bool { return files[i].path < files[j].path })
	return files, err
}

// walk calls visit for every file that is not in a skipped folder.
func walk(root fs.FS, visit func(name string) error) error {
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, s := range skipped {
			if d.IsDir() && d.Name() == s {
				return fs.SkipDir
			}
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return visit(name)
	})
}
