package node

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryOfAGroup(t *testing.T) {
	root := t.TempDir()
	for name, limit := range map[string]string{
		"memory.max":                               "max\n",
		"home/memory.max":                          "800000000\n",
		"home/rhizome.service/memory.max":          "max\n",
		"memory/docker/box/memory.limit_in_bytes":  "300000000\n",
		"memory/docker/wide/memory.limit_in_bytes": "9223372036854771712\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(limit), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for groups, want := range map[string]uint64{
		"0::/home/rhizome.service\n": 800000000,
		"0::/\n":                     math.MaxUint64,
		"0::/elsewhere\n":            math.MaxUint64,
		"5:memory:/docker/box\n3:cpu,cpuacct:/docker/box\n": 300000000,
		"5:hugetlb,memory:/docker/wide\n0::/":               9223372036854771712,
		"3:cpu:/docker/box\n":                               math.MaxUint64,
		"nonsense":                                          math.MaxUint64,
		"0::/home/../home":                                  800000000,
	} {
		if got := groupLimit(root, groups); got != want {
			t.Errorf("the groups %q may have %d bytes, want %d", groups, got, want)
		}
	}
}
