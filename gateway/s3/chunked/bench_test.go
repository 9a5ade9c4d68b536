package chunked

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"crypto/sha256"

	"rhizome/gateway/s3/sigv4"
)

func BenchmarkSigned64KiB(b *testing.B) {
	const size = 16 << 20
	r, err := http.NewRequest("PUT", "http://host/b/k", bytes.NewReader(make([]byte, size)))
	if err != nil {
		b.Fatal(err)
	}
	r = signer.StreamingSignV4(r, exampleKey, exampleSecret, "", "us-east-1", size, time.Now().UTC(), hasher{sha256.New()})
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.Fatal(err)
	}
	r.Host = "host"
	v := sigv4.New("")
	a, err := v.Parse(r, time.Now())
	if err == nil {
		err = v.Check(a, exampleSecret)
	}
	if err != nil {
		b.Fatal(err)
	}
	o := Options{Payload: a.Payload, Chain: a.Chain(), Size: size}
	bench(b, body, o)
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
