package simtest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	pebble "github.com/cockroachdb/pebble/v2/vfs"

	"rhizome/base/vfs"
	"rhizome/cluster/register"
	"rhizome/cluster/register/core"
	"rhizome/model/object"
)

// flaw is something wrong with a rhizome that histories have to show. The zero value is
// none.
type flaw struct {
	name string
	// kinds are the troubles under which it shows.
	kinds  []string
	front  func(http.Handler) http.Handler
	model  func(object.Service) object.Service
	peer   func(local *register.Replica, p register.Peer) register.Peer
	source func(register.Source) register.Source
	fs     func(vfs.FS) vfs.FS
	hasty  bool // who leaves does not wait: what it had cannot be read
}

func (f flaw) peers(local *register.Replica, p register.Peer) register.Peer {
	if f.peer == nil {
		return p
	}
	return f.peer(local, p)
}

func (f flaw) sources(s register.Source) register.Source {
	if f.source == nil {
		return s
	}
	return f.source(s)
}

func (f flaw) disk(fs vfs.FS) vfs.FS {
	if f.fs == nil {
		return fs
	}
	return f.fs(fs)
}

var flaws = []flaw{
	{name: "a read asks this node alone", kinds: []string{"isolate", "split"},
		peer: func(l *register.Replica, p register.Peer) register.Peer { return &echoing{p, l} }},
	{name: "a change is done before a majority has it", kinds: []string{"isolate", "power", "blackout"},
		peer: func(_ *register.Replica, p register.Peer) register.Peer { return &eager{p} }},
	{name: "who knows a newer layout votes under the old one", kinds: []string{"layout", "oneway"},
		peer: func(_ *register.Replica, p register.Peer) register.Peer { return &obliging{p} }},
	{name: "a deletion is forgotten though a replica is away", kinds: []string{"forget", "isolate"},
		peer: func(_ *register.Replica, p register.Peer) register.Peer { return &forgetful{p} }},
	{name: "a new replica imports nothing", kinds: []string{"layout"},
		source: func(s register.Source) register.Source { return &empty{s} }},
	{name: "an answer comes before the log is on disk", kinds: []string{"blackout"},
		fs: func(fs vfs.FS) vfs.FS { return &lazy{fs} }},
	{name: "a store does not look at conditions", kinds: []string{"isolate"},
		model: func(o object.Service) object.Service { return &unconditional{o} }},
	{name: "a home leaves before all is handed on", kinds: []string{"layout", "leave"}, hasty: true},
	{name: "a newcomer imports nothing", kinds: []string{"join", "isolate"}, // one in 20 to 30 shows it
		source: func(s register.Source) register.Source { return &empty{s} }},
	{name: "a home goes on with an empty disk", kinds: []string{"empty", "isolate"}},
	{name: "a gateway remembers what it read", kinds: []string{"isolate"}, front: remembering},
}

// TestFlawsAreCaught: histories of a rhizome that has one thing wrong are not
// linearizable, and it does not take many to see that.
func TestFlawsAreCaught(t *testing.T) {
	for _, f := range flaws {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			const most = 400
			for seed := uint64(1); seed <= most; seed++ {
				p := newPlan(seed)
				p.kinds, p.flaw, p.homes, p.way.Loss = f.kinds, f, 3, 0
				r := p.play(t)
				err := r.Check(time.Minute)
				if f.hasty {
					err = r.unread
				}
				if err != nil {
					t.Logf("caught by history %d: %.2000v", seed, err)
					return
				}
			}
			t.Errorf("%d histories did not show it", most)
		})
	}
}

// echoing is a replica that answers reads with what the asker's own has.
type echoing struct {
	register.Peer
	local *register.Replica
}

func (e *echoing) Read(ctx context.Context, term uint64, row register.Row) (core.Answer, error) {
	return e.local.Read(ctx, term, row)
}

func (e *echoing) Scan(ctx context.Context, s register.Sweep) (core.Section, error) {
	return e.local.Scan(ctx, s)
}

// eager is a replica that counts as having accepted what is only on its way.
type eager struct{ register.Peer }

func (e *eager) Accept(ctx context.Context, term uint64, row register.Row, r core.Record) (core.Answer, error) {
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = e.Peer.Accept(ctx, term, row, r)
	}()
	return core.Answer{Ballot: r.Ballot}, nil
}

// obliging is a replica whose refusals because of a newer layout count as votes.
type obliging struct{ register.Peer }

func (o *obliging) Accept(ctx context.Context, term uint64, row register.Row, r core.Record) (core.Answer, error) {
	a, err := o.Peer.Accept(ctx, term, row, r)
	if a.Refusal == core.OldPlan {
		a = core.Answer{Ballot: r.Ballot}
	}
	return a, err
}

// forgetful is a replica that holds every tombstone, as far as others know.
type forgetful struct{ register.Peer }

func (f *forgetful) Confirm(_ context.Context, term uint64, _ register.Row, _ register.Ballot) (core.Confirmation, error) {
	return core.Confirmation{Version: term, Holds: true}, nil
}

// empty is a source without rows.
type empty struct{ register.Source }

func (e *empty) Export(ctx context.Context, q register.ExportQuery) (*register.Export, error) {
	got, err := e.Source.Export(ctx, q)
	if err != nil {
		return nil, err
	}
	return &register.Export{Bound: got.Bound, Floor: got.Floor, Fences: got.Fences}, nil
}

// lazy is a file system that says that logs are synced when they are not.
type lazy struct{ vfs.FS }

func (l *lazy) Create(name string, c pebble.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.Create(name, c)
	return unsynced(name, f), err
}

func (l *lazy) ReuseForWrite(from, to string, c pebble.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.ReuseForWrite(from, to, c)
	return unsynced(to, f), err
}

func unsynced(name string, f vfs.File) vfs.File {
	if strings.HasSuffix(name, ".log") {
		return &unsyncedFile{f}
	}
	return f
}

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error                { return nil }
func (unsyncedFile) SyncData() error            { return nil }
func (unsyncedFile) SyncTo(int64) (bool, error) { return true, nil }

// unconditional is a store that drops conditions.
type unconditional struct{ object.Service }

func (u *unconditional) Put(ctx context.Context, b *object.Bucket, p object.Put) (*object.Head, error) {
	p.If = object.Conditions{}
	return u.Service.Put(ctx, b, p)
}

// remembering is a gateway that serves what it read within the last ten seconds.
func remembering(front http.Handler) http.Handler {
	type read struct {
		at  time.Time
		got *httptest.ResponseRecorder
	}
	var mu sync.Mutex
	known := map[string]read{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.RawQuery != "" {
			front.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		k, ok := known[r.URL.Path]
		mu.Unlock()
		if !ok || time.Since(k.at) > 10*time.Second {
			k = read{time.Now(), httptest.NewRecorder()}
			front.ServeHTTP(k.got, r)
			if k.got.Code == http.StatusOK {
				mu.Lock()
				known[r.URL.Path] = k
				mu.Unlock()
			}
		}
		for name, values := range k.got.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(k.got.Code)
		_, _ = fmt.Fprint(w, bytes.NewBuffer(k.got.Body.Bytes()))
	})
}
