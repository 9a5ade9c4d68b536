package sigv4

import (
	"encoding/hex"

	"rhizome/gateway/s3/s3err"
)

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

// UnsignedPayload is the value of x-amz-content-sha256 that covers no byte of the body.
const UnsignedPayload = "UNSIGNED-PAYLOAD"

const (
	streamSigned          = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamSignedTrailer   = streamSigned + "-TRAILER"
	streamUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	streamECDSA           = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	streamECDSATrailer    = streamECDSA + "-TRAILER"
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

// parsePayload reads the value of x-amz-content-sha256; "" is Unsigned.
func parsePayload(s string) (Payload, error) {
	switch s {
	case "", UnsignedPayload:
		return Payload{Mode: Unsigned}, nil
	case streamSigned:
		return Payload{Mode: StreamSigned}, nil
	case streamSignedTrailer:
		return Payload{Mode: StreamSignedTrailer}, nil
	case streamUnsignedTrailer:
		return Payload{Mode: StreamUnsignedTrailer}, nil
	case streamECDSA, streamECDSATrailer:
		return Payload{}, s3err.New(s3err.NotImplemented,
			s3err.Field{Name: "Header", Value: "x-amz-content-sha256"})
	}
	p := Payload{Mode: Hashed}
	if len(s) == 2*len(p.SHA) {
		if _, err := hex.Decode(p.SHA[:], []byte(s)); err == nil {
			return p, nil
		}
	}
	return Payload{}, s3err.Argument("x-amz-content-sha256", s,
		"x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "+
			"STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER "+
			"or a valid sha256 value.")
}
