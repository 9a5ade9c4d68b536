package web

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// coding is how a body is compressed, the best first.
type coding uint8

const (
	identity coding = iota
	br
	zst
	gz
	manifestOf // no coding: what is remembered is a manifest
	vouchedFor // no coding: that a long file was read and is what was deployed
)

// codings are the names in headers, and the endings of files beside the plain one.
var codings = [...]struct{ name, ending string }{{}, {"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// accepted returns the codings that a visitor takes, the one to prefer first; identity is
// always the last.
func accepted(header string) (out []coding) {
	if header == "" {
		return nil
	}
	var q [len(codings)]int // thousandths, and 1 for "said"
	any := -1
	for part := range strings.SplitSeq(header, ",") {
		word, params, _ := strings.Cut(part, ";")
		word = strings.ToLower(strings.TrimSpace(word))
		v := quality(params)
		if word == "*" {
			any = v
		}
		for c := br; int(c) < len(codings); c++ {
			if word == codings[c].name || c == gz && word == "x-gzip" {
				q[c] = v + 1
			}
		}
	}
	for c := br; int(c) < len(codings); c++ {
		if q[c] == 0 && any > 0 {
			q[c] = any + 1
		}
	}
	for {
		best := identity
		for c := br; int(c) < len(codings); c++ {
			if q[c] > 1 && (best == identity || q[c] > q[best]) {
				best = c
			}
		}
		if best == identity {
			return out
		}
		out = append(out, best)
		q[best] = 0
	}
}

// quality reads ";q=0.5" as thousandths; what is not understood is 1,000.
func quality(params string) int {
	for p := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "q="); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err == nil && f >= 0 && f <= 1 {
				return int(f * 1000)
			}
		}
	}
	return 1000
}

// compressible reports whether bytes of a type are likely to become fewer.
func compressible(mediaType string) bool {
	t, _, _ := strings.Cut(strings.ToLower(mediaType), ";")
	t = strings.TrimSpace(t)
	switch t {
	case "application/json", "application/javascript", "application/xml", "application/wasm", "application/manifest+json", "image/svg+xml",
		"application/rss+xml", "application/atom+xml", "application/ld+json", "application/xhtml+xml", "font/ttf", "font/otf",
		"application/vnd.ms-fontobject", "image/bmp", "image/vnd.microsoft.icon", "application/x-javascript":
		return true
	}
	return strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+json") || strings.HasSuffix(t, "+xml")
}

// compress returns the bytes in a coding; nil if they would not be fewer. The levels are those
// at which a page takes a few milliseconds.
func compress(c coding, plain []byte) []byte {
	var out bytes.Buffer
	var w io.WriteCloser
	switch c {
	case br:
		w = brotli.NewWriterLevel(&out, 5)
	case zst:
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20))
		if err != nil {
			return nil
		}
		defer z.Close()
		return smaller(z.EncodeAll(plain, nil), plain)
	default:
		z, err := gzip.NewWriterLevel(&out, 6)
		if err != nil {
			return nil
		}
		w = z
	}
	if _, err := w.Write(plain); err != nil || w.Close() != nil {
		return nil
	}
	return smaller(out.Bytes(), plain)
}

func smaller(b, plain []byte) []byte {
	if len(b) >= len(plain) {
		return nil
	}
	return b
}
