// Package errs holds the closed list of kinds of failure that every floor speaks.
//
// A lower floor says what kind of failure it met and, in one sentence, what
// happened; a gateway maps the kind to its protocol's code in one place. Kinds
// are matched with errors.Is and survive wrapping with %w:
//
//	return errs.Newf(errs.NotFound, "bucket %q does not exist", name)
//	if errors.Is(err, errs.NotFound) { … }
package errs

import (
	"context"
	"errors"
	"fmt"
)

// Kind is one of the failures below. It is an error itself, so that
// errors.Is(err, errs.NotFound) reads well.
type Kind uint8

// The kinds. The list is closed: a new failure is one of these.
const (
	Internal    Kind = iota // a bug, or a failure nobody foresaw
	NotFound                // the thing named does not exist
	Exists                  // the thing to create exists already
	Conflict                // a condition on the present state did not hold
	Denied                  // the caller may not do this
	Invalid                 // the request makes no sense as it stands
	TooLarge                // over a limit of size or number
	Unavailable             // not enough replicas answered; the outcome may be unknown; try again
	Corrupt                 // stored bytes are damaged; they were not served
	Full                    // no room left: disk, capacity or quota
)

var names = [...]string{"internal error", "not found", "exists already", "conflict", "denied",
	"invalid", "too large", "unavailable", "corrupt", "full"}

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown kind"
}

type failure struct {
	kind   Kind
	msg    string
	err    error
	format string
	args   []any
	mark   error
}

func (f *failure) Error() string { return f.msg }

func (f *failure) Unwrap() []error {
	out := append(make([]error, 0, 3), f.kind)
	if f.err != nil {
		out = append(out, f.err)
	}
	if f.mark != nil {
		out = append(out, f.mark)
	}
	return out
}

// New returns an error of kind k with a message for people.
func New(k Kind, msg string) error { return &failure{kind: k, msg: msg, format: msg} }

// Newf is New with formatting; %w wraps a cause, whose own kind still matches.
func Newf(k Kind, format string, args ...any) error {
	e := fmt.Errorf(format, args...)
	return &failure{kind: k, msg: e.Error(), err: e, format: format, args: args}
}

// Marked returns a copy of err, which New or Newf made, that errors.Is tells mark of; what
// err says stays. Any other error comes back as it is.
func Marked(err, mark error) error {
	f, ok := err.(*failure)
	if !ok {
		return err
	}
	marked := *f
	marked.mark = mark
	return &marked
}

// Parts returns what err was made of, if New or Newf made it, so that package lang
// can say it in another language. args is nil for New.
func Parts(err error) (format string, args []any, ok bool) {
	f, ok := err.(*failure)
	if !ok {
		return "", nil, false
	}
	return f.format, f.args, true
}

// KindOf returns the kind of err: the outermost Kind in its chain, Unavailable
// for a context that ended, Internal for anything else.
func KindOf(err error) Kind {
	var f *failure
	var k Kind
	switch {
	case errors.As(err, &f):
		return f.kind
	case errors.As(err, &k):
		return k
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Unavailable
	}
	return Internal
}
