package web_test

import (
	"bytes"
	"strings"
	"testing"

	"rhizome/model/object"
)

// TestKeysOfClients: what is under a key of its writer's is not shown, nor told from what is not
// for visitors, also where it was shown before.
func TestKeysOfClients(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html", Error: "oops.html", Neighbours: true})
	sealed := func(key, text string) {
		body := object.Body{Reader: strings.NewReader(text), Size: int64(len(text)), Customer: object.NewCustomerKey(bytes.Repeat([]byte("k"), 32))}
		_, err := f.home.Objects.Put(t.Context(), f.b, object.Put{Key: key, Body: body})
		f.must(err)
	}
	f.put("page.html", "a page", object.Attrs{})
	f.get("/page.html", 200, "a page")
	sealed("page.html.br", "not to be seen")
	f.get("/page.html", 200, "a page", "Accept-Encoding", "br")
	sealed("page.html", "not to be seen")
	sealed("empty", "")
	sealed("dir/index.html", "not to be seen")
	for _, path := range []string{"/page.html", "/empty", "/dir/"} {
		if w := f.ask("GET", path); w.Code != 403 || strings.Contains(w.Body.String(), "not to be seen") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	f.put("oops.html", "oops", object.Attrs{})
	f.get("/page.html", 403, "oops")
	f.get("/page.html", 403, "oops", "Range", "bytes=0-3")
}
