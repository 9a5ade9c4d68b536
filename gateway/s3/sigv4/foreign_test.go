package sigv4

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"rhizome/gateway/s3/s3err"
)

// foreign is a request of another client as it went over the wire. gateway/s3/testdata/foreign
// records them.
type foreign struct {
	Signer string
	Time   time.Time
	Path   []byte // decoded
	Wire   string
}

func (f foreign) request(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(f.Wire)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func foreignRequests(t *testing.T) (list []foreign) {
	t.Helper()
	file, err := os.Open("testdata/foreign.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(z)
	for {
		var f foreign
		if err := d.Decode(&f); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
}

// TestForeignSigners verifies requests that the signers of aws-sdk-go-v2 and minio-go
// signed, with awkward paths and queries, and refuses them when anything is changed.
func TestForeignSigners(t *testing.T) {
	list := foreignRequests(t)
	if len(list) < 100 {
		t.Fatalf("only %d requests", len(list))
	}
	v := New("")
	for _, f := range list {
		r := f.request(t)
		a, err := v.verify(r, f.Time, lookupExample)
		if err != nil || a.Kind == Anonymous || r.URL.Path != string(f.Path) {
			t.Errorf("%s %s: %v", f.Signer, r.RequestURI, err)
			continue
		}
		for _, change := range []func(r *http.Request){
			func(r *http.Request) { r.Method = "GET" },
			func(r *http.Request) { r.Host = "127.0.0.1:3901" },
			func(r *http.Request) { r.URL.Path += "/"; r.URL.RawPath = "" },
			func(r *http.Request) { r.URL.RawQuery += "&versionId=1" },
			func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") },
			func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "three") },
		} {
			r := f.request(t)
			change(r)
			if _, err := v.verify(r, f.Time, lookupExample); !errors.Is(err, s3err.SignatureDoesNotMatch) && !errors.Is(err, s3err.AccessDenied) {
				t.Errorf("%s %s, changed: %v", f.Signer, r.RequestURI, err)
			}
		}
	}
}
