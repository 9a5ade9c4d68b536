package s3_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"context"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/s3"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/accesslog"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/memobject"
)

// noted are the lines that a gateway told of.
type noted struct {
	mu  sync.Mutex
	all []accesslog.Record
}

func (n *noted) Note(b *object.Bucket, r *accesslog.Record) {
	if b.Settings.Logging == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, *r)
}

// TestLines: each request of a bucket that wants it is a line that says what it was.
func TestLines(t *testing.T) {
	objects, lines := memobject.New(clock.System{}), &noted{}
	k := &account.Key{ID: "RZ0123456789ABCDEF0123", Secret: "a secret that nobody knows", Member: ident.New(), CreateBuckets: true}
	srv := httptest.NewServer(s3.New(s3.Config{Objects: objects, Clock: clock.System{}, Logs: lines, Keys: func(_ context.Context, id string) (*account.Key, error) {
		if id == k.ID {
			return k, nil
		}
		return nil, errs.New(errs.NotFound, "no such key")
	}}))
	defer srv.Close()
	for _, name := range []string{"garden", "quiet"} {
		if _, err := objects.CreateBucket(t.Context(), name, k, false); err != nil {
			t.Fatal(err)
		}
	}
	b, err := objects.Bucket(t.Context(), "garden", k)
	if err != nil {
		t.Fatal(err)
	}
	_, err = objects.ChangeSettings(t.Context(), b, func(s *object.Settings) error {
		s.Logging = &object.Logging{}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	do := func(method, target, body string, headers ...string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		if err := sigv4.Sign(r, sigv4.Credentials{AccessKey: k.ID, Secret: k.Secret}, "UNSIGNED-PAYLOAD", time.Now()); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	do("PUT", "/quiet/x", "12345")
	do("PUT", "/garden/a", "hello")
	do("GET", "/garden/a", "", "Range", "bytes=1-2")
	do("HEAD", "/garden/a", "")
	do("PUT", "/quiet/copy", "", "X-Amz-Copy-Source", "/garden/a")
	do("POST", "/garden/big?uploads", "")
	do("PUT", "/garden/big?uploadId=x&partNumber=1", "1")
	do("GET", "/garden?list-type=2", "")
	do("GET", "/garden?lifecycle", "")
	do("GET", "/garden/a?tagging", "")
	do("DELETE", "/garden/a?versionId=null", "")
	do("PUT", "/garden/a%20%C3%A9%2B%22", "hello")
	r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/garden/a%20%C3%A9%2B%22", nil)
	if err != nil {
		t.Fatal(err)
	}
	link, err := sigv4.Presign(r, sigv4.Credentials{AccessKey: k.ID, Secret: k.Secret}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	resp, err = http.Get(srv.URL + "/garden/b")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	lines.mu.Lock()
	defer lines.mu.Unlock()
	var got []string
	for _, l := range lines.all {
		one := l.Operation + " " + l.Key + " " + http.StatusText(l.Status) + " " + l.Error
		if l.Requester != "arn:aws:iam::"+k.Member.String()+":user/"+k.ID && l.Key != "b" || l.Remote != "127.0.0.1" || l.Request == "" || l.Took < 0 || l.Turn < 0 && l.Status > 0 {
			t.Errorf("%+v", l)
		}
		if l.Operation == "REST.GET.OBJECT" && l.Key == "a" && (l.Sent != 2 || l.Size != 5) || l.Operation == "REST.HEAD.OBJECT" && (l.Sent != 0 || l.Size != 5) {
			t.Errorf("%s: %d of %d", one, l.Sent, l.Size)
		}
		got = append(got, strings.TrimSpace(one))
	}
	want := []string{"REST.PUT.OBJECT a OK", "REST.GET.OBJECT a Partial Content", "REST.HEAD.OBJECT a OK", "REST.COPY.OBJECT_GET a OK", "REST.POST.UPLOADS big OK",
		"REST.PUT.PART big Not Found NoSuchUpload", "REST.GET.BUCKET  OK", "REST.GET.LIFECYCLE  Not Found NoSuchLifecycleConfiguration",
		"REST.GET.OBJECT_TAGGING a OK", "REST.DELETE.OBJECT a No Content", "REST.PUT.OBJECT a é+\" OK", "REST.GET.OBJECT a é+\" OK", "REST.GET.OBJECT b Forbidden AccessDenied"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the lines are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
