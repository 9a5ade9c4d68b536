package object_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

// running does the fixture's clean-up beside the test.
func (f *fixture) running() {
	ctx, stop := context.WithCancel(f.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.Objects.Run(ctx); err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(func() { stop(); wg.Wait() })
}

// overwriting writes bodies of n bytes, each of one repeated byte, over a key until it
// is stopped.
func (f *fixture) overwriting(key string, n, writers int) (stop func()) {
	ctx, cancel := context.WithCancel(f.ctx)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; ctx.Err() == nil; i += writers {
				if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: key, Body: body(bytes.Repeat([]byte{byte(i)}, n))}); err != nil && !errors.Is(err, errs.Unavailable) {
					f.t.Error(err)
				}
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// TestReadWhileOverwritten: a key that always exists is always found, whole, and all of
// one version, while others replace it and clean-up runs.
func TestReadWhileOverwritten(t *testing.T) {
	for _, n := range []int{object.MaxInline + 1, 1<<20 + 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFixture(t)
			f.running()
			f.put("k", make([]byte, n))
			defer f.overwriting("k", n, 3)()
			rounds := 300
			if n > 1<<20 {
				rounds = 60
			}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range rounds {
						p, err := f.get(f.b, object.Get{Key: "k"})
						if err != nil || len(p) != n || bytes.Count(p, p[:1]) != n {
							t.Errorf("%d bytes, %v", len(p), err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// interrupted lets a test act between a read of an object's row and what follows it.
type interrupted struct {
	register.Store
	read func(row register.Row)
}

func (s *interrupted) Read(ctx context.Context, row register.Row) (*register.Value, register.Ballot, error) {
	v, b, err := s.Store.Read(ctx, row)
	if s.read != nil {
		s.read(row)
	}
	return v, b, err
}

// afterRead calls do once, after the next read of an object's row.
func (f *fixture) afterRead(do func()) {
	s := &interrupted{Store: f.Regs}
	s.read = func(row register.Row) {
		if row.Table == object.Objects {
			s.read = nil
			do()
		}
	}
	f.Objects.Registers = s
}

// away removes a version's extents as another node does that cleans up.
func (f *fixture) away() {
	f.t.Helper()
	for _, id := range f.extentIDs() {
		refs, err := f.Extents.Refs(f.ctx, id)
		for _, ref := range refs {
			err = errors.Join(err, f.Extents.DropRef(f.ctx, id, ref.ID))
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fixture) extentIDs() (ids []ident.ID) {
	f.t.Helper()
	err := f.Replica.Rows(f.ctx, extent.Extents, func(row register.Row, _ *register.Value) error {
		id, err := ident.FromKey(row.Part)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return ids
}

// TestReplacedElsewhere: an object whose bytes went because it was replaced, and another
// node cleaned up, is read again.
func TestReplacedElsewhere(t *testing.T) {
	p, q := random(100_000), random(200_000)
	for name, read := range map[string]func(f *fixture) ([]byte, error){
		"get": func(f *fixture) ([]byte, error) { return f.get(f.b, object.Get{Key: "k"}) },
		"copy": func(f *fixture) ([]byte, error) {
			if _, err := f.Objects.Copy(f.ctx, f.b, object.Copy{From: f.b, FromKey: "k", Key: "to"}); err != nil {
				return nil, err
			}
			return f.get(f.b, object.Get{Key: "to"})
		},
		"copy part": func(f *fixture) ([]byte, error) {
			u := f.upload("to")
			part, err := f.Objects.CopyPart(f.ctx, f.b, u.Key, u.ID, 1, object.Copy{From: f.b, FromKey: "k"})
			if err != nil {
				return nil, err
			}
			if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, object.CompletePart{Number: 1, ETag: part.ETag})); err != nil {
				return nil, err
			}
			return f.get(f.b, object.Get{Key: "to"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.put("k", p)
			f.afterRead(func() {
				f.away()
				f.put("k", q)
			})
			if got, err := read(f); err != nil || !bytes.Equal(got, q) {
				t.Fatalf("%d bytes, want %d: %v", len(got), len(q), err)
			}
		})
	}
}

// TestLostBytes: bytes that are not there are damage, not an object that is not there.
func TestLostBytes(t *testing.T) {
	f := newFixture(t)
	f.put("k", random(100<<10))
	for _, id := range f.extentIDs() {
		if err := f.Disks.Delete(f.ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.get(f.b, object.Get{Key: "k"}); errs.KindOf(err) != errs.Corrupt || errors.Is(err, errs.NotFound) {
		t.Errorf("get: %v", err)
	}
	if _, err := f.Objects.Copy(f.ctx, f.b, object.Copy{From: f.b, FromKey: "k", Key: "to",
		Digest: func() (io.Writer, func() (object.Digest, error)) {
			return io.Discard, func() (object.Digest, error) { return object.Digest{ETag: "x"}, nil }
		}}); errs.KindOf(err) != errs.Corrupt {
		t.Errorf("copy: %v", err)
	}
}
