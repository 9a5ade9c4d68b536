package limits

import (
	"os"
	"testing"
	"time"
)

func TestEveryLimitIsMeasured(t *testing.T) {
	dir := t.TempDir()
	l, err := Measure(dir, 20*time.Millisecond, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]float64{"write": l.WriteFsync, "fsync": l.Fsyncs1, "fsync16": l.Fsyncs16, "cold reads": l.Cold, "MD5": l.MD5,
		"SHA-256": l.SHA256, "BLAKE3": l.BLAKE3, "AES": l.AESGCM, "loopback": l.Loopback, "HTTP": l.HTTP} {
		if v <= 0 {
			t.Errorf("%s: %v", name, v)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
