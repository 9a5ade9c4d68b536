package short

import (
	"strings"
	"testing"

	"github.com/zeebo/blake3"
)

func TestSameAsTheLibrary(t *testing.T) {
	text := make([]byte, 1100)
	for i := range text {
		text[i] = byte(i * 7)
	}
	for n := range text {
		if Sum256(text[:n]) != blake3.Sum256(text[:n]) || Sum256(string(text[:n])) != blake3.Sum256(text[:n]) {
			t.Fatalf("%d bytes", n)
		}
	}
}

func FuzzSum256(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte(strings.Repeat("x", 1024)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if Sum256(b) != blake3.Sum256(b) {
			t.Error("not the library's sum")
		}
	})
}

func BenchmarkSum256(b *testing.B) {
	b.ReportAllocs()
	name := []byte("o/0123456789abcdef")
	for b.Loop() {
		Sum256(name)
	}
}

func BenchmarkLibrary(b *testing.B) {
	name := []byte("o/0123456789abcdef")
	for b.Loop() {
		blake3.Sum256(name)
	}
}
