package cli

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestProgramMaps: only what is of the file, private, and never written to.
func TestProgramMaps(t *testing.T) {
	rest := "Size:                 12 kB\nAnonymous:             0 kB\nVmFlags: rd mr mw me sd\n"
	changed := strings.Replace(rest, "  0 kB", "  8 kB", 1) // a loader wrote to it before it became read-only
	maps := "00400000-01000000 r-xp 00000000 fe:00 7  /bin/with space/rhizome\n" + rest +
		"01000000-02000000 r--p 00c00000 fe:00 7  /bin/with space/rhizome\n" + rest +
		"02000000-02100000 rw-p 01c00000 fe:00 7  /bin/with space/rhizome\n" + rest +
		"02100000-02200000 r--p 01d00000 fe:00 7  /bin/with space/rhizome\n" + changed +
		"03000000-03100000 r--s 00000000 fe:00 7  /bin/with space/rhizome\n" + rest +
		"c000000000-c004000000 rw-p 00000000 00:00 0\n" + rest +
		"7f0000000000-7f0000001000 r--p 00000000 fe:00 9  /lib/other\n" + rest +
		"zz-01 r--p 00000000 fe:00 9  /bin/with space/rhizome\n" + rest + "nonsense\n"
	got := programMaps(maps, "/bin/with space/rhizome")
	if want := []mapping{{0x400000, 0x1000000}, {0x1000000, 0x2000000}}; !slices.Equal(got, want) {
		t.Errorf("%x, not %x", got, want)
	}
}

// TestDropProgram: most of the program is no longer resident, and it goes on.
func TestDropProgram(t *testing.T) {
	touchProgram(t)
	before := residentFile(t)
	dropProgram()
	if after := residentFile(t); after > before/2+before/4 { // what goes on comes back, with what lies beside it
		t.Errorf("%d KiB of files are resident, before %d", after, before)
	}
	if got := strings.Fields("it goes on"); len(got) != 3 {
		t.Error(got)
	}
}

// touchProgram makes all of the program's file resident that dropProgram drops.
func touchProgram(t *testing.T) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for _, m := range programMaps(string(smaps), self) {
		if _, err := mem.ReadAt(make([]byte, m.to-m.from), int64(m.from)); err != nil {
			t.Fatal(err)
		}
	}
}

// residentFile returns how many KiB of files are mapped and resident.
func residentFile(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "RssFile:" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no RssFile")
	return 0
}
