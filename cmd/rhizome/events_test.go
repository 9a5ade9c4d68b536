package main

import (
	"crypto/hmac"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"rhizome/gateway/admin/api"
	"rhizome/gateway/events"
)

// receiver is a program of somebody who is told of events, at an address that it comes back
// to.
type receiver struct {
	t       *testing.T
	address string
	secret  string
	server  *http.Server
	mu      sync.Mutex
	got     map[string]int // by event name and key
	order   map[string]string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, address: "127.0.0.1:0", got: map[string]int{}, order: map[string]string{}}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *receiver) start() {
	r.t.Helper()
	ln, err := net.Listen("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.address = ln.Addr().String()
	r.server = &http.Server{Handler: r}
	go func(s *http.Server) { _ = s.Serve(ln) }(r.server)
}

func (r *receiver) kill() { _ = r.server.Close() }

// ServeHTTP checks the signature as the documentation says.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	stamp, _, _ := strings.Cut(strings.TrimPrefix(q.Header.Get(events.SignatureHeader), "t="), ",")
	unix, err := strconv.ParseInt(stamp, 10, 64)
	want := events.Signature(r.secret, time.Unix(unix, 0), body)
	if err != nil || !hmac.Equal([]byte(want), []byte(q.Header.Get(events.SignatureHeader))) {
		r.t.Errorf("a signature is %q", q.Header.Get(events.SignatureHeader))
	}
	var m struct {
		Records []struct {
			EventName string
			S3        struct {
				Bucket struct{ Name string }
				Object struct{ Key, Sequencer, ETag string }
			}
		}
	}
	if err := json.Unmarshal(body, &m); err != nil || len(m.Records) != 1 || m.Records[0].S3.Bucket.Name != "photos" {
		r.t.Errorf("told %s: %v", body, err)
		return
	}
	rec := m.Records[0]
	name := rec.EventName + " " + rec.S3.Object.Key
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[name]++
	r.order[name] = rec.S3.Object.Sequencer
}

func (r *receiver) knows(names ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range names {
		if r.got[n] == 0 {
			return false
		}
	}
	return true
}

// TestWebhook: what happens in a bucket is told, also what happened while the receiver was
// away and before the node was killed; what waits is seen.
func TestWebhook(t *testing.T) {
	h := newHome(t)
	n := h.up()
	rec := newReceiver(t)
	var w api.Webhook
	h.must(&w, "webhook", "add", "album", "http://"+rec.address+"/hook?token=hidden")
	rec.secret = w.Secret
	h.refused("there is a webhook of this name already", "webhook", "add", "album", "http://"+rec.address)
	h.refused("there is no webhook of this name", "bucket", "notify", "photos", "--webhook", "other")
	h.must(nil, "bucket", "create", "photos")
	var b api.Bucket
	h.must(&b, "bucket", "notify", "photos", "--webhook", "album")
	if len(b.Notify) != 1 || b.Notify[0].Webhook != "album" || len(b.Notify[0].Events) != 3 {
		t.Fatalf("the rules are %+v", b.Notify)
	}
	put := func(key string) {
		t.Helper()
		if _, err := n.s3().PutObject(t.Context(), "photos", key, strings.NewReader(key), int64(len(key)), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put("a b/ü.txt")
	n.until(func() bool { return rec.knows("ObjectCreated:Put a+b%2F%C3%BC.txt") })

	rec.kill()
	const away = 20
	for i := range away {
		put(fmt.Sprintf("away-%02d", i))
	}
	if err := n.s3().RemoveObject(t.Context(), "photos", "away-00", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	n.until(func() bool {
		b = api.Bucket{}
		h.must(&b, "bucket", "info", "photos")
		return b.Waiting != nil && b.Waiting.Events == away+1 && len(b.Waiting.By) == 1 && b.Waiting.By[0].Webhook == "album"
	})
	var all []api.Webhook
	n.until(func() bool { h.must(&all, "webhook", "list"); return all[0].Failed > 0 })
	if all[0].Again == nil || all[0].Secret != "" || strings.Contains(all[0].URL, "hidden") {
		t.Errorf("the webhook is shown as %+v", all[0])
	}
	if said := h.must(nil, "bucket", "info", "photos"); !strings.Contains(said, "21 events") {
		t.Errorf("bucket info says\n%s", said)
	}
	put("at the kill")
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	n.wait()
	n = h.up()
	rec.start()
	want := []string{"ObjectCreated:Put at+the+kill", "ObjectRemoved:Delete away-00"}
	for i := range away {
		want = append(want, fmt.Sprintf("ObjectCreated:Put away-%02d", i))
	}
	n.until(func() bool { return rec.knows(want...) })
	n.until(func() bool {
		b = api.Bucket{}
		h.must(&b, "bucket", "info", "photos")
		return b.Waiting == nil
	})
	rec.mu.Lock()
	if rec.order["ObjectCreated:Put away-00"] >= rec.order["ObjectRemoved:Delete away-00"] {
		t.Error("a removal comes before what it removed")
	}
	rec.mu.Unlock()
	if said := n.must(nil, "metrics"); !strings.Contains(said, "rhizome_events_waiting 0") {
		t.Errorf("the metrics say\n%s", said)
	}
	h.must(nil, "bucket", "notify", "photos", "--webhook", "album", "--off")
	h.must(nil, "webhook", "remove", "album", "--yes")
	h.must(&all, "webhook", "list")
	if len(all) != 0 {
		t.Errorf("there are %+v", all)
	}
}
