package extentstore

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Replace begins an extent that takes the place of what the store has under that ID,
// on Commit and at once: a reader gets the old bytes or the new ones, and a crash
// leaves one of them. With nothing under the ID it is Create, for an ID that may have
// been here before. Commit fails with errs.Conflict if the extent was moved, deleted or
// replaced by somebody else meanwhile.
func (s *Store) Replace(ctx context.Context, id ident.ID, size int64) (*Writer, error) {
	w, err := s.Create(ctx, id, size)
	if err == nil {
		w.again = true
	}
	return w, err
}

// commitAgain is commit for an ID that may be in the index.
func (w *Writer) commitAgain(desc []byte) error {
	from, err := w.s.locate(w.id)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	if w.file == nil {
		r := &record{id: w.id, table: w.table, desc: desc, data: w.held, from: from, once: from == nil}
		if err := w.d.app.append(w.s, w.d, []*record{r}); err != nil {
			return err
		}
		return w.s.took(w.id, &r.at)
	}
	// The old file of this disk is renamed over; one that waits to be removed must go first.
	if from == nil || from.disk != w.d.id || from.seg != 0 {
		if err := w.s.freeName(w.d, w.id); err != nil {
			return err
		}
	}
	e, err := w.file.finish(w.id, w.table, desc)
	if err == nil {
		err = w.s.indexReplaced(w.file, w.id, e, from)
	}
	return err
}

// took reports whether the index has the extent at that place.
func (s *Store) took(id ident.ID, e *entry) error {
	if s.stillAt(id, e) {
		return nil
	}
	return changed(id)
}

func changed(id ident.ID) error {
	return errs.Newf(errs.Conflict, "extent %s changed on this node's disks while it was replaced", id)
}

// indexReplaced gives a finished file its name and moves the index from one place to
// it; from is nil if the extent is not here. All of it is under indexMu, as in
// indexMoved. A crash behind the rename leaves a file that is whole: adopted if the
// index has nothing, else read where the old one was and found damaged if it differs.
func (s *Store) indexReplaced(w *fileWriter, id ident.ID, e, from *entry) error {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	now, err := s.lookup(id)
	switch {
	case err != nil && !errors.Is(err, errs.NotFound):
		return err
	case (now == nil) != (from == nil), now != nil && !now.same(from):
		return changed(id)
	}
	over := from != nil && from.disk == w.d.id && from.seg == 0
	if !over {
		if err := s.nameIsFree(w.d, id); err != nil {
			return err
		}
	}
	if err := w.publish(id); err != nil {
		return err
	}
	b := s.rows.NewBatch()
	switch {
	case over:
		b.Add(key(keyFiles, w.d.id[:]), -from.bytes())
	case from != nil:
		s.unplace(b, id, from)
	}
	if err := s.setFile(b, w.d, id, e); err != nil {
		return err
	}
	switch {
	case over:
		w.d.occupy(-from.bytes())
	case from != nil:
		s.unplaced(from)
	}
	return nil
}
