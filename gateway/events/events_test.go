package events

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/model/hook"
	"rhizome/model/object"
)

// box is an outbox in memory, in the order of its rows.
type box struct {
	mu     sync.Mutex
	events map[register.Row]*object.Event
}

func (b *box) Outgoing(_ context.Context, after *register.Row, limit int) (rows []register.Row, next *register.Row, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for row := range b.events {
		if after == nil || compareRows(row, *after) > 0 {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, compareRows)
	if len(rows) >= limit {
		rows = rows[:limit]
		next = &rows[limit-1]
	}
	return rows, next, nil
}

func compareRows(a, b register.Row) int {
	return strings.Compare(a.Part+"\x00"+a.Sort, b.Part+"\x00"+b.Sort)
}

func (b *box) OutgoingEvent(_ context.Context, row register.Row) (*object.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events[row], nil
}

func (b *box) Told(_ context.Context, ev *object.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.events, ev.Row)
	return nil
}

func (b *box) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.events)
}

func (b *box) add(webhook, part, key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.events == nil {
		b.events = map[register.Row]*object.Event{}
	}
	id := ident.New()
	row := register.Row{Table: object.Outbox, Part: part, Sort: webhook + "\x00" + strings.Repeat("0", 8) + id.Key()}
	b.events[row] = &object.Event{Row: row, Webhook: webhook, ID: id, Kind: object.EventPut, Bucket: "photos", Key: key, Size: 3, ETag: "e", Order: 77, Time: time.UnixMilli(1e12).UTC()}
}

// town has webhooks, whose answers a test sets.
type town struct {
	mu     sync.Mutex
	asked  map[string]int // by webhook
	taken  map[string]int // by key
	answer func(webhook, key string) int
}

// RoundTrip implements http.RoundTripper.
func (o *town) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	name, key := r.URL.Host, m.Records[0].S3.Object.Key
	o.asked[name]++
	w := httptest.NewRecorder()
	status := o.answer(name, key)
	if status == 200 {
		o.taken[key]++
	}
	w.WriteHeader(status)
	return w.Result(), nil
}

// Webhook implements Webhooks.
func (o *town) Webhook(_ context.Context, name string) (*hook.Webhook, error) {
	if name == "removed" {
		return nil, hook.ErrUnknown
	}
	w := &hook.Webhook{Name: name, URL: "http://" + name + "/", Secret: "s"}
	if name == "ahead" { // by a clock that was put right since
		w.Created = time.UnixMilli(1e12).AddDate(50, 0, 0)
	}
	if name == "younger" {
		w.Created = time.UnixMilli(1e12).Add(time.Hour)
	}
	return w, nil
}

// later has the fake time, which begins in 2000, be after the events', which are of 2001.
type later struct{ clock.System }

func (c later) Now() time.Time { return c.System.Now().AddDate(10, 0, 0) }

// play runs a deliverer under fake time.
func play(t *testing.T, f func(t *testing.T, b *box, o *town, d *Deliverer)) {
	synctest.Test(t, func(t *testing.T) {
		b, o := &box{}, &town{asked: map[string]int{}, taken: map[string]int{}, answer: func(string, string) int { return 200 }}
		d := New(Config{Outbox: b, Webhooks: o, Region: "here", Clock: later{}, Logger: slog.New(slog.DiscardHandler)})
		d.http.Transport = o
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		f(t, b, o, d)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// pass lets fake time go by.
func pass(d time.Duration) { <-time.After(d) }

// TestDeliver: one webhook that is away for a day holds up no other, is left alone for longer
// and longer, and is told all once it is back.
func TestDeliver(t *testing.T) {
	play(t, func(t *testing.T, b *box, o *town, d *Deliverer) {
		away := true
		o.answer = func(webhook, _ string) int {
			if webhook == "away" && away {
				return 503
			}
			return 200
		}
		const many = 160
		for i := range many {
			part := string(rune('a' + i%16))
			b.add("away", part, "x")
			b.add("here", part, "y")
		}
		b.add("removed", "a", "z")
		b.add("younger", "a", "z") // of a former webhook of the name
		b.add("ahead", "a", "w")
		d.Wake()
		pass(24 * time.Hour)
		o.mu.Lock()
		if o.asked["younger"] != 0 {
			t.Error("a webhook is told what was for a former one of its name")
		}
		if o.taken["w"] != 1 {
			t.Error("a webhook that was made while the clock was ahead is told nothing")
		}
		if o.taken["y"] != many || b.left() != many {
			t.Errorf("%d told, %d left, want %d", o.taken["y"], b.left(), many)
		}
		// 10 failures up to a quarter of an hour, then 4 an hour; some are made side by side.
		if n := o.asked["away"]; n < 80 || n > 140*InFlight {
			t.Errorf("the one that is away was asked %d times in a day", n)
		}
		away = false
		o.mu.Unlock()
		if got := d.Silent(23 * time.Hour); !slices.Equal(got, []string{"away"}) || d.Silent(25*time.Hour) != nil {
			t.Errorf("silent are %q", got)
		}
		if s := d.State("away"); s.Failed < 80 || !strings.Contains(s.Error, "503") || s.Again.Before(time.Now()) {
			t.Errorf("its state is %+v", s)
		}
		pass(time.Hour)
		if b.left() != 0 || o.taken["x"] != many || d.State("away") != (State{}) {
			t.Errorf("%d are left, %d told", b.left(), o.taken["x"])
		}
		told, failed := d.Counts()
		if told != 2*many+1 || failed == 0 {
			t.Errorf("%d told, %d failed", told, failed)
		}
	})
}

// TestRefusedEvent: an event that its webhook refuses waits alone, and is told when it is
// taken.
func TestRefusedEvent(t *testing.T) {
	play(t, func(t *testing.T, b *box, o *town, d *Deliverer) {
		bad := true
		o.answer = func(_, key string) int {
			if key == "bad" && bad {
				return 400
			}
			return 200
		}
		b.add("here", "a", "bad")
		for range 50 {
			b.add("here", "a", "good")
		}
		d.Wake()
		pass(time.Hour)
		if b.left() != 1 || o.taken["good"] != 50 || d.State("here").Failed != 0 {
			t.Errorf("%d left, %d told, %+v", b.left(), o.taken["good"], d.State("here"))
		}
		o.mu.Lock()
		bad = false
		o.mu.Unlock()
		pass(time.Hour)
		if b.left() != 0 || o.taken["bad"] != 1 {
			t.Errorf("%d left", b.left())
		}
	})
}

// TestBody: the body is what S3 sends, to the letter.
func TestBody(t *testing.T) {
	d := New(Config{Region: "eu"})
	ev := &object.Event{Rule: "r", Kind: object.EventPut, Bucket: "photos", Key: "a b/é+", Version: "v", Size: 0, ETag: "e", Order: 255,
		Time: time.UnixMilli(1e12).UTC(), By: object.Origin{Key: "GK", Address: "192.0.2.1", Request: "R"}}
	id := ev.BucketID.String()
	want := `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu","eventTime":"2001-09-09T01:46:40.000Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"GK"},` +
		`"requestParameters":{"sourceIPAddress":"192.0.2.1"},"responseElements":{"x-amz-id-2":"rhizome","x-amz-request-id":"R"},` +
		`"s3":{"s3SchemaVersion":"1.0","configurationId":"r","bucket":{"name":"photos","ownerIdentity":{"principalId":"` + id + `"},"arn":"arn:aws:s3:::photos"},` +
		`"object":{"key":"a+b%2F%C3%A9%2B","size":0,"eTag":"e","versionId":"v","sequencer":"00000000000000FF"}}}]}`
	if got := string(d.body(ev)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	ev.Kind, ev.Lost = object.EventDelete, 9
	if got := string(d.body(ev)); strings.Contains(got, `"size"`) || !strings.Contains(got, `"eventName":"EventsLost"`) || !strings.Contains(got, `"lostEvents":9`) {
		t.Errorf("got\n%s", got)
	}
	// The example of the documentation: printf '%s' '1000000000.{}' | openssl dgst -sha256 -hmac secret
	if got := Signature("secret", time.Unix(1e9, 0), []byte("{}")); got != "t=1000000000,v1="+example {
		t.Errorf("the signature is %s", got)
	}
}

// example is what openssl says.
const example = "10447a13c77e61914632c736653543f75b152b77a1573fc15a41baad63fc66a3"
