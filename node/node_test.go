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
)

var quiet = slog.New(slog.DiscardHandler)

func config(t *testing.T) Config {
	return Config{
		Data: filepath.Join(t.TempDir(), "data"), S3: "127.0.0.1:0", Home: "home", Scrub: 720 * time.Hour, Uploads: 168 * time.Hour,
		Member: "first", KeyName: "first", Version: "test", Clock: clock.System{}, Logger: quiet,
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
	if again.keys.id() != n.keys.id() || again.layout.Lineage != n.layout.Lineage {
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
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatOthersCouldReadIsClosed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestDamagedKeysAreNotReplaced(t *testing.T) {
	f, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	k, err := loadKeys(f)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := loadKeys(f); err != nil || *same != *k {
		t.Fatalf("the keys do not come back: %v", err)
	}
	for _, text := range []string{"", "zz", strings.Repeat("ab", 31), strings.Repeat("ab", 33)} {
		if err := os.WriteFile(f.at(rootKeyFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadKeys(f); !errors.Is(err, errs.Corrupt) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestKeyring(t *testing.T) {
	dir := filepath.Join(t.TempDir(), keysDir)
	ring, err := openKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	id := ident.New()
	if err := errors.Join(ring.Keep(id, []byte("one")), ring.Keep(id, []byte("two")), ring.Keep(ident.New(), []byte("x"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ident.New().String()+".new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := ring.all()
	if err != nil || len(all) != 2 || string(all[id]) != "two" {
		t.Errorf("%v %v", all, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "stranger"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.all(); !errors.Is(err, errs.Corrupt) {
		t.Errorf("%v", err)
	}
}

func TestSupervise(t *testing.T) {
	var ended atomic.Int32
	waits := func(ctx context.Context) error { <-ctx.Done(); ended.Add(1); return nil }
	short := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errs.New(errs.Full, "no room") }
	err := supervise(t.Context(), []service{{"a", waits}, {"b", short}, {"c", fails}, {"d", waits}})
	if !errors.Is(err, errs.Full) || !strings.Contains(err.Error(), "c: no room") || ended.Load() != 2 {
		t.Errorf("%v, %d ended", err, ended.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := supervise(ctx, []service{{"a", waits}}); err != nil {
		t.Errorf("told to stop: %v", err)
	}
	if err := supervise(t.Context(), []service{{"b", short}}); err != nil {
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

func TestTheScrubberNotesAndForgets(t *testing.T) {
	n, err := Open(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	now := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	n.scrubber.clock = now
	id := writeExtent(t, n, []byte("some bytes"))
	if err := n.scrubber.window(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if p := n.scrubber.wire(); p.Finished == nil || !p.Finished.Equal(now.Now()) || p.Running {
		t.Errorf("%+v", p)
	}
	if ids, _, err := n.damage.all(); err != nil || len(ids) != 0 {
		t.Errorf("%v %v", ids, err)
	}
	info, err := n.disks.Info(t.Context(), id)
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
	if err := n.scrubber.window(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if ids, _, err := n.damage.all(); err != nil || len(ids) != 1 || ids[0] != id {
		t.Errorf("damage found: %v %v", ids, err)
	}
	turn()
	if err := n.scrubber.window(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if ids, _, err := n.damage.all(); err != nil || len(ids) != 0 {
		t.Errorf("whole again, still noted: %v %v", ids, err)
	}
}

// TestWindowsMakeAPass: a pass is done within the days it is given, and a restart
// within the day reads nothing twice.
func TestWindowsMakeAPass(t *testing.T) {
	n, err := Open(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	now := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := n.scrubber
	s.clock, s.every = now, 10*24*time.Hour
	for range 200 {
		writeExtent(t, n, []byte("some bytes"))
	}
	days := 0
	for s.progress().Finished == 0 && days < 30 {
		before := s.progress().Checked
		if err := s.window(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if s.progress().Finished == 0 && s.progress().Checked == before {
			t.Fatal("a window that reads nothing")
		}
		at := s.progress()
		if err := s.window(t.Context(), false); err != nil || s.progress() != at {
			t.Fatalf("a second window in one day: %v", err)
		}
		now.Advance(24 * time.Hour)
		days++
	}
	if days < 9 || days > 12 {
		t.Errorf("a pass of 10 days took %d windows", days)
	}
	fresh := &scrubber{rows: n.rows}
	if err := fresh.load(); err != nil || fresh.at.Finished != s.at.Finished {
		t.Errorf("the progress was not kept: %v", err)
	}
}

func writeExtent(t *testing.T, n *Node, frame []byte) ident.ID {
	t.Helper()
	id := ident.New()
	w, err := n.disks.Create(t.Context(), id, int64(len(frame)))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(frame); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(nil); err != nil {
		t.Fatal(err)
	}
	return id
}
