package node

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"rhizome/model/object"
)

// toldKeys is a webhook that notes the keys that it was told of.
type toldKeys struct {
	mu  sync.Mutex
	got map[string]int
}

// ServeHTTP implements http.Handler.
func (k *toldKeys) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m struct {
		Records []struct {
			S3 struct{ Object struct{ Key string } }
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil || len(m.Records) != 1 {
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got[m.Records[0].S3.Object.Key]++
}

func (k *toldKeys) missing(n int) (out []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range n {
		if key := fmt.Sprintf("k%03d", i); k.got[key] == 0 {
			out = append(out, key)
		}
	}
	return out
}

// TestToldThoughKilled: of three homes the one that took the writes dies at once, and the webhook is
// told of every write that was acknowledged.
func TestToldThoughKilled(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, _ := h.three()
	heard := &toldKeys{got: map[string]int{}}
	receiver := httptest.NewServer(heard)
	t.Cleanup(receiver.Close)
	if _, err := a.hooks.Add(t.Context(), a.Facts().Member, "album", receiver.URL, ""); err != nil {
		t.Fatal(err)
	}
	key := a.key(t)
	a.wants(t, key, 200, "PUT", "/garden", nil)
	bucket, err := a.objects.Bucket(t.Context(), "garden", key)
	if err == nil {
		_, err = a.objects.ChangeSettings(t.Context(), bucket, func(s *object.Settings) error {
			s.Notify = []object.Notify{{ID: "all", Webhook: "album", Events: []string{"s3:ObjectCreated:*"}}}
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	const each = 20
	n := 0
	write := func(x *home) {
		t.Helper()
		for range each {
			x.wants(t, key, 200, "PUT", fmt.Sprintf("/garden/k%03d", n), []byte("text"))
			n++
		}
	}
	write(a)
	h.kill("lyon")
	h.eventually("what the killed node took is told", func() bool { return len(heard.missing(n)) == 0 })
	write(b)
	h.eventually("what was written since is told", func() bool { return len(heard.missing(n)) == 0 })
}
