package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// store is a bucket in memory; it is a Source and a Target.
type store struct {
	mu     sync.Mutex
	bodies map[string]string
	tags   map[string]string
	fail   string // Open of this key fails
}

func newStore(pairs ...string) *store {
	s := &store{bodies: map[string]string{}, tags: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		s.bodies[pairs[i]], s.tags[pairs[i]] = pairs[i+1], "tag-of-"+pairs[i+1]
	}
	return s
}

func (s *store) Objects(context.Context) iter.Seq2[Object, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Object
	for k, b := range s.bodies {
		all = append(all, Object{k, s.tags[k], int64(len(b))})
	}
	slices.SortFunc(all, func(a, b Object) int { return strings.Compare(a.Key, b.Key) })
	return func(yield func(Object, error) bool) {
		for _, o := range all {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (s *store) Open(_ context.Context, o Object) (io.ReadCloser, api.PutObject, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Key == s.fail {
		return nil, api.PutObject{}, errs.New(errs.Unavailable, "gone")
	}
	return io.NopCloser(strings.NewReader(s.bodies[o.Key])), api.PutObject{ETag: o.ETag, Size: o.Size}, nil
}

func (s *store) Put(_ context.Context, key string, in api.PutObject, body io.Reader) error {
	raw, err := io.ReadAll(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies[key], s.tags[key] = string(raw), in.ETag
	return err
}

// count is a Progress.
type count struct {
	mu                  sync.Mutex
	found, same, copied int
	moved               int64
}

func (c *count) Found(_ Object, same bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found++
	if same {
		c.same++
	}
}
func (c *count) Moved(n int64) { c.mu.Lock(); c.moved += n; c.mu.Unlock() }
func (c *count) Copied(Object) { c.mu.Lock(); c.copied++; c.mu.Unlock() }

func TestOnlyWhatDiffersIsCopied(t *testing.T) {
	from := newStore("a", "1", "b", "22", "c", "333", "e", "5")
	to := newStore("a", "1", "b", "other", "d", "of the target alone", "z", "")
	var c count
	if err := Run(t.Context(), from, to, 3, &c); err != nil {
		t.Fatal(err)
	}
	if c.found != 4 || c.same != 1 || c.copied != 3 || c.moved != 6 {
		t.Errorf("%+v", &c)
	}
	if to.bodies["b"] != "22" || to.bodies["c"] != "333" || to.bodies["d"] == "" || len(to.bodies) != 6 {
		t.Errorf("%v", to.bodies)
	}
	again := count{}
	if err := Run(t.Context(), from, to, 3, &again); err != nil || again.copied != 0 || again.same != 4 {
		t.Errorf("%v %+v", err, &again)
	}
}

func TestAFailureEndsTheRunAndALaterOneGoesOn(t *testing.T) {
	from, to := newStore(), newStore()
	for i := range 500 {
		k := fmt.Sprintf("%03d", i)
		from.bodies[k], from.tags[k] = k, k
	}
	from.fail = "250"
	if err := Run(t.Context(), from, to, 4, &count{}); !errors.Is(err, errs.Unavailable) {
		t.Fatalf("%v", err)
	}
	if n := len(to.bodies); n < 200 || n > 300 {
		t.Errorf("%d objects were copied before the end", n)
	}
	from.fail = ""
	if err := Run(t.Context(), from, to, 4, &count{}); err != nil || len(to.bodies) != 500 {
		t.Errorf("%v, %d objects", err, len(to.bodies))
	}
}

func TestARunCanBeStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, newStore("a", "1"), newStore(), 1, &count{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// breaking yields step bytes, then breaks.
type breaking struct {
	data []byte
	step int
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.step == 0 {
		return 0, errors.New("broken")
	}
	n := copy(p[:min(len(p), b.step)], b.data)
	b.data, b.step = b.data[n:], b.step-n
	return n, nil
}

func (b *breaking) Close() error { return nil }

func TestABrokenConnectionIsMadeAnew(t *testing.T) {
	data := []byte(strings.Repeat("0123456789", 100))
	calls := 0
	r := &resuming{ctx: t.Context(), body: &breaking{data, 300}, size: 1000, pause: time.Nanosecond,
		again: func(offset int64) (io.ReadCloser, error) {
			if calls++; calls%2 == 0 {
				return nil, errors.New("refused")
			}
			return &breaking{data[offset:], 300}, nil
		}}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestABrokenConnectionIsGivenUp(t *testing.T) {
	calls := 0
	r := &resuming{ctx: t.Context(), body: &breaking{nil, 0}, size: 10, pause: time.Nanosecond,
		again: func(int64) (io.ReadCloser, error) { calls++; return nil, errors.New("refused") }}
	if _, err := io.ReadAll(r); !errors.Is(err, errs.Unavailable) || calls != maxBreaks {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestWhichETagsAreMD5(t *testing.T) {
	h := func(pairs ...string) http.Header {
		out := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			out.Set(pairs[i], pairs[i+1])
		}
		return out
	}
	md5 := strings.Repeat("ab", 16)
	for _, c := range []struct {
		tag  string
		h    http.Header
		want bool
	}{
		{md5, h(), true},
		{md5, h("x-amz-server-side-encryption", "AES256"), true},
		{md5, h("x-amz-server-side-encryption", "aws:kms"), false},
		{md5, h("x-amz-server-side-encryption-customer-algorithm", "AES256"), false},
		{md5 + "-3", h(), false},
	} {
		if got := md5Tag(c.tag, c.h); got != c.want {
			t.Errorf("%s %v: %v", c.tag, c.h, got)
		}
	}
}

func TestEndpoints(t *testing.T) {
	for _, e := range []string{"", "s3.example.org", "ftp://x", "http://", "https://a/b", "https://u:p@a"} {
		if _, err := NewS3(Place{Endpoint: e, Bucket: "b", ID: "x", Secret: "y"}); !errors.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", e, err)
		}
	}
	if _, err := NewS3(Place{Endpoint: "http://127.0.0.1:3900/", Bucket: "b", ID: "x", Secret: "y"}); err != nil {
		t.Error(err)
	}
}
