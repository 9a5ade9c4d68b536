package simtest

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"rhizome/gateway/s3/sigv4"
	"rhizome/simtest/history"
)

// visitor is a client that goes to another home with each request. It gives up at its
// context's end, and when the home's program ends, as who loses a connection does. It is
// used by one goroutine.
type visitor struct {
	town *town
	rng  *rand.Rand
}

var errLost = errors.New("no answer")

// send does one request at some home.
func (v *visitor) send(ctx context.Context, method, key, query string, body []byte, header ...string) (*httptest.ResponseRecorder, error) {
	h := v.town.homes[v.rng.IntN(len(v.town.homes))]
	for h.gone.Load() {
		h = v.town.homes[v.rng.IntN(len(v.town.homes))]
	}
	x := h.present()
	if x == nil {
		return nil, fmt.Errorf("%w: nobody listens", history.ErrNoEffect)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(x.ctx, cancel)()
	r := httptest.NewRequestWithContext(ctx, method, "/"+bucket+key+query, bytes.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if err := sigv4.Sign(r, sigv4.Credentials{AccessKey: v.town.key.ID, Secret: v.town.key.Secret}, "UNSIGNED-PAYLOAD", x.clock.Now()); err != nil {
		v.town.t.Error(err)
	}
	came := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		defer cancel()
		defer x.requests.Done()
		came <- serve(x.front, r)
	}()
	select {
	case w := <-came:
		if x.ctx.Err() != nil || w == nil { // it died before it could say so
			return nil, errLost
		}
		return w, refusal(w)
	case <-ctx.Done():
		return nil, errLost
	}
}

// serve returns nil for an answer that was cut off.
func serve(front http.Handler, r *http.Request) (w *httptest.ResponseRecorder) {
	w = httptest.NewRecorder()
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			w = nil
		} else if p != nil {
			panic(p) // a handler's own, which is a fault
		}
	}()
	front.ServeHTTP(w, r)
	return w
}

// refusal says what an answer that is no success tells.
func refusal(w *httptest.ResponseRecorder) error {
	var doc struct {
		XMLName xml.Name
		Code    string
	}
	_ = xml.Unmarshal(w.Body.Bytes(), &doc)
	late := w.Code == 200 && doc.XMLName.Local == "Error" // what took long was answered before it failed
	switch {
	case late && doc.Code == "PreconditionFailed", w.Code == 412:
		return history.ErrMismatch
	case late && doc.Code == "NoSuchKey", w.Code == 404 && (doc.Code == "NoSuchKey" || doc.Code == ""):
		return history.ErrAbsent
	case late && (doc.Code == "InternalError" || doc.Code == "ServiceUnavailable" || doc.Code == "SlowDown"):
		return fmt.Errorf("%s: %w", doc.Code, errLost)
	case late, w.Code >= 400 && w.Code < 500:
		return fmt.Errorf("%w: %d %s", history.ErrNoEffect, w.Code, doc.Code)
	case w.Code >= 300:
		return fmt.Errorf("%d %s: %w", w.Code, doc.Code, errLost)
	}
	return nil
}

// etag reads the header, which is written as S3 does.
func etag(w *httptest.ResponseRecorder) string {
	for name, values := range w.Header() {
		if strings.EqualFold(name, "ETag") {
			return strings.Trim(values[0], `"`)
		}
	}
	return ""
}

func conditions(c history.Condition) (header []string) {
	if c.New {
		header = append(header, "If-None-Match", "*")
	}
	if c.Match != "" {
		header = append(header, "If-Match", `"`+c.Match+`"`)
	}
	return header
}

func (v *visitor) Put(ctx context.Context, key string, body []byte, c history.Condition) (string, error) {
	w, err := v.send(ctx, "PUT", "/"+key, "", body, conditions(c)...)
	if err != nil {
		return "", err
	}
	return etag(w), nil
}

func (v *visitor) Get(ctx context.Context, key string) ([]byte, string, error) {
	w, err := v.send(ctx, "GET", "/"+key, "", nil)
	if err != nil {
		return nil, "", err
	}
	return w.Body.Bytes(), etag(w), nil
}

func (v *visitor) Head(ctx context.Context, key string) (string, error) {
	w, err := v.send(ctx, "HEAD", "/"+key, "", nil)
	if err != nil {
		return "", err
	}
	return etag(w), nil
}

func (v *visitor) Delete(ctx context.Context, key string) error {
	_, err := v.send(ctx, "DELETE", "/"+key, "", nil)
	return err
}

func (v *visitor) Copy(ctx context.Context, from, tag, to string) (string, error) {
	w, err := v.send(ctx, "PUT", "/"+to, "", nil, "X-Amz-Copy-Source", "/"+bucket+"/"+from, "X-Amz-Copy-Source-If-Match", `"`+tag+`"`)
	return tagIn(w, err)
}

// tagIn reads an ETag in a document.
func tagIn(w *httptest.ResponseRecorder, err error) (string, error) {
	var doc struct{ ETag string }
	if err == nil {
		err = xml.Unmarshal(w.Body.Bytes(), &doc)
	}
	return strings.Trim(doc.ETag, `"`), err
}

// List reads page by page, each at some home.
func (v *visitor) List(ctx context.Context) (map[string]string, error) {
	found, after := map[string]string{}, ""
	for {
		var page struct {
			Contents              []struct{ Key, ETag string }
			IsTruncated           bool
			NextContinuationToken string
		}
		query := "?list-type=2"
		if v.rng.IntN(2) == 0 {
			query += "&max-keys=1"
		}
		if after != "" {
			query += "&continuation-token=" + url.QueryEscape(after)
		}
		w, err := v.send(ctx, "GET", "", query, nil)
		if err != nil {
			return nil, err
		}
		if err := xml.Unmarshal(w.Body.Bytes(), &page); err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			found[o.Key] = strings.Trim(o.ETag, `"`)
		}
		if after = page.NextContinuationToken; !page.IsTruncated {
			return found, nil
		}
	}
}

func (v *visitor) Upload(ctx context.Context, key string, parts [][]byte) (history.Complete, error) {
	w, err := v.send(ctx, "POST", "/"+key, "?uploads", nil)
	if err != nil {
		return nil, err
	}
	var made struct{ UploadId string }
	if err := xml.Unmarshal(w.Body.Bytes(), &made); err != nil {
		return nil, err
	}
	var doc strings.Builder
	for i, part := range parts {
		w, err := v.send(ctx, "PUT", "/"+key, fmt.Sprintf("?partNumber=%d&uploadId=%s", i+1, made.UploadId), part)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&doc, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, etag(w))
	}
	return func(ctx context.Context, c history.Condition) (string, error) {
		return tagIn(v.send(ctx, "POST", "/"+key, "?uploadId="+made.UploadId,
			[]byte("<CompleteMultipartUpload>"+doc.String()+"</CompleteMultipartUpload>"), conditions(c)...))
	}, nil
}
