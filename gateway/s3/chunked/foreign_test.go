package chunked

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"rhizome/gateway/s3/sigv4"
)

type hasher struct{ hash.Hash }

func (hasher) Close() {}

// TestForeignStreams reads over HTTP what another client's streams send.
func TestForeignStreams(t *testing.T) {
	v := sigv4.New("")
	var got []byte
	var trailer string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := v.Parse(r, time.Now())
		if err == nil {
			err = v.Check(a, exampleSecret)
		}
		var b *Reader
		if err == nil {
			b, err = Open(r, a)
		}
		if err == nil {
			got, err = io.ReadAll(b)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		trailer = b.Trailer("x-amz-checksum-crc32c")
	}))
	defer srv.Close()
	for _, size := range []int{0, 1, 8191, 65536, 65537, 1 << 20} {
		data := bytes.Repeat([]byte{'x'}, size)
		for _, mode := range []string{"signed", "signed trailer", "unsigned trailer"} {
			r, err := http.NewRequest("PUT", srv.URL+"/b/k", bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			trailers := http.Header{"X-Amz-Checksum-Crc32c": {"AAAAAA=="}}
			switch mode {
			case "unsigned trailer":
				r = signer.UnsignedTrailer(*r, trailers)
				r.Trailer = nil
				r.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
				r = signer.SignV4(*r, exampleKey, exampleSecret, "", "us-east-1")
			case "signed trailer":
				r.Trailer = trailers
				fallthrough
			default:
				r = signer.StreamingSignV4(r, exampleKey, exampleSecret, "", "us-east-1", int64(size),
					time.Now().UTC(), hasher{sha256.New()})
			}
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			msg, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 200 || !bytes.Equal(got, data) || (trailer != "") != (mode != "signed") {
				t.Errorf("%s of %d: %d %s, %d bytes, trailer %q", mode, size, res.StatusCode, msg, len(got), trailer)
			}
		}
	}
}
