package sigv4

// Mode is how x-amz-content-sha256 says the body is covered.
type Mode uint8

// The modes.
const (
	Unsigned              Mode = iota // UNSIGNED-PAYLOAD, or nothing said
	Hashed                            // the SHA-256 of the body
	StreamSigned                      // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
	StreamSignedTrailer               // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
	StreamUnsignedTrailer             // STREAMING-UNSIGNED-PAYLOAD-TRAILER
)

// Streaming reports whether the body is in the aws-chunked coding.
func (m Mode) Streaming() bool { return m >= StreamSigned }

// Signed reports whether every chunk of the body is signed.
func (m Mode) Signed() bool { return m == StreamSigned || m == StreamSignedTrailer }

// Trailer reports whether trailers follow the body.
func (m Mode) Trailer() bool { return m == StreamSignedTrailer || m == StreamUnsignedTrailer }

// Payload is a Mode with the hash that Hashed has.
type Payload struct {
	Mode Mode
	SHA  [32]byte
}
