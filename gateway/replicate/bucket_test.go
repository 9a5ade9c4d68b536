package replicate

import (
	"context"
	"crypto/md5" // what ETags are
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/clock"
	"rhizome/cluster/register"
	"rhizome/model/object"
	"rhizome/model/remote"
)

// openAt is a bucket of a store over HTTP that a test plays.
func openAt(t *testing.T, h http.HandlerFunc) Target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	to, err := Open(&remote.Remote{Name: "x", Endpoint: s.URL, Region: "r", ID: "a", Secret: "b"}, "there")
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestContentMD5: objects and parts are sent with their MD5, for buckets under object lock ask for it.
func TestContentMD5(t *testing.T) {
	raw := md5.Sum([]byte("bytes"))
	want := base64.StdEncoding.EncodeToString(raw[:])
	puts := 0
	to := openAt(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if puts++; r.Header.Get("Content-MD5") != want {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	body := func() Body { return Body{strings.NewReader("bytes"), 5, sum("bytes")} }
	if err := to.Put(t.Context(), "k", Sent{}, body(), nil); err != nil {
		t.Error(err)
	}
	if _, err := to.PutPart(t.Context(), "k", "upload", 1, body()); err != nil || puts != 2 {
		t.Error(puts, err)
	}
}

// TestExpires: what an object there says of its end is read and compared, whatever it is.
func TestExpires(t *testing.T) {
	for _, expires := range []string{"never", "-1", "Thu, 01 Dec 1994 16:00:00 GMT"} {
		got := ""
		to := openAt(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				got = r.Header.Get("Expires")
			}
			w.Header().Set("Last-Modified", "Thu, 01 Dec 1994 16:00:00 GMT")
			w.Header().Set("Expires", expires)
			w.Header().Set(object.BucketHeader, "its-id")
		})
		if err := to.Put(t.Context(), "k", Sent{Attrs: object.Attrs{Expires: expires}}, Body{strings.NewReader("x"), 1, sum("x")}, nil); err != nil || got != expires {
			t.Errorf("%s is sent as %q: %v", expires, got, err)
		}
		there, err := to.Head(t.Context(), "k")
		if err != nil || there == nil || there.Attrs.Expires != expires || to.ID() != "its-id" {
			t.Errorf("%s: %+v, %v; the bucket is %q", expires, there, err, to.ID())
		}
	}
}

// TestNothingThere: an answer that there is nothing says which bucket it is, too.
func TestNothingThere(t *testing.T) {
	to := openAt(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(object.BucketHeader, "its-id")
		w.WriteHeader(http.StatusNotFound)
	})
	if there, err := to.Head(t.Context(), "k"); err != nil || there != nil || to.ID() != "its-id" {
		t.Errorf("%+v, %v; the bucket is %q", there, err, to.ID())
	}
}

// TestChangedGoesOn: what waits because a store refused the key goes on once the remote is changed.
func TestChangedGoesOn(t *testing.T) {
	r := New(Config{})
	r.mu.Lock()
	r.lanes["x"] = &lane{until: time.Now().Add(time.Hour)} // a stopwatch
	r.mu.Unlock()
	r.Changed()
	if l := r.lanes["x"]; !l.until.IsZero() || len(r.wake) != 1 {
		t.Error("it still waits")
	}
}

// counted counts how often all buckets are looked at.
type counted struct {
	Objects
	rounds atomic.Int64
}

func (c *counted) StartAllReplicating(context.Context) error {
	c.rounds.Add(1)
	return nil
}

func (*counted) OutgoingDues(context.Context, *register.Row, int) ([]register.Row, *register.Row, error) {
	return nil, nil, nil
}

// TestNoDiskIsWoken: all buckets are looked at once an hour, when disks are awake anyway, and at once
// when rules change.
func TestNoDiskIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, woken := &counted{}, make(chan struct{})
		r := New(Config{Objects: c, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler), Awake: func(ctx context.Context) error {
			select {
			case <-woken:
			case <-ctx.Done():
			}
			return ctx.Err()
		}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		want := func(n int64, after time.Duration) {
			t.Helper()
			<-time.After(after)
			synctest.Wait()
			if got := c.rounds.Load(); got != n {
				t.Errorf("all buckets were looked at %d times, want %d", got, n)
			}
		}
		want(1, 20*time.Hour)
		r.Changed()
		want(2, time.Second)
		close(woken)
		want(3, time.Second)
		want(5, 2*time.Hour)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
