package sigv4

import "testing"

func BenchmarkHeader(b *testing.B) {
	v, r := New(""), signedGet(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.verify(r, exampleTime, lookupExample); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPresigned(b *testing.B) {
	v, r := New(""), presignedGet(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.verify(r, exampleTime, lookupExample); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPresign(b *testing.B) {
	r := request(b, "GET", "/b/k?x=1", "host")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Presign(r, Credentials{AccessKey: exampleKey, Secret: exampleSecret}, exampleTime, MaxExpires); err != nil {
			b.Fatal(err)
		}
	}
}
