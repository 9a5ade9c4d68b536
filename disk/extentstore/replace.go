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
	switch {
	case err != nil:
		return err
	case from == nil:
		return w.s.indexAnew(w.file, w.id, e)
	}
	return w.s.indexReplaced(w.file, w.id, e, from)
}

// indexAnew gives a finished file its name, not under indexMu because that takes as long
// as the disk does, and puts it into the index unless somebody else brought the extent
// meanwhile.
func (s *Store) indexAnew(w *fileWriter, id ident.ID, e *entry) error {
	if err := w.publish(id); err != nil {
		return err
	}
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	now, err := s.lookup(id)
	switch {
	case errors.Is(err, errs.NotFound):
		return s.setFile(s.rows.NewBatch(), w.d, id, e)
	case err != nil:
		return err
	case now.disk == w.d.id && now.seg == 0: // adopted, or brought twice: it is this very file
		b := s.rows.NewBatch()
		b.Add(key(keyFiles, w.d.id[:]), -now.bytes())
		if err := s.setFile(b, w.d, id, e); err != nil {
			return err
		}
		w.d.occupy(-now.bytes())
		return nil
	}
	b := s.rows.NewBatch()
	if err := s.discardFile(b, w.d, id); err != nil {
		b.Discard()
		return err
	}
	if err := b.CommitLazily(); err != nil {
		return err
	}
	return changed(id)
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
// it. All of it is under indexMu, as in indexMoved. A crash behind the rename leaves a
// file that is whole, read where the old one was, and found damaged if it differs.
func (s *Store) indexReplaced(w *fileWriter, id ident.ID, e, from *entry) error {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	now, err := s.lookup(id)
	switch {
	case err != nil && !errors.Is(err, errs.NotFound):
		return err
	case now == nil || !now.same(from):
		return changed(id)
	}
	over := from.disk == w.d.id && from.seg == 0
	if !over {
		if err := s.nameIsFree(w.d, id); err != nil {
			return err
		}
	}
	if err := w.publish(id); err != nil {
		return err
	}
	b := s.rows.NewBatch()
	if over {
		b.Add(key(keyFiles, w.d.id[:]), -from.bytes())
	} else {
		s.unplace(b, id, from)
	}
	if err := s.setFile(b, w.d, id, e); err != nil {
		return err
	}
	if over {
		w.d.occupy(-from.bytes())
	} else {
		s.unplaced(from)
	}
	return nil
}
