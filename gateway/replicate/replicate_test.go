package replicate

import (
	"bytes"
	"context"
	"crypto/md5" // what ETags are
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/register"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
	"rhizome/model/remote"
)

// shelf is a bucket of another store in memory.
type shelf struct {
	mu      sync.Mutex
	things  map[string]thing
	uploads map[string]map[int]thing
	metas   map[string]Sent
	begun   int
	parts   int // that were taken
	writes  int
	// fail is asked before each call by name; before holds one up.
	fail   func(call, key string) error
	before func(call, key string)
	bare   bool // conditions are not done
	id     string
	old    bool // an older rhizome, which does not say its ID
}

type thing struct {
	body string
	sent Sent
	etag string
}

func newShelf() *shelf {
	return &shelf{things: map[string]thing{}, uploads: map[string]map[int]thing{}, metas: map[string]Sent{}}
}

func (s *shelf) enter(call, key string) error {
	if s.before != nil {
		s.before(call, key)
	}
	s.mu.Lock()
	if s.fail != nil {
		if err := s.fail(call, key); err != nil {
			s.mu.Unlock()
			return err
		}
	}
	return nil
}

func sum(b string) string {
	h := md5.Sum([]byte(b))
	return hex.EncodeToString(h[:])
}

func (s *shelf) ID() string    { return s.id }
func (s *shelf) Rhizome() bool { return s.id != "" || s.old }

func (s *shelf) Head(_ context.Context, key string) (*State, error) {
	if err := s.enter("head", key); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	t, ok := s.things[key]
	if !ok {
		return nil, nil
	}
	return &State{Size: int64(len(t.body)), ETag: t.etag, Attrs: t.sent.Attrs, Mark: t.sent.Mark, Tags: len(t.sent.Tags)}, nil
}

func (s *shelf) allowed(key string, u *Unless) error {
	if u != nil && s.bare {
		return errs.Newf(errs.Invalid, "%w: conditions", errNotDone)
	}
	if t, ok := s.things[key]; u != nil && (ok != (u.ETag != "") || ok && t.etag != u.ETag) {
		return errPrecondition
	}
	return nil
}

func (s *shelf) Put(_ context.Context, key string, m Sent, body Body, u *Unless) error {
	raw, err := io.ReadAll(body)
	if err != nil || int64(len(raw)) != body.Size {
		return errs.Newf(errs.Unavailable, "%d bytes: %w", len(raw), err)
	}
	if sum(string(raw)) != body.MD5 {
		return errs.Newf(errs.Invalid, "%w: another MD5", errRefused)
	}
	if err := s.enter("put", key); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := s.allowed(key, u); err != nil {
		return err
	}
	s.things[key] = thing{string(raw), m, sum(string(raw))}
	s.writes++
	return nil
}

func (s *shelf) Begin(_ context.Context, key string, m Sent) (string, error) {
	if err := s.enter("begin", key); err != nil {
		return "", err
	}
	defer s.mu.Unlock()
	s.begun++
	id := fmt.Sprint("u", s.begun)
	s.uploads[id], s.metas[id] = map[int]thing{}, m
	return id, nil
}

func (s *shelf) PutPart(_ context.Context, key, upload string, number int, body Body) (string, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	if sum(string(raw)) != body.MD5 {
		return "", errs.Newf(errs.Invalid, "%w: another MD5", errRefused)
	}
	if err := s.enter("part", key); err != nil {
		return "", err
	}
	defer s.mu.Unlock()
	if s.uploads[upload] == nil {
		return "", errNoUpload
	}
	t := thing{body: string(raw), etag: sum(string(raw))}
	s.uploads[upload][number] = t
	s.parts++
	return t.etag, nil
}

func (s *shelf) Parts(_ context.Context, key, upload string) (all []Part, err error) {
	if err := s.enter("parts", key); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if s.uploads[upload] == nil {
		return nil, errNoUpload
	}
	for n, t := range s.uploads[upload] {
		all = append(all, Part{n, int64(len(t.body)), t.etag})
	}
	return all, nil
}

func (s *shelf) Complete(_ context.Context, key, upload string, parts []Part, u *Unless) error {
	if err := s.enter("complete", key); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.uploads[upload] == nil {
		return errNoUpload
	}
	if err := s.allowed(key, u); err != nil {
		return err
	}
	var body bytes.Buffer
	for _, p := range parts {
		body.WriteString(s.uploads[upload][p.Number].body)
	}
	s.things[key] = thing{body.String(), s.metas[upload], "of-parts"}
	s.writes++
	delete(s.uploads, upload)
	return nil
}

func (s *shelf) Abort(_ context.Context, key, upload string) error {
	if err := s.enter("abort", key); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.uploads, upload)
	return nil
}

func (s *shelf) Tags(_ context.Context, key string) ([]object.Tag, error) {
	if err := s.enter("tags", key); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.things[key].sent.Tags, nil
}

func (s *shelf) SetTags(_ context.Context, key string, tags []object.Tag) error {
	if err := s.enter("settags", key); err != nil {
		return err
	}
	defer s.mu.Unlock()
	t := s.things[key]
	t.sent.Tags = tags
	s.things[key] = t
	return nil
}

func (s *shelf) Delete(_ context.Context, key string) error {
	if err := s.enter("delete", key); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.things, key)
	s.writes++
	return nil
}

func (s *shelf) List(_ context.Context, after string, limit int) (keys []string, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.things {
		if k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys[:min(limit, len(keys))], len(keys) > limit, nil
}

func (s *shelf) body(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.things[key].body
}

// Remote implements Remotes.
func (s *shelf) Remote(_ context.Context, name string) (*remote.Remote, error) {
	return &remote.Remote{Name: name, Endpoint: "http://x", ID: "a", Secret: "b"}, nil
}

// stage is a rhizome of one node with a bucket that is replicated to a shelf.
type stage struct {
	t    *testing.T
	ctx  context.Context
	h    *objecttest.Home
	b    *object.Bucket
	to   *shelf
	node ident.NodeID
	at   *hands
	// objects are what a run works with.
	objects Objects
}

// hands is a clock that a test moves on.
type hands struct {
	clock.System
	ahead atomic.Int64
}

// Now implements clock.Clock.
func (c *hands) Now() time.Time { return c.System.Now().Add(time.Duration(c.ahead.Load())) }

func newStage(t *testing.T, rule object.Replicate) *stage {
	who := objecttest.NewIdentity()
	at := &hands{}
	h := objecttest.Open(t, vfs.NewCrashable(), who, at)
	t.Cleanup(func() { h.Close(t) })
	f := &stage{t: t, ctx: t.Context(), h: h, to: newShelf(), at: at, objects: h.Objects}
	b, err := h.Objects.CreateBucket(f.ctx, "photos", &account.Key{ID: "GK1"}, false)
	if err != nil {
		t.Fatal(err)
	}
	f.b = b
	rule.ID, rule.Remote, rule.Bucket = "r", "off", "there"
	f.rule(rule)
	return f
}

func (f *stage) rule(rules ...object.Replicate) {
	f.t.Helper()
	b, err := f.h.Objects.ChangeSettings(f.ctx, f.b, func(s *object.Settings) error { return s.SetReplicate("", rules) })
	if err != nil {
		f.t.Fatal(err)
	}
	f.b = b
}

func (f *stage) put(key, body string, tags ...object.Tag) {
	f.t.Helper()
	_, err := f.h.Objects.Put(f.ctx, f.b, object.Put{Key: key, Tags: tags, Attrs: object.Attrs{ContentType: "text/x", User: map[string]string{"who": "é"}}, Body: bodyOf(body)})
	if err != nil {
		f.t.Fatal(err)
	}
}

func bodyOf(b string) object.Body {
	return object.Body{Reader: bytes.NewReader([]byte(b)), Size: int64(len(b)), Finish: func() (object.Digest, error) {
		return object.Digest{ETag: sum(b)}, nil
	}}
}

func (f *stage) delete(key string) {
	f.t.Helper()
	if _, err := f.h.Objects.Delete(f.ctx, f.b, key, object.Conditions{}); err != nil {
		f.t.Fatal(err)
	}
}

// run is a Replicator in a run of its own.
func (f *stage) run() *Replicator {
	return New(Config{Objects: f.objects, Remotes: f.to, Open: func(*remote.Remote, string) (Target, error) { return f.to, nil },
		Node: f.node, Clock: f.h.Clock, Logger: slog.New(slog.DiscardHandler)})
}

// drain does all that is due at present, and returns how many rows are left.
func (f *stage) drain(r *Replicator) int {
	f.t.Helper()
	if err := f.h.Objects.CleanUp(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	if err := f.h.Objects.StartAllReplicating(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	for range 4 {
		rows, _, err := f.h.Objects.OutgoingDues(f.ctx, nil, 10_000)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, row := range rows {
			name, id, d := laneOf(row)
			if r.lanes[name] == nil {
				r.lanes[name] = &lane{bucket: id, dest: d}
			}
			var later errLater
			if err := r.deliver(f.ctx, r.lanes[name], row); err != nil && !errors.As(err, &later) {
				f.t.Log(err)
			}
		}
	}
	rows, _, err := f.h.Objects.OutgoingDues(f.ctx, nil, 10_000)
	if err != nil {
		f.t.Fatal(err)
	}
	return len(rows)
}

func (f *stage) same(want map[string]string) {
	f.t.Helper()
	f.to.mu.Lock()
	defer f.to.mu.Unlock()
	for k, v := range want {
		if f.to.things[k].body != v {
			f.t.Errorf("%s has %d bytes there, want %d", k, len(f.to.things[k].body), len(v))
		}
	}
	if len(f.to.things) != len(want) {
		f.t.Errorf("%d objects are there, want %d", len(f.to.things), len(want))
	}
}

// TestReplicate: what was there before and what changes is copied, with all that belongs to it;
// a repeat sends nothing; deletions go by the rule.
func TestReplicate(t *testing.T) {
	f := newStage(t, object.Replicate{Existing: true, Deletes: true, Off: true})
	f.put("before", "old")
	f.put("empty", "")
	f.rule(object.Replicate{ID: "r", Remote: "off", Bucket: "there", Existing: true, Deletes: true})
	r := f.run()
	f.put("new", "1", object.Tag{Key: "k", Value: "v"})
	f.put("new", "22", object.Tag{Key: "k", Value: "v"})
	if left := f.drain(r); left != 0 {
		t.Fatalf("%d are left", left)
	}
	f.same(map[string]string{"before": "old", "empty": "", "new": "22"})
	got := f.to.things["new"].sent
	if got.Attrs.ContentType != "text/x" || got.Attrs.User["who"] != "é" || !sameTags(got.Tags, []object.Tag{{Key: "k", Value: "v"}}) || got.Mark == "" {
		t.Errorf("it is sent with %+v", got)
	}
	writes := f.to.writes
	f.rule(object.Replicate{ID: "r", Remote: "off", Bucket: "there", Existing: true}) // all is gone through again
	if left := f.drain(r); left != 0 || f.to.writes != writes {
		t.Errorf("a repeat leaves %d and makes %d writes", left, f.to.writes-writes)
	}
	if _, err := f.h.Objects.SetTags(f.ctx, f.b, "new", "", nil); err != nil {
		t.Fatal(err)
	}
	f.delete("before")
	if f.drain(r); len(f.to.things["new"].sent.Tags) != 0 || f.to.writes != writes {
		t.Errorf("tags that were taken away are there: %v; %d writes", f.to.things["new"].sent.Tags, f.to.writes-writes)
	}
	f.same(map[string]string{"before": "old", "empty": "", "new": "22"})
	f.rule(object.Replicate{ID: "r", Remote: "off", Bucket: "there", Deletes: true})
	f.delete("empty")
	f.drain(r)
	f.same(map[string]string{"before": "old", "new": "22"})
}

// TestFilters: only what a rule is about is copied, and of replicas what was there before.
func TestFilters(t *testing.T) {
	f := newStage(t, object.Replicate{Existing: true, Filter: object.ReplicateFilter{Prefix: "a/", Tags: []object.Tag{{Key: "k", Value: "v"}}}})
	f.put("a/1", "1", object.Tag{Key: "k", Value: "v"})
	f.put("a/2", "2")
	f.put("b/1", "1", object.Tag{Key: "k", Value: "v"})
	if _, err := f.h.Objects.Put(f.ctx, f.b, object.Put{Key: "a/r", Tags: []object.Tag{{Key: "k", Value: "v"}}, Attrs: object.Attrs{Replica: true}, Body: bodyOf("r")}); err != nil {
		t.Fatal(err)
	}
	if left := f.drain(f.run()); left != 0 {
		t.Errorf("%d are left", left)
	}
	f.same(map[string]string{"a/1": "1", "a/r": "r"})
}

// TestHandedOn: a bucket that was kept from elsewhere, and is replicated itself from now on, is
// copied whole; but nothing goes back to where it came from, and nothing is replaced that did
// not come from here.
func TestHandedOn(t *testing.T) {
	f := newStage(t, object.Replicate{Existing: true, Off: true})
	replica := func(key, mark string) {
		a := object.Attrs{Replica: true, User: map[string]string{markName: mark}}
		if _, err := f.h.Objects.Put(f.ctx, f.b, object.Put{Key: key, Attrs: a, Body: bodyOf("of " + key)}); err != nil {
			t.Fatal(err)
		}
	}
	rule := object.Replicate{ID: "r", Remote: "off", Bucket: "there", Existing: true}
	replica("elsewhere", markOf("another", "elsewhere")+"x/y")
	replica("back", markOf("there", "back")+"x/y")
	replica("other", markOf("another", "other")+"x/y")
	replica("ours", markOf("another", "ours")+"x/y")
	f.to.id = "there"
	f.to.things["other"] = thing{body: "newer", etag: sum("newer")}
	f.to.things["ours"] = thing{body: "older", etag: sum("older"), sent: Sent{Mark: markOf(f.b.ID.String(), "ours") + "x/y"}}
	f.rule(rule)
	r := f.run()
	if left := f.drain(r); left != 0 {
		t.Errorf("%d are left", left)
	}
	want := map[string]string{"elsewhere": "of elsewhere", "other": "newer", "ours": "of ours"}
	f.same(want)
	replica("later", markOf("another", "later")+"x/y")
	f.drain(r)
	f.same(want) // what comes from elsewhere now is not sent on
}

// TestHandedOnToOlder: a rhizome that does not say which bucket it is may be where a replica came from, as
// may any rhizome of one without mark; another store is not.
func TestHandedOnToOlder(t *testing.T) {
	for name, c := range map[string]struct {
		old  bool
		id   string
		want map[string]string
	}{
		"older rhizome": {old: true, want: map[string]string{}},
		"rhizome":       {id: "there", want: map[string]string{"marked": "of marked"}},
		"another store": {want: map[string]string{"marked": "of marked", "bare": "of bare"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newStage(t, object.Replicate{Existing: true, Off: true})
			for key, user := range map[string]map[string]string{"marked": {markName: markOf("another", "marked") + "x/y"}, "bare": nil} {
				a := object.Attrs{Replica: true, User: user}
				if _, err := f.h.Objects.Put(f.ctx, f.b, object.Put{Key: key, Attrs: a, Body: bodyOf("of " + key)}); err != nil {
					t.Fatal(err)
				}
			}
			f.to.old, f.to.id = c.old, c.id
			f.rule(object.Replicate{ID: "r", Remote: "off", Bucket: "there", Existing: true})
			if left := f.drain(f.run()); left != 0 {
				t.Errorf("%d are left", left)
			}
			f.same(c.want)
		})
	}
}

// TestAborted: no upload in parts is left there that nothing goes on with.
func TestAborted(t *testing.T) {
	for name, c := range map[string]struct {
		fail string
		then func(f *stage)
	}{
		"its end is refused":     {"complete", func(*stage) {}},
		"the object is gone":     {"away", func(f *stage) { f.delete("big") }},
		"it is another object":   {"away", func(f *stage) { f.put("big", "small") }},
		"the rule is gone":       {"away", func(f *stage) { f.rule() }},
		"parts cannot be listed": {"parts", func(*stage) {}},
		"the row goes meanwhile": {"begin", func(*stage) {}},
		"it is there by now, too": {"away", func(f *stage) {
			f.to.things["big"] = thing{body: f.bytes("big"), etag: f.head("big").ETag, sent: sentOf(f.b.ID, f.head("big"))}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newStage(t, object.Replicate{Existing: true})
			f.multi("big", strings.Repeat("a", 5<<20), "b")
			failed := false
			f.to.fail = func(call, _ string) error {
				switch {
				case call == c.fail && call == "complete":
					return errs.Newf(errs.Invalid, "%w: no", errRefused)
				case call == "part" && !failed && c.fail != "complete" && c.fail != "begin":
					failed = true
					return errs.New(errs.Unavailable, "away")
				case call == c.fail && call == "parts":
					return errs.Newf(errs.Invalid, "%w: parts", errNotDone)
				}
				return nil
			}
			if c.fail == "begin" {
				f.objects = forgetful{f.h.Objects}
			}
			f.drain(f.run())
			f.to.fail = nil
			if c.fail == "parts" {
				f.to.fail = func(call, _ string) error {
					if call == "parts" {
						return errs.Newf(errs.Invalid, "%w: parts", errNotDone)
					}
					return nil
				}
			}
			c.then(f)
			f.drain(f.run())
			if len(f.to.uploads) != 0 || f.to.begun == 0 {
				t.Errorf("of %d uploads that were begun %d are left", f.to.begun, len(f.to.uploads))
			}
		})
	}
}

// illegible has rows that cannot be read.
type illegible struct{ Objects }

func (illegible) Due(context.Context, register.Row) (*object.Due, error) {
	return nil, errs.New(errs.Corrupt, "damaged")
}

// TestDamagedRowGoes: a row that cannot be read goes with the rule that asked for it.
func TestDamagedRowGoes(t *testing.T) {
	f := newStage(t, object.Replicate{Existing: true})
	f.put("k", "x")
	f.to.fail = func(string, string) error { return errs.New(errs.Unavailable, "away") }
	if f.drain(f.run()) == 0 {
		t.Fatal("nothing waits")
	}
	f.objects = illegible{f.h.Objects}
	f.rule()
	if left := f.drain(f.run()); left != 0 {
		t.Errorf("%d rows are left", left)
	}
}

// forgetful has the row of an upload that was begun gone.
type forgetful struct{ Objects }

func (o forgetful) BeginDue(context.Context, *object.Due, *object.DueUpload) error {
	return object.ErrNotDue
}

// head is what a key is.
func (f *stage) head(key string) *object.Head {
	f.t.Helper()
	h, err := f.h.Objects.Current(f.ctx, f.b, key)
	if err != nil || h == nil {
		f.t.Fatal(h, err)
	}
	return h
}

// bytes are those of a key.
func (f *stage) bytes(key string) string {
	f.t.Helper()
	o, err := f.h.Objects.Get(f.ctx, f.b, object.Get{Key: key})
	if err != nil {
		f.t.Fatal(err)
	}
	defer o.Body.Close()
	raw, err := io.ReadAll(o.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(raw)
}

// multi stores an object in parts.
func (f *stage) multi(key string, parts ...string) {
	f.t.Helper()
	u, err := f.h.Objects.CreateUpload(f.ctx, f.b, object.NewUpload{Key: key})
	if err != nil {
		f.t.Fatal(err)
	}
	c := object.Complete{Key: key, Upload: u.ID, Size: -1, Finish: func([]object.Part) (object.Digest, error) {
		return object.Digest{ETag: fmt.Sprintf("%s-%d", sum(key), len(parts))}, nil
	}}
	for i, p := range parts {
		got, err := f.h.Objects.PutPart(f.ctx, f.b, key, u.ID, i+1, bodyOf(p))
		if err != nil {
			f.t.Fatal(err)
		}
		c.Parts = append(c.Parts, object.CompletePart{Number: i + 1, ETag: got.ETag})
	}
	if _, err := f.h.Objects.Complete(f.ctx, f.b, c); err != nil {
		f.t.Fatal(err)
	}
}

// TestOtherETag: an object whose ETag is no MD5 of its bytes, though it looks like one, is sent.
func TestOtherETag(t *testing.T) {
	f := newStage(t, object.Replicate{Existing: true})
	for key, etag := range map[string]string{"like one": sum("other bytes"), "unlike": "of-parts-3"} {
		b := bodyOf("bytes")
		b.Finish = func() (object.Digest, error) { return object.Digest{ETag: etag}, nil }
		if _, err := f.h.Objects.Put(f.ctx, f.b, object.Put{Key: key, Body: b}); err != nil {
			t.Fatal(err)
		}
	}
	if left := f.drain(f.run()); left != 0 {
		t.Errorf("%d are left", left)
	}
	f.same(map[string]string{"like one": "bytes", "unlike": "bytes"})
}

// TestParts: a large object is sent in parts, goes on after a crash where it was, and begins
// anew for another version.
func TestParts(t *testing.T) {
	f := newStage(t, object.Replicate{Existing: true})
	body := make([]byte, 2*partSize+99)
	for i := 0; i < len(body); i += 512 {
		body[i] = byte(rand.Uint32()) // chance: bytes that nobody asks for
	}
	f.put("big", string(body))
	parts := 0
	f.to.fail = func(call, _ string) error {
		if parts++; call == "part" && parts > 4 {
			return errs.New(errs.Unavailable, "away")
		}
		return nil
	}
	if left := f.drain(f.run()); left != 1 || f.to.begun != 1 {
		t.Fatalf("%d left, %d begun", left, f.to.begun)
	}
	taken := f.to.parts
	f.to.fail = nil
	if left := f.drain(f.run()); left != 0 || f.to.begun != 1 || f.to.parts != 3 || taken == 0 {
		t.Errorf("%d left, %d uploads begun, %d parts taken, %d before the crash", left, f.to.begun, f.to.parts, taken)
	}
	f.same(map[string]string{"big": string(body)})
}

// TestRefusedObject: an object that the store does not take waits alone, is named, and is sent when
// it is taken.
func TestRefusedObject(t *testing.T) {
	f := newStage(t, object.Replicate{Existing: true})
	f.to.bare = true
	f.put("bad", "1")
	f.put("good", "2")
	f.to.fail = func(call, key string) error {
		if key == "bad" && call == "put" {
			return errs.Newf(errs.Invalid, "%w: no", errRefused)
		}
		return nil
	}
	if left := f.drain(f.run()); left != 1 {
		t.Fatalf("%d left", left)
	}
	f.same(map[string]string{"good": "2"})
	all, err := f.h.Objects.Replications(f.ctx, f.b)
	if err != nil || len(all) != 1 || all[0].Waiting != 1 || all[0].Refused != 1 || all[0].Key != "bad" || all[0].Oldest.IsZero() || !all[0].Done {
		t.Errorf("it is said %+v, %v", all, err)
	}
	f.status("bad", object.FailedStatus)
	f.status("good", object.CompletedStatus)
	f.put("good", "3")
	f.status("good", object.PendingStatus)
	f.to.fail = nil
	f.put("bad", "4")
	if left := f.drain(f.run()); left != 0 {
		t.Errorf("%d left", left)
	}
	f.same(map[string]string{"bad": "4", "good": "3"})
}

// TestRefusalsHoldUpNobody: what a store refuses, whether that is said of the object or may be
// about all, is put aside, and what comes after is sent.
func TestRefusalsHoldUpNobody(t *testing.T) {
	for name, refusal := range map[string]error{
		"of the object": errs.Newf(errs.Invalid, "%w: no", errRefused),
		"denied":        answered{errs.New(errs.Denied, "no")},
		"busy":          answered{errs.New(errs.Unavailable, "not now")},
	} {
		t.Run(name, func(t *testing.T) {
			f := newStage(t, object.Replicate{Existing: true})
			for i := range 5 * InFlight {
				f.put(fmt.Sprint("k", i), "x")
			}
			if err := f.h.Objects.CleanUp(f.ctx); err != nil {
				t.Fatal(err)
			}
			rows, _, err := f.h.Objects.OutgoingDues(f.ctx, nil, 100)
			if err != nil || len(rows) != 5*InFlight {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			bad, good := map[string]bool{}, map[string]string{}
			for i, row := range rows {
				if i < 2*InFlight { // more than are sent at once, and before the others
					bad[row.Sort] = true
				} else {
					good[row.Sort] = "x"
				}
			}
			f.to.fail = func(call, key string) error {
				if bad[key] && call == "put" {
					return refusal
				}
				return nil
			}
			r := f.run()
			r.First, r.Longest, r.Breath = time.Hour, time.Hour, time.Millisecond // what is refused is not tried again
			began := time.Now()                                                   // a stopwatch
			for f.to.lacks(good) && time.Since(began) < 20*time.Second {          // a stopwatch
				if err := r.look(f.ctx); err != nil {
					t.Fatal(err)
				}
				r.workers.Wait()
			}
			f.same(good)
		})
	}
}

// lacks reports whether something of these bodies by key is not there.
func (s *shelf) lacks(want map[string]string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range want {
		if s.things[k].body != v {
			return true
		}
	}
	return false
}

func (f *stage) status(key, want string) {
	f.t.Helper()
	o, err := f.h.Objects.Stat(f.ctx, f.b, object.Get{Key: key})
	if err != nil {
		f.t.Fatal(err)
	}
	if got, err := f.h.Objects.ReplicationStatus(f.ctx, f.b, &o.Head); err != nil || got != want {
		f.t.Errorf("%s is %q, want %q; %v", key, got, want, err)
	}
}

// late plays one who was given up: its request of an older state arrives after another sent a newer
// one. It returns what is there at the end.
func late(f *stage) string {
	f.to.bare = true
	held, go1 := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.put("k", "old")
	first := f.run()
	f.to.before = func(call, _ string) {
		if call == "put" {
			stop := false
			once.Do(func() { stop = true })
			if stop {
				close(held)
				<-go1
			}
		}
	}
	ctx := f.ctx
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g := *f
		g.ctx = context.WithoutCancel(ctx)
		g.drain(first)
	}()
	<-held
	f.put("k", "new")
	f.node[0] = 7 // another node
	second := f.run()
	f.drain(second)
	if f.to.body("k") != "new" {
		f.t.Error("the second does not send what is new")
	}
	// The first is given up for good: only its request arrives.
	f.to.mu.Lock()
	f.to.things["k"] = thing{body: "old", etag: sum("old"), sent: Sent{Mark: "x"}}
	f.to.mu.Unlock()
	f.at.ahead.Add(int64(attempt + time.Hour))
	f.drain(second)
	got := f.to.body("k")
	close(go1)
	<-ended
	return got
}

// heedless settles without heed of what others claimed.
type heedless struct{ Objects }

func (o heedless) SettleDue(ctx context.Context, d *object.Due, _ object.Claim) error {
	return o.DropDues(ctx, d.Row)
}

// TestLate: an older state that arrives late is replaced again. Without heed of what others
// claimed it would stay.
func TestLate(t *testing.T) {
	if got := late(newStage(t, object.Replicate{})); got != "new" {
		t.Errorf("in the end it is %q", got)
	}
	f := newStage(t, object.Replicate{})
	f.objects = heedless{f.h.Objects}
	if got := late(f); got != "old" {
		t.Errorf("without the rule it is %q: the test shows nothing", got)
	}
}

// TestRace: keys change while they are sent, by several at once; in the end all is there.
func TestRace(t *testing.T) {
	f := newStage(t, object.Replicate{Existing: true, Deletes: true})
	r := f.run()
	ctx, cancel := context.WithCancel(f.ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	want := map[string]string{}
	for i := range 200 {
		key := fmt.Sprint("k", rand.IntN(9)) // chance: which
		if rand.IntN(4) == 0 {
			f.delete(key)
			delete(want, key)
			continue
		}
		want[key] = fmt.Sprint("value ", i)
		f.put(key, want[key])
		if i%20 == 0 {
			if err := f.h.Objects.CleanUp(f.ctx); err != nil {
				t.Fatal(err)
			}
			r.Wake()
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left := f.drain(f.run()); left != 0 {
		f.at.ahead.Add(int64(2 * time.Hour))
		if left = f.drain(f.run()); left != 0 {
			t.Errorf("%d left", left)
		}
	}
	f.same(want)
}
