package checksum

import (
	"net/http"

	"rhizome/gateway/s3/s3err"
)

// Want is what a client says about the digests of one body.
type Want struct {
	// MD5 is Content-MD5, nil without one.
	MD5 []byte
	// Algorithm is the additional checksum to work out, None without one.
	Algorithm Algorithm
	// Sum is its value from a header, nil if it comes in a trailer or not at all.
	Sum []byte
	// Trailer: the value comes in the trailer TrailerName.
	Trailer bool
}

// TrailerName returns the lower-case name of the trailer that w waits for.
func (w Want) TrailerName() string { return "" }

// FromRequest reads Content-MD5, x-amz-checksum-*, x-amz-sdk-checksum-algorithm and
// x-amz-trailer of a request that carries an object's or a part's bytes. It fails with
// InvalidDigest for a malformed Content-MD5 and InvalidRequest for checksum headers
// that AWS refuses: several of them, unknown or malformed ones, one named but not sent.
func FromRequest(h http.Header) (Want, error) { return Want{}, s3err.New(s3err.NotImplemented) }

// Trailers returns the lower-case names announced in x-amz-trailer.
func Trailers(h http.Header) []string { return nil }

// ContentMD5 reads Content-MD5: nil if there is none, InvalidDigest if it is malformed.
func ContentMD5(h http.Header) ([]byte, error) { return nil, nil }

// Multipart reads x-amz-checksum-algorithm and x-amz-checksum-type of CreateMultipartUpload
// and, for the algorithm, CopyObject. Unset types get the algorithm's default. It fails
// with InvalidRequest for unknown ones and for a pair that AWS does not allow.
func Multipart(h http.Header) (Algorithm, Type, error) { return None, Unset, nil }

// Body works out the ETag and the additional checksum of one body while it is read.
// Write it every byte, then call Finish once. Not safe for concurrent use.
type Body struct{}

// NewBody returns a Body for w.
func NewBody(w Want) *Body { return &Body{} }

// Write hashes p. It never fails.
func (b *Body) Write(p []byte) (int, error) { return len(p), nil }

// Finish returns the MD5 and the sum of w.Algorithm, having compared them with what
// the client said: BadDigest if they differ, InvalidRequest if the trailer is missing or
// malformed. trailer returns a trailer by lower-case name; it may be nil.
func (b *Body) Finish(trailer func(name string) string) (md5, sum []byte, err error) {
	return nil, nil, nil
}

// ETag returns the ETag, without quotes, of an object that came in one piece.
func ETag(md5 []byte) string { return "" }

// MultipartETag returns the ETag, without quotes, of an object in parts from the parts'
// ETags: the MD5 of their MD5s, "-N". A part's ETag that is no MD5 is InvalidPart.
func MultipartETag(etags []string) (string, error) { return "", nil }
