package lint

import (
	"fmt"
	"go/ast"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// recordsHead begins docs/records.md, which lists every record's fields as the code has them.
const recordsHead = "# Records\n\n" +
	"Every record that is stored or sent, made from the code by a test of `lint`; where each lies is in [formats.md](formats.md).\n\n" +
	"A record is a byte, 1 or the lowest generation of the program that may read it, and a map in deterministic CBOR (RFC 8949, 4.2.1) whose keys\n" +
	"are the numbers below. A field that is missing is zero: 0, false, no bytes, no text, no entries. Numbers that a reader does not know are passed\n" +
	"over, and none is ever used again for something else. *Integer* is CBOR's major type 0 or 1, *bytes* 2, *text* 3 (UTF-8), *list* 4, *map* 5;\n" +
	"a record inside another has no byte of its own in front.\n"

// record is one struct with numbered fields.
type record struct {
	path, name, doc string
	fields          []recordField
}

type recordField struct {
	number    int
	name, typ string
	note      string
}

// records returns the structs whose fields have CBOR numbers, by folder and name.
func records(files []*file) []record {
	plain := plainTypes(files)
	var out []record
	for _, f := range files {
		if f.test || isOutside(f.dir) {
			continue
		}
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				t, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				st, ok := t.Type.(*ast.StructType)
				if !ok {
					continue
				}
				doc := t.Doc
				if doc == nil {
					doc = g.Doc
				}
				if fields := recordFields(f, st, plain); len(fields) > 0 {
					out = append(out, record{f.path, t.Name.Name, oneLine(doc), fields})
				}
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].path < out[j].path })
	return out
}

func recordFields(f *file, st *ast.StructType, plain map[string]string) (out []recordField) {
	for _, field := range st.Fields.List {
		if field.Tag == nil {
			continue
		}
		text, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			continue
		}
		tag := reflect.StructTag(text).Get("cbor")
		first, rest, _ := strings.Cut(tag, ",")
		n, err := strconv.Atoi(first)
		if err != nil || !strings.Contains(rest, "keyasint") {
			continue
		}
		note := oneLine(field.Comment)
		if doc := oneLine(field.Doc); doc != "" {
			note = strings.TrimSpace(doc + " " + note)
		}
		name := ""
		if len(field.Names) > 0 {
			name = field.Names[0].Name
		}
		out = append(out, recordField{n, name, inCBOR(field.Type, lastPart(f.dir), plain), note})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].number < out[j].number })
	return out
}

func lastPart(dir string) string { return dir[strings.LastIndex(dir, "/")+1:] }

func oneLine(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(c.Text()), " "), "|", "\\|")
}

// plainTypes says of each named type that is no struct what it is, by package and name.
func plainTypes(files []*file) map[string]string {
	kinds := map[string]ast.Expr{}
	for _, f := range files {
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || f.test {
				continue
			}
			for _, s := range g.Specs {
				if t, ok := s.(*ast.TypeSpec); ok {
					if _, is := t.Type.(*ast.StructType); !is {
						kinds[lastPart(f.dir)+"."+t.Name.Name] = t.Type
					}
				}
			}
		}
	}
	out := map[string]string{}
	for range 3 { // a type of a type of a type
		for name, t := range kinds {
			pkg, _, _ := strings.Cut(name, ".")
			if text := inCBOR(t, pkg, out); text != "" {
				out[name] = text
			}
		}
	}
	return out
}

// inCBOR says in words how a field of a type is written.
func inCBOR(t ast.Expr, pkg string, plain map[string]string) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return inCBOR(t.X, pkg, plain)
	case *ast.ArrayType:
		if el, ok := t.Elt.(*ast.Ident); ok && el.Name == "byte" {
			if n, ok := t.Len.(*ast.BasicLit); ok {
				return n.Value + " bytes"
			}
			return "bytes"
		}
		if n, ok := t.Len.(*ast.BasicLit); ok {
			return "list of " + n.Value + " " + inCBOR(t.Elt, pkg, plain)
		}
		return "list of " + inCBOR(t.Elt, pkg, plain)
	case *ast.MapType:
		return "map of " + inCBOR(t.Key, pkg, plain) + " to " + inCBOR(t.Value, pkg, plain)
	case *ast.SelectorExpr:
		return named(t.X.(*ast.Ident).Name+"."+t.Sel.Name, t.Sel.Name, plain)
	case *ast.IndexExpr:
		return inCBOR(t.X, pkg, plain)
	case *ast.Ident:
		switch t.Name {
		case "bool":
			return "true or false"
		case "string":
			return "text"
		case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "byte":
			return "integer"
		}
		return named(pkg+"."+t.Name, t.Name, plain)
	}
	return ""
}

func named(whole, short string, plain map[string]string) string {
	if text, ok := plain[whole]; ok {
		return text
	}
	return "`" + short + "`"
}

// recordsPage is docs/records.md.
func recordsPage(files []*file) string {
	var b strings.Builder
	b.WriteString(recordsHead)
	folder := ""
	for _, r := range records(files) {
		if dir := r.path[:strings.LastIndex(r.path, "/")]; dir != folder {
			folder = dir
			fmt.Fprintf(&b, "\n## %s\n", dir)
		}
		fmt.Fprintf(&b, "\n### %s\n\n", r.name)
		if r.doc != "" {
			fmt.Fprintf(&b, "%s (`%s`)\n\n", strings.TrimSuffix(r.doc, "."), lastPart(r.path))
		}
		b.WriteString("| number | field | how | what |\n| --- | --- | --- | --- |\n")
		for _, f := range r.fields {
			fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", f.number, f.name, f.typ, f.note)
		}
	}
	return b.String()
}
