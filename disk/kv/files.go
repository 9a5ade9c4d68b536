package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/sstable"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// File is a file of rows, or of values that lie apart from them. It never changes; compaction
// writes others, with higher numbers, and removes it.
type File struct {
	Number uint64
	Name   string
	Bytes  int64
	values bool
}

// Files returns the files of rows and values that there are now, in the order of their numbers.
func (s *Store) Files() (out []File, err error) {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return nil, errs.Newf(errs.Unavailable, "the folder of the rows cannot be read: %w", err)
	}
	for _, name := range names {
		num, ext, ok := fileNumber(name)
		if !ok || ext != "sst" && ext != "blob" {
			continue
		}
		if st, err := s.fs.Stat(s.fs.PathJoin(s.dir, name)); err == nil { // else it was removed meanwhile
			out = append(out, File{num, name, st.Size(), ext == "blob"})
		}
	}
	slices.SortFunc(out, func(a, b File) int { return int(a.Number) - int(b.Number) })
	return out, nil
}

// readStep is how many bytes CheckFile reads between two waits.
const readStep = 256 << 10

// CheckFile reads a file from the disk itself, where the system lets it, and checks each of its
// blocks. It calls wait, unless that is nil, with how much it read and how long that took. A
// damaged file is errs.Corrupt, one that was removed errs.NotFound.
func (s *Store) CheckFile(ctx context.Context, file File, wait func(context.Context, int64, time.Duration) error) error {
	f, err := s.fs.Open(s.fs.PathJoin(s.dir, file.Name))
	if errors.Is(err, os.ErrNotExist) {
		return errs.NotFound
	}
	if err != nil {
		return errs.Newf(errs.Unavailable, "a file of the row store cannot be opened: %w", err)
	}
	defer f.Close()
	vfs.Forget(f, 0, file.Bytes)
	defer vfs.Forget(f, 0, file.Bytes)
	if err := s.checkBlocks(ctx, f, file, wait); err != nil {
		if _, gone := s.fs.Stat(s.fs.PathJoin(s.dir, file.Name)); errors.Is(gone, os.ErrNotExist) {
			return errs.NotFound
		}
		if ctx.Err() != nil {
			return errs.Newf(errs.Unavailable, "checking the rows was given up: %w", ctx.Err())
		}
		return errs.Newf(errs.Corrupt, "the row store is damaged in %s: %s", file.Name, plain(err))
	}
	return nil
}

func (s *Store) checkBlocks(ctx context.Context, f vfs.File, file File, wait func(context.Context, int64, time.Duration) error) error {
	reader := &salvage{ctx: ctx, fs: s.fs, dir: s.dir}
	began := time.Now() // stopwatch
	blocks := reader.allPlaces
	if file.values {
		blocks = reader.valuePlaces
	}
	places, err := blocks(file.Name)
	if err != nil {
		return err
	}
	var buf []byte
	read := int64(0)
	for i, p := range places {
		buf = slices.Grow(buf[:0], p.length+trailerLen)[:p.length+trailerLen]
		if _, err := f.ReadAt(buf, int64(p.offset)); err != nil && err != io.EOF {
			return fmt.Errorf("at byte %d: %w", p.offset, err)
		}
		if _, err := readBlock(buf, place{0, p.length}); err != nil {
			return fmt.Errorf("at byte %d: %w", p.offset, err)
		}
		if read += int64(len(buf)); wait == nil || read < readStep && i < len(places)-1 {
			continue
		}
		if err := wait(ctx, read, time.Since(began)); err != nil { // stopwatch
			return err
		}
		read, began = 0, time.Now() // stopwatch
	}
	return ctx.Err()
}

// allPlaces returns where the blocks of a table are, of rows and others.
func (s *salvage) allPlaces(name string) (out []place, err error) {
	readable, err := s.readable(name)
	if err != nil {
		return nil, err
	}
	r, err := sstable.NewReader(s.ctx, readable, readerOptions())
	if err != nil {
		return nil, errors.Join(err, readable.Close())
	}
	defer r.Close()
	err = guarded(func() error {
		l, err := r.Layout()
		if err != nil {
			return err
		}
		blocks := append(l.Index, l.ValueBlock...)
		for _, b := range l.Data {
			blocks = append(blocks, b.Handle)
		}
		for _, b := range l.Filter {
			blocks = append(blocks, b.Handle)
		}
		for _, b := range append(blocks, l.TopIndex, l.RangeDel, l.RangeKey, l.ValueIndex, l.BlobReferenceIndex) {
			if b.Length > 0 {
				out = append(out, place{int(b.Offset), int(b.Length)})
			}
		}
		return nil
	})
	return out, err
}
