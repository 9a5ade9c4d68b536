package chunked

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"rhizome/gateway/s3/sigv4"
)

// TestForeignStreams reads streams that minio-go sent, as they went over the wire.
// gateway/s3/testdata/foreign records them.
func TestForeignStreams(t *testing.T) {
	file, err := os.Open("testdata/foreign.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := json.NewDecoder(z); ; n++ {
		var f struct {
			Signer string
			Time   time.Time
			Wire   string
		}
		if err := d.Decode(&f); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		size, got, trailer, err := readForeign(f.Wire, f.Time)
		if err != nil || got != strings.Repeat("x", size) || trailer != (f.Signer != "signed") {
			t.Errorf("%s of %d bytes: %d bytes, trailer %v, %v", f.Signer, size, len(got), trailer, err)
		}
	}
	if n < 10 {
		t.Errorf("only %d streams", n)
	}
}

// readForeign verifies and reads a request; size is what it announces.
func readForeign(wire string, now time.Time) (size int, data string, trailer bool, err error) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		return 0, "", false, err
	}
	v := sigv4.New("")
	a, err := v.Parse(r, now)
	if err == nil {
		err = v.Check(a, exampleSecret)
	}
	if err != nil {
		return 0, "", false, err
	}
	b, err := Open(r, a)
	if err != nil {
		return 0, "", false, err
	}
	got, err := io.ReadAll(b)
	if err != nil {
		return 0, "", false, err
	}
	size, err = strconv.Atoi(r.Header.Get("X-Amz-Decoded-Content-Length"))
	return size, string(got), b.Trailer("x-amz-checksum-crc32c") == "AAAAAA==", err
}
