package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/model/object"
)

var quiet = slog.New(slog.DiscardHandler)

func config(t *testing.T) Config {
	return Config{
		Data: filepath.Join(t.TempDir(), "data"), S3: "127.0.0.1:0", Home: "home", Scrub: 720 * time.Hour, Uploads: 168 * time.Hour,
		Member: "first", KeyName: "first", Version: "test", Clock: clock.System{}, Logger: quiet,
		Closing: time.Minute, // however slow the machine is, no test goes on beside a node that is still being closed
	}
}

func TestAFolderHasOneProcess(t *testing.T) {
	c := config(t)
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	// A lock of one process is not seen by itself everywhere; what is looked at here is
	// that a node gives back all it took.
	if err := n.Told(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	again, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if again.FirstKey() != nil || n.FirstKey() == nil {
		t.Error("the first key is not that of the first start")
	}
	if again.keys.id() != n.keys.id() || again.members.Layout().Lineage != n.members.Layout().Lineage {
		t.Error("the node came back as another")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFailedOpenGivesEverythingBack(t *testing.T) {
	c := config(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c.S3 = ln.Addr().String()
	if _, err := Open(t.Context(), c); !errors.Is(err, errs.Invalid) {
		t.Fatalf("%v", err)
	}
	c.S3 = "127.0.0.1:0"
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if n.FirstKey() == nil {
		t.Error("a first key was made by the start that failed, and nobody is told of it")
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func TestDamagedKeysAreNotReplaced(t *testing.T) {
	f, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	k, err := loadKeys(f, fresh(t, f), false)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := loadKeys(f, fresh(t, f), false); err != nil || *same != *k {
		t.Fatalf("the keys do not come back: %v", err)
	}
	for _, text := range []string{"", "zz", strings.Repeat("ab", 31), strings.Repeat("ab", 33)} {
		if err := os.WriteFile(f.at(rootKeyFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadKeys(f, fresh(t, f), false); !errors.Is(err, errs.Corrupt) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSupervise(t *testing.T) {
	var ended atomic.Int32
	waits := func(ctx context.Context) error { <-ctx.Done(); ended.Add(1); return nil }
	short := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errs.New(errs.Full, "no room") }
	err := supervise(t.Context(), quiet, []service{{"a", waits}, {"b", short}, {"c", fails}, {"d", waits}})
	if !errors.Is(err, errs.Full) || !strings.Contains(err.Error(), "c: no room") || ended.Load() != 2 {
		t.Errorf("%v, %d ended", err, ended.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := supervise(ctx, quiet, []service{{"a", waits}}); err != nil {
		t.Errorf("told to stop: %v", err)
	}
	if err := supervise(t.Context(), quiet, []service{{"b", short}}); err != nil {
		t.Errorf("all ended: %v", err)
	}
}

func TestServeEndsWithItsListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := serve(&http.Server{}, ln, quiet)(t.Context()); err == nil {
		t.Error("a server without a listener goes on")
	}
}

func TestRunServesAndStops(t *testing.T) {
	n, err := Open(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	resp, err := http.Get(n.S3().URL)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("anonymous: %s", resp.Status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAStoreThatFailsStopsTheNode(t *testing.T) {
	n, err := Open(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	n.fail(errs.New(errs.Internal, "the log cannot be written"))
	if err := n.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "the log cannot be written") {
		t.Errorf("%v", err)
	}
}

func TestDamageIsNotedAndForgotten(t *testing.T) {
	n, err := Open(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx := t.Context()
	p := store(t, n)
	check := func(want int) {
		t.Helper()
		if _, err := n.scrubber.Whole(ctx); err != nil {
			t.Fatal(err)
		}
		if err := n.review(ctx); err != nil {
			t.Fatal(err)
		}
		if ids, _, err := n.damage.all(); err != nil || len(ids) != want {
			t.Errorf("noted: %v, want %d (%v)", ids, want, err)
		}
	}
	check(0)
	info, err := n.disks.Info(ctx, p.Extent)
	if err != nil {
		t.Fatal(err)
	}
	turn := func() {
		path := filepath.Join(info.Dir, info.File)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw[info.Offset+3] ^= 1
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	turn()
	// A read meets it first.
	r, err := n.extents.Open(ctx, p.Extent, make([]byte, 32), p.Length, 0, -1)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		_ = r.Close()
	}
	if ids, _, lerr := n.damage.all(); errs.KindOf(err) != errs.Corrupt || lerr != nil || len(ids) != 1 {
		t.Errorf("a read of damage: %v; noted: %v (%v)", err, ids, lerr)
	}
	check(1)
	turn()
	check(0)
	turn()
	check(1)
	if err := n.extents.DropRef(ctx, p.Extent, refOf(t, n, p.Extent)); err != nil {
		t.Fatal(err)
	}
	check(0)
}

// store keeps an extent.
func store(t *testing.T, n *Node) extent.Piece {
	t.Helper()
	w := n.extents.NewWriter(t.Context(), extent.Ref{ID: ident.New(), Row: register.Row{Table: object.Objects, Part: "x"}}, -1, nil)
	if _, err := w.Write([]byte("some bytes that are long enough to lie on a disk")); err != nil {
		t.Fatal(err)
	}
	p, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func refOf(t *testing.T, n *Node, id ident.ID) ident.ID {
	t.Helper()
	refs, err := n.extents.Refs(t.Context(), id)
	if err != nil || len(refs) != 1 {
		t.Fatalf("%v %v", refs, err)
	}
	return refs[0].ID
}

// TestWindowsComeDaily: not at once after a start, not twice a day, and soon again
// after the clock was wrong.
func TestWindowsComeDaily(t *testing.T) {
	c := config(t)
	now := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c.Clock = now
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	last := func() time.Time { return n.scrubber.Status().LastWindow }
	if got := n.untilWindow(last()); got != firstWindow {
		t.Errorf("the first window comes after %v", got)
	}
	if err := n.scrubber.Window(t.Context()); err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Hour)
	if got := n.untilWindow(last()); got != 23*time.Hour {
		t.Errorf("an hour after a window the next comes after %v", got)
	}
	now.Advance(-1000 * time.Hour)
	if got := n.untilWindow(last()); got != day {
		t.Errorf("with a clock set back it comes after %v", got)
	}
}

// TestCutOffRequestsKeepTheStoresOpen: a handler that does not end in time must not
// find them closed under it.
func TestCutOffRequestsKeepTheStoresOpen(t *testing.T) {
	c := config(t)
	c.Closing = time.Millisecond
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.requests.begin()
	if err := n.Run(ctx); err != nil {
		t.Error(err)
	}
	if n.closed {
		t.Fatal("the stores were closed")
	}
	if _, err := n.rows.Get(rootMark); err != nil {
		t.Error(err)
	}
	n.requests.end()
	<-n.requests.none()
	n.config.Closing = time.Minute
	if err := n.closeSoon(); err != nil || !n.closed {
		t.Errorf("closed: %t, %v", n.closed, err)
	}
}

// TestNothingIsWrittenIntoABareMountPoint: the disk was unmounted and nobody read it
// since.
func TestNothingIsWrittenIntoABareMountPoint(t *testing.T) {
	n, err := Open(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	dir := filepath.Join(t.TempDir(), "disk2")
	if _, err := n.AddDisk(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if got := n.usableDisks(); len(got) != 2 {
		t.Fatalf("in use: %v", got)
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := n.snapshots.Once(t.Context())
	if err != nil || !strings.HasPrefix(path, n.folder.path+"/") {
		t.Errorf("the snapshot went to %s (%v)", path, err)
	}
	if err := n.ring.Keep(ident.New(), []byte("sealed")); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("in the bare mount point: %v (%v)", left, err)
	}
}

// TestAPersonsCheckIsDoneUnderEndlessLoad, while the upkeep has owners of its own.
func TestAPersonsCheckIsDoneUnderEndlessLoad(t *testing.T) {
	n, err := Open(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	store(t, n)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	n.requests.begin()
	n.due <- struct{}{}
	if err := n.Scrub(ctx); err != nil {
		t.Fatal(err)
	}
	looks := time.NewTicker(5 * time.Millisecond)
	defer looks.Stop()
	limit := time.After(time.Minute)
	for n.scrubber.Status().Finished.IsZero() {
		select {
		case <-looks.C:
		case err := <-done:
			t.Fatal("the node ended before the check:", err)
		case <-limit:
			t.Fatal("the check was not done")
		}
	}
	n.requests.end()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func fresh(t *testing.T, f *folder) bool {
	t.Helper()
	empty, err := f.empty()
	if err != nil {
		t.Fatal(err)
	}
	return empty
}
