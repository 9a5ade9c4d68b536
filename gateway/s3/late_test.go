package s3

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

func lateRequest() (*request, *httptest.ResponseRecorder) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/open/k", nil)
	q := &request{g: New(Config{}).(*gateway), w: w, r: r, ctx: r.Context(), id: "ID"}
	q.pace()
	return q, w
}

// TestLate: an operation that takes long keeps its client waiting with white space,
// and its error comes in the document.
func TestLate(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "<Result" + namespace + "><A>b</A></Result>"},
		{object.ErrPrecondition, "<Error><Code>PreconditionFailed</Code>"},
	} {
		synctest.Test(t, func(t *testing.T) {
			q, w := lateRequest()
			err := q.answerLate("Result", func(d *doc) error {
				<-time.After(patience + 3*interval - time.Second)
				d.text("A", "b")
				return c.err
			})
			body := w.Body.String()
			if err != nil || w.Code != http.StatusOK || !strings.HasPrefix(body, xmlHead+"  "+"<") || !strings.Contains(body, c.want) {
				t.Fatalf("%d %q %v", w.Code, body, err)
			}
		})
	}
	q, w := lateRequest()
	if err := q.answerLate("Result", func(*doc) error { panic("a bug") }); !errors.Is(err, errs.Internal) || w.Body.Len() > 0 {
		t.Fatal(err, w.Body)
	}
}

// TestTranslate: every error of the object service has a code of its own, and what is
// unknown has one by its kind.
func TestTranslate(t *testing.T) {
	for _, c := range codes {
		if e := translate(errs.Newf(errs.Internal, "more words: %w", c.err)); e.Code != c.code {
			t.Errorf("%v is %s, want %s", c.err, e.Code, c.code)
		}
	}
	for kind, status := range map[errs.Kind]int{
		errs.Internal: 500, errs.NotFound: 500, errs.Exists: 409, errs.Conflict: 409, errs.Denied: 403, errs.Invalid: 400,
		errs.TooLarge: 400, errs.Unavailable: 503, errs.Corrupt: 500, errs.Full: 507,
	} {
		if e := translate(errs.New(kind, "words")); e.Status != status {
			t.Errorf("%v is %d, want %d", kind, e.Status, status)
		}
	}
	if e := translate(errs.New(errs.Invalid, "a secret place")); e.Code != s3err.InvalidRequest || strings.Contains(e.Message, "secret") {
		t.Error(e)
	}
	if e := translate(errors.New("a secret place")); e.Code != s3err.InternalError || strings.Contains(e.Message, "secret") {
		t.Error(e)
	}
}

// TestTable: every route has a handler and a name, and no operation without a
// sub-resource stands before one with it.
func TestTable(t *testing.T) {
	plain := map[string]string{}
	for _, r := range table() {
		at := r.Scope.String() + " " + r.Method
		if r.serve == nil || r.Action == "" {
			t.Errorf("%s ?%s: no handler or no name", at, r.Sub)
		}
		if r.Sub == "" && r.Header == "" {
			plain[at] = r.Action
		} else if plain[at] != "" {
			t.Errorf("%s ?%s comes after %s and is never found", at, r.Sub, plain[at])
		}
		if r.Changes != (r.Method != "GET" && r.Method != "HEAD" && r.Method != "OPTIONS") && r.Action != "-" && r.Refused == "" {
			t.Errorf("%s %s: Changes is %v", at, r.Action, r.Changes)
		}
	}
}

// TestConcurrent: more requests than slots get SlowDown.
func TestConcurrent(t *testing.T) {
	g := New(Config{MaxConcurrent: 1}).(*gateway)
	g.slots <- struct{}{}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 503 || !strings.Contains(w.Body.String(), "SlowDown") || w.Header().Get("Retry-After") == "" {
		t.Fatal(w.Code, w.Body)
	}
}
