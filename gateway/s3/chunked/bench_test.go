package chunked

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"rhizome/gateway/s3/sigv4"
)

// signed makes a stream of 64 KiB chunks signed with c.
func signed(data []byte, c sigv4.Chain) []byte {
	var out []byte
	r := &Reader{o: Options{Chain: c}, previous: c.Seed}
	for end := false; !end; {
		n := min(len(data), 64<<10)
		end = n == 0
		r.hash = sha256.New()
		r.hash.Write(data[:n])
		var sum [32]byte
		r.hash.Sum(sum[:0])
		sig := r.expected("AWS4-HMAC-SHA256-PAYLOAD", emptySHA+"\n", sum)
		r.previous = sig
		out = fmt.Appendf(out, "%x;chunk-signature=%s\r\n%s\r\n", n, sig, data[:n])
		data = data[n:]
	}
	return out
}

func BenchmarkSigned64KiB(b *testing.B) {
	data := make([]byte, 16<<20)
	c := sigv4.Chain{Time: "20130524T000000Z", Scope: "s", Seed: "seed"}
	bench(b, signed(data, c), Options{Payload: sigv4.Payload{Mode: sigv4.StreamSigned}, Chain: c, Size: int64(len(data))})
}

func BenchmarkUnsigned64KiB(b *testing.B) {
	const size = 16 << 20
	o := Options{Payload: sigv4.Payload{Mode: sigv4.StreamUnsignedTrailer}, Size: size}
	bench(b, []byte(unsigned(strings.Repeat("x", size), 64<<10, "")), o)
}

func BenchmarkHashed(b *testing.B) {
	body := make([]byte, 16<<20)
	bench(b, body, Options{Payload: sigv4.Payload{Mode: sigv4.Hashed, SHA: sha256.Sum256(body)}, Size: int64(len(body))})
}

func bench(b *testing.B, body []byte, o Options) {
	b.SetBytes(o.Size)
	b.ReportAllocs()
	p := make([]byte, 1<<20)
	for b.Loop() {
		r := New(bytes.NewReader(body), o)
		for {
			_, err := io.ReadFull(r, p)
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
