package s3

import (
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/gateway/s3/s3err"
)

// drip yields one piece after each pause.
type drip struct {
	piece string
	pause time.Duration
	left  int
}

func (d *drip) Read(p []byte) (int, error) {
	<-time.After(d.pause)
	if d.left == 0 {
		return 0, io.EOF
	}
	d.left--
	return copy(p, d.piece), nil
}

func (*drip) Close() error { return nil }

// TestPace: a client that drips is cut, one on a slow line is not, however long it takes.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		name string
		body io.ReadCloser
		cut  bool
	}{
		{"drips", &drip{"x", 20 * time.Second, 1000}, true},
		{"slow line", &drip{strings.Repeat("x", 1400), time.Second, 10000}, false},
		{"stops", io.NopCloser(failing{os.ErrDeadlineExceeded}), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := httptest.NewRequest("PUT", "/b/k", nil)
				r.Body = c.body
				q := &request{w: httptest.NewRecorder(), r: r}
				q.pace()
				_, err := io.Copy(io.Discard, q.r.Body)
				if cut := errors.Is(err, s3err.RequestTimeout); cut != c.cut || !cut && err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestWithin: what must be there in a certain time is cut then, however much is sent,
// and what comes after has all the time again.
func TestWithin(t *testing.T) {
	for _, taken := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/b", nil)
			r.Body = &drip{strings.Repeat("x", 1400), time.Second, 2 * int(formTime/time.Second)}
			q := &request{w: httptest.NewRecorder(), r: r}
			q.pace()
			q.paced.within(formTime)
			if taken {
				q.paced.within(0)
			}
			_, err := io.Copy(io.Discard, q.r.Body)
			if cut := errors.Is(err, s3err.RequestTimeout); cut == taken || taken && err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestStop: a body that is stopped while its client is waited for ends there, and what is
// stopped once it has ended is left alone.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := httptest.NewRequest("PUT", "/b/k", nil)
		r.Body = &drip{"x", time.Second, 1000}
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		q := &request{w: w, r: r}
		q.pace()
		time.AfterFunc(1500*time.Millisecond, q.paced.stop)
		n, err := io.Copy(io.Discard, q.r.Body)
		if n > 2 || !errors.Is(err, s3err.RequestTimeout) || !w.last.Before(time.Now()) || w.last.IsZero() {
			t.Errorf("%d bytes, %v, until %v", n, err, w.last)
		}
		r.Body = &drip{"x", time.Second, 2}
		q = &request{w: w, r: r}
		q.pace()
		if _, err := io.Copy(io.Discard, q.r.Body); err != nil {
			t.Error(err)
		}
		if q.paced.stop(); !w.last.IsZero() {
			t.Error("the connection of a body that has ended was stopped")
		}
	})
}

// deadlines remembers the last one for reading.
type deadlines struct {
	*httptest.ResponseRecorder
	last time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.last = at
	return nil
}
