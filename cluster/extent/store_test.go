package extent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/kv"
)

var ctx = context.Background()

// world is a rhizome of one node with one disk.
type world struct {
	*Store
	t     testing.TB
	fs    vfs.FS
	dir   string
	rows  *kv.Store
	local *register.Replica
	regs  *register.Coordinator
	disks *extentstore.Store
}

func newWorld(t testing.TB, fs vfs.FS) *world { return newWorldIn(t, fs, "/") }

func newWorldIn(t testing.TB, fs vfs.FS, dir string) *world {
	t.Helper()
	w := &world{t: t, fs: fs, dir: dir}
	w.open()
	t.Cleanup(func() {
		if w.Store != nil {
			w.close()
		}
	})
	return w
}

func (w *world) open() {
	var err error
	w.rows, err = kv.Open(w.fs, w.fs.PathJoin(w.dir, "rows"), kv.Options{})
	must(w.t, err)
	node := ident.NodeID{1}
	w.local, err = register.OpenReplica(w.rows, node, register.ReplicaOptions{})
	must(w.t, err)
	l := layout.Single(ident.ID{1}, layout.Node{ID: node, Capacity: 1})
	w.regs = register.NewCoordinator(register.Config{Node: node, Local: w.local, Clock: clock.System{},
		Layout: func() *layout.Layout { return l }})
	w.disks, err = extentstore.Open(w.fs, w.rows, []extentstore.Disk{{Dir: w.fs.PathJoin(w.dir, "disk")}}, extentstore.Options{})
	must(w.t, err)
	w.Store, err = New(w.regs, w.local, w.disks, nil)
	must(w.t, err)
}

func (w *world) close() {
	w.regs.Close()
	must(w.t, w.disks.Close())
	must(w.t, w.rows.Close())
	w.Store = nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, kind errs.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = r.Read(b)
	return b
}

func prose(n int) []byte { return bytes.Repeat([]byte("the quick brown fox. "), n/21+1)[:n] }

func userRow(key string) register.Row { return register.Row{Table: 200, Part: "bucket", Sort: key} }

func (w *world) ref(key string) Ref {
	return Ref{ID: ident.New(), Row: userRow(key), Ballot: w.regs.NewBallot()}
}

// says describes an extent.
func says(text string) Describe {
	return func(_ Piece, made register.Ballot) []byte {
		return codec.Encode(struct {
			Text string `cbor:"1,keyasint"`
			Described
		}{text, Described{made}})
	}
}

func (w *world) put(t testing.TB, ref Ref, plain []byte) Piece {
	t.Helper()
	wr := w.NewWriter(ctx, ref, int64(len(plain)), says("it is me"))
	defer wr.Abort()
	_, err := wr.Write(plain)
	must(t, err)
	p, err := wr.Close(ctx)
	must(t, err)
	return p
}

func (w *world) get(p Piece, offset, n int64) ([]byte, error) {
	r, err := w.Open(ctx, p.Extent, p.Key, p.Length, offset, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestRoundTrip(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	for _, n := range []int{0, 1, 63, 64, 16 << 10, 128 << 10, 129 << 10, FrameSize - 1, FrameSize, FrameSize + 1, 3*FrameSize + 17} {
		for name, plain := range map[string][]byte{"noise": noise(n), "prose": prose(n)} {
			p := w.put(t, w.ref("k"), plain)
			if p.Length != int64(n) {
				t.Fatalf("length %d, want %d", p.Length, n)
			}
			got, err := w.get(p, 0, -1)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%s of %d bytes: %v, %d bytes back", name, n, err, len(got))
			}
			var all bytes.Buffer
			r, err := w.Open(ctx, p.Extent, p.Key, p.Length, 0, -1)
			must(t, err)
			_, err = r.WriteTo(&all)
			must(t, err)
			must(t, r.Close())
			if !bytes.Equal(all.Bytes(), plain) {
				t.Fatalf("%s of %d bytes: WriteTo differs", name, n)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	plain := noise(3*FrameSize + 1000)
	p := w.put(t, w.ref("k"), plain)
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		off := r.Int64N(p.Length)
		n := r.Int64N(p.Length - off + 1)
		got, err := w.get(p, off, n)
		if err != nil || !bytes.Equal(got, plain[off:off+n]) {
			t.Fatalf("%d bytes at %d: %v", n, off, err)
		}
	}
	for _, bad := range [][2]int64{{-1, 1}, {0, p.Length + 1}, {p.Length + 1, 0}, {p.Length, 1}} {
		_, err := w.get(p, bad[0], bad[1])
		wantKind(t, err, errs.Invalid)
	}
}

func TestEarlyClose(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	p := w.put(t, w.ref("k"), noise(5*FrameSize))
	r, err := w.Open(ctx, p.Extent, p.Key, p.Length, 0, -1)
	must(t, err)
	_, err = r.Read(make([]byte, 10))
	must(t, err)
	must(t, r.Close())
}

func TestWrongKeyLengthAndSwappedFrames(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	p := w.put(t, w.ref("k"), noise(2*FrameSize))
	bad := p
	bad.Key = make([]byte, KeySize)
	_, err := w.get(bad, 0, -1)
	wantKind(t, err, errs.Corrupt)
	for _, length := range []int64{p.Length - 1, p.Length + 1, FrameSize, 0} {
		bad = p
		bad.Length = length
		if got, err := w.get(bad, 0, -1); err == nil && len(got) > 0 {
			t.Errorf("length %d: %d bytes served", length, len(got))
		}
	}
	sl, err := newSealer(p.Extent, p.Key)
	must(t, err)
	must(t, w.disks.Read(ctx, p.Extent, 0, 1, nil, func(_ int, frame []byte) error {
		_, err := sl.open(w.codec, frame, make([]byte, bigBuffer), place{1, FrameSize, true})
		wantKind(t, err, errs.Corrupt)
		return nil
	}))
}

func TestTooLong(t *testing.T) {
	w := newWorld(t, vfs.NewCrashable())
	wr := w.NewWriter(ctx, w.ref("k"), -1, nil)
	defer wr.Abort()
	n, err := wr.ReadFrom(io.LimitReader(zeros{}, MaxLength+5))
	if err != nil || n != MaxLength {
		t.Fatalf("%d bytes, %v", n, err)
	}
	_, err = wr.Write([]byte{1})
	wantKind(t, err, errs.TooLarge)
	_, err = wr.Close(ctx)
	wantKind(t, err, errs.TooLarge)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
