package limits

import (
	"os"
	"path/filepath"
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

func TestReadsIn(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadsIn(dir, time.Millisecond); err == nil {
		t.Error("an empty folder was read")
	}
	for name, size := range map[string]int{"a": 100, "b": 4 << 10, "c": 9 << 10} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := ReadsIn(dir, 5*time.Millisecond); err != nil || n <= 0 {
		t.Errorf("%v reads a second, %v", n, err)
	}
}
