package s3

import (
	"strconv"
	"sync"
	"time"
)

const (
	xmlHead   = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	namespace = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
)

// doc is an XML document that is being appended. Element names are constants of
// this package and are not escaped.
type doc struct{ b []byte }

// maxPooled is the largest buffer kept for the next document.
const maxPooled = 1 << 20

var docs = sync.Pool{New: func() any { return &doc{b: make([]byte, 0, 4096)} }}

// newDoc returns a document with its declaration and its root element begun.
func newDoc(root string) *doc {
	d := docs.Get().(*doc)
	d.b = append(d.b[:0], xmlHead...)
	d.b = append(d.b, '<')
	d.b = append(d.b, root...)
	d.b = append(d.b, namespace...)
	d.b = append(d.b, '>')
	return d
}

// free gives the buffer back; d must not be used any more.
func (d *doc) free() {
	if cap(d.b) <= maxPooled {
		docs.Put(d)
	}
}

func (d *doc) begin(name string) {
	d.b = append(d.b, '<')
	d.b = append(d.b, name...)
	d.b = append(d.b, '>')
}

func (d *doc) end(name string) {
	d.b = append(d.b, '<', '/')
	d.b = append(d.b, name...)
	d.b = append(d.b, '>')
}

// text appends an element with escaped text.
func (d *doc) text(name, value string) {
	d.begin(name)
	d.b = appendEscaped(d.b, value)
	d.end(name)
}

// some is text unless value is empty.
func (d *doc) some(name, value string) {
	if value != "" {
		d.text(name, value)
	}
}

func (d *doc) int(name string, v int64) {
	d.begin(name)
	d.b = strconv.AppendInt(d.b, v, 10)
	d.end(name)
}

func (d *doc) bool(name string, v bool) {
	d.begin(name)
	d.b = strconv.AppendBool(d.b, v)
	d.end(name)
}

func (d *doc) time(name string, t time.Time) {
	d.begin(name)
	d.b = appendTime(d.b, t)
	d.end(name)
}

// etag appends an ETag with the quotes that S3 puts around it.
func (d *doc) etag(name, etag string) {
	d.begin(name)
	d.b = append(d.b, "&quot;"...)
	d.b = appendEscaped(d.b, etag)
	d.b = append(d.b, "&quot;"...)
	d.end(name)
}

// appendTime appends t as 2026-11-21T09:30:00.000Z.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append2(b, year/100)
	b = append2(b, year%100)
	b = append2(append(b, '-'), int(month))
	b = append2(append(b, '-'), day)
	b = append2(append(b, 'T'), hour)
	b = append2(append(b, ':'), minute)
	b = append2(append(b, ':'), second)
	ms := t.Nanosecond() / 1e6
	b = append(b, '.', byte('0'+ms/100))
	return append(append2(b, ms%100), 'Z')
}

func append2(b []byte, v int) []byte { return append(b, byte('0'+v/10%10), byte('0'+v%10)) }

func itoa(v int64) string { return strconv.FormatInt(v, 10) }
