package accesslog

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// spool are the files in which lines wait, two for a bucket and day at most that are written to:
//
//	BUCKET-DAY.lines               lines are appended
//	BUCKET-DAY-TIME-UNIQUE.sealed  it is being written, at TIME (Unix seconds), as the object that UNIQUE names
//
// Its methods are called by one goroutine at a time.
type spool struct {
	fs   vfs.FS
	dir  string
	made bool
	pens map[sheet]*pen
}

// pen is a file that lines are appended to.
type pen struct {
	size  int64
	since time.Time
}

// sealed is a file that is to become an object.
type sealed struct {
	sheet
	at     time.Time
	unique string
	file   string
	size   int64
}

const (
	openEnd   = ".lines"
	sealedEnd = ".sealed"
)

func (s sheet) name() string { return s.bucket.String() + "-" + s.day }

// write appends lines to a sheet's file.
func (p *spool) write(at sheet, lines []byte, now time.Time) error {
	if !p.made {
		if err := p.fs.MkdirAll(p.dir, 0o700); err != nil {
			return failed(err)
		}
		p.made = true
	}
	pen := p.pens[at]
	if pen == nil {
		pen = newPen(now)
		p.pens[at] = pen
	}
	f, err := p.fs.OpenReadWrite(filepath.Join(p.dir, at.name()+openEnd), vfs.Unspecified)
	if err != nil {
		return failed(err)
	}
	_, err = f.WriteAt(lines, pen.size)
	if err = errors.Join(err, f.Close()); err != nil {
		return failed(err) // what came of it is written over
	}
	pen.size += int64(len(lines))
	return nil
}

func newPen(now time.Time) *pen { return &pen{since: now} }

func failed(err error) error {
	return errs.Newf(errs.KindOf(err), "the file of log lines cannot be written: %w", err)
}

// seal ends a sheet's file, if there is one.
func (p *spool) seal(at sheet, now time.Time) error {
	if p.pens[at] == nil {
		return nil
	}
	to := at.name() + "-" + strconv.FormatInt(now.Unix(), 10) + "-" + newUnique() + sealedEnd
	if err := p.fs.Rename(filepath.Join(p.dir, at.name()+openEnd), filepath.Join(p.dir, to)); err != nil {
		return failed(err)
	}
	delete(p.pens, at)
	return nil
}

// find returns the files that are there, and takes up those that lines were appended to
// before the start.
func (p *spool) find(now time.Time) (out []sealed, err error) {
	names, err := p.fs.List(p.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	slices.Sort(names)
	for _, name := range names {
		f, ok := readName(name)
		if !ok {
			continue // not one of these
		}
		st, err := p.fs.Stat(filepath.Join(p.dir, name))
		if err != nil {
			return nil, failed(err)
		}
		if f.size = st.Size(); f.unique != "" {
			out = append(out, f)
		} else if p.pens[f.sheet] == nil {
			p.pens[f.sheet] = &pen{size: f.size, since: now}
		}
	}
	return out, nil
}

// readName reads the name of a file; unique is empty for one that lines are appended to.
func readName(name string) (f sealed, ok bool) {
	f.file = name
	base, isSealed := strings.CutSuffix(name, sealedEnd)
	if !isSealed {
		if base, ok = strings.CutSuffix(name, openEnd); !ok {
			return f, false
		}
	}
	parts := strings.Split(base, "-")
	if len(parts) != 2 && !isSealed || len(parts) != 4 && isSealed {
		return f, false
	}
	id, err := ident.Parse(parts[0])
	if err != nil {
		return f, false
	}
	if _, err := time.Parse(dayForm, parts[1]); err != nil {
		return f, false
	}
	f.bucket, f.day = id, parts[1]
	if isSealed {
		at, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil || len(parts[3]) != 16 {
			return f, false
		}
		f.at, f.unique = time.Unix(at, 0).UTC(), parts[3]
	}
	return f, true
}

// read returns the whole lines of a file, each behind the given words: what a crash left of
// a last one is no line.
func (p *spool) read(f sealed, before string) (out []byte, lines int64, err error) {
	in, err := p.fs.Open(filepath.Join(p.dir, f.file))
	if err != nil {
		return nil, 0, failed(err)
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, MaxWaiting))
	if err != nil {
		return nil, 0, failed(err)
	}
	out = make([]byte, 0, len(raw)+len(raw)/4)
	for {
		line, rest, whole := bytes.Cut(raw, []byte("\n"))
		if !whole {
			return out, lines, nil
		}
		if raw = rest; len(line) > 0 && line[0] != 0 { // a power cut may leave a file longer than what was written to it
			out = append(append(append(out, before...), line...), '\n')
			lines++
		}
	}
}

func (p *spool) remove(f sealed) error {
	if err := p.fs.Remove(filepath.Join(p.dir, f.file)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return failed(err)
	}
	return nil
}
