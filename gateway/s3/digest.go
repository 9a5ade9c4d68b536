package s3

import (
	"encoding/base64"

	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/chunked"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

func base64Std(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// body makes the object.Body of a request that carries an object's or a part's
// bytes, and says which checksum it will have: the client's, else unsaid. With also, that
// one is worked out and kept, whatever the client's is.
func (q *request) body(unsaid, also checksum.Algorithm) (object.Body, checksum.Want, error) {
	want, err := checksum.FromRequest(q.r.Header)
	if err != nil {
		return object.Body{}, want, err
	}
	if want.Algorithm == checksum.None {
		want.Algorithm = unsaid
	}
	if also != want.Algorithm {
		want.Also = also
	}
	size, err := chunked.Size(q.r, q.auth.Payload.Mode)
	if err != nil {
		return object.Body{}, want, err
	}
	if size > object.MaxPut {
		return object.Body{}, want, tooLarge(size)
	}
	r, err := chunked.Open(q.r, q.auth)
	if err != nil {
		return object.Body{}, want, err
	}
	h := q.g.sums.NewBody(want, size)
	q.sum = h
	finish := func() (object.Digest, error) { return finishBody(h, want, r.Trailer) }
	body := object.Body{Reader: r, Size: size, Hash: h, Finish: finish, Stop: q.paced.stop}
	if q.guess.assumed {
		body.Confirm = q.confirm
	}
	return body, want, nil
}

func finishBody(h *checksum.Body, want checksum.Want, trailer func(string) string) (object.Digest, error) {
	md5, sum, err := h.Finish(trailer)
	if err != nil {
		return object.Digest{}, err
	}
	d := object.Digest{ETag: checksum.ETag(md5)}
	switch {
	case want.Also != checksum.None:
		d.Checksum = object.Checksum{Algorithm: want.Also.String(), Sum: h.Also()}
	case want.Algorithm != checksum.None:
		d.Checksum = object.Checksum{Algorithm: want.Algorithm.String(), Sum: sum}
	}
	return d, nil
}

func tooLarge(size int64) error {
	return s3err.New(s3err.EntityTooLarge, s3err.Field{Name: "ProposedSize", Value: itoa(size)},
		s3err.Field{Name: "MaxSizeAllowed", Value: itoa(object.MaxPut)})
}

// checksumHeaders sets the additional checksum of an object with that many parts.
func (q *request) checksumHeaders(c object.Checksum, parts int) {
	if len(c.Sum) == 0 {
		return
	}
	a, _ := checksum.ParseAlgorithm(c.Algorithm)
	q.set(a.Header(), sumText(c, parts))
	q.set("x-amz-checksum-type", typeName(c))
}

func sumText(c object.Checksum, parts int) string {
	if !c.Composite {
		parts = 0
	}
	return checksum.Encode(c.Sum, parts)
}

// checksum appends the element of an additional checksum.
func (d *doc) checksum(c object.Checksum, parts int) {
	if len(c.Sum) > 0 {
		d.text("Checksum"+c.Algorithm, sumText(c, parts))
	}
}
