package chunked

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"

	"rhizome/gateway/s3/s3err"
)

const signatureTrailer = "x-amz-trailer-signature"

type trailer struct{ name, value string }

// names returns the lower-case names announced in x-amz-trailer.
func names(h http.Header) (list []string) {
	for _, v := range h["X-Amz-Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				list = append(list, name)
			}
		}
	}
	return list
}

// Trailer returns the value of a trailer by its lower-case name, "" without one. It is
// complete after io.EOF.
func (r *Reader) Trailer(name string) string {
	for _, t := range r.trailers {
		if t.name == name {
			return t.value
		}
	}
	return ""
}

// readTrailers reads the lines behind the last chunk, up to the empty one that ends the body.
func (r *Reader) readTrailers() error {
	if !r.o.Payload.Mode.Trailer() {
		line, err := r.line(MaxLine)
		if err == nil && len(line) > 0 {
			return malformed("the last chunk is not empty")
		}
		return err
	}
	signature, err := r.trailerLines()
	if err != nil {
		return err
	}
	if err := r.checkTrailers(); err != nil {
		return err
	}
	if r.hash == nil {
		return nil
	}
	h := sha256.New()
	for _, t := range r.trailers {
		h.Write([]byte(t.name + ":" + t.value + "\n"))
	}
	return r.verify("AWS4-HMAC-SHA256-TRAILER", "", [32]byte(h.Sum(nil)), []byte(signature))
}

// trailerLines reads the trailers and returns the signature among them. Some clients end
// a trailer with LF alone and put an empty line before the signature.
func (r *Reader) trailerLines() (signature string, err error) {
	blank := 0
	for len(r.trailers) <= MaxTrailers {
		line, err := r.buf.ReadSlice('\n')
		if err != nil {
			if len(line) == r.buf.Size() {
				return "", malformed("a line is too long")
			}
			return "", broken(err)
		}
		line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
		if len(line) == 0 {
			if blank++; r.hash == nil || signature != "" || blank > 1 {
				return signature, nil
			}
			continue
		}
		name, value, ok := strings.Cut(string(line), ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !ok || name == "" || signature != "":
			return "", s3err.New(s3err.MalformedTrailerError)
		case name == signatureTrailer && r.hash != nil:
			signature = value
		default:
			r.trailers = append(r.trailers, trailer{name, value})
		}
	}
	return "", s3err.New(s3err.MalformedTrailerError)
}

// checkTrailers checks that just the announced trailers came, once each.
func (r *Reader) checkTrailers() error {
	ok := len(r.trailers) == len(r.o.Trailers)
	for i, t := range r.trailers {
		again := slices.ContainsFunc(r.trailers[:i], func(o trailer) bool { return o.name == t.name })
		ok = ok && !again && slices.Contains(r.o.Trailers, t.name)
	}
	if !ok {
		return s3err.New(s3err.MalformedTrailerError)
	}
	return nil
}
