package settings

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
)

// Origin says where a value came from.
type Origin string

// The origins, in the order in which they win.
const (
	FromFlag    Origin = "flag"
	FromEnv     Origin = "environment"
	FromFile    Origin = "file"
	FromDefault Origin = "default"
)

// Value is the effective value of one setting.
type Value struct {
	Setting Setting
	Texts   []string // one, or any number if Setting.Many
	Origin  Origin
	// Where names the flag, the variable or the file and line.
	Where string
}

// Text returns the value as one text.
func (v Value) Text() string { return strings.Join(v.Texts, ",") }

// Shown is Text, or what stands for a secret.
func (v Value) Shown() string {
	if (v.Setting.Form == Secret || v.Setting.Form == Hook) && v.Text() != "" {
		return "********"
	}
	return v.Text()
}

// Sources is where Resolve looks.
type Sources struct {
	// Flags returns what the command line says about a setting, if it does.
	Flags func(name string) ([]string, bool)
	// Getenv is os.Getenv.
	Getenv func(string) string
	// File is the TOML file; with Required a missing one is an error.
	File     string
	Required bool
}

// Values is the effective configuration, in the order of the table.
type Values []Value

// Resolve works out every setting of the table. Errors are errs.Invalid and name
// the place that is wrong.
func Resolve(table []Setting, src Sources) (Values, error) {
	file, err := readFile(src.File, src.Required, table)
	if err != nil {
		return nil, err
	}
	out := make(Values, 0, len(table))
	for _, s := range table {
		v := find(s, src, file)
		if !s.Many && len(v.Texts) != 1 {
			return nil, errs.Newf(errs.Invalid, "%s (%s): one value is needed, not %d", s.Name, v.Where, len(v.Texts))
		}
		for i, text := range v.Texts {
			kept, err := s.check(text)
			if err != nil {
				return nil, errs.Newf(errs.Invalid, "%s (%s): %w", s.Name, v.Where, err)
			}
			v.Texts[i] = kept
		}
		out = append(out, v)
	}
	return out, out.agree()
}

func find(s Setting, src Sources, file map[string]entry) Value {
	if texts, ok := src.Flags(s.Name); ok {
		return Value{s, slices.Clone(texts), FromFlag, "--" + s.Name}
	}
	if text := src.Getenv(s.Env()); text != "" {
		texts := []string{text}
		if s.Many {
			texts = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
		}
		return Value{s, texts, FromEnv, s.Env()}
	}
	if e, ok := file[s.Name]; ok {
		if s.Form == Path {
			e.texts = fromFile(e.texts, src)
		}
		return Value{s, e.texts, FromFile, src.File + ":" + strconv.Itoa(e.line)}
	}
	if s.Many {
		return Value{s, []string{}, FromDefault, "default"}
	}
	return Value{s, []string{s.Default}, FromDefault, "default"}
}

// fromFile reads paths as they stand in a file: ~/ is the home, and a relative one
// starts where the file lies, wherever the program is started.
func fromFile(paths []string, src Sources) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		home := src.Getenv("HOME")
		switch rest, tilde := strings.CutPrefix(p, "~/"); {
		case tilde && home != "":
			p = filepath.Join(home, rest)
		case p != "" && !filepath.IsAbs(p):
			p = filepath.Join(filepath.Dir(src.File), p)
		}
		out[i] = p
	}
	return out
}

// agree checks what involves more than one setting.
func (vs Values) agree() error {
	if vs.Text(Data) == "" {
		return errs.New(errs.Invalid, "no data folder is named, and without HOME there is no place for one: give it with --data")
	}
	if vs.Text(Home) == "" {
		return errs.New(errs.Invalid, "the home needs a name: give one with --home")
	}
	if (vs.Text(S3TLSCert) == "") != (vs.Text(S3TLSKey) == "") {
		return errs.New(errs.Invalid, "s3-tls-cert and s3-tls-key belong together: give both or none")
	}
	if vs.On(Witness) && vs.On(Gateway) {
		return errs.New(errs.Invalid, "a node is a witness or a gateway, not both: give --witness or --gateway")
	}
	return nil
}

// Text returns a setting's value as one text.
func (vs Values) Text(name string) string { return strings.Join(vs.List(name), ",") }

// List returns a setting's values.
func (vs Values) List(name string) []string {
	for _, v := range vs {
		if v.Setting.Name == name {
			return v.Texts
		}
	}
	return nil
}

// On returns a Switch.
func (vs Values) On(name string) bool { return vs.Text(name) == "true" }

// Chosen reports whether somebody set it: it is not the default.
func (vs Values) Chosen(name string) bool {
	for _, v := range vs {
		if v.Setting.Name == name {
			return v.Origin != FromDefault
		}
	}
	return false
}

// Once reports whether it was set for one start alone: by a flag or a variable.
func (vs Values) Once(name string) bool {
	for _, v := range vs {
		if v.Setting.Name == name {
			return v.Origin == FromFlag || v.Origin == FromEnv
		}
	}
	return false
}

// Bytes returns a Size setting.
func (vs Values) Bytes(name string) int64 {
	n, _ := ParseSize(vs.Text(name)) // checked by Resolve
	return n
}

// Time returns an Age setting.
func (vs Values) Time(name string) time.Duration {
	d, _ := ParseTime(vs.Text(name)) // checked by Resolve
	return d
}
