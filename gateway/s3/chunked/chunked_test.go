package chunked

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

const (
	exampleKey    = "AKIAIOSFODNN7EXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

var exampleTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)

// example is the upload of the Amazon S3 API Reference: 65 KiB of 'a' in two chunks.
func example(t testing.TB, trailer bool) *http.Request {
	t.Helper()
	r, err := http.NewRequest("PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	signed := "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
	sigs := []string{"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"}
	mode, end := "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "\r\n"
	if trailer {
		signed = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer"
		sigs = []string{"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
			"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
			"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
			"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"}
		mode += "-TRAILER"
		end = "x-amz-checksum-crc32c:sOO8/Q==\r\n" +
			"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
		r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32c")
	}
	r.Header.Set("Content-Encoding", "aws-chunked")
	r.Header.Set("Content-Length", "66824")
	r.Header.Set("X-Amz-Content-Sha256", mode)
	r.Header.Set("X-Amz-Date", "20130524T000000Z")
	r.Header.Set("X-Amz-Decoded-Content-Length", "66560")
	r.Header.Set("X-Amz-Storage-Class", "REDUCED_REDUNDANCY")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+exampleKey+
		"/20130524/us-east-1/s3/aws4_request,SignedHeaders="+signed+",Signature="+sigs[0])
	body := "10000;chunk-signature=" + sigs[1] + "\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=" + sigs[2] + "\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=" + sigs[3] + "\r\n" + end
	r.Body = io.NopCloser(strings.NewReader(body))
	r.ContentLength = int64(len(body))
	return r
}

// open verifies r as of exampleTime and opens its body.
func open(t testing.TB, r *http.Request) *Reader {
	t.Helper()
	v := sigv4.New("")
	a, err := v.Parse(r, exampleTime)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Check(a, exampleSecret); err != nil {
		t.Fatal(err)
	}
	b, err := Open(r, a)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPublishedExamples(t *testing.T) {
	for _, trailer := range []bool{false, true} {
		for _, size := range []int{1, 1000, 1 << 10, 1 << 16, 1 << 20} {
			r := open(t, example(t, trailer))
			got, err := readAll(r, size)
			if err != nil || string(got) != strings.Repeat("a", 66560) {
				t.Fatalf("trailer %v, reads of %d: %d bytes, %v", trailer, size, len(got), err)
			}
			if trailer && r.Trailer("x-amz-checksum-crc32c") != "sOO8/Q==" {
				t.Error("trailer lost")
			}
		}
	}
}

// readAll reads with reads of one size, as io.ReadAll else.
func readAll(r io.Reader, size int) ([]byte, error) {
	var out []byte
	p := make([]byte, size)
	for {
		n, err := r.Read(p)
		out = append(out, p[:n]...)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}

// Any byte of the example's body that is changed, dropped or doubled is found, with an
// S3 error, and no byte of a chunk that fits into a Read is handed on unverified.
func TestEveryByteCounts(t *testing.T) {
	body, err := io.ReadAll(example(t, true).Body)
	if err != nil {
		t.Fatal(err)
	}
	options := open(t, example(t, true)).o
	check := func(what string, i int, b []byte) {
		t.Helper()
		got, err := readAll(New(bytes.NewReader(b), options), 1<<16)
		if s3err.As(err) == nil {
			t.Fatalf("%s byte %d: %v", what, i, err)
		}
		if strings.Trim(string(got), "a") != "" || len(got) != 0 && len(got) != 1<<16 && len(got) != 66560 {
			t.Fatalf("%s byte %d: %d bytes handed on", what, i, len(got))
		}
	}
	for i := range body {
		if i > 200 && i < 1<<16 || i > 65700 && i < 66600 {
			continue // the insides of the chunks
		}
		c := bytes.Clone(body)
		c[i] ^= 0x11 // keeps no hexadecimal digit, letter case or line end
		check("changed", i, c)
		if body[i] != '\r' && i < len(body)-2 && body[i+1] != '\n' && body[i] != '\n' {
			check("dropped", i, append(bytes.Clone(body[:i]), body[i+1:]...))
		}
		check("cut", i, body[:i])
	}
	if _, err := readAll(New(strings.NewReader(string(body)+"x"), options), 100); s3err.As(err) == nil {
		t.Errorf("bytes behind the end: %v", err)
	}
}

// unsigned makes an unsigned stream.
func unsigned(data string, chunk int, trailer string) string {
	var b strings.Builder
	for data != "" {
		n := min(chunk, len(data))
		fmt.Fprintf(&b, "%X\r\n%s\r\n", n, data[:n])
		data = data[n:]
	}
	return b.String() + "0\r\n" + trailer + "\r\n"
}

func TestUnsignedStreams(t *testing.T) {
	data := strings.Repeat("0123456789abcdef", 2048)
	o := Options{Payload: sigv4.Payload{Mode: sigv4.StreamUnsignedTrailer}, Size: int64(len(data)),
		Trailers: []string{"x-amz-checksum-crc32"}}
	const good = "x-amz-checksum-crc32:AAAAAA==\r\n"
	for _, c := range []struct {
		name, body string
		code       s3err.Code
	}{
		{"one chunk", unsigned(data, 1<<20, good), ""},
		{"chunks", unsigned(data, 8192, good), ""},
		{"spaces and capitals", unsigned(data, 10000, "X-Amz-Checksum-CRC32 : AAAAAA== \r\n"), ""},
		{"line feed alone", unsigned(data, 10000, "x-amz-checksum-crc32:AAAAAA==\n"), ""},
		{"blank lines behind", unsigned(data, 10000, good) + "\r\n", ""},
		{"extension", strings.Replace(unsigned(data, 1<<20, good), "8000", "8000;a=b", 1), ""},
		{"small chunks", unsigned(data, 8191, good), s3err.InvalidChunkSizeError},
		{"no trailer", unsigned(data, 8192, ""), s3err.MalformedTrailerError},
		{"another trailer", unsigned(data, 8192, "x-amz-checksum-crc32c:AAAAAA==\r\n"), s3err.MalformedTrailerError},
		{"two trailers", unsigned(data, 8192, good+good), s3err.MalformedTrailerError},
		{"no colon", unsigned(data, 8192, "x-amz-checksum-crc32\r\n"), s3err.MalformedTrailerError},
		{"many trailers", unsigned(data, 8192, strings.Repeat(good, 20)), s3err.MalformedTrailerError},
		{"long trailer", unsigned(data, 8192, strings.Repeat("x", MaxLine)+":1\r\n"), s3err.IncompleteBody},
		{"endless trailer", unsigned(data, 8192, strings.Repeat("x", 1<<20)), s3err.IncompleteBody},
		{"short", unsigned(data[1:], 8192, good), s3err.IncompleteBody},
		{"long", unsigned(data+"x", 8192, good), s3err.IncompleteBody},
		{"cut in data", unsigned(data, 8192, good)[:9000], s3err.IncompleteBody},
		{"cut before the end", strings.TrimSuffix(unsigned(data, 8192, good), "\r\n"), s3err.IncompleteBody},
		{"empty", "", s3err.IncompleteBody},
		{"rubbish", "hello\r\n", s3err.IncompleteBody},
		{"negative", "-1\r\n", s3err.IncompleteBody},
		{"no size", "\r\n", s3err.IncompleteBody},
		{"huge size", "fffffffffffffffffff\r\n", s3err.IncompleteBody},
		{"large size", "7ffffffffffffff\r\n", s3err.IncompleteBody},
		{"long header", "8000;" + strings.Repeat("x", MaxHeader) + "\r\n", s3err.IncompleteBody},
		{"endless header", strings.Repeat("0", 1<<20), s3err.IncompleteBody},
		{"line feed in header", "8000\n", s3err.IncompleteBody},
		{"chunk longer than said", strings.Replace(unsigned(data, 1<<20, good), "8000", "7000", 1), s3err.IncompleteBody},
		{"bytes behind", unsigned(data, 8192, good) + "x", s3err.IncompleteBody},
		{"endless blank lines", unsigned(data, 8192, good) + strings.Repeat("\r\n", 1000), s3err.IncompleteBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 4096, 1 << 20} {
				r := New(iotest.HalfReader(strings.NewReader(c.body)), o)
				got, err := readAll(r, size)
				if c.code == "" && (err != nil || string(got) != data || r.Trailer("x-amz-checksum-crc32") != "AAAAAA==") {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
				if c.code != "" && !errors.Is(err, c.code) {
					t.Fatalf("got %v, want %s", err, c.code)
				}
				if _, again := r.Read(make([]byte, 1)); err != nil && again != err {
					t.Errorf("the error is not final: %v", again)
				}
			}
		})
	}
}

func TestPlain(t *testing.T) {
	const data = "some bytes"
	sum := sha256.Sum256([]byte(data))
	broken := errors.New("connection reset")
	for _, c := range []struct {
		name string
		body io.Reader
		size int64
		mode sigv4.Mode
		want error
	}{
		{"unsigned", strings.NewReader(data), 10, sigv4.Unsigned, nil},
		{"hashed", strings.NewReader(data), 10, sigv4.Hashed, nil},
		{"hashed, slow", iotest.OneByteReader(strings.NewReader(data)), 10, sigv4.Hashed, nil},
		{"hashed, EOF with data", iotest.DataErrReader(strings.NewReader(data)), 10, sigv4.Hashed, nil},
		{"size unknown", strings.NewReader(data), -1, sigv4.Hashed, nil},
		{"changed", strings.NewReader("Some bytes"), 10, sigv4.Hashed, s3err.XAmzContentSHA256Mismatch},
		{"short", strings.NewReader(data[1:]), 10, sigv4.Hashed, s3err.IncompleteBody},
		{"long", strings.NewReader(data + "x"), 10, sigv4.Hashed, s3err.IncompleteBody},
		{"cut", io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF)), 10, sigv4.Unsigned, s3err.IncompleteBody},
		{"broken", io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken)), 10, sigv4.Unsigned, broken},
		{"slow client", iotest.ErrReader(timeout{}), 10, sigv4.Unsigned, s3err.RequestTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readAll(New(c.body, Options{Payload: sigv4.Payload{Mode: c.mode, SHA: sum}, Size: c.size}), 4)
			if !errors.Is(err, c.want) || c.want == nil && string(got) != data {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

type timeout struct{}

func (timeout) Error() string        { return "i/o timeout" }
func (timeout) Is(target error) bool { return target.Error() == "i/o timeout" }

func TestMismatchFields(t *testing.T) {
	_, err := readAll(New(strings.NewReader("x"), Options{Payload: sigv4.Payload{Mode: sigv4.Hashed}, Size: 1}), 10)
	e := s3err.As(err)
	x := sha256.Sum256([]byte("x"))
	if e == nil || e.Status != 400 || e.Fields[0].Value != strings.Repeat("0", 64) || e.Fields[1].Value != hex.EncodeToString(x[:]) {
		t.Errorf("%+v", err)
	}
}

func TestSize(t *testing.T) {
	r := example(t, false)
	for _, c := range []struct {
		value string
		want  int64
		code  s3err.Code
	}{{"66560", 66560, ""}, {"0", 0, ""}, {"-1", 0, s3err.MissingContentLength}, {"+1", 0, s3err.MissingContentLength},
		{"x", 0, s3err.MissingContentLength}, {"99999999999999999999", 0, s3err.MissingContentLength}} {
		r.Header.Set("X-Amz-Decoded-Content-Length", c.value)
		n, err := Size(r, sigv4.StreamSigned)
		if n != c.want || c.code == "" && err != nil || c.code != "" && !errors.Is(err, c.code) {
			t.Errorf("%s: %d, %v", c.value, n, err)
		}
	}
	r.Header.Del("X-Amz-Decoded-Content-Length")
	if _, err := Size(r, sigv4.StreamSigned); !errors.Is(err, s3err.MissingContentLength) {
		t.Error(err)
	}
	r.ContentLength = -1
	if _, err := Size(r, sigv4.Unsigned); !errors.Is(err, s3err.MissingContentLength) {
		t.Error(err)
	}
	r.Header.Set("X-Amz-Trailer", "x")
	r.ContentLength = 1
	if _, err := Open(r, &sigv4.Auth{}); !errors.Is(err, s3err.MalformedTrailerError) {
		t.Error(err)
	}
}

func TestContentEncoding(t *testing.T) {
	for in, want := range map[string]string{"": "", "gzip": "gzip", "aws-chunked": "", "aws-chunked,gzip": "gzip",
		"gzip, aws-chunked": "gzip", "gzip, br": "gzip, br"} {
		if got := ContentEncoding(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
