// Package chunked owns the bodies that S3 clients send: plain ones and those in the
// aws-chunked coding, with signed or unsigned chunks and with trailers.
//
// A Reader yields the decoded bytes and returns io.EOF only when the body was whole:
// its length as announced, every chunk's and the trailer's signature right, the payload
// hash right. Any other end is an *s3err.Error (or the error of the body below, for a
// broken connection) and final. So a caller stores nothing for good before io.EOF.
//
// Memory is one buffer of 1 KiB per body, however large a chunk is: a signed chunk, or
// the rest of one, that fits into the slice passed to Read is verified before Read
// returns it; of a larger one the beginning is handed on before its signature is known,
// and if that is wrong the Read that would return the chunk's last bytes fails. Sizes
// are bytes.
//
// Checksums in trailers are only parsed here; whoever hashed the bytes compares them.
//
// Source: "Signature Calculations for the Authorization Header: Transferring Payload in
// Multiple Chunks", and its sibling on trailing headers, Amazon S3 API Reference.
package chunked

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"math"
	"net/http"
	"os"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

// Limits on what is not payload.
const (
	// MaxHeader is the longest chunk header line, with its end.
	MaxHeader = 256
	// MaxLine is the longest trailer line, with its end.
	MaxLine = 1 << 10
	// MaxTrailers is the greatest number of trailers.
	MaxTrailers = 8
	// MinChunk is the least size of a chunk that is not the last.
	MinChunk = 8 << 10
)

// Options describe a body.
type Options struct {
	Payload sigv4.Payload
	// Chain is needed for signed streams only.
	Chain sigv4.Chain
	// Size is the decoded length, or -1 if it was not announced.
	Size int64
	// Trailers are the names announced in x-amz-trailer, in lower case. One that does not
	// come, or another one that does, is MalformedTrailerError.
	Trailers []string
}

// Reader reads one body. It is not safe for concurrent use.
type Reader struct {
	o    Options
	body io.Reader // plain
	buf  *bufio.Reader
	hash hash.Hash // of the body if Hashed, of the chunk if its mode is signed
	left int64     // announced bytes still to come
	err  error     // final

	chunk     int64    // bytes of the chunk still to come
	size      int64    // of the chunk
	number    int      // of the chunk, from 1
	signature [64]byte // of the chunk, as sent
	previous  string   // signature in the chain before it
	trailers  []trailer
}

// New returns a Reader of body.
func New(body io.Reader, o Options) *Reader {
	r := &Reader{o: o, body: body, left: o.Size, previous: o.Chain.Seed}
	if o.Size < 0 {
		r.left = math.MaxInt64
	}
	if o.Payload.Mode == sigv4.Hashed || o.Payload.Mode.Signed() {
		r.hash = sha256.New()
	}
	if o.Payload.Mode.Streaming() {
		r.buf = bufio.NewReaderSize(body, MaxLine)
	}
	return r
}

// Open returns a Reader for the body of r, a request whose signature was checked (or
// that is anonymous): sizes and trailers are taken from its headers. It fails as Size
// does, and with MalformedTrailerError for trailers that the payload's mode has no place for.
func Open(r *http.Request, a *sigv4.Auth) (*Reader, error) {
	o := Options{Payload: a.Payload, Trailers: names(r.Header)}
	var err error
	if o.Size, err = Size(r, a.Payload.Mode); err != nil {
		return nil, err
	}
	if len(o.Trailers) > 0 && !a.Payload.Mode.Trailer() {
		return nil, s3err.New(s3err.MalformedTrailerError)
	}
	if a.Payload.Mode.Signed() {
		o.Chain = a.Chain()
	}
	return New(r.Body, o), nil
}

// Read reads decoded bytes.
func (r *Reader) Read(p []byte) (n int, err error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.buf == nil {
		n, err = r.readPlain(p)
	} else {
		n, err = r.readStream(p)
	}
	r.err = err
	return n, err
}

func (r *Reader) readPlain(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if int64(n) > r.left {
		return 0, errLength()
	}
	r.left -= int64(n)
	if r.hash != nil {
		r.hash.Write(p[:n])
	}
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF:
		return n, r.endPlain()
	}
	return n, broken(err)
}

func (r *Reader) endPlain() error {
	if r.o.Size >= 0 && r.left > 0 {
		return s3err.New(s3err.IncompleteBody)
	}
	if r.hash != nil {
		return checkHash(r.hash, r.o.Payload.SHA)
	}
	return io.EOF
}

func errLength() error {
	return s3err.Newf(s3err.IncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header")
}

// broken says what the end of the connection means to the client.
func broken(err error) error {
	switch {
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return s3err.New(s3err.IncompleteBody).Because(io.ErrUnexpectedEOF)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s3err.New(s3err.RequestTimeout).Because(err)
	}
	return err
}
