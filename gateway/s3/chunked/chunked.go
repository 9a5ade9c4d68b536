// Package chunked owns the bodies that S3 clients send: plain ones and those in the
// aws-chunked coding, with signed or unsigned chunks and with trailers.
//
// A Reader yields the decoded bytes and returns io.EOF only when the body was whole:
// its length as announced, every chunk's and the trailer's signature right, the payload
// hash right. Any other end is an *s3err.Error (or the error of the body below, for a
// broken connection) and final. Memory is one small buffer per body: a chunk that fits whole into the
// buffer that the caller passes to Read is verified before Read returns its bytes; a
// larger one is handed on in pieces, and if its signature is wrong the next Read fails,
// before any byte of a later chunk and before io.EOF. So a caller stores nothing for
// good before io.EOF. Sizes are bytes.
//
// Checksums in trailers are only parsed here; whoever hashed the bytes compares them.
//
// Source: "Signature Calculations for the Authorization Header: Transferring Payload in
// Multiple Chunks", and its sibling on trailing headers, Amazon S3 API Reference.
package chunked

import (
	"io"
	"net/http"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

// Limits on what is not payload.
const (
	// MaxHeader is the longest chunk header line.
	MaxHeader = 256
	// MaxTrailer is the most that all trailer lines may take.
	MaxTrailer = 4 << 10
	// MaxTrailers is the greatest number of trailers.
	MaxTrailers = 8
)

// Options describe a body.
type Options struct {
	Payload sigv4.Payload
	// Chain is needed for signed streams only.
	Chain sigv4.Chain
	// Size is the decoded length, or -1 if it was not announced.
	Size int64
	// Trailers are the names announced in x-amz-trailer, in lower case. One that is missing, or
	// another one, is MalformedTrailerError.
	Trailers []string
}

// Reader reads one body. It is not safe for concurrent use.
type Reader struct{}

// New returns a Reader of body.
func New(body io.Reader, o Options) *Reader { return &Reader{} }

// Open returns a Reader for the body of r, a request whose signature was checked (or
// that is anonymous): sizes and trailers are taken from its headers. Without any
// length it fails with MissingContentLength; see Size.
func Open(r *http.Request, a *sigv4.Auth) (*Reader, error) {
	return nil, s3err.New(s3err.NotImplemented)
}

// Read reads decoded bytes.
func (r *Reader) Read(p []byte) (int, error) { return 0, s3err.New(s3err.NotImplemented) }

// Trailer returns the value of a trailer by its lower-case name, "" without one. It is
// complete after io.EOF.
func (r *Reader) Trailer(name string) string { return "" }

// Size returns the length of the body that r will decode to, from
// x-amz-decoded-content-length for streaming modes and Content-Length else.
// A missing one is MissingContentLength, a malformed one InvalidArgument.
func Size(r *http.Request, m sigv4.Mode) (int64, error) {
	return 0, s3err.New(s3err.NotImplemented)
}

// ContentEncoding returns a Content-Encoding without the aws-chunked coding, which is
// never stored.
func ContentEncoding(s string) string { return s }
