package checksum

import (
	"encoding/base64"
	"net/http"
	"strings"

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
	// Also is another algorithm to work out, None for none.
	Also Algorithm
	// Trailer: the value comes in the trailer TrailerName.
	Trailer bool
}

// TrailerName returns the lower-case name of the trailer that w waits for, "" without.
func (w Want) TrailerName() string {
	if !w.Trailer {
		return ""
	}
	return strings.ToLower(w.Algorithm.Header())
}

const headerPrefix = "X-Amz-Checksum-"

func invalid(format string, args ...any) error {
	return s3err.Newf(s3err.InvalidRequest, format, args...)
}

func errSeveral() error {
	return invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

func errUnknown() error {
	return invalid("Checksum algorithm provided is unsupported. " +
		"Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]")
}

func errValue(header string) error {
	return invalid("Value for %s header is invalid.", strings.ToLower(header))
}

// FromRequest reads Content-MD5, x-amz-checksum-*, x-amz-sdk-checksum-algorithm and
// x-amz-trailer of a request that carries an object's or a part's bytes. It fails with
// InvalidDigest for a malformed Content-MD5 and InvalidRequest for checksum headers
// that AWS refuses: several of them, unknown or malformed ones, one named but not sent.
func FromRequest(h http.Header) (w Want, err error) {
	if w.MD5, err = ContentMD5(h); err != nil {
		return w, err
	}
	var value string
	if w.Algorithm, value, err = header(h); err != nil {
		return w, err
	}
	if w.Algorithm != None {
		var ok bool
		if w.Sum, ok = w.Algorithm.Decode(value); !ok {
			return w, errValue(w.Algorithm.Header())
		}
	}
	if err := w.fromTrailer(h); err != nil {
		return w, err
	}
	return w, w.checkNamed(h)
}

// header finds the one x-amz-checksum-ALGORITHM header.
func header(h http.Header) (found Algorithm, value string, err error) {
	for name, v := range h {
		if !strings.HasPrefix(name, headerPrefix) {
			continue
		}
		rest := name[len(headerPrefix):]
		switch rest {
		case "Algorithm", "Type", "Mode":
			continue
		}
		a, ok := ParseAlgorithm(rest)
		if !ok {
			return None, "", invalid("The algorithm type you specified in x-amz-checksum- header is invalid.")
		}
		if found != None || len(v) > 1 {
			return None, "", errSeveral()
		}
		found, value = a, v[0]
	}
	return found, value, nil
}

// fromTrailer reads x-amz-trailer.
func (w *Want) fromTrailer(h http.Header) error {
	for _, v := range h["X-Amz-Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			a, ok := ParseAlgorithm(strings.TrimPrefix(name, headerPrefix))
			if !ok || !strings.HasPrefix(name, headerPrefix) {
				return invalid("The value specified in the x-amz-trailer header is not supported")
			}
			if w.Algorithm != None {
				return errSeveral()
			}
			w.Algorithm, w.Trailer = a, true
		}
	}
	return nil
}

// checkNamed compares x-amz-sdk-checksum-algorithm with what was sent.
func (w *Want) checkNamed(h http.Header) error {
	const name = "X-Amz-Sdk-Checksum-Algorithm"
	v := h[name]
	if len(v) == 0 {
		return nil
	}
	a, ok := ParseAlgorithm(v[0])
	switch {
	case !ok || len(v) > 1:
		return errUnknown()
	case w.Algorithm == None:
		return invalid("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	case w.Algorithm != a:
		return errValue(name)
	}
	return nil
}

// ContentMD5 reads Content-MD5: nil if there is none, InvalidDigest if it is malformed.
func ContentMD5(h http.Header) ([]byte, error) {
	v := h["Content-Md5"]
	if len(v) == 0 {
		return nil, nil
	}
	b, err := base64.StdEncoding.DecodeString(v[0])
	if err != nil || len(b) != 16 || len(v) > 1 {
		return nil, s3err.New(s3err.InvalidDigest, s3err.Field{Name: "Content-MD5", Value: strings.Join(v, ",")})
	}
	return b, nil
}

// Multipart reads x-amz-checksum-algorithm and x-amz-checksum-type of
// CreateMultipartUpload. An unset type is the
// algorithm's default. It fails with InvalidRequest for unknown ones, for a type without an
// algorithm and for a pair that AWS does not allow.
func Multipart(h http.Header) (Algorithm, Type, error) {
	const algorithmHeader, typeHeader = headerPrefix + "Algorithm", headerPrefix + "Type"
	var a Algorithm
	if v := h[algorithmHeader]; len(v) > 0 {
		var ok bool
		if a, ok = ParseAlgorithm(v[0]); !ok || len(v) > 1 {
			return None, Unset, errUnknown()
		}
	}
	v := h[typeHeader]
	if len(v) == 0 {
		return a, a.Default(), nil
	}
	t, ok := ParseType(v[0])
	switch {
	case !ok || len(v) > 1:
		return None, Unset, errValue(typeHeader)
	case a == None:
		return None, Unset, invalid("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case !a.Allows(t):
		return None, Unset, errPair(a, t)
	}
	return a, t, nil
}
