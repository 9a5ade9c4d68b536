package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
)

// asks makes a signed request of a home's S3.
func (x *home) asks(t *testing.T, key *account.Key, method, target string, body []byte) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, x.S3().URL+target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := sigv4.Sign(r, sigv4.Credentials{AccessKey: key.ID, Secret: key.Secret}, "UNSIGNED-PAYLOAD", time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return resp.StatusCode, string(got)
}

func (x *home) wants(t *testing.T, key *account.Key, status int, method, target string, body []byte) string {
	t.Helper()
	got, text := x.asks(t, key, method, target, body)
	if got != status {
		t.Fatalf("%s %s at %s: %d %.300s, not %d", method, target, x.config.Home, got, text, status)
	}
	return text
}

// says are the reasons that the status gives.
func (x *home) says(t *testing.T, l lang.Language) string {
	t.Helper()
	s := admin.New(admin.Config{Keys: x.accounts, Buckets: x.objects, Objects: x.objects, Locator: x.Node, Host: x.Node, Cluster: x.Node,
		Clock: clock.System{}, Logger: quiet})
	all, err := s.Reasons(t.Context(), lang.New(l))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range all {
		out = append(out, r.Text)
	}
	return strings.Join(out, "\n")
}

// certain waits until the replicas know what both of them hold.
func (h *homes) certain() {
	h.t.Helper()
	n := 0
	for _, x := range h.all {
		h.eventually("both replicas know what both hold", func() bool {
			if x.stop == nil {
				return true
			}
			if n++; n%200 == 0 { // what was said in vain is asked for
				for _, o := range h.all {
					x.regs.LinkUp(o.keys.id())
				}
			}
			it, err := x.rows.Iter([]byte("u"), []byte("v")) // the list of doubts
			if err != nil {
				h.t.Fatal(err)
			}
			defer it.Close()
			return !it.First()
		})
	}
}

// TestTwoHomesOneAway: with two homes and no witness, reads go on while one is away, also
// after a restart of the one that is left, and writes stop, of which the status tells.
func TestTwoHomesOneAway(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	key := a.key(t)
	b := h.join(a, "brest")
	h.settled(2)
	big := bytes.Repeat([]byte("garden "), 500_000)
	a.wants(t, key, 200, "PUT", "/family", nil)
	a.wants(t, key, 200, "PUT", "/family/old/big", big)
	b.wants(t, key, 200, "PUT", "/family/old/small", []byte("hello"))
	b.wants(t, key, 200, "PUT", "/family/gone", []byte("hello"))
	b.wants(t, key, 204, "DELETE", "/family/gone", nil)
	h.certain()
	reads := func(x *home) {
		t.Helper()
		if got := x.wants(t, key, 200, "GET", "/family/old/big", nil); got != string(big) {
			t.Errorf("%s reads %d bytes", x.config.Home, len(got))
		}
		if got := x.wants(t, key, 200, "GET", "/family/old/small", nil); got != "hello" {
			t.Errorf("%s reads %q", x.config.Home, got)
		}
		x.wants(t, key, 200, "HEAD", "/family/old/big", nil)
		x.wants(t, key, 404, "GET", "/family/gone", nil)
		x.wants(t, key, 404, "GET", "/family/never", nil)
		if got := x.wants(t, key, 200, "GET", "/family?list-type=2", nil); strings.Count(got, "<Key>") != 2 {
			t.Errorf("%s lists %s", x.config.Home, got)
		}
		if got := x.wants(t, key, 200, "GET", "/family?list-type=2&delimiter=/", nil); !strings.Contains(got, "<Prefix>old/</Prefix>") {
			t.Errorf("%s lists %s", x.config.Home, got)
		}
		if got := x.wants(t, key, 200, "GET", "/", nil); !strings.Contains(got, "<Name>family</Name>") {
			t.Errorf("%s lists buckets: %s", x.config.Home, got)
		}
		other := *key
		other.Secret = "another-secret"
		x.wants(t, &other, 403, "GET", "/family/old/small", nil)
	}
	for _, away := range []string{"lyon", "brest"} {
		left := map[string]string{"lyon": "brest", "brest": "lyon"}[away]
		h.kill(away)
		reads(h.all[left])
		x := h.all[left]
		status, text := x.asks(t, key, "PUT", "/family/new", []byte("no"))
		if status != 503 || !strings.Contains(text, "ServiceUnavailable") {
			t.Errorf("a PUT ends with %d %s", status, text)
		}
		h.kill(left)
		x = h.up(left)
		reads(x)
		h.eventually("the status tells of it", func() bool { return strings.Contains(x.says(t, lang.English), "Writes have stopped") })
		if said := x.says(t, lang.English); !strings.Contains(said, "one is away ("+away+"). Reads go on") {
			t.Errorf("the status says:\n%s", said)
		}
		if said := x.says(t, lang.French); !strings.Contains(said, "Les écritures sont arrêtées") || !strings.Contains(said, "Les lectures continuent") {
			t.Errorf("en français il dit :\n%s", said)
		}
		h.up(away)
		h.settled(2)
		h.eventually("writes go on", func() bool {
			status, _ := h.all[left].asks(t, key, "PUT", "/family/old/small", []byte("hello"))
			return status == 200
		})
		h.certain()
	}
	for _, x := range h.all {
		if said := x.says(t, lang.English); !strings.Contains(said, "while one of them is away, writes stop; reads go on") {
			t.Errorf("the status says:\n%s", said)
		}
		reads(x)
	}
}

// later is a clock that a test puts forward.
type later struct {
	clock.System
	by *atomic.Int64
}

func (l later) Now() time.Time { return l.System.Now().Add(time.Duration(l.by.Load())) }

// TestWhoIsAwayForLongIsNotWaitedFor: what takes both homes fails before it would if the one
// that is away might only be restarting.
func TestWhoIsAwayForLongIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	var by atomic.Int64
	a := h.up("lyon", func(c *Config) { c.Clock = later{by: &by} })
	b := h.join(a, "brest")
	h.settled(2)
	h.certain()
	h.kill("brest")
	h.eventually("it is known to be away", func() bool { return !a.members.Up(b.keys.id()) })
	by.Store(int64(time.Hour))
	for what, do := range map[string]func(context.Context) error{
		"an invitation": func(ctx context.Context) error {
			_, err := a.Invite(ctx, api.NewInvitation{Uses: 1, Seconds: 3600})
			return err
		},
		"a bucket": func(ctx context.Context) error {
			_, err := a.objects.CreateBucket(ctx, "family", a.key(t), false)
			return err
		},
		"a change of the layout": func(ctx context.Context) error {
			_, err := a.Change(ctx, api.LayoutChange{Kind: api.ChangeCapacity, Node: a.keys.id().String(), Capacity: 2 << 30})
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second) // a home that restarts is waited for longer
		if err := do(ctx); errs.KindOf(err) != errs.Unavailable || ctx.Err() != nil {
			t.Errorf("%s: %v, %v", what, err, ctx.Err())
		}
		cancel()
	}
	if got, err := a.Invitations(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("what could not be made keeps what is there from being listed: %+v, %v", got, err)
	}
}

// TestThreeHomesBecomeTwo: the status says that reads go on while one of the two is away
// only once each of them can tell alone what both hold.
func TestThreeHomesBecomeTwo(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 5*time.Millisecond)
	a, b, c := h.three()
	for i := range 30 {
		a.put(t, fmt.Sprint("small", i), []byte("hello"))
	}
	h.settled(3)
	if _, err := a.Change(t.Context(), api.LayoutChange{Kind: api.ChangeDrain, Node: c.keys.id().String()}); err != nil {
		t.Fatal(err)
	}
	h.eventually("reads go on alone", func() bool {
		said := a.says(t, lang.English)
		alone := a.replica.Progress().Unsure == 0 && b.replica.Progress().Unsure == 0
		if strings.Contains(said, "reads go on.") && !alone {
			t.Fatalf("the status says too soon:\n%s", said)
		}
		if fr := a.says(t, lang.French); strings.Contains(fr, " in a moment") {
			t.Fatalf("en français il dit :\n%s", fr)
		}
		return alone && strings.Contains(said, "reads go on.")
	})
}

// TestAThirdHomeTakesOver: until it has its copies, both others are needed, and the status
// says so.
func TestAThirdHomeTakesOver(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 20*time.Millisecond)
	a := h.up("lyon")
	b := h.join(a, "brest")
	h.settled(2)
	for i := range 30 {
		a.put(t, fmt.Sprint("small", i), []byte("hello"))
	}
	h.join(a, "lille")
	h.eventually("the status says that all are needed", func() bool { return strings.Contains(a.says(t, lang.English), "all homes are needed") })
	h.kill("brest")
	stopped := false
	h.eventually("the status says what stopped", func() bool {
		said := a.says(t, lang.English)
		stopped = strings.Contains(said, "of the data have stopped: other homes were just taking it over") && strings.Contains(said, "one is away (brest)")
		return stopped || a.tookUp()
	})
	if !stopped {
		t.Error("all was taken over before a home went")
	}
	h.up(b.config.Home)
	h.settled(3)
	h.eventually("nothing is said any more", func() bool { return a.says(t, lang.English) == "" })
}
