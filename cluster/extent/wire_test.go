package extent

import (
	"bytes"
	"io"
	"testing"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/extentstore"
	"rhizome/net/rpc"
)

// FuzzMessages: no bytes of another node do more than an error, and what is understood
// is within its limits.
func FuzzMessages(f *testing.F) {
	id := ident.ID{1}
	f.Add(codec.Encode(putHead{id[:], 5}))
	f.Add(codec.Encode(getHead{id[:], true}))
	f.Add(encodeIDs([]ident.ID{id, {2}}))
	f.Add(codec.Encode(haveAnswer{[]haveRecord{{true, id[:]}}}))
	f.Add(codec.Encode(heldAnswer{[]bool{true}}))
	f.Add(codec.Encode(verifyAnswer{Damaged: []int{-1, 3}}))
	f.Add(counted(codec.Encode(gotHead{Frames: 1, Digest: id[:]})))
	f.Add(append(gotFrame(20), make([]byte, 20)...))
	f.Add(gotFault(errs.New(errs.Corrupt, "damaged")))
	f.Add(append(frameHead(20, [16]byte{}), make([]byte, 20)...))
	f.Add(putEnd([16]byte{1}, []byte("d")))
	room := func(n int) []byte { return make([]byte, n) }
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, size, err := decodePutHead(b); err == nil && (size < -1 || size > maxStored) {
			t.Error(size)
		}
		_, _, _ = decodeGetHead(b)
		if ids, err := decodeIDs(b); err == nil && (len(ids) == 0 || len(ids) > maxBatch) {
			t.Error(len(ids))
		}
		_, _ = decodeHave(b, 1)
		_, _ = decodeHeld(b, 1)
		_, _ = decodeVerify(b)
		if h, err := readGotHead(bytes.NewReader(b)); err == nil && (h.Frames < 0 || h.Frames > maxFrames || len(h.Digest) != extentstore.SumSize) {
			t.Errorf("%+v", h)
		}
		if fr, err := readFrame(bytes.NewReader(b), room); err == nil && (len(fr) > extentstore.MaxFrame || len(fr) < overhead) {
			t.Error(len(fr))
		}
		if it, err := readPut(bytes.NewReader(b), room, func() error { return nil }); err == nil && !it.end && len(it.frame) < overhead {
			t.Error(len(it.frame))
		}
	})
}

// spoken is a stream whose other side said all it will say.
type spoken struct {
	io.Reader
	said bytes.Buffer
}

func (s *spoken) Write(b []byte) (int, error) { return s.said.Write(b) }
func (s *spoken) CloseWrite() error           { return nil }
func (s *spoken) Close() error                { return nil }

var _ rpc.Stream = (*spoken)(nil)

// FuzzPut: a put stream leaves an extent only if it says what the extent is.
func FuzzPut(f *testing.F) {
	frame := make([]byte, 100)
	sum := extentstore.Sum(frame)
	var t extentstore.Tally
	t.Add(len(frame), sum)
	good := append(append(frameHead(len(frame), sum), frame...), putEnd(t.Digest(), []byte("d"))...)
	f.Add(good)
	f.Add(good[:len(good)-1])
	bad := bytes.Clone(good)
	bad[50] ^= 1
	f.Add(bad)
	f.Add(putEnd([16]byte{}, nil))
	f.Add([]byte{9})
	w := newWorld(f, vfs.NewCrashable())
	id := ident.New()
	f.Fuzz(func(t *testing.T, b []byte) {
		st := &spoken{Reader: bytes.NewReader(b)}
		err := w.servePut(ctx, ident.NodeID{2}, codec.Encode(putHead{id[:], -1}), st)
		_, gone := w.disks.Info(ctx, id)
		if (err == nil) != (gone == nil) {
			t.Fatalf("%v, but %v", err, gone)
		}
		if err == nil {
			if bad, err := w.disks.Verify(ctx, id); err != nil || len(bad) > 0 {
				t.Fatal(bad, err)
			}
			must(t, w.disks.Delete(ctx, id))
		}
	})
}

// FuzzGet: whatever is asked for, a get stream ends.
func FuzzGet(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2})
	f.Add([]byte{0xff, 0, 0, 0})
	w := newWorld(f, vfs.NewCrashable())
	p := w.put(f, w.ref("k"), noise(FrameSize+1))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), 64)]
		for _, check := range []bool{false, true} {
			st := &spoken{Reader: bytes.NewReader(b)}
			_ = w.serveGet(ctx, ident.NodeID{2}, codec.Encode(getHead{p.Extent[:], check}), st)
			if _, err := readGotHead(&st.said); err != nil {
				t.Fatal(err)
			}
		}
	})
}
