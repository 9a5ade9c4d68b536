// Package s3err owns the error codes of S3: the closed list of codes that this
// server answers with, the HTTP status of each and the message AWS gives with it.
//
// A Code is itself an error, so that errors.Is(err, s3err.NoSuchKey) reads well.
// An Error adds the words and the extra XML elements of one refusal; it is immutable
// once returned and safe for concurrent reading. Sources: "Error responses", Amazon S3
// API Reference, and the answers that S3 gives.
package s3err

import (
	"errors"
	"fmt"
)

// Code is an S3 error code as it stands in <Code>.
type Code string

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Status returns the HTTP status that goes with c; 500 for an unknown code.
func (c Code) Status() int {
	if e, ok := table[c]; ok {
		return e.status
	}
	return table[InternalError].status
}

// Message returns AWS's words for c.
func (c Code) Message() string {
	if e, ok := table[c]; ok {
		return e.message
	}
	return table[InternalError].message
}

// Field is one more XML element in the answer, in the order given.
type Field struct{ Name, Value string }

// Error is one refusal. The zero Status is the code's own.
type Error struct {
	Code    Code
	Message string
	Status  int
	Fields  []Field
	cause   error
}

// New returns an error with the code's own message and status.
func New(c Code, fields ...Field) *Error {
	return &Error{Code: c, Message: c.Message(), Status: c.Status(), Fields: fields}
}

// Newf returns an error with the code's status and a message of its own.
func Newf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...), Status: c.Status()}
}

// With returns a copy of e with one more field.
func (e *Error) With(name, value string) *Error {
	n := *e
	n.Fields = append(e.Fields[:len(e.Fields):len(e.Fields)], Field{name, value})
	return &n
}

// Because returns a copy of e that wraps cause, for the log; the client never sees it.
func (e *Error) Because(cause error) *Error {
	n := *e
	n.cause = cause
	return &n
}

// Error returns code and message, without the fields: they may hold signatures.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap lets errors.Is find the code and the cause.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.cause}
}

// Argument is InvalidArgument about one named argument, as AWS words it.
func Argument(name, value, message string) *Error {
	e := Newf(InvalidArgument, "%s", message)
	e.Fields = []Field{{"ArgumentName", name}, {"ArgumentValue", value}}
	return e
}

// As returns the Error in err's chain, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c Code
	if errors.As(err, &c) {
		return New(c)
	}
	return nil
}
