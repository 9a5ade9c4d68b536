package node

import "testing"

func TestRowStoreFitsTheMachine(t *testing.T) {
	for memory, want := range map[uint64]int64{512 << 20: 32 << 20, 1 << 30: 64 << 20, 2 << 30: 128 << 20, 64 << 30: 128 << 20} {
		if got := maxCache(memory); got != want {
			t.Errorf("cache with %d MiB of memory: %d MiB, want %d", memory>>20, got>>20, want>>20)
		}
	}
	for limit, want := range map[uint64]int{256: 100, 1024: 256, 20000: 5000, 1 << 62: 8000} {
		if got := rowFiles(limit); got != want {
			t.Errorf("row files where %d may be open: %d, want %d", limit, got, want)
		}
	}
	if memoryBytes() < 64<<20 || fileLimit() < 64 {
		t.Errorf("this machine: %d bytes of memory, %d files", memoryBytes(), fileLimit())
	}
}
