package extent

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
	"rhizome/net/rpc"
)

const (
	// putsAtOnce is how many extents are taken from other nodes at a time, half of them
	// from one; the next wait.
	putsAtOnce = 64
	// getsAtOnce is how many are read by other nodes at a time, half of them by one.
	getsAtOnce = 512
	// putIdle ends a put stream on which nothing came for so long: its writer is gone.
	putIdle = time.Minute
	// getIdle ends a get stream on which nothing was asked for so long; a reader that
	// goes on opens another.
	getIdle = 5 * time.Minute
)

// serve answers other nodes.
func (s *Store) serve() {
	puts, gets := newTurns(putsAtOnce), newTurns(getsAtOnce)
	s.links.HandleStream(methodPut, rpc.Members, s.limited(puts, s.servePut))
	s.links.HandleStream(methodGet, rpc.Members, s.limited(gets, s.serveGet))
	s.links.Handle(methodHave, rpc.Members, s.counted(s.serveHave))
	s.links.Handle(methodVerify, rpc.Members, s.counted(s.serveVerify))
	s.links.Handle(methodHeld, rpc.Members, s.counted(s.serveHeld))
	s.links.Handle(methodDamaged, rpc.Members, s.counted(s.serveDamaged))
}

var errClosing = errs.New(errs.Unavailable, "the other node is stopping")

// enter counts somebody who is served, for Close to wait for; false once it closes.
func (s *Store) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	s.work.Add(1)
	return true
}

// counted has Close wait for a handler.
func (s *Store) counted(h rpc.Handler) rpc.Handler {
	return func(ctx context.Context, from ident.NodeID, req []byte) ([]byte, error) {
		if !s.enter() {
			return nil, errClosing
		}
		defer s.work.Done()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.life, cancel)()
		return h(ctx, from, req)
	}
}

// limited has streams wait for a place among those served at once.
func (s *Store) limited(t *turns, h rpc.StreamHandler) rpc.StreamHandler {
	return func(ctx context.Context, from ident.NodeID, head []byte, st rpc.Stream) error {
		if !s.enter() {
			return errClosing
		}
		defer s.work.Done()
		defer context.AfterFunc(s.life, func() { _ = st.Close() })()
		leave, err := t.enter(ctx, s.life, from)
		if err != nil {
			return err
		}
		defer leave()
		return h(ctx, from, head, st)
	}
}

var errNoDisks = errs.New(errs.Unavailable, "this node keeps no bytes")

// servePut takes an extent in from another node. What it says is checked against what
// the disk got.
func (s *Store) servePut(ctx context.Context, from ident.NodeID, head []byte, st rpc.Stream) error {
	id, size, err := decodePutHead(head)
	if err != nil {
		return err
	}
	if s.disks == nil {
		return errNoDisks
	}
	s.mark(s.receiving, id, 1)
	defer s.mark(s.receiving, id, -1)
	w, err := s.disks.Replace(ctx, id, size)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := s.takeIn(w, st); err != nil {
		return err
	}
	s.arrived(id)
	_, err = st.Write([]byte{durable})
	return err
}

// takeIn reads a put stream to its end into w.
func (s *Store) takeIn(w *extentstore.Writer, st rpc.Stream) error {
	idle := time.AfterFunc(putIdle, func() { _ = st.Close() })
	defer idle.Stop()
	var last []byte // the disk may still read it
	defer func() { s.pool.put(last) }()
	said := time.Now() // stopwatch
	for frames := 0; ; frames++ {
		var buf []byte
		it, err := readPut(st, func(n int) []byte {
			buf = s.pool.get(n - overhead)
			return buf
		}, func() error {
			idle.Reset(putIdle)
			if time.Since(said) < sayEach { // stopwatch
				return nil
			}
			said = time.Now() // stopwatch
			_, err := st.Write([]byte{taken})
			return err
		})
		idle.Reset(putIdle)
		if err == nil && !it.end && frames == maxFrames {
			err = malformed("an extent")
		}
		if err != nil || it.end {
			if err == nil {
				err = finish(w, it)
			}
			s.pool.put(buf)
			return err
		}
		if extentstore.Sum(it.frame) != it.sum {
			s.pool.put(buf)
			return errs.Newf(errs.Corrupt, "frame %d came damaged", frames)
		}
		err = w.AppendSummed(it.frame, it.sum)
		s.pool.put(last)
		if last = buf; err != nil {
			w.Abort() // it reads last no longer
			return err
		}
	}
}

func finish(w *extentstore.Writer, it putItem) error {
	if w.Digest() != it.sum {
		return errs.New(errs.Corrupt, "the extent that came is not the one that was sent")
	}
	return w.Commit(it.desc)
}

// serveGet gives another node the frames that it asks for.
func (s *Store) serveGet(ctx context.Context, _ ident.NodeID, head []byte, st rpc.Stream) error {
	id, check, err := decodeGetHead(head)
	if err != nil {
		return err
	}
	if s.disks == nil {
		return errNoDisks
	}
	r, err := s.disks.Reader(ctx, id)
	if err != nil {
		if errors.Is(err, errs.NotFound) {
			s.wanted(id)
		}
		return s.tell(id, err)
	}
	defer r.Close()
	h := gotHead{Frames: r.Frames()}
	digest := r.Digest()
	h.Digest = digest[:]
	if check {
		if h.Descriptor, err = r.Descriptor(); err != nil {
			s.tell(id, err)
			h.Descriptor = nil // the frames may be whole all the same
		}
	}
	if _, err := st.Write(counted(codec.Encode(h))); err != nil {
		return err
	}
	return s.giveFrames(id, r, check, st)
}

func (s *Store) giveFrames(id ident.ID, r *extentstore.Reader, check bool, st rpc.Stream) error {
	idle := time.AfterFunc(getIdle, func() { _ = st.Close() })
	defer idle.Stop()
	for {
		var number [4]byte
		if _, err := io.ReadFull(st, number[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return cutOff(err)
		}
		idle.Reset(getIdle)
		i := binary.BigEndian.Uint32(number[:])
		if i >= uint32(r.Frames()) {
			return malformed("the number of a frame")
		}
		if err := s.giveFrame(id, r, int(i), check, st); err != nil {
			return err
		}
	}
}

func (s *Store) giveFrame(id ident.ID, r *extentstore.Reader, i int, check bool, st rpc.Stream) error {
	read := r.ReadStored // who reads authenticates what he gets
	if check {
		read = r.ReadFrame
	}
	buf := s.pool.get(max(0, r.Length(i)-overhead))
	defer s.pool.put(buf)
	b, err := read(i, buf)
	if err != nil {
		s.tell(id, err)
		_, err = st.Write(gotFault(err))
		return err
	}
	n := min(len(b), leadSize)
	_, err = st.Write(append(gotFrame(len(b)), b[:n]...))
	if err == nil && n < len(b) {
		_, err = st.Write(b[n:])
	}
	return err
}

func (s *Store) serveHave(ctx context.Context, from ident.NodeID, req []byte) ([]byte, error) {
	ids, err := decodeIDs(req)
	if err != nil {
		return nil, err
	}
	have, err := s.have(ctx, from, ids)
	if err != nil {
		return nil, err
	}
	return codec.Encode(haveAnswer{have}), nil
}

// have says which extents are on this node's disks, whole as far as it knows. What it
// should have and has not is fetched, from the one who asks if nobody else has it.
func (s *Store) have(ctx context.Context, from ident.NodeID, ids []ident.ID) ([]haveRecord, error) {
	out := make([]haveRecord, len(ids))
	if s.disks == nil {
		return out, nil
	}
	for i, id := range ids {
		info, err := s.disks.Info(ctx, id)
		switch {
		case errors.Is(err, errs.NotFound) || err == nil && s.marked(s.leaving, id):
			s.offered(id, from)
			continue
		case err != nil:
			return nil, err
		}
		out[i] = haveRecord{There: s.sound(info), Digest: info.Digest[:]}
	}
	return out, nil
}

// sound reports whether an extent's disk is there and nothing is known to be wrong.
func (s *Store) sound(i extentstore.Info) bool {
	for _, d := range s.disks.Disks() {
		if d.ID == i.Disk {
			return d.Absent == nil && !s.mend.known(i.ID, Damaged)
		}
	}
	return false
}

func (s *Store) serveVerify(ctx context.Context, _ ident.NodeID, req []byte) ([]byte, error) {
	ids, err := decodeIDs(req)
	if err != nil {
		return nil, err
	}
	if len(ids) != 1 {
		return nil, malformed("a list of extents")
	}
	h, err := s.look(ctx, ids[0])
	if err != nil {
		return nil, err
	}
	return codec.Encode(verifyAnswer{Missing: h.Missing, Damaged: h.Damaged, Stored: h.Place.Stored, Disk: h.Place.Disk[:],
		Dir: h.Place.Dir, File: h.Place.File, Offset: h.Place.Offset}), nil
}

func (s *Store) serveHeld(_ context.Context, _ ident.NodeID, req []byte) ([]byte, error) {
	ids, err := decodeIDs(req)
	if err != nil {
		return nil, err
	}
	a := heldAnswer{make([]bool, len(ids))}
	for i, id := range ids {
		a.Held[i] = s.held(id)
	}
	return codec.Encode(a), nil
}

// serveDamaged takes a reader's word that an extent is damaged here as a reason to look.
func (s *Store) serveDamaged(_ context.Context, _ ident.NodeID, req []byte) ([]byte, error) {
	ids, err := decodeIDs(req)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		s.suspect(id)
	}
	return codec.Encode(haveAnswer{}), nil
}
