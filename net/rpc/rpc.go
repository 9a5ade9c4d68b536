package rpc

import (
	"context"
	"io"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// MaxMessage is the limit on a request or an answer of a call, and on the head of a
// stream, in bytes.
const MaxMessage = 16 << 20

// Class says what may wait for what.
type Class uint8

// The classes, the most urgent first. Background is what no person waits for: it is
// subject to the node's bandwidth limit.
const (
	Control Class = iota
	Urgent
	Bulk
	Background
)

// Method numbers a procedure. Numbers are sent and never reused. The high byte is
// the package that owns it: 1 membership, 2 register, 3 extent, 4 object, 5 node.
type Method uint16

// ErrUnknownMethod says that the other node's program does not know the method.
var ErrUnknownMethod = errs.New(errs.Invalid, "the other node does not know this call; it may run an older release")

// Links reach the other nodes. All methods are safe for concurrent use.
type Links interface {
	// Self is this node.
	Self() ident.NodeID
	// Call asks a node and waits for its answer, for ctx's deadline at most. Calling
	// oneself works and does not leave the process. If no answer came, the error is an
	// ErrNoAnswer.
	Call(ctx context.Context, to ident.NodeID, class Class, m Method, request []byte) ([]byte, error)
	// Open begins a stream.
	Open(ctx context.Context, to ident.NodeID, class Class, m Method, head []byte) (Stream, error)
	// Distance tells how far a node is, by what was measured lately: the smoothed round
	// trip, zero if unknown, and whether there is a link to it now.
	Distance(to ident.NodeID) (rtt time.Duration, up bool)
	// Handle and HandleStream say who answers a method. They are called before the
	// links are opened, once for each method.
	Handle(m Method, access Access, h Handler)
	HandleStream(m Method, access Access, h StreamHandler)
}

// Access says who may use a method.
type Access uint8

// Members are the nodes that Guard lets in; Anyone may be a stranger with an
// invitation: such a method has limits of its own.
const (
	Members Access = iota
	Anyone
)

// Handler answers a call. It must return soon after ctx ends, which it does when the
// caller gave up or the link broke. The request is its own to keep.
type Handler func(ctx context.Context, from ident.NodeID, request []byte) ([]byte, error)

// After has calls of a handler wait until a channel is closed, as a node that starts does
// before it trusts its rows. A nil channel is waited for by nobody.
func After(until <-chan struct{}, f Handler) Handler {
	if until == nil {
		return f
	}
	return func(ctx context.Context, from ident.NodeID, request []byte) ([]byte, error) {
		select {
		case <-until:
			return f(ctx, from, request)
		case <-ctx.Done():
			return nil, errs.Newf(errs.Unavailable, "the node has just started, and asks the others first: %w", ctx.Err())
		}
	}
}

// StreamHandler serves a stream, which is closed when it returns; an error is what the
// other side's next Read fails with.
type StreamHandler func(ctx context.Context, from ident.NodeID, head []byte, s Stream) error

// Stream carries bytes both ways. One goroutine may read while another writes.
type Stream interface {
	io.Reader
	io.Writer
	// CloseWrite says that nothing more will be written: the other side reads io.EOF.
	CloseWrite() error
	// Close gives the stream up, both ways, and unblocks who reads or writes. It is
	// called in the end in any case.
	Close() error
}

// Guard decides who is a member.
type Guard interface {
	Member(ident.NodeID) bool
}
