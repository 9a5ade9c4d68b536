package extentstore

import (
	"context"
	"errors"
	"os"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// Reader reads one extent. Different frames may be read at once. It goes on to work
// when the extent is moved or deleted meanwhile.
type Reader struct {
	id ident.ID
	e  *entry
	f  vfs.File
	// offsets[i] is where frame i begins; one more for the end.
	offsets []int64
}

// Reader opens an extent: errs.NotFound if it is not here, errs.Unavailable if its
// disk is not, errs.Corrupt if its file is gone.
func (s *Store) Reader(ctx context.Context, id ident.ID) (*Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, errs.Newf(errs.Unavailable, "reading an extent was given up: %w", err)
	}
	e, err := s.locate(id)
	for err == nil {
		var f vfs.File
		if f, err = s.openAt(id, e); err == nil {
			return newReader(id, e, f), nil
		}
		// It may just have moved or gone.
		now, lookErr := s.locate(id)
		if lookErr != nil {
			return nil, lookErr
		}
		if now.same(e) {
			return nil, err
		}
		e, err = now, nil
	}
	return nil, err
}

func newReader(id ident.ID, e *entry, f vfs.File) *Reader {
	r := &Reader{id: id, e: e, f: f, offsets: make([]int64, 1, e.table.frames()+1)}
	at := e.data
	r.offsets[0] = at
	for i := range e.table.frames() {
		at += int64(e.table.length(i))
		r.offsets = append(r.offsets, at)
	}
	return r
}

func (s *Store) openAt(id ident.ID, e *entry) (vfs.File, error) {
	d, err := s.disk(e.disk)
	if err != nil {
		return nil, err
	}
	if err := d.usable(); err != nil {
		return nil, err
	}
	f, err := s.fs.Open(d.path(e.name(id)))
	if errors.Is(err, os.ErrNotExist) {
		if d.identityGone() != nil {
			d.distrust()
			return nil, d.usable()
		}
		return nil, errs.Newf(errs.Corrupt, "the bytes of extent %s are lost: %s is gone", id, d.path(e.name(id)))
	}
	return f, translate(err, "open extent "+id.String())
}

// Frames returns the number of frames, and Length the stored bytes of one.
func (r *Reader) Frames() int      { return r.e.table.frames() }
func (r *Reader) Length(i int) int { return r.e.table.length(i) }

// Sum returns the checksum of frame i, Digest what Info calls Digest.
func (r *Reader) Sum(i int) [SumSize]byte { return r.e.table.sum(i) }
func (r *Reader) Digest() [SumSize]byte   { return sum(r.e.table) }

// ReadFrame reads frame i into buf, which is grown if it is short, and returns the
// frame: errs.Corrupt if it is not what was written.
func (r *Reader) ReadFrame(i int, buf []byte) ([]byte, error) {
	buf, err := r.ReadStored(i, buf)
	if err != nil {
		return nil, err
	}
	if sum(buf) != r.e.table.sum(i) {
		return nil, errs.Newf(errs.Corrupt, "frame %d of extent %s is damaged", i, r.id)
	}
	return buf, nil
}

// Descriptor reads what Commit was given.
func (r *Reader) Descriptor() ([]byte, error) {
	m, err := readMeta(r.f, r.e.meta, r.e.metaLen())
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "the descriptor of extent %s cannot be read: %w", r.id, err)
	}
	if m.id != r.id {
		return nil, errs.Newf(errs.Corrupt, "extent %s lies where extent %s should", m.id, r.id)
	}
	return m.desc, nil
}

func readMeta(f vfs.File, at, n int64) (*meta, error) {
	b := make([]byte, n)
	if _, err := f.ReadAt(b, at); err != nil {
		return nil, errs.Newf(errs.Corrupt, "an extent's description cannot be read: %w", err)
	}
	return decodeMeta(b)
}

// Close releases the file.
func (r *Reader) Close() error { return translate(r.f.Close(), "close extent "+r.id.String()) }

// Read calls f with n verified frames from first on, in order, each valid during the
// call only. buf is used for them if it is large enough.
func (s *Store) Read(ctx context.Context, id ident.ID, first, n int, buf []byte, f func(i int, frame []byte) error) error {
	r, err := s.Reader(ctx, id)
	if err != nil {
		return err
	}
	defer r.Close()
	for i := first; i < first+n; i++ {
		frame, err := r.ReadFrame(i, buf)
		if err == nil {
			buf = frame
			err = f(i, frame)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadStored is ReadFrame without the checksum, for a caller that authenticates what
// it gets and so finds damage itself.
func (r *Reader) ReadStored(i int, buf []byte) ([]byte, error) {
	if i < 0 || i >= r.Frames() {
		return nil, errs.Newf(errs.Invalid, "extent %s has no frame %d", r.id, i)
	}
	n := r.Length(i)
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := r.f.ReadAt(buf, r.offsets[i]); err != nil && n > 0 {
		return nil, errs.Newf(errs.Corrupt, "frame %d of extent %s cannot be read: %w", i, r.id, err)
	}
	return buf, nil
}

// damaged reads all frames and returns the numbers of those that are not whole.
func (r *Reader) damaged() (out []int) {
	var buf []byte
	for i := range r.Frames() {
		b, err := r.ReadFrame(i, buf)
		if err != nil {
			out = append(out, i)
			continue
		}
		buf = b
	}
	return out
}
