package harm

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// stored are objects of every kind: in a row, in a segment, in a file of its own, over
// several extents, compressible.
var stored = map[string][]byte{
	"/damage/an-object-a": harness.Random(1, 2000),
	"/damage/an-object-b": harness.Random(2, 100_000),
	"/damage/an-object-c": harness.Random(3, 300_000),
	"/damage/an-object-d": harness.Random(4, 5<<20),
	"/damage/an-object-e": harness.Random(5, 66<<20),
	"/damage/an-object-f": []byte(strings.Repeat("the same again and again ", 60_000)),
}

// harms are what is done to a file. Each returns what it did.
var harms = []struct {
	name string
	do   func(rng *rand.Rand, file string) error
}{
	{"flipped", flip},
	{"truncated", func(rng *rand.Rand, file string) error {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		return os.Truncate(file, rng.Int64N(max(info.Size(), 1)))
	}},
	{"deleted", func(_ *rand.Rand, file string) error { return os.Remove(file) }},
}

// flip changes a few bytes anywhere in a file.
func flip(rng *rand.Rand, file string) error {
	data, err := os.ReadFile(file)
	if err != nil || len(data) == 0 {
		return err
	}
	for range 1 + len(data)/50_000 {
		data[rng.IntN(len(data))] ^= byte(1 + rng.IntN(255))
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, info.Mode())
}

// digits stand for any number or identifier in a file's name.
var digits = regexp.MustCompile(`[0-9A-Fa-f]{2,}|[0-9]+`)

// kinds returns one file of every kind in a data folder, by kind. Files that a start
// makes anew and sockets are left out.
func kinds(t *testing.T, rng *rand.Rand, dir string) map[string]string {
	t.Helper()
	all := map[string][]string{}
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if info, e := d.Info(); e == nil && info.Size() > 0 {
			kind := digits.ReplaceAllString(path.Dir(name), "N") + "/" + digits.ReplaceAllString(path.Base(name), "N")
			all[kind] = append(all[kind], name)
		}
		return err
	}))
	one := map[string]string{}
	for kind, names := range all {
		one[kind] = names[rng.IntN(len(names))]
	}
	return one
}

// TestDamage damages one file of every kind in a data folder in every way. The node
// starts, or says what is wrong and what to do; it never serves wrong bytes; and what it
// cannot serve any more it names.
func TestDamage(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	n := damageable(t)
	// At a proper stop the row store's log goes into its tables.
	must(t, n.Stop())
	files := kinds(t, rng, n.Dir)
	if len(files) < 6 {
		t.Fatalf("only these kinds of file found: %v", files)
	}
	damageEach(t, rng, n, files)
}

// TestDamageAfterCrash damages the row store's log when it holds all that was written.
//
// What was written within a second before the crash is left out: until the node has
// noted how far the log reaches, its damaged end looks like one that a power cut left.
// docs/repair.md says so.
func TestDamageAfterCrash(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	n := damageable(t)
	untilNoted(t, n)
	n.Kill()
	files := kinds(t, rng, n.Dir)
	for kind := range files {
		if !strings.HasSuffix(kind, ".log") {
			delete(files, kind)
		}
	}
	if len(files) == 0 {
		t.Fatal("no log of the row store found")
	}
	damageEach(t, rng, n, files)
}

// untilNoted returns when the node has noted that what was written before the call is
// durable. It writes a little, because notes follow writes; the second new note was
// surely begun after the first.
func untilNoted(t *testing.T, n *harness.Node) {
	t.Helper()
	file := filepath.Join(n.Dir, "rows", "OPENED")
	read := func() string {
		b, err := os.ReadFile(file)
		must(t, err)
		return string(b)
	}
	c := client(t, n)
	for range 2 {
		before := read()
		send(t, c, "PUT", "/damage/note", "", []byte("a little"))
		harness.Eventually(t, time.Minute, "the row store notes what is durable", func() bool { return read() != before })
	}
}

// damageable starts a node and stores objects of every kind in it.
func damageable(t *testing.T) *harness.Node {
	t.Helper()
	n := harness.Start(t)
	c := client(t, n)
	send(t, c, "PUT", "/damage", "", nil)
	for key, data := range stored {
		send(t, c, "PUT", key, "", data)
	}
	return n
}

// damageEach does every harm to every one of the files, each to a fresh copy of the
// stopped node's folder.
func damageEach(t *testing.T, rng *rand.Rand, n *harness.Node, files map[string]string) {
	t.Helper()
	whole := n.Dir + ".whole"
	must(t, os.Rename(n.Dir, whole))
	for _, kind := range slices.Sorted(maps.Keys(files)) {
		for _, h := range harms {
			seed := rng.Uint64()
			t.Run(kind+" "+h.name, func(t *testing.T) {
				must(t, os.RemoveAll(n.Dir))
				copyTree(t, whole, n.Dir)
				must(t, h.do(rand.New(rand.NewPCG(seed, 2)), filepath.Join(n.Dir, files[kind])))
				hurt := harness.New(t, n.Dir)
				hurt.Key = n.Key
				afterDamage(t, hurt)
			})
		}
	}
}

// copyTree copies a data folder, modes included.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(from, p)
		target := filepath.Join(to, name)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, info.Mode().Perm())
		case d.Type().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			return os.WriteFile(target, data, info.Mode().Perm())
		}
		return nil
	}))
}

// TestMovedFolder: a data folder works wherever it lies, as it does when it was restored
// from a backup or moved to a larger disk.
func TestMovedFolder(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	c := client(t, n)
	send(t, c, "PUT", "/damage", "", nil)
	send(t, c, "PUT", "/damage/an-object-d", "", stored["/damage/an-object-d"])
	must(t, n.Stop())
	moved := harness.New(t, n.Dir+".moved")
	must(t, os.Rename(n.Dir, moved.Dir))
	moved.Key = n.Key
	moved.Start()
	if got := send(t, client(t, moved), "GET", "/damage/an-object-d", "", nil); string(got.Body) != string(stored["/damage/an-object-d"]) {
		t.Error("wrong bytes after the folder was moved")
	}
}

// afterDamage starts a node whose folder was damaged and judges how it behaves.
func afterDamage(t *testing.T, n *harness.Node) {
	t.Helper()
	if err := n.Up(); err != nil {
		plainWords(t, err.Error())
		return
	}
	c := client(t, n)
	var unread []string
	for key, want := range stored {
		resp, err := c.Do(&wire.Request{Method: "GET", Path: key})
		switch {
		case resp == nil:
			t.Errorf("%s: no answer at all: %v", key, err)
		case err != nil:
			unread = append(unread, key) // broken off in the middle: seen as an error
		case resp.Status == 200 && string(resp.Body) == string(want):
		case resp.Status == 200:
			t.Errorf("%s: wrong bytes were served", key)
		default:
			unread = append(unread, key)
		}
	}
	listed(t, c, unread)
	if len(unread) == 0 {
		return
	}
	n.MustCLI("repair", "scrub")
	named := func() (missing []string) {
		if diskLost(t, n) {
			return nil // its objects come back with it
		}
		all := repair(t, n).Lost
		for _, key := range unread {
			bucket, name, _ := strings.Cut(strings.TrimPrefix(key, "/"), "/")
			if !slices.ContainsFunc(all, func(l lost) bool { return l.Bucket == bucket && l.Key == name }) {
				missing = append(missing, key)
			}
		}
		return missing
	}
	harness.Eventually(t, time.Minute, fmt.Sprintf("repair status names %v, which cannot be read", unread), func() bool { return len(named()) == 0 })
}

// listed judges what a damaged node lists: an error, or each object as it was stored. What cannot
// be read may be missing; that it is named elsewhere is judged there.
func listed(t *testing.T, c *wire.Client, unread []string) {
	t.Helper()
	resp, err := c.Do(&wire.Request{Method: "GET", Path: "/damage", Query: "list-type=2"})
	if err != nil || resp.Status != 200 {
		if len(unread) == 0 {
			t.Errorf("all is read, and nothing listed: %v %v", resp, err)
		}
		return
	}
	var page struct {
		Contents []struct {
			Key, ETag string
			Size      int
		}
	}
	must(t, xml.Unmarshal(resp.Body, &page))
	missing := maps.Clone(stored)
	for _, o := range page.Contents {
		key := "/damage/" + o.Key
		if want, ok := stored[key]; key != "/damage/note" && (!ok || o.Size != len(want)) {
			t.Errorf("%s is listed with %d bytes", key, o.Size)
		}
		if sum := md5.Sum(stored[key]); key != "/damage/note" && strings.Trim(o.ETag, `"`) != hex.EncodeToString(sum[:]) {
			t.Errorf("%s is listed with the ETag %s", key, o.ETag)
		}
		delete(missing, key)
	}
	for key := range missing {
		if !slices.Contains(unread, key) {
			t.Errorf("%s is read and not listed", key)
		}
	}
}

// diskLost reports whether the node says that a disk is lost, and why.
func diskLost(t *testing.T, n *harness.Node) bool {
	t.Helper()
	var status struct {
		Disks []struct{ State, Reason string }
	}
	must(t, json.Unmarshal([]byte(n.MustCLI("status", "--json")), &status))
	for _, d := range status.Disks {
		if d.State == "lost" && d.Reason != "" {
			return true
		}
	}
	return false
}

// plainWords judges what a node says that does not start.
func plainWords(t *testing.T, said string) {
	t.Helper()
	if strings.Contains(said, "goroutine ") || strings.Contains(said, "panic") {
		t.Errorf("the node broke down instead of saying what is wrong:\n%s", said)
	}
	if strings.Contains(said, "was not ready") {
		t.Errorf("the node neither started nor ended:\n%s", said)
	}
	if !strings.Contains(said, "rhizome ") && !strings.Contains(said, "backup") && !strings.Contains(said, "restore") {
		t.Errorf("the node does not say what to do:\n%s", said)
	}
}
