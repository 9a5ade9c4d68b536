package checksum

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"

	"rhizome/gateway/s3/s3err"
)

// Body works out the ETag and the additional checksum of one body while it is read.
// Write it every byte, then call Finish once; one from a Pool must be closed, whatever
// came of it. Not safe for concurrent use.
type Body struct {
	want   Want
	md5    hash.Hash
	sum    hash.Hash // nil for None
	also   hash.Hash // nil for None
	pool   *Pool     // nil: none, or closed
	shared bool      // md5 is the pool's
}

// NewBody returns a Body for w.
func NewBody(w Want) *Body {
	return &Body{want: w, md5: md5.New(), sum: w.Algorithm.New(), also: w.Also.New()}
}

// Close gives back what b has of its Pool. It may be called again, and for any Body.
func (b *Body) Close() {
	if b.pool != nil {
		b.pool.release(b.md5, b.shared)
		b.pool, b.md5 = nil, nil
	}
}

// Write hashes p. It never fails.
func (b *Body) Write(p []byte) (int, error) {
	const piece = 16 << 10 // stays in the nearest cache between the two hashes
	if b.also != nil {
		b.also.Write(p)
	}
	if b.sum == nil {
		return b.md5.Write(p)
	}
	for rest := p; len(rest) > 0; {
		n := len(rest)
		if !b.shared {
			n = min(piece, n)
		}
		b.md5.Write(rest[:n])
		b.sum.Write(rest[:n])
		rest = rest[n:]
	}
	return len(p), nil
}

// Finish returns the MD5 and the sum of w.Algorithm (nil for None), having compared them
// with what the client said: BadDigest if they differ, MalformedTrailerError if the
// trailer is missing, InvalidRequest if it is malformed. trailer returns a trailer by
// lower-case name; it may be nil.
func (b *Body) Finish(trailer func(name string) string) (md5, sum []byte, err error) {
	md5 = b.md5.Sum(nil)
	if b.want.MD5 != nil && !bytes.Equal(md5, b.want.MD5) {
		e := s3err.Newf(s3err.BadDigest, "The Content-MD5 you specified did not match what we received.")
		return nil, nil, e.With("ExpectedDigest", hex.EncodeToString(b.want.MD5)).
			With("CalculatedDigest", base64.StdEncoding.EncodeToString(md5))
	}
	if b.sum == nil {
		return md5, nil, nil
	}
	want := b.want.Sum
	if b.want.Trailer {
		if want, err = b.want.trailerSum(trailer); err != nil {
			return nil, nil, err
		}
	}
	sum = b.sum.Sum(nil)
	if want != nil && !bytes.Equal(sum, want) {
		return nil, nil, s3err.Newf(s3err.BadDigest, "The %s you specified did not match the calculated checksum.", b.want.Algorithm)
	}
	return md5, sum, nil
}

// Also returns the sum of w.Also, nil for None. Call it after Finish.
func (b *Body) Also() []byte {
	if b.also == nil {
		return nil
	}
	return b.also.Sum(nil)
}

// trailerSum reads the sum that came in the trailer.
func (w Want) trailerSum(trailer func(name string) string) ([]byte, error) {
	value := ""
	if trailer != nil {
		value = trailer(w.TrailerName())
	}
	if value == "" {
		return nil, s3err.New(s3err.MalformedTrailerError)
	}
	sum, ok := w.Algorithm.Decode(value)
	if !ok {
		return nil, invalid("Value for %s trailing header is invalid.", w.TrailerName())
	}
	return sum, nil
}

// ETag returns the ETag, without quotes, of an object that came in one piece.
func ETag(md5 []byte) string { return hex.EncodeToString(md5) }

// MultipartETag returns the ETag, without quotes, of an object in parts from the parts'
// ETags: the MD5 of their MD5s, "-N". A part's ETag that is no MD5 is InvalidPart.
func MultipartETag(etags []string) (string, error) {
	h := md5.New()
	for _, e := range etags {
		sum, err := hex.DecodeString(e)
		if err != nil || len(sum) != md5.Size {
			return "", s3err.New(s3err.InvalidPart, s3err.Field{Name: "ETag", Value: e})
		}
		h.Write(sum)
	}
	return hex.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(etags)), nil
}
