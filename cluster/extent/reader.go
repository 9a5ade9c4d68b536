package extent

import (
	"context"
	"errors"
	"io"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
)

// Reader streams a range of one extent. It reads only the frames needed, one ahead
// of its caller, and hands out only bytes that proved to be the writer's. It is not
// safe for concurrent use; Close must end it.
type Reader struct {
	s      *Store
	ctx    context.Context
	id     ident.ID
	src    *extentstore.Reader // on this node; nil: not here
	far    *swarm              // on others; nil: nothing was needed from there
	sealer *sealer
	length int64 // of the extent

	next int   // frame to fetch
	at   int64 // offset in the extent of the next byte for the caller
	end  int64

	plain []byte // the rest of the present frame
	buf   []byte // what plain lies in
	err   error

	// ahead exists while more frames than one are left.
	ahead chan fetched
	stop  chan struct{}
}

type fetched struct {
	plain, buf []byte
	err        error
}

// Open begins to read n bytes from offset of an extent of that length; n < 0 reads to
// the end. errs.NotFound if the extent is not here, errs.Invalid if the range is not
// within it, errs.Corrupt at once or on Read for damage.
func (s *Store) Open(ctx context.Context, id ident.ID, key []byte, length, offset, n int64) (*Reader, error) {
	if n < 0 {
		n = length - offset
	}
	if length < 0 || length > MaxLength || offset < 0 || n < 0 || offset > length-n {
		return nil, errs.Newf(errs.Invalid, "%d bytes at %d are not within an extent of %d", n, offset, length)
	}
	sl, err := newSealer(id, key)
	if err != nil {
		return nil, err
	}
	r := &Reader{s: s, ctx: ctx, id: id, sealer: sl, length: length,
		next: int(offset / FrameSize), at: offset, end: offset + n}
	if r.src, err = s.here(ctx, id, length); err == nil {
		return r, nil
	}
	nodes := s.others(id)
	if len(nodes) == 0 {
		return nil, err
	}
	if err := r.openFar(nodes); err != nil {
		r.far.close()
		return nil, err
	}
	return r, nil
}

// here opens an extent on this node's disks.
func (s *Store) here(ctx context.Context, id ident.ID, length int64) (*extentstore.Reader, error) {
	if s.disks == nil {
		return nil, errs.Newf(errs.NotFound, "extent %s is not on this node, which keeps no bytes", id)
	}
	src, err := s.disks.Reader(ctx, id)
	if err != nil {
		if errors.Is(err, errs.NotFound) {
			s.wanted(id)
		}
		return nil, s.tell(id, err)
	}
	if src.Frames() != frameCount(length) {
		_ = src.Close()
		err := errs.Newf(errs.Corrupt, "extent %s has %d frames, its length of %d needs %d", id, src.Frames(), length, frameCount(length))
		return nil, s.tell(id, err)
	}
	return src, nil
}

// openFar begins to read from other nodes and returns when the first frame is there.
func (r *Reader) openFar(nodes []ident.NodeID) error {
	last := int((r.end+FrameSize-1)/FrameSize) - 1
	r.far = r.s.newSwarm(r.ctx, r.id, nodes, frameCount(r.length), r.next, last, true)
	if r.at >= r.end {
		return r.far.greet()
	}
	return r.far.await(r.next)
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	r.at += int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo, without a copy.
func (r *Reader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if err := r.fill(); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
		n, err := w.Write(r.plain)
		total += int64(n)
		r.at += int64(n)
		r.plain = r.plain[n:]
		if err != nil {
			return total, err
		}
	}
}

// fill makes plain non-empty, or returns io.EOF.
func (r *Reader) fill() error {
	if len(r.plain) > 0 {
		return nil
	}
	if r.err == nil && r.at >= r.end {
		r.err = io.EOF
	}
	if r.err != nil {
		return r.err
	}
	r.s.pool.put(r.buf)
	r.buf = nil
	f := r.frame()
	if f.err != nil {
		r.err = f.err
		return r.err
	}
	r.buf = f.buf
	frame := r.at / FrameSize * FrameSize
	r.plain = f.plain[r.at-frame : min(int64(len(f.plain)), r.end-frame)]
	return nil
}

// frame returns the next frame: fetched here if it is the last one needed, else by
// the goroutine that reads ahead.
func (r *Reader) frame() fetched {
	if r.ahead == nil {
		if int64(r.next+1)*FrameSize >= r.end {
			return r.fetch()
		}
		r.ahead, r.stop = make(chan fetched), make(chan struct{})
		go r.run()
	}
	return <-r.ahead
}

// run fetches all frames left, one ahead.
func (r *Reader) run() {
	defer close(r.ahead)
	for int64(r.next)*FrameSize < r.end {
		f := r.fetch()
		select {
		case r.ahead <- f:
		case <-r.stop:
			r.s.pool.put(f.buf)
			return
		}
		if f.err != nil {
			return
		}
	}
}

// fetch gets and opens the next frame: from this node, or from the others if it has
// not got that frame as it was written.
func (r *Reader) fetch() fetched {
	if err := r.ctx.Err(); err != nil {
		return fetched{err: errs.Newf(errs.Unavailable, "reading an extent was given up: %w", err)}
	}
	p := placeOf(r.next, r.length)
	r.next++
	if r.src != nil {
		f := r.fetchHere(p)
		if f.err == nil {
			return f
		}
		nodes := r.s.others(r.id)
		_ = r.s.tell(r.id, f.err)
		if len(nodes) == 0 {
			return f
		}
		if r.far == nil {
			r.far = r.s.newSwarm(r.ctx, r.id, nodes, frameCount(r.length), p.number, p.number, false)
		}
		if g := r.fetchFar(p); g.err == nil {
			return g
		}
		return f
	}
	return r.fetchFar(p)
}

func (r *Reader) fetchHere(p place) fetched {
	buf := r.s.pool.get(max(p.plain, r.src.Length(p.number)-overhead))
	stored, err := r.src.ReadStored(p.number, buf)
	if err != nil {
		r.s.pool.put(buf)
		return fetched{err: err}
	}
	return r.open(stored, buf, p)
}

// fetchFar gets a frame from other nodes, whoever has it as it was written.
func (r *Reader) fetchFar(p place) fetched {
	for {
		g, err := r.far.get(p.number)
		if err != nil {
			return fetched{err: err}
		}
		f := r.open(g.data, nil, p)
		if f.err == nil {
			if f.buf == nil {
				f.buf = g.buf
			} else {
				r.s.pool.put(g.buf)
			}
			return f
		}
		r.far.fault(p.number, g, f.err)
	}
}

// open opens one frame that lies in buf. The result's buffer is another one if it had to
// be unpacked; then buf goes back to the pool, as it does after an error.
func (r *Reader) open(stored, buf []byte, p place) fetched {
	var spare []byte
	if len(stored) > headLen && stored[1] == packZstd {
		spare = r.s.pool.get(p.plain)
	}
	plain, err := r.sealer.open(r.s.codec, stored, spare, p)
	if spare != nil {
		buf, spare = spare, buf
		r.s.pool.put(spare)
	}
	if err != nil {
		r.s.pool.put(buf)
		return fetched{err: err}
	}
	return fetched{plain, buf, nil}
}

// Close ends the reading and gives the buffers back.
func (r *Reader) Close() error {
	if r.ahead != nil {
		close(r.stop)
		for f := range r.ahead {
			r.s.pool.put(f.buf)
		}
		r.ahead = nil
	}
	r.s.pool.put(r.buf)
	r.buf, r.plain = nil, nil
	if r.far != nil {
		r.far.close()
		r.far = nil
		r.err = errs.New(errs.Invalid, "the extent is closed")
	}
	if r.src == nil {
		return nil
	}
	src := r.src
	r.src, r.err = nil, errs.New(errs.Invalid, "the extent is closed")
	return src.Close()
}
