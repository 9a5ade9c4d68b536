package object_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

var writeFields = flag.Bool("write-fields", false, "write testdata/fields.txt anew")

// TestGenerations: a record has no field that nobody thought about what a release would do
// that does not know it. Who adds one either has the record carry a new generation where the
// field is used (generation.go), or finds that it may be lost without harm; then he writes the
// list anew with -write-fields.
func TestGenerations(t *testing.T) {
	var lines []string
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(x reflect.Type) {
		for x.Kind() == reflect.Pointer || x.Kind() == reflect.Slice || x.Kind() == reflect.Map {
			x = x.Elem()
		}
		if x.Kind() != reflect.Struct || seen[x] {
			return
		}
		seen[x] = true
		for i := range x.NumField() {
			if tag := x.Field(i).Tag.Get("cbor"); tag != "" {
				number, _, _ := strings.Cut(tag, ",")
				lines = append(lines, fmt.Sprintf("%s %s %s", x.Name(), number, x.Field(i).Name))
				walk(x.Field(i).Type)
			}
		}
	}
	for _, r := range object.Records() {
		walk(reflect.TypeOf(r))
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	const file = "testdata/fields.txt"
	if *writeFields {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(file, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("the fields of records are others than %s has: %v\n%s", file, err, got)
	}
}

// TestOlderNodesRefuse: what an older node would drop is set only once all members know it,
// and lies in rows that such a node refuses to read.
func TestOlderNodesRefuse(t *testing.T) {
	f := newFixture(t)
	behind := errs.New(errs.Conflict, "a node is behind")
	f.Objects.Knows = func(generation int) error {
		if generation > codec.Version {
			return behind
		}
		return nil
	}
	settings := func(change func(*object.Settings)) error {
		_, err := f.Objects.ChangeSettings(f.ctx, f.b, func(s *object.Settings) error { change(s); return nil })
		return err
	}
	tries := map[string]func() error{
		"versioning": func() error {
			_, err := f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn)
			return err
		},
		"lock": func() error {
			_, err := f.Objects.CreateLocked(f.ctx, "locked", f.key, false)
			return err
		},
		"policy": func() error {
			return settings(func(s *object.Settings) { s.Policy = &object.Policy{Text: []byte("{}")} })
		},
		"lifecycle": func() error {
			return settings(func(s *object.Settings) { s.Lifecycle = []object.LifecycleRule{{ID: "x"}} })
		},
		"events": func() error {
			return settings(func(s *object.Settings) {
				s.Notify = []object.Notify{{ID: "x", Webhook: "hook", Events: []string{"s3:ObjectCreated:*"}}}
			})
		},
		"site": func() error { return settings(func(s *object.Settings) { s.Site = &object.Site{Index: "index.html"} }) },
		"CORS": func() error { return settings(func(s *object.Settings) { s.CORS = []object.CORSRule{{ID: "x"}} }) },
		"a client's key": func() error {
			b := body(nil)
			b.Customer = object.NewCustomerKey(make([]byte, 32))
			_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "sealed", Body: b})
			return err
		},
		"an upload under a client's key": func() error {
			_, err := f.Objects.CreateUpload(f.ctx, f.b, object.NewUpload{Key: "sealed", Customer: object.NewCustomerKey(make([]byte, 32))})
			return err
		},
		"a replica": func() error {
			_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "replica", Body: body(nil), Attrs: object.Attrs{Replica: true}})
			return err
		},
		"tags of an object": func() error {
			_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "tagged", Body: body(nil), Tags: []object.Tag{{Key: "a"}}})
			return err
		},
	}
	for name, try := range tries {
		if err := try(); !errors.Is(err, behind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.put("k", random(10))
	if g := f.generationsOf(object.Objects, object.Buckets); !slices.Equal(g, []byte{1, 1}) {
		t.Errorf("generations %v", g)
	}
	f.Objects.Knows = nil
	versioning(f, object.VersioningOn)
	f.put("k", random(11))
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		t.Fatal(err)
	}
	if g := f.generationsOf(object.Objects, object.Versions, object.Buckets); !slices.Equal(g, []byte{2, 2, 2}) {
		t.Errorf("generations %v", g)
	}
	f.Objects.Knows = func(int) error { return behind } // what is on goes on
	f.put("k", random(12))
	if _, err := f.Objects.SetVersioning(f.ctx, f.b, object.VersioningSuspended); err != nil {
		t.Errorf("suspending: %v", err)
	}
}

// TestNewerRecordsAreLeftAlone: what a release after this one wrote is refused and stays as it
// is; the other buckets are listed.
func TestNewerRecordsAreLeftAlone(t *testing.T) {
	f := newFixture(t)
	f.bucket("other")
	var row register.Row
	var was []byte
	err := f.Replica.Rows(f.ctx, object.Buckets, func(at register.Row, v *register.Value) error {
		if at.Sort == f.b.ID.Key() {
			row, was = at, append([]byte{codec.Generation + 1}, v.Data[1:]...)
		}
		return nil
	})
	if err == nil {
		_, err = f.Regs.Update(f.ctx, row, register.Change{Apply: func(v *register.Value) (*register.Value, error) {
			return &register.Value{Data: was, Count: v.Count}, nil
		}})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn); !errors.Is(err, codec.ErrNewer) {
		t.Errorf("a change: %v", err)
	}
	if all, err := f.Objects.AllBuckets(f.ctx); err != nil || len(all) != 1 || all[0].Names[0] != "other" {
		t.Errorf("%v, %v", all, err)
	}
	v, _, err := f.Regs.Read(f.ctx, row)
	if err != nil || !slices.Equal(v.Data, was) {
		t.Errorf("the row is changed: %v", err)
	}
}

// generationsOf returns the generation of every row of tables.
func (f *fixture) generationsOf(tables ...register.Table) (out []byte) {
	f.t.Helper()
	for _, table := range tables {
		err := f.Replica.Rows(f.ctx, table, func(_ register.Row, v *register.Value) error {
			out = append(out, v.Data[0])
			return nil
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	return out
}
