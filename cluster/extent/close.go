package extent

import (
	"context"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/disk/extentstore"
)

// Close ends the extent: when it returns without error its bytes and its row, with
// the reference, are durable. The caller then commits the row that uses it and calls
// Settle, or Release if that did not happen. After an error the extent is nobody's
// and goes by itself.
func (w *Writer) Close(ctx context.Context) (Piece, error) {
	if w.ended {
		return Piece{}, errs.New(errs.Invalid, "the extent has ended")
	}
	if w.err == nil && w.owes {
		w.err = errs.New(errs.Invalid, "the extent rested for bytes that did not come")
	}
	if w.err == nil && w.fill > 0 {
		w.err = w.handOn(true)
	}
	if err := w.stop(); w.err == nil {
		w.err = err
	}
	if w.err != nil {
		w.Abort()
		return Piece{}, w.err
	}
	if err := w.commit(ctx); err != nil {
		w.err = err
		w.Abort()
		w.s.undo(w.id, w.ref)
		return Piece{}, err
	}
	w.end()
	return Piece{w.id, w.key, w.length}, nil
}

// commit makes row and bytes durable side by side.
func (w *Writer) commit(ctx context.Context) error {
	made := w.s.regs.NewBallot()
	desc := codec.Encode(Described{made})
	if w.describe != nil {
		desc = w.describe(Piece{w.id, w.key, w.length}, made)
	}
	digest, stored := w.sums()
	row := rowRecord{w.length, stored, w.frames, digest[:], []refRecord{record(w.ref)}}
	value := row.value(true)
	w.s.left(w.id, value)
	created := make(chan error, 1)
	go func() {
		created <- w.s.regs.Create(ctx, Row(w.id), made, value)
	}()
	var err error
	if w.fan != nil {
		err = w.fan.commit(ctx, desc)
	} else {
		err = w.bytes.Commit(desc)
	}
	if rowErr := <-created; err == nil {
		err = rowErr
	}
	return err
}

// sums returns what identifies the bytes, and how many are stored.
func (w *Writer) sums() ([extentstore.SumSize]byte, int64) {
	if w.fan != nil {
		return w.fan.tally.Digest(), w.fan.tally.Bytes()
	}
	return w.bytes.Digest(), w.bytes.Bytes()
}

// undo takes back an extent of which one half failed. What it cannot do now, the
// collector and the sweep do later.
func (s *Store) undo(id [16]byte, ref Ref) {
	ctx, cancel := context.WithTimeout(context.Background(), undoTime)
	defer cancel()
	if err := s.DropRef(ctx, id, ref.ID); err != nil {
		s.log.Info("an extent that failed half way is left to the collector", "error", err)
	}
}

// Abort gives the extent up.
func (w *Writer) Abort() {
	if w.ended {
		return
	}
	if w.err == nil {
		w.err = errs.New(errs.Invalid, "the extent was given up")
	}
	_ = w.stop()
	if w.bytes != nil {
		w.bytes.Abort()
	}
	if w.fan != nil {
		w.fan.abort()
	}
	w.end()
	w.s.Release(w.id)
}

// end gives the buffers back.
func (w *Writer) end() {
	w.ended = true
	w.s.pool.put(w.buf)
	w.s.pool.put(w.last)
	w.buf, w.last = nil, nil
}
