package harm

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// messes are kinds of garbage, about 20 MiB each, made under /mess.
var messes = []struct {
	name string
	make func(t *testing.T, n *harness.Node, c *wire.Client)
}{
	{"overwritten objects", func(t *testing.T, _ *harness.Node, c *wire.Client) {
		for i := range 6 {
			send(t, c, "PUT", "/mess/over", "", harness.Random(uint64(i), 4<<20))
		}
		send(t, c, "PUT", "/mess/over", "", []byte("short"))
	}},
	{"deleted objects", func(t *testing.T, _ *harness.Node, c *wire.Client) {
		for i := range 5 {
			send(t, c, "PUT", fmt.Sprint("/mess/gone", i), "", harness.Random(uint64(i), 4<<20))
		}
		for i := range 40 {
			send(t, c, "PUT", fmt.Sprint("/mess/small", i), "", harness.Random(uint64(i), 100_000))
		}
		for i := range 5 {
			send(t, c, "DELETE", fmt.Sprint("/mess/gone", i), "", nil)
		}
		for i := range 40 {
			send(t, c, "DELETE", fmt.Sprint("/mess/small", i), "", nil)
		}
	}},
	{"small objects", func(t *testing.T, _ *harness.Node, c *wire.Client) {
		for _, size := range []int{4000, 15_000} {
			for i := range 10 << 20 / size {
				send(t, c, "PUT", fmt.Sprint("/mess/tiny", i), "", harness.Random(uint64(i), size))
			}
		}
		for i := range 10 << 20 / 4000 {
			send(t, c, "DELETE", fmt.Sprint("/mess/tiny", i), "", nil)
		}
	}},
	{"aborted uploads", func(t *testing.T, _ *harness.Node, c *wire.Client) {
		id := beginUpload(t, c, "/mess/aborted", 4)
		send(t, c, "DELETE", "/mess/aborted", "uploadId="+id, nil)
	}},
	{"abandoned uploads", func(t *testing.T, _ *harness.Node, c *wire.Client) {
		beginUpload(t, c, "/mess/abandoned", 4)
	}},
	{"a part sent again and parts left out", func(t *testing.T, _ *harness.Node, c *wire.Client) {
		id := beginUpload(t, c, "/mess/parts", 4)
		again := send(t, c, "PUT", "/mess/parts", "partNumber=1&uploadId="+id, harness.Random(9, 1000))
		list := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + again.Header("etag") + "</ETag></Part></CompleteMultipartUpload>"
		send(t, c, "POST", "/mess/parts", "uploadId="+id, []byte(list))
	}},
	{"uploads that the client broke off", func(t *testing.T, n *harness.Node, _ *wire.Client) {
		for range 4 {
			breakOff(t, n, "/mess/broken", 6<<20, 5<<20)
		}
	}},
	{"uploads that a kill broke off", func(t *testing.T, n *harness.Node, c *wire.Client) {
		beginUploadAbort(t, n, c)
		for range 4 {
			halfSent(t, n, "/mess/killed", 6<<20, 5<<20)
		}
		n.Restart()
	}},
}

// beginUpload begins an upload, sends parts of 5 MiB, and returns its escaped ID.
func beginUpload(t *testing.T, c *wire.Client, path string, parts int) string {
	t.Helper()
	begun := send(t, c, "POST", path, "uploads", nil)
	id := wire.EscapeQuery(between(string(begun.Body), "<UploadId>", "</UploadId>"))
	for i := range parts {
		send(t, c, "PUT", path, fmt.Sprintf("partNumber=%d&uploadId=%s", i+1, id), harness.Random(uint64(i), 5<<20))
	}
	return id
}

// beginUploadAbort aborts an upload while a part of it is still being sent.
func beginUploadAbort(t *testing.T, n *harness.Node, c *wire.Client) {
	t.Helper()
	id := beginUpload(t, c, "/mess/raced", 1)
	conn := halfSentQuery(t, n, "/mess/raced", "partNumber=2&uploadId="+id, 6<<20, 5<<20)
	send(t, c, "DELETE", "/mess/raced", "uploadId="+id, nil)
	conn.Close()
}

// halfSent announces a body, sends part of it, and leaves the connection open.
func halfSent(t *testing.T, n *harness.Node, path string, announced, sent int) net.Conn {
	t.Helper()
	return halfSentQuery(t, n, path, "", announced, sent)
}

func halfSentQuery(t *testing.T, n *harness.Node, path, query string, announced, sent int) net.Conn {
	t.Helper()
	c, err := wire.Dial(n.Target())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	body := harness.Random(7, announced)
	must(t, c.SetDeadline(time.Now().Add(time.Minute)))
	head := c.Head(nil, &wire.Request{Method: "PUT", Path: path, Query: query, Body: body}, time.Now())
	_, err = c.Write(append(head, body[:sent]...))
	must(t, err)
	return c
}

// breakOff sends part of a body and closes the connection.
func breakOff(t *testing.T, n *harness.Node, path string, announced, sent int) {
	t.Helper()
	must(t, halfSent(t, n, path, announced, sent).Close())
}

// TestGarbage: what nobody can read any more leaves the disk within minutes.
func TestGarbage(t *testing.T) {
	t.Parallel()
	n := harness.Start(t, "--upload-age", "5s")
	c := client(t, n)
	send(t, c, "PUT", "/mess", "", nil)
	send(t, c, "PUT", "/mess/kept", "", harness.Random(1, 3<<20))
	// The row store's log may grow; what lies beside it may not.
	besideLogs := func() int64 { return n.Usage() - sizes(t, n, ".log") }
	before, rowsBefore := besideLogs(), rowFiles(t, n)
	for _, m := range messes {
		m.make(t, n, c)
		c.Close()
		c.Target = n.Target()
		t.Logf("after %s: %d bytes on the disk", m.name, n.Usage())
	}
	const slack = 8 << 20
	harness.Eventually(t, patience, "garbage has left the disk", func() bool { return besideLogs() < before+slack })
	harness.Eventually(t, patience, "small garbage has left the disk", func() bool { return rowFiles(t, n) < rowsBefore+2<<20 })
	noOrphans(t, n, patience)
	if open := string(send(t, c, "GET", "/mess", "uploads", nil).Body); strings.Contains(open, "<Upload>") {
		t.Errorf("uploads are still open: %s", open)
	}
	if got := send(t, c, "GET", "/mess/kept", "", nil); string(got.Body) != string(harness.Random(1, 3<<20)) {
		t.Error("an object that nobody touched has changed")
	}
	for _, key := range []string{"/mess/broken", "/mess/killed", "/mess/raced", "/mess/aborted", "/mess/abandoned"} {
		if resp, err := c.Do(&wire.Request{Method: "GET", Path: key}); err != nil || resp.Status != 404 {
			t.Errorf("%s: %v, %v; want 404", key, resp, err)
		}
	}
}

// rowFiles is how many bytes the row store's tables and files of values take.
func rowFiles(t *testing.T, n *harness.Node) int64 { return sizes(t, n, ".sst") + sizes(t, n, ".blob") }

// sizes is how many bytes the row store's files of a kind take.
func sizes(t *testing.T, n *harness.Node, ext string) (sum int64) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(n.Dir, "rows"))
	must(t, err)
	for _, f := range files {
		if info, err := f.Info(); err == nil && filepath.Ext(f.Name()) == ext {
			sum += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
	}
	return sum
}
