package policy

import (
	"strings"
	"unicode/utf8"
)

// Characters of a glob that stand for others.
const (
	star rune = -1 - iota // any text
	mark                  // any character
)

// glob is text in which star and mark may stand.
type glob []rune

// globOf returns s as a glob; with wild, * and ? are wildcards.
func globOf(s string, wild bool) glob {
	g := make(glob, 0, len(s))
	for _, r := range s {
		switch {
		case wild && r == '*':
			r = star
		case wild && r == '?':
			r = mark
		}
		g = append(g, r)
	}
	return g
}

// matches reports whether g stands for s. It takes at most len(g) * len(s) steps.
func (g glob) matches(s string) bool {
	i, at := 0, 0         // in g, in s
	again, from := -1, -1 // where the last star was, and what it may take next
	for at < len(s) {
		r, n := utf8.DecodeRuneInString(s[at:])
		switch {
		case i < len(g) && g[i] == star:
			again, from = i, at
			i++
		case i < len(g) && (g[i] == mark || g[i] == r):
			i++
			at += n
		case again >= 0:
			_, n = utf8.DecodeRuneInString(s[from:])
			from += n
			i, at = again+1, from
		default:
			return false
		}
	}
	for i < len(g) && g[i] == star {
		i++
	}
	return i == len(g)
}

// plain returns g as text, if it has no wildcards.
func (g glob) plain() (string, bool) {
	var b strings.Builder
	for _, r := range g {
		if r < 0 {
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

// piece is a part of a text: a glob, or a variable if name is not empty.
type piece struct {
	glob     glob
	name     string // of a key, in lower case
	fallback *string
}

// text is a text of a policy, with its variables.
type text []piece

// readText reads a text. Without vars it has no variables, without wild no wildcards
// (but for ${*} and ${?}, which stand for the characters).
func readText(s string, vars, wild bool) (text, error) {
	if !vars || !strings.Contains(s, "${") {
		return text{{glob: globOf(s, wild)}}, nil
	}
	var out text
	for s != "" {
		before, rest, found := strings.Cut(s, "${")
		if before != "" {
			out = append(out, piece{glob: globOf(before, wild)})
		}
		if !found {
			break
		}
		inner, after, ok := strings.Cut(rest, "}")
		if !ok {
			return nil, fault("Invalid policy variable", "${"+rest)
		}
		p, err := readVariable(inner)
		if err != nil {
			return nil, err
		}
		out, s = append(out, p), after
	}
	return out, nil
}

// readVariable reads what stands between ${ and }.
func readVariable(s string) (piece, error) {
	if s == "*" || s == "?" || s == "$" {
		return piece{glob: globOf(s, false)}, nil
	}
	name, rest, given := strings.Cut(s, ",")
	p := piece{name: lowerKey(strings.TrimSpace(name))}
	if k, ok := keyOf(p.name); !ok || k.many {
		return p, fault("Invalid policy variable", "${"+s+"}")
	}
	if given {
		rest = strings.TrimSpace(rest)
		if len(rest) < 2 || rest[0] != '\'' || rest[len(rest)-1] != '\'' {
			return p, fault("Invalid policy variable", "${"+s+"}")
		}
		value := rest[1 : len(rest)-1]
		p.fallback = &value
	}
	return p, nil
}

// fill puts the values of the variables in; false if one has none.
func (t text) fill(q *Question) (glob, bool) {
	if len(t) == 1 && t[0].name == "" {
		return t[0].glob, true
	}
	var out glob
	for _, p := range t {
		if p.name == "" {
			out = append(out, p.glob...)
			continue
		}
		v, ok := p.value(q)
		if !ok {
			return nil, false
		}
		out = append(out, globOf(v, false)...)
	}
	return out, true
}

func (p *piece) value(q *Question) (string, bool) {
	if v := q.values(p.name); len(v) == 1 {
		return v[0], true
	}
	if p.fallback != nil {
		return *p.fallback, true
	}
	return "", false
}

// lacks reports whether a variable of t has no value.
func (t text) lacks(q *Question) bool {
	for i := range t {
		if t[i].name == "" {
			continue
		}
		if _, ok := t[i].value(q); !ok {
			return true
		}
	}
	return false
}

// begins returns the text before the first variable or wildcard.
func (t text) begins() string {
	if t[0].name != "" {
		return ""
	}
	g := t[0].glob
	for i, r := range g {
		if r < 0 {
			g = g[:i]
			break
		}
	}
	s, _ := g.plain()
	return s
}

// constant reports whether t is the same for every request and has no wildcard.
func (t text) constant() bool {
	for _, p := range t {
		if p.name != "" {
			return false
		}
		if _, ok := p.glob.plain(); !ok {
			return false
		}
	}
	return true
}
