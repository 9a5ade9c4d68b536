package checksum

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"rhizome/gateway/s3/s3err"
)

var all = []Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256}

func sumOf(a Algorithm, b []byte) []byte {
	h := a.New()
	h.Write(b)
	return h.Sum(nil)
}

// The check values of the CRC catalogue, and of FIPS 180 for "abc".
func TestCheckValues(t *testing.T) {
	for _, c := range []struct {
		a        Algorithm
		in, want string
	}{
		{CRC32, "123456789", "cbf43926"},
		{CRC32C, "123456789", "e3069283"},
		{CRC64NVME, "123456789", "ae8b14860a799888"},
		{SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	} {
		if got := hex.EncodeToString(sumOf(c.a, []byte(c.in))); got != c.want {
			t.Errorf("%s: %s", c.a, got)
		}
	}
}

func TestNames(t *testing.T) {
	for _, a := range all {
		if got, ok := ParseAlgorithm(strings.ToLower(a.String())); !ok || got != a {
			t.Errorf("%s: %v %v", a, got, ok)
		}
		if a.Header() != http.CanonicalHeaderKey("x-amz-checksum-"+a.String()) {
			t.Errorf("%s: %s", a, a.Header())
		}
		if a.New().Size() != a.Size() {
			t.Errorf("%s: size", a)
		}
		s := Encode(sumOf(a, nil), 0)
		if sum, ok := a.Decode(s); !ok || Encode(sum, 3) != s+"-3" {
			t.Errorf("%s: %s", a, s)
		}
		for _, bad := range []string{"", s + "-1", s + s, s[1:], "!" + s[1:], s[:len(s)-1] + "\n"} {
			if _, ok := a.Decode(bad); ok {
				t.Errorf("%s: accepted %q", a, bad)
			}
		}
	}
	for _, bad := range []string{"", "md4", "CRC"} {
		if _, ok := ParseAlgorithm(bad); ok {
			t.Errorf("accepted %q", bad)
		}
	}
	for _, ty := range []Type{FullObject, Composite} {
		if got, ok := ParseType(ty.String()); !ok || got != ty {
			t.Errorf("%s", ty)
		}
	}
}

func TestAllows(t *testing.T) {
	for a, want := range map[Algorithm][2]bool{None: {}, CRC32: {true, true}, CRC32C: {true, true},
		CRC64NVME: {true, false}, SHA1: {false, true}, SHA256: {false, true}} {
		if got := [2]bool{a.Allows(FullObject), a.Allows(Composite)}; got != want {
			t.Errorf("%s: %v", a, got)
		}
		if a != None && !a.Allows(a.Default()) {
			t.Errorf("%s does not allow its default", a)
		}
	}
}

func TestJoin(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var whole []byte
	parts := make([][]byte, 9)
	for i := range parts {
		size := 1000
		if i > 5 {
			size = rnd.IntN(5000)
		}
		for range size {
			parts[i] = append(parts[i], byte(rnd.Uint32()))
		}
		whole = append(whole, parts[i]...)
	}
	for _, a := range all {
		var list []Part
		var sums []byte
		for _, p := range parts {
			s := sumOf(a, p)
			list = append(list, Part{s, int64(len(p))})
			sums = append(sums, s...)
		}
		for ty, want := range map[Type][]byte{FullObject: sumOf(a, whole), Composite: sumOf(a, sums)} {
			got, err := a.Join(ty, list)
			if !a.Allows(ty) {
				if !errors.Is(err, s3err.InvalidRequest) {
					t.Errorf("%s %s: %v", a, ty, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s %s: %x, %v", a, ty, got, err)
			}
		}
		list[3].Sum = nil
		if _, err := a.Join(a.Default(), list); !errors.Is(err, s3err.InvalidRequest) {
			t.Errorf("%s: a part without a sum: %v", a, err)
		}
		if _, err := a.Join(a.Default(), nil); !errors.Is(err, s3err.InvalidRequest) {
			t.Errorf("%s: no parts: %v", a, err)
		}
	}
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte("hello"), []byte(" world"))
	f.Add([]byte{}, []byte{0})
	f.Add(make([]byte, 100), []byte{})
	f.Fuzz(func(t *testing.T, x, y []byte) {
		for _, a := range []Algorithm{CRC32, CRC32C, CRC64NVME} {
			want := sumOf(a, append(bytes.Clone(x), y...))
			got, err := a.Join(FullObject, []Part{{sumOf(a, x), int64(len(x))}, {sumOf(a, y), int64(len(y))}})
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s of %d and %d bytes: %x %v, want %x", a, len(x), len(y), got, err, want)
			}
		}
	})
}

func header1(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestFromRequest(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		want Want
		code s3err.Code
		text string
	}{
		{"nothing", header1(), Want{}, "", ""},
		{"md5", header1("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="), Want{MD5: sumMD5("")}, "", ""},
		{"md5 malformed", header1("Content-MD5", "x"), Want{}, s3err.InvalidDigest, ""},
		{"md5 short", header1("Content-MD5", "AAAA"), Want{}, s3err.InvalidDigest, ""},
		{"md5 empty", header1("Content-MD5", ""), Want{}, s3err.InvalidDigest, ""},
		{"md5 twice", header1("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==", "Content-MD5", "x"), Want{}, s3err.InvalidDigest, ""},
		{"crc32", header1("x-amz-checksum-crc32", "AAAAAQ=="), Want{Algorithm: CRC32, Sum: []byte{0, 0, 0, 1}}, "", ""},
		{"crc32 named", header1("x-amz-checksum-crc32", "AAAAAQ==", "x-amz-sdk-checksum-algorithm", "CRC32"),
			Want{Algorithm: CRC32, Sum: []byte{0, 0, 0, 1}}, "", ""},
		{"others ignored", header1("x-amz-checksum-mode", "ENABLED", "x-amz-checksum-type", "x", "x-amz-checksum-algorithm", "y"), Want{}, "", ""},
		{"malformed", header1("x-amz-checksum-crc32", "AAAA"), Want{}, s3err.InvalidRequest, "Value for x-amz-checksum-crc32 header is invalid."},
		{"two", header1("x-amz-checksum-crc32", "AAAAAQ==", "x-amz-checksum-crc32c", "AAAAAQ=="), Want{}, s3err.InvalidRequest, "Expecting a single"},
		{"twice", header1("x-amz-checksum-crc32", "AAAAAQ==", "x-amz-checksum-crc32", "AAAAAQ=="), Want{}, s3err.InvalidRequest, "Expecting a single"},
		{"unknown", header1("x-amz-checksum-crc16", "AAAAAQ=="), Want{}, s3err.InvalidRequest, "algorithm type"},
		{"trailer", header1("x-amz-trailer", "x-amz-checksum-sha256"), Want{Algorithm: SHA256, Trailer: true}, "", ""},
		{"trailer named", header1("x-amz-trailer", " X-Amz-Checksum-CRC64NVME", "x-amz-sdk-checksum-algorithm", "crc64nvme"),
			Want{Algorithm: CRC64NVME, Trailer: true}, "", ""},
		{"trailer unknown", header1("x-amz-trailer", "x-amz-meta-a"), Want{}, s3err.InvalidRequest, "x-amz-trailer"},
		{"trailer not a checksum", header1("x-amz-trailer", "crc32"), Want{}, s3err.InvalidRequest, "x-amz-trailer"},
		{"trailer and header", header1("x-amz-trailer", "x-amz-checksum-sha1", "x-amz-checksum-crc32", "AAAAAQ=="), Want{}, s3err.InvalidRequest, "Expecting a single"},
		{"two trailers", header1("x-amz-trailer", "x-amz-checksum-sha1,x-amz-checksum-crc32"), Want{}, s3err.InvalidRequest, "Expecting a single"},
		{"named only", header1("x-amz-sdk-checksum-algorithm", "CRC32"), Want{}, s3err.InvalidRequest, "no corresponding"},
		{"named another", header1("x-amz-checksum-crc32", "AAAAAQ==", "x-amz-sdk-checksum-algorithm", "SHA1"), Want{}, s3err.InvalidRequest, "x-amz-sdk-checksum-algorithm"},
		{"named unknown", header1("x-amz-sdk-checksum-algorithm", "MD4"), Want{}, s3err.InvalidRequest, "unsupported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := FromRequest(c.h)
			if c.code != "" {
				if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.text) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil || !bytes.Equal(w.MD5, c.want.MD5) || !bytes.Equal(w.Sum, c.want.Sum) ||
				w.Algorithm != c.want.Algorithm || w.Trailer != c.want.Trailer {
				t.Fatalf("%+v, %v", w, err)
			}
		})
	}
}

func sumMD5(s string) []byte {
	m := md5.Sum([]byte(s))
	return m[:]
}

func TestMultipart(t *testing.T) {
	for _, c := range []struct {
		algorithm, kind string
		a               Algorithm
		t               Type
		text            string
	}{
		{"", "", None, Unset, ""},
		{"CRC32", "", CRC32, Composite, ""},
		{"crc64nvme", "", CRC64NVME, FullObject, ""},
		{"CRC32C", "FULL_OBJECT", CRC32C, FullObject, ""},
		{"SHA256", "COMPOSITE", SHA256, Composite, ""},
		{"SHA256", "FULL_OBJECT", None, Unset, "FULL_OBJECT checksum type cannot be used with the sha256"},
		{"CRC64NVME", "COMPOSITE", None, Unset, "COMPOSITE checksum type cannot be used with the crc64nvme"},
		{"", "COMPOSITE", None, Unset, "can only be used with"},
		{"CRC32", "HALF", None, Unset, "x-amz-checksum-type"},
		{"MD4", "", None, Unset, "unsupported"},
		{"md5", "composite", MD5, Composite, ""},
		{"XXHASH128", "FULL_OBJECT", None, Unset, "cannot be used"},
	} {
		h := http.Header{}
		if c.algorithm != "" {
			h.Set("x-amz-checksum-algorithm", c.algorithm)
		}
		if c.kind != "" {
			h.Set("x-amz-checksum-type", c.kind)
		}
		a, ty, err := Multipart(h)
		if a != c.a || ty != c.t || (err != nil) != (c.text != "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s %s: %v %v %v", c.algorithm, c.kind, a, ty, err)
		}
	}
}

func TestBody(t *testing.T) {
	data := bytes.Repeat([]byte("rhizome"), 10000)
	right, wrong := sumMD5(string(data)), sumMD5("")
	for _, a := range append(all, None) {
		sum := []byte(nil)
		if a != None {
			sum = sumOf(a, data)
		}
		trailer := func(s string) func(string) string {
			return func(name string) string {
				if name != strings.ToLower(a.Header()) {
					t.Errorf("asked for %s", name)
				}
				return s
			}
		}
		run := func(w Want, f func(string) string, code s3err.Code) {
			t.Helper()
			w.Algorithm = a
			b := NewBody(w)
			b.Write(data[:5])
			b.Write(data[5:])
			m, s, err := b.Finish(f)
			if code == "" && (err != nil || !bytes.Equal(m, right) || !bytes.Equal(s, sum)) || code != "" && !errors.Is(err, code) {
				t.Errorf("%s: %x %x %v", a, m, s, err)
			}
		}
		run(Want{}, nil, "")
		run(Want{MD5: right, Sum: sum}, nil, "")
		run(Want{MD5: wrong}, nil, s3err.BadDigest)
		if a == None {
			continue
		}
		run(Want{Sum: make([]byte, a.Size())}, nil, s3err.BadDigest)
		run(Want{Trailer: true}, trailer(Encode(sum, 0)), "")
		run(Want{Trailer: true}, trailer(Encode(make([]byte, a.Size()), 0)), s3err.BadDigest)
		run(Want{Trailer: true}, trailer(""), s3err.MalformedTrailerError)
		run(Want{Trailer: true}, nil, s3err.MalformedTrailerError)
		run(Want{Trailer: true}, trailer("x"), s3err.InvalidRequest)
	}
}

func TestETags(t *testing.T) {
	e := ETag(sumMD5(""))
	if e != "d41d8cd98f00b204e9800998ecf8427e" {
		t.Error(e)
	}
	got, err := MultipartETag([]string{e, e})
	want := hex.EncodeToString(sumMD5(string(sumMD5(""))+string(sumMD5("")))) + "-2"
	if err != nil || got != want {
		t.Errorf("%s %v", got, err)
	}
	for _, bad := range []string{"", "x", e + "00", base64.StdEncoding.EncodeToString(sumMD5(""))} {
		if _, err := MultipartETag([]string{bad}); !errors.Is(err, s3err.InvalidPart) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzFromRequest checks that whatever is accepted says one thing.
func FuzzFromRequest(f *testing.F) {
	f.Add("AAAAAQ==", "", "CRC32", "1B2M2Y8AsgTpgAmY7PhCfg==")
	f.Add("", "x-amz-checksum-crc32", "", "")
	f.Fuzz(func(t *testing.T, crc, trailer, named, md5 string) {
		h := http.Header{}
		for n, v := range map[string]string{"X-Amz-Checksum-Crc32": crc, "X-Amz-Trailer": trailer,
			"X-Amz-Sdk-Checksum-Algorithm": named, "Content-Md5": md5} {
			if v != "" {
				h.Set(n, v)
			}
		}
		w, err := FromRequest(h)
		if err != nil {
			if s3err.As(err) == nil {
				t.Fatal(err)
			}
			return
		}
		if w.Trailer && w.Sum != nil || w.Sum != nil && len(w.Sum) != w.Algorithm.Size() || w.MD5 != nil && len(w.MD5) != 16 {
			t.Fatalf("%+v", w)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	data := make([]byte, 1<<20)
	for _, a := range all {
		b.Run(a.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			h := a.New()
			for b.Loop() {
				h.Write(data)
			}
		})
	}
	b.Run("MD5", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		h := md5.New()
		for b.Loop() {
			h.Write(data)
		}
	})
	b.Run("Body CRC64NVME", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		h := NewBody(Want{Algorithm: CRC64NVME})
		for b.Loop() {
			h.Write(data)
		}
	})
}

func BenchmarkJoin10000Parts(b *testing.B) {
	parts := make([]Part, 10000)
	for i := range parts {
		parts[i] = Part{make([]byte, 8), int64(5 << 20)}
	}
	for b.Loop() {
		if _, err := CRC64NVME.Join(FullObject, parts); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSums: of the text that RFC 3720 and others take as their example.
func TestSums(t *testing.T) {
	const text = "123456789"
	for a, want := range map[Algorithm]string{
		MD5:       "25f9e794323b453885f5181f1b624d0b",
		XXHASH64:  "8cb841db40e6ae83",
		XXHASH3:   "",
		XXHASH128: "",
	} {
		h := a.New()
		if _, err := h.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		sum := h.Sum(nil)
		if len(sum) != a.Size() || h.Size() != a.Size() || want != "" && hex.EncodeToString(sum) != want {
			t.Errorf("%v: %x", a, sum)
		}
	}
}
