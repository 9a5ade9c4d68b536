package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/gateway/admin/api"
)

// note is a Memory.
type note struct{ raw []byte }

func (n *note) Load() ([]byte, error) { return n.raw, nil }
func (n *note) Save(raw []byte) error { n.raw = raw; return nil }

// scene is an alarm, a clock that tests move and what is at risk.
type scene struct {
	*Alarm
	clock   *clock.Manual
	memory  *note
	reasons []api.Reason
	failed  error
	log     strings.Builder
}

func newScene(webhook, command string) *scene {
	s := &scene{clock: clock.NewManual(time.Unix(1e9, 0)), memory: &note{}}
	s.again(webhook, command)
	return s
}

// again is the alarm after a restart.
func (s *scene) again(webhook, command string) {
	s.Alarm = New(Config{Webhook: webhook, Command: command, Node: "aa", Home: "garden", Rhizome: "rr", Memory: s.memory, Clock: s.clock,
		Logger:  slog.New(slog.NewTextHandler(&s.log, nil)),
		Reasons: func(context.Context) ([]api.Reason, error) { return s.reasons, s.failed }})
	s.post.pause = time.Millisecond
}

// pass lets time go by and looks as often as Run would.
func (s *scene) pass(t *testing.T, d time.Duration) {
	for ; d > 0; d -= Every {
		s.clock.Advance(Every)
		s.look(t.Context())
	}
}

// hook is a web address that remembers what it was told.
type hook struct {
	*httptest.Server
	got    []Message
	answer []int // statuses of the next requests; 200 after them
	asked  int
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked++
		if len(h.answer) > 0 {
			w.WriteHeader(h.answer[0])
			h.answer = h.answer[1:]
			return
		}
		var m Message
		raw, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(raw, &m)
		}
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, raw, err)
		}
		h.got = append(h.got, m)
	}))
	t.Cleanup(h.Close)
	return h
}

func away(home, since string) api.Reason {
	return api.Reason{Kind: api.RiskAway, About: home, Text: "The home " + home + " is away, for " + since + "."}
}

// TestToldOnce: a reason that lasts is told once however its words change, another one
// after a while, and that all is good once it is.
func TestToldOnce(t *testing.T) {
	h := newHook(t)
	s := newScene(h.URL+"/secret-path", "")
	s.pass(t, time.Hour)
	s.reasons = []api.Reason{away("attic", "1 minute")}
	s.pass(t, Steady/2)
	s.reasons = nil
	s.pass(t, time.Hour)
	if len(h.got) != 0 {
		t.Fatalf("told of something that did not last: %+v", h.got)
	}
	s.reasons = []api.Reason{away("attic", "2 minutes")}
	s.pass(t, time.Hour)
	s.reasons = []api.Reason{away("attic", "2 hours")}
	s.pass(t, 3*time.Hour)
	if len(h.got) != 1 || h.got[0].State != api.Risk || len(h.got[0].New) != 1 || !strings.Contains(h.got[0].Text, "attic is away") {
		t.Fatalf("told %+v, want one risk", h.got)
	}
	s.again(h.URL, "") // a restart does not tell it again
	s.pass(t, time.Hour)
	s.reasons = append(s.reasons, api.Reason{Kind: api.RiskFull, About: "disk", Text: "Full."})
	s.pass(t, Steady+2*Every)
	if len(h.got) != 2 || len(h.got[1].Reasons) != 2 || len(h.got[1].New) != 1 || h.got[1].New[0].Kind != api.RiskFull {
		t.Fatalf("told %+v, want the second risk", h.got)
	}
	s.reasons = nil
	s.pass(t, Steady+2*Every)
	if len(h.got) != 2 {
		t.Fatal("told too soon after the last call")
	}
	s.pass(t, Quiet)
	if len(h.got) != 3 || h.got[2].State != api.Good || h.got[2].Home != "garden" {
		t.Fatalf("told %+v, want that all is good", h.got)
	}
	s.pass(t, 24*time.Hour)
	if len(h.got) != 3 {
		t.Errorf("told %+v although nothing changed", h.got[3:])
	}
}

// TestToldAnew: what was gone for long is told again though something else stayed.
func TestToldAnew(t *testing.T) {
	h := newHook(t)
	s := newScene(h.URL, "")
	stays := away("barn", "years")
	s.reasons = []api.Reason{stays, away("attic", "1 minute")}
	s.pass(t, time.Hour)
	for i, gone := range []time.Duration{Forget / 2, 2 * Forget} {
		s.reasons = []api.Reason{stays}
		s.pass(t, gone)
		s.reasons = []api.Reason{stays, away("attic", "1 minute")}
		s.pass(t, time.Hour)
		if len(h.got) != 1+i {
			t.Errorf("after %s: told %d times, want %d", gone, len(h.got), 1+i)
		}
	}
}

// TestAttempts: a server that is busy is asked again, one that refuses is not, and what
// could not be told is told later. The address is in no log.
func TestAttempts(t *testing.T) {
	h := newHook(t)
	s := newScene(h.URL+"/secret-path", "")
	h.answer = []int{503, 429, 500}
	s.reasons = []api.Reason{away("attic", "1 minute")}
	s.pass(t, Steady+2*Every)
	if len(h.got) != 1 || h.asked != 4 {
		t.Fatalf("asked %d times, told %d", h.asked, len(h.got))
	}
	s.reasons = append(s.reasons, api.Reason{Kind: api.RiskClock, About: "x", Text: "Clock."})
	h.answer = []int{500, 500, 500, 500, 500, 404, 302}
	s.pass(t, Quiet)
	if h.asked != 9 {
		t.Errorf("asked %d times, want %d", h.asked, 9)
	}
	s.pass(t, 2*Quiet)
	if len(h.got) != 1 || h.asked != 11 {
		t.Errorf("asked %d times, told %d; want one attempt each for 404 and 302", h.asked, len(h.got))
	}
	s.pass(t, Quiet+Every)
	if len(h.got) != 2 {
		t.Errorf("told %d times, want the second risk at last", len(h.got))
	}
	h.Close()
	s.reasons = append(s.reasons, api.Reason{Kind: api.RiskKit, Text: "Kit."})
	s.pass(t, Quiet+Steady)
	if said := s.log.String(); strings.Contains(said, "secret-path") || !strings.Contains(said, "risk-webhook") {
		t.Errorf("the log says %s", said)
	}
}

// TestCommand: a command gets the text and the state; one that fails is told of.
func TestCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail")
	s := newScene("", `{ echo "Subject: $RHIZOME_RISK"; cat; } > '`+file+`'`)
	s.reasons = []api.Reason{away("attic", "1 minute")}
	s.pass(t, Steady+2*Every)
	raw, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(raw), "Subject: risk\n") || !strings.Contains(string(raw), "- The home attic is away") {
		t.Errorf("the command got %q (%v)", raw, err)
	}
	s.again("", "echo no such address >&2; exit 75")
	s.reasons = []api.Reason{away("barn", "1 minute")}
	s.pass(t, Quiet)
	if said := s.log.String(); !strings.Contains(said, "no such address") {
		t.Errorf("the log says %s", said)
	}
}

// TestRunEnds: Run ends with its context, even while a command hangs, and at once if
// nobody is to be told.
func TestRunEnds(t *testing.T) {
	if err := newScene("", "").Run(t.Context()); err != nil {
		t.Error(err)
	}
	s := newScene("", "sleep 1000")
	s.Every, s.Steady = time.Millisecond, time.Nanosecond
	s.reasons = []api.Reason{away("attic", "1 minute")}
	ctx, cancel := context.WithCancel(t.Context())
	looked := make(chan struct{}, 1)
	s.Reasons = func(context.Context) ([]api.Reason, error) {
		s.clock.Advance(time.Second)
		select {
		case looked <- struct{}{}:
		default:
		}
		return s.reasons, nil
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-looked
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestNotLooked: what cannot be looked at is no news.
func TestNotLooked(t *testing.T) {
	h := newHook(t)
	s := newScene(h.URL, "")
	s.reasons = []api.Reason{away("attic", "1 minute")}
	s.pass(t, time.Hour)
	s.failed = errors.New("too few homes answer")
	s.pass(t, time.Hour)
	if len(h.got) != 1 {
		t.Errorf("told %+v", h.got)
	}
}
