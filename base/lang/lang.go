// Package lang says things to people in their language: English or French.
//
// The English text is the key: code reads as it speaks, and a text that has no
// French form yet is still said, in English. Texts are fmt formats. A test reads
// the sources and fails when a text has no French form, when a French form is no
// longer used, or when its verbs differ from the English ones.
//
// Texts reach a Printer through T and N; a text that stands in a table and is said
// later is marked with M. Errors made by package errs are said by Error, part by part.
package lang

import (
	"fmt"
	"strings"

	"rhizome/base/errs"
)

// Language is one of the languages below.
type Language string

// The languages.
const (
	English Language = "en"
	French  Language = "fr"
)

// Printer says texts in one language. The zero Printer speaks English. It is a
// value, safe for concurrent use.
type Printer struct{ l Language }

// New returns a Printer; an unknown language is English.
func New(l Language) Printer {
	if l == French {
		return Printer{French}
	}
	return Printer{English}
}

// FromEnv picks the language as POSIX says: the first of LC_ALL, LC_MESSAGES and
// LANG that is set and not empty.
func FromEnv(getenv func(string) string) Printer {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			return New(parse(v))
		}
	}
	return New(English)
}

// FromHeader picks the language from an HTTP Accept-Language header.
func FromHeader(h string) Printer {
	first, _, _ := strings.Cut(h, ",")
	return New(parse(strings.TrimSpace(first)))
}

func parse(locale string) Language {
	if l := strings.ToLower(locale); l == "fr" || strings.HasPrefix(l, "fr_") || strings.HasPrefix(l, "fr-") || strings.HasPrefix(l, "fr.") || strings.HasPrefix(l, "fr@") {
		return French
	}
	return English
}

// Language returns the printer's language.
func (p Printer) Language() Language {
	if p.l == "" {
		return English
	}
	return p.l
}

// M marks a text that is said later. It returns it unchanged.
func M(text string) string { return text }

// InEach returns what a text is in each language, English first.
func InEach(text string) []string {
	out := []string{text}
	if f := New(French).T(text); f != text {
		out = append(out, f)
	}
	return out
}

// T says a text. Without args, text is no format and may hold a bare percent sign.
func (p Printer) T(text string, args ...any) string {
	f := p.find(text)
	if len(args) == 0 {
		return f
	}
	return fmt.Sprintf(f, p.quoting(args)...)
}

// N says one when n is singular (0 too, in French), else many. n is the first
// argument of the format, args follow.
func (p Printer) N(n int64, one, many string, args ...any) string {
	f := many
	if n == 1 || n == 0 && p.l == French {
		f = one
	}
	return fmt.Sprintf(p.find(f), append([]any{p.Int(n)}, p.quoting(args)...)...)
}

func (p Printer) find(text string) string {
	if p.l != French {
		return text
	}
	if f, ok := french(text); ok {
		return typeset(f)
	}
	return text
}

// Error says what err says, in the printer's language as far as it is known.
func (p Printer) Error(err error) string {
	format, args, ok := errs.Parts(err)
	if !ok {
		return p.other(err)
	}
	if args == nil {
		return p.find(format)
	}
	said := make([]any, len(args))
	for i, a := range args {
		said[i] = a
		switch a := a.(type) {
		case error:
			said[i] = p.Error(a)
		case Size:
			said[i] = p.Bytes(int64(a))
		}
	}
	return fmt.Sprintf(strings.ReplaceAll(p.find(format), "%w", "%v"), p.quoting(said)...)
}

// other says an error that package errs did not make: each of several that were
// joined, or one as it is.
func (p Printer) other(err error) string {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return p.system(err)
	}
	var plain, said []string
	for _, e := range several.Unwrap() {
		plain, said = append(plain, e.Error()), append(said, p.Error(e))
	}
	if strings.Join(plain, "\n") != err.Error() {
		return p.system(err) // it has words of its own
	}
	return strings.Join(said, "\n")
}

// typeset puts the no-break spaces in that French asks for.
var spaces = strings.NewReplacer(" :", "\u00a0:", " ;", "\u00a0;", " !", "\u00a0!", " ?", "\u00a0?", "« ", "«\u00a0", " »", "\u00a0»")

func typeset(s string) string { return spaces.Replace(s) }
