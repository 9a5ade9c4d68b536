package chunked

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

// FuzzStream reads arbitrary streams: never more than announced, an end only at the
// announced length, the same result for every size of Read, and S3 errors only.
func FuzzStream(f *testing.F) {
	data := strings.Repeat("x", 10000)
	f.Add([]byte(unsigned(data, 8192, "x-amz-checksum-crc32:AAAAAA==\r\n")), uint16(10000), uint8(sigv4.StreamUnsignedTrailer), uint16(100))
	body, err := io.ReadAll(example(f, true).Body)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body[1<<16:], uint16(1024), uint8(sigv4.StreamSignedTrailer), uint16(4096))
	f.Add([]byte("0;chunk-signature="+strings.Repeat("0", 64)+"\r\n\r\n"), uint16(0), uint8(sigv4.StreamSigned), uint16(1))
	f.Add([]byte("plain"), uint16(5), uint8(sigv4.Hashed), uint16(3))
	f.Fuzz(func(t *testing.T, body []byte, size uint16, mode uint8, read uint16) {
		m := sigv4.Mode(mode % 5)
		if read == 0 {
			read = 1
		}
		o := Options{Payload: sigv4.Payload{Mode: m}, Size: int64(size), Trailers: []string{"x-amz-checksum-crc32"}}
		got, err := readAll(New(bytes.NewReader(body), o), int(read))
		again, err2 := readAll(New(bytes.NewReader(body), o), 1<<16)
		switch {
		case len(got) > int(size):
			t.Fatalf("%d bytes of %d", len(got), size)
		case err == nil && len(got) != int(size):
			t.Fatalf("ended after %d bytes of %d", len(got), size)
		case err == nil && (m.Signed() || m == sigv4.Hashed):
			t.Fatal("a body without its signature was accepted")
		case err != nil && s3err.As(err) == nil:
			t.Fatalf("not an S3 error: %v", err)
		case (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, again):
			t.Fatalf("reads of %d: %v, in one: %v", read, err, err2)
		}
	})
}
