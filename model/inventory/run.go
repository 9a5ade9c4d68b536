package inventory

import (
	"context"
	"errors"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Runs is the table of this package.
const Runs register.Table = 20

// maxFiles is how many files a run has, so that its row holds them.
const maxFiles = 4000

// run is the value of a row of Runs.
type run struct {
	// Began is when the run that is under way began, in Unix milliseconds; 0: none is.
	Began int64 `cbor:"1,keyasint,omitempty"`
	// Key and Version are where it goes on, as a list of versions does; Whole says that it
	// listed all.
	Key     string `cbor:"2,keyasint,omitempty"`
	Version string `cbor:"3,keyasint,omitempty"`
	Whole   bool   `cbor:"4,keyasint,omitempty"`
	Listed  int64  `cbor:"5,keyasint,omitempty"`
	Files   []file `cbor:"6,keyasint,omitempty"`
	// Done is when the last whole run began, in Unix milliseconds, and Count what it listed.
	Done  int64 `cbor:"7,keyasint,omitempty"`
	Count int64 `cbor:"8,keyasint,omitempty"`
	// Steps grows with each change of the row.
	Steps uint64 `cbor:"9,keyasint"`
	// Form tells what the files of the run under way hold, and where they are. An older release
	// leaves it out.
	Form []byte `cbor:"10,keyasint,omitempty"`
}

// file is one that was written.
type file struct {
	ID   ident.ID `cbor:"1,keyasint"`
	Size int64    `cbor:"2,keyasint"`
	MD5  []byte   `cbor:"3,keyasint"`
}

func rowOf(bucket ident.ID, id string) register.Row {
	return register.Row{Table: Runs, Part: bucket.Key(), Sort: id}
}

// errLate says that another did the step.
var errLate = errs.New(errs.Conflict, "another node writes the same inventory")

func (s *Store) read(ctx context.Context, row register.Row) (run, error) {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil || v == nil {
		return run{}, err
	}
	return decode(v)
}

func decode(v *register.Value) (r run, err error) {
	if err := codec.Decode(v.Data, &r); err != nil {
		return r, errs.Newf(errs.Corrupt, "the row of an inventory cannot be read: %w", err)
	}
	return r, nil
}

// note changes a row from what it was; errLate if it is not that any more.
func (s *Store) note(ctx context.Context, row register.Row, was, now run) (run, error) {
	now.Steps = was.Steps + 1
	_, err := s.Registers.Update(ctx, row, register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		var there run
		if old != nil {
			var err error
			if there, err = decode(old); err != nil {
				return nil, err
			}
		}
		if there.Steps != was.Steps {
			return nil, errLate
		}
		return &register.Value{Data: codec.Encode(now), Count: 1}, nil
	}})
	return now, err
}

// Forget removes what is kept of a configuration.
func (s *Store) Forget(ctx context.Context, bucket ident.ID, id string) error {
	_, err := s.Registers.Update(ctx, rowOf(bucket, id), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, errLate
		}
		return nil, nil
	}})
	if errors.Is(err, errLate) {
		return nil
	}
	return err
}

// Progress is how an inventory is.
type Progress struct {
	// Began is when the run under way began, zero if none is; Listed and Files are its.
	Began         time.Time
	Listed, Files int64
	// Done is when the last whole run began, zero if there was none; Count is what it listed.
	Done  time.Time
	Count int64
	// Failed is why the last step of this node failed, nil if it did not.
	Failed error
}

// Progress returns how an inventory is.
func (s *Store) Progress(ctx context.Context, bucket ident.ID, id string) (Progress, error) {
	r, err := s.read(ctx, rowOf(bucket, id))
	if err != nil {
		return Progress{}, err
	}
	p := r.progress()
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Failed = s.failed[rowOf(bucket, id)]
	return p, nil
}

func (r *run) progress() Progress {
	p := Progress{Listed: r.Listed, Files: int64(len(r.Files)), Count: r.Count}
	if r.Began > 0 {
		p.Began = time.UnixMilli(r.Began).UTC()
	}
	if r.Done > 0 {
		p.Done = time.UnixMilli(r.Done).UTC()
	}
	return p
}
