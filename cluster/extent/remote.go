package extent

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
	"rhizome/net/rpc"
)

// sink takes the stored frames of one extent: this node's disks, or another holder.
type sink interface {
	// AppendSummed adds a frame, which may be read until the next call has returned.
	AppendSummed(frame []byte, sum [extentstore.SumSize]byte) error
	// Rest lets go of the last frame. More frames follow.
	Rest() error
	// Commit returns when all is durable.
	Commit(desc []byte) error
	// Abort gives the extent up; after Commit it does nothing.
	Abort()
}

// remoteSink is a put stream.
type remoteSink struct {
	st     rpc.Stream
	answer chan error // of the holder, once
	tally  extentstore.Tally
	once   sync.Once
}

// leadSize is how much of a frame goes out together with its head: what is written apart
// costs both sides a message.
const leadSize = 48 << 10

// answerTime is how long a holder's reason is waited for after a stream broke.
const answerTime = time.Second

func (s *Store) putTo(ctx context.Context, node ident.NodeID, id ident.ID, size int64, alive func()) (*remoteSink, error) {
	st, err := s.links.Open(ctx, node, rpc.Bulk, methodPut, codec.Encode(putHead{id[:], size}))
	if err != nil {
		return nil, err
	}
	r := &remoteSink{st: st, answer: make(chan error, 1)}
	s.behind(func() {
		r.answer <- awaitDurable(st, alive)
	})
	return r, nil
}

// awaitDurable reads what a holder says until it has all.
func awaitDurable(st rpc.Stream, alive func()) error {
	var one [1]byte
	for {
		if _, err := io.ReadFull(st, one[:]); err != nil {
			return cutOff(err)
		}
		switch one[0] {
		case durable:
			return nil
		case taken:
			alive()
		default:
			return malformed("an answer")
		}
	}
}

func (r *remoteSink) AppendSummed(frame []byte, sum [extentstore.SumSize]byte) error {
	r.tally.Add(len(frame), sum)
	n := min(len(frame), leadSize)
	_, err := r.st.Write(append(frameHead(len(frame), sum), frame[:n]...))
	if err == nil && n < len(frame) {
		_, err = r.st.Write(frame[n:])
	}
	return r.why(err)
}

// why prefers the holder's reason to that of the stream.
func (r *remoteSink) why(err error) error {
	if err == nil {
		return nil
	}
	t := time.NewTimer(answerTime)
	defer t.Stop()
	select {
	case said := <-r.answer:
		r.answer <- said
		if said != nil {
			return said
		}
	case <-t.C:
	}
	return err
}

func (r *remoteSink) Rest() error { return nil }

func (r *remoteSink) Commit(desc []byte) error {
	_, err := r.st.Write(putEnd(r.tally.Digest(), desc))
	if err == nil {
		err = r.st.CloseWrite()
	}
	if err != nil {
		return r.why(err)
	}
	err = <-r.answer
	r.answer <- err
	return err
}

// Abort closes the stream, from any goroutine.
func (r *remoteSink) Abort() { r.once.Do(func() { _ = r.st.Close() }) }

// remoteSource is a get stream that is read one frame after the other.
type remoteSource struct {
	st   rpc.Stream
	head gotHead
	mute *time.Timer // closes the stream
	most time.Duration
}

// Read implements io.Reader: whoever gives no byte for long is given up.
func (r *remoteSource) Read(p []byte) (int, error) {
	r.mute.Reset(r.most)
	defer r.mute.Stop()
	return r.st.Read(p)
}

func (s *Store) getFrom(ctx context.Context, node ident.NodeID, class rpc.Class, id ident.ID, check bool) (rpc.Stream, error) {
	return s.links.Open(ctx, node, class, methodGet, codec.Encode(getHead{id[:], check}))
}

// source opens an extent on another node to mend this one.
func (s *Store) source(ctx context.Context, node ident.NodeID, id ident.ID) (*remoteSource, error) {
	st, err := s.getFrom(ctx, node, rpc.Background, id, true)
	if err != nil {
		return nil, err
	}
	r := &remoteSource{st: st, most: s.endurance}
	r.mute = time.AfterFunc(r.most, func() { _ = st.Close() })
	if r.head, err = readGotHead(r); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func askFrame(st rpc.Stream, i int) error {
	_, err := st.Write(binary.BigEndian.AppendUint32(nil, uint32(i)))
	return err
}

// frame returns frame i in a buffer of room.
func (r *remoteSource) frame(i int, room func(int) []byte) ([]byte, error) {
	if err := askFrame(r.st, i); err != nil {
		return nil, err
	}
	return readFrame(r, room)
}

func (r *remoteSource) close() {
	r.mute.Stop()
	_ = r.st.Close()
}

// callTime bounds a question that a disk need not be read for.
const callTime = 10 * time.Second

// ask puts a question about extents to a node.
func (s *Store) ask(ctx context.Context, node ident.NodeID, class rpc.Class, m rpc.Method, ids []ident.ID) ([]byte, error) {
	if s.links == nil {
		return nil, errs.New(errs.Unavailable, "this node has no links to others")
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return s.links.Call(ctx, node, class, m, encodeIDs(ids))
}

// askHave asks a holder which of the extents it has.
func (s *Store) askHave(ctx context.Context, node ident.NodeID, ids []ident.ID) ([]haveRecord, error) {
	if node == s.self {
		return s.have(ctx, node, ids)
	}
	b, err := s.ask(ctx, node, rpc.Background, methodHave, ids)
	if err != nil {
		return nil, err
	}
	return decodeHave(b, len(ids))
}

// askHeld asks a node whether one of its writers is at work on an extent.
func (s *Store) askHeld(ctx context.Context, node ident.NodeID, id ident.ID) (bool, error) {
	if node == s.self {
		return s.held(id), nil
	}
	b, err := s.ask(ctx, node, rpc.Background, methodHeld, []ident.ID{id})
	if err != nil {
		return false, err
	}
	held, err := decodeHeld(b, 1)
	return err == nil && held[0], err
}

// accuse tells a holder that what it gave was damaged, behind the caller's back.
func (s *Store) accuse(node ident.NodeID, id ident.ID) {
	s.behind(func() {
		if _, err := s.ask(s.life, node, rpc.Background, methodDamaged, []ident.ID{id}); err != nil {
			s.log.Info("a holder could not be told of damage", "node", node, "extent", id, "error", err)
		}
	})
}
