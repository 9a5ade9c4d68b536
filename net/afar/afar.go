// Package afar reaches buckets of other S3 stores: it makes the client that imports and
// replication use, and says their errors in kinds.
//
// Certificates are verified. Redirects are not followed, so that no credentials reach another
// host. Nothing has a limit of time but the connection and the beginning of an answer:
// whoever calls brings a context.
package afar

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rhizome/base/errs"
)

// Place says where a store is and how to get in.
type Place struct {
	Endpoint, Region  string
	ID, Secret, Token string
	// Lookup says how a bucket is addressed; the zero value is as suits the endpoint.
	Lookup minio.BucketLookupType
	// Use is what it is used for, as the store may log it.
	Use string
	// Header is sent with each request, unsigned.
	Header http.Header
	// Heard is told of the headers of each answer; nil: nobody is.
	Heard func(http.Header)
	// Retries is how often a request that failed is made, at least once; 0: as the library
	// has it.
	Retries int
}

// New returns a client. Nothing is asked yet.
func New(p Place) (*minio.Core, error) {
	u, err := url.Parse(p.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return nil, errs.Newf(errs.Invalid, "%q is no endpoint: write it as https://s3.example.org", p.Endpoint)
	}
	if p.Lookup == minio.BucketLookupAuto && !strings.HasSuffix(u.Hostname(), ".amazonaws.com") {
		p.Lookup = minio.BucketLookupPath
	}
	t := &marked{transport(), p.Header, p.Heard}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(p.ID, p.Secret, p.Token),
		Secure: u.Scheme == "https", Region: p.Region, BucketLookup: p.Lookup, Transport: t, MaxRetries: p.Retries,
	})
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "the other store cannot be used: %w", err)
	}
	core.SetAppInfo("rhizome", p.Use)
	return core, nil
}

func transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   16,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       time.Minute,
		DisableCompression:    true, // the bytes are wanted as they are stored
	}
}

// Expires is the header of an answer under which an object's Expires is found, whatever it
// says: the library refuses what is no date, and drops the others.
const Expires = "X-Minio-Meta-Expires"

// marked adds headers to every request, and renames Expires in the answers.
type marked struct {
	http.RoundTripper
	header http.Header
	heard  func(http.Header)
}

// RoundTrip implements http.RoundTripper.
func (m *marked) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range m.header {
		r.Header[name] = values
	}
	a, err := m.RoundTripper.RoundTrip(r)
	if err == nil && m.heard != nil {
		m.heard(a.Header)
	}
	if err == nil && a.Header["Expires"] != nil {
		a.Header[Expires] = a.Header["Expires"]
		delete(a.Header, "Expires")
	}
	return a, err
}

// Answer is what a store answered: an HTTP status and S3's code; zero if it did not answer.
func Answer(err error) (status int, code string) {
	var r minio.ErrorResponse
	if errors.As(err, &r) {
		return r.StatusCode, r.Code
	}
	return 0, ""
}

// Wrap says an error of the other store; what it answered is in its own words.
func Wrap(what string, err error) error {
	kind := errs.Unavailable
	switch status, _ := Answer(err); status {
	case http.StatusForbidden, http.StatusUnauthorized:
		kind = errs.Denied
	case http.StatusNotFound:
		kind = errs.NotFound
	case http.StatusPreconditionFailed:
		kind = errs.Conflict
	}
	return errs.Newf(kind, "the other store refused (%s): %s", what, err.Error())
}
