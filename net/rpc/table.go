package rpc

import (
	"errors"
	"fmt"
	"sync"

	"rhizome/base/errs"
)

// MaxStranger is the limit on a request, an answer and a stream's head where the one
// who asks is no member, in bytes.
const MaxStranger = 64 << 10

// Table holds who answers what. Implementations of Links embed it; its zero value is
// ready. It is safe for concurrent use.
type Table struct {
	mu      sync.RWMutex
	calls   map[Method]entry[Handler]
	streams map[Method]entry[StreamHandler]
}

type entry[H any] struct {
	access Access
	serve  H
}

// Handle implements Links. It panics if the method has a handler already.
func (t *Table) Handle(m Method, access Access, h Handler) {
	t.mu.Lock()
	defer t.mu.Unlock()
	add(&t.calls, m, entry[Handler]{access, h})
}

// HandleStream implements Links. It panics if the method has a handler already.
func (t *Table) HandleStream(m Method, access Access, h StreamHandler) {
	t.mu.Lock()
	defer t.mu.Unlock()
	add(&t.streams, m, entry[StreamHandler]{access, h})
}

func add[H any](to *map[Method]entry[H], m Method, e entry[H]) {
	if _, ok := (*to)[m]; ok {
		panic(fmt.Sprintf("rpc: method %#04x is handled twice", m))
	}
	if *to == nil {
		*to = map[Method]entry[H]{}
	}
	(*to)[m] = e
}

// Call returns who answers a call of a member or of a stranger, whose request has size
// bytes; ErrUnknownMethod, errs.Denied or errs.TooLarge otherwise.
func (t *Table) Call(m Method, member bool, size int) (Handler, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return admit(t.calls, m, member, size)
}

// Stream is Call for a stream, whose head has size bytes.
func (t *Table) Stream(m Method, member bool, size int) (StreamHandler, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return admit(t.streams, m, member, size)
}

func admit[H any](from map[Method]entry[H], m Method, member bool, size int) (H, error) {
	e, ok := from[m]
	var none H
	switch {
	case !member && (!ok || e.access != Anyone): // a stranger learns nothing of what there is
		return none, NotMember()
	case !ok:
		return none, ErrUnknownMethod
	case size > limit(member):
		return none, TooLong(size, limit(member))
	}
	return e.serve, nil
}

func limit(member bool) int {
	if member {
		return MaxMessage
	}
	return MaxStranger
}

// NotMember is what a stranger hears.
func NotMember() error {
	return errs.New(errs.Denied, "this node is no member of the other node's rhizome")
}

// TooLong says that a message has more bytes than may be sent.
func TooLong(size, limit int) error {
	return errs.Newf(errs.TooLarge, "a message of %d bytes is over the limit of %d", size, limit)
}

// ErrNoAnswer marks what a call fails with to which no answer came: there is no link, it
// broke, or the time that the caller gave it was over. What the other node itself said,
// be it that it has too much to do, is not marked.
var ErrNoAnswer = errors.New("no answer came")

// Broken says that no answer came, and why.
func Broken(format string, args ...any) error {
	return errs.Marked(errs.Newf(errs.Unavailable, format, args...), ErrNoAnswer)
}
