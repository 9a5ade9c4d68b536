package settings

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"rhizome/base/errs"
)

// MaxFile is the most bytes a configuration file may have.
const MaxFile = 1 << 20

// entry is what a file says about one setting.
type entry struct {
	texts []string
	line  int
}

// readFile reads a TOML file of settings. A missing file that is not required says
// nothing.
func readFile(path string, required bool, table []Setting) (map[string]entry, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) && !required {
		return nil, nil
	}
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "the configuration file cannot be read: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "the configuration file cannot be read: %w", err)
	}
	if len(data) > MaxFile {
		return nil, errs.Newf(errs.Invalid, "the configuration file %s is larger than 1 MiB", path)
	}
	return parseFile(path, data, table)
}

// parseFile walks the file's expressions itself, because only so does it know the
// line of every key: flat `name = value` pairs, nothing else.
func parseFile(path string, data []byte, table []Setting) (map[string]entry, error) {
	known := map[string]Setting{}
	for _, s := range table {
		known[s.Name] = s
	}
	out := map[string]entry{}
	p := unstable.Parser{}
	p.Reset(data)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.KeyValue {
			_, line := key(&p, e)
			return nil, errs.Newf(errs.Invalid, "%s:%d: tables are not used here; write name = value", path, line)
		}
		name, line := key(&p, e)
		s, ok := known[name]
		if !ok {
			return nil, errs.Newf(errs.Invalid, "%s:%d: there is no setting %q", path, line, name)
		}
		if _, twice := out[name]; twice {
			return nil, errs.Newf(errs.Invalid, "%s:%d: %q stands here twice", path, line, name)
		}
		texts, ok := values(e.Value(), s)
		if !ok {
			return nil, errs.Newf(errs.Invalid, "%s:%d: %q has a value of the wrong kind", path, line, name)
		}
		out[name] = entry{texts, line}
	}
	if err := p.Error(); err != nil {
		return nil, syntaxError(path, data, &p, err)
	}
	return out, nil
}

func key(p *unstable.Parser, e *unstable.Node) (name string, line int) {
	it := e.Key()
	for it.Next() {
		if name != "" {
			name += "."
		}
		name += string(it.Node().Data)
		line = p.Shape(it.Node().Raw).Start.Line
	}
	return name, line
}

// values turns a TOML value into texts: strings as they are, whole numbers as
// digits, arrays of strings for settings that may be given several times.
func values(v *unstable.Node, s Setting) ([]string, bool) {
	switch v.Kind {
	case unstable.String:
		return []string{string(v.Data)}, true
	case unstable.Bool:
		return []string{string(v.Data)}, s.Form == Switch
	case unstable.Integer:
		n, err := strconv.ParseInt(string(v.Data), 0, 64)
		return []string{strconv.FormatInt(n, 10)}, err == nil && (s.Form == Age || s.Form == Size)
	case unstable.Array:
		texts := []string{}
		it := v.Children()
		for it.Next() {
			if it.Node().Kind != unstable.String {
				return nil, false
			}
			texts = append(texts, string(it.Node().Data))
		}
		return texts, s.Many
	}
	return nil, false
}

// syntaxError says in our words, which can be translated, what is wrong with a line; what
// the parser says of it follows.
func syntaxError(path string, data []byte, p *unstable.Parser, err error) error {
	lines := strings.Split(strings.TrimRight(string(data), "\r\n"), "\n")
	n := len(lines) // the parser shows no place where something goes on to the end
	var at *unstable.ParserError
	if errors.As(err, &at) && len(at.Highlight) > 0 {
		n = min(n, p.Shape(p.Range(at.Highlight)).Start.Line)
	}
	return errs.Newf(errs.Invalid, "%s:%d: %w. The parser says: %s", path, n, mistake(lines[n-1]), parserText(err))
}

func parserText(err error) string {
	var at *unstable.ParserError
	if errors.As(err, &at) {
		return at.Message
	}
	return err.Error()
}

// mistake says what is most likely wrong with a line.
func mistake(line string) error {
	_, value, assigned := strings.Cut(line, "=")
	value = strings.TrimSpace(value)
	switch {
	case !utf8.ValidString(line):
		return errs.New(errs.Invalid, "the line is not written in UTF-8")
	case !assigned:
		return errs.New(errs.Invalid, "the line is neither name = value nor a comment that begins with #")
	case value == "" || value[0] == '#':
		return errs.New(errs.Invalid, "the value after = is missing")
	case value[0] == '[':
		return errs.New(errs.Invalid, `the list is not written as ["one", "two"]`)
	case value[0] == '"' && strings.Contains(value, `\`):
		return errs.New(errs.Invalid, `text with a backslash stands between single quotes, as in 'C:\data'`)
	case strings.Count(value, value[:1]) == 1 && (value[0] == '"' || value[0] == '\''):
		return errs.New(errs.Invalid, "the quotation mark that ends the value is missing")
	case value[0] != '"' && value[0] != '\'':
		return errs.New(errs.Invalid, `text stands between quotation marks: name = "value"`)
	}
	return errs.New(errs.Invalid, "the line is not name = value and nothing more")
}
