package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rhizome/gateway/admin/api"
)

// awayHome is another rhizome, to which a test replicates.
type awayHome struct {
	h    *home
	at   string
	n    *running
	made api.Key
}

func newAwayHome(t *testing.T) *awayHome {
	a := &awayHome{h: newHome(t), at: freeAddress(t)}
	a.start()
	a.h.must(&a.made, "key", "create", "replication")
	return a
}

func (a *awayHome) start() { a.n = a.h.up("--s3", a.at) }
func (a *awayHome) kill() {
	if err := a.n.cmd.Process.Kill(); err != nil {
		a.h.t.Fatal(err)
	}
	a.n.wait()
}
func (a *awayHome) endpoint() string         { return "http://" + a.at }
func (a *awayHome) key() (id, secret string) { return a.made.ID, a.made.Secret }
func (a *awayHome) client() *minio.Client    { return clientOf(a.h.t, a) }

func clientOf(t *testing.T, a *awayHome) *minio.Client {
	t.Helper()
	id, secret := a.key()
	c, err := minio.New(strings.TrimPrefix(a.endpoint(), "http://"), &minio.Options{Creds: credentials.NewStaticV4(id, secret, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestReplication: a bucket is kept at another rhizome while either side is killed; at the end
// both hold the same. What is wrong is said.
func TestReplication(t *testing.T) { replication(t, newAwayHome(t)) }

func replication(t *testing.T, to *awayHome) {
	h := newHome(t)
	n := h.up()
	id, secret := to.key()
	for _, name := range []string{"copy", "spare"} {
		if err := to.client().MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	h.must(nil, "bucket", "create", "photos")
	put := func(key string, size int) {
		t.Helper()
		body := bytes.Repeat([]byte(key), size/len(key)+1)
		var err error
		for range 5 {
			_, err = n.s3().PutObject(t.Context(), "photos", key, bytes.NewReader(body), int64(len(body)),
				minio.PutObjectOptions{PartSize: 5 << 20, ContentType: "text/x", CacheControl: "max-age=7", UserMetadata: map[string]string{"who": "me"}, UserTags: map[string]string{"k": "v"}})
			if err == nil {
				return
			}
		}
		t.Fatal(err)
	}
	for i := range 30 {
		put(fmt.Sprintf("before/%02d", i), 1000*i+1)
	}
	put("before/large", 17<<20)
	h.secret("wrong", "remote", "add", "bad", "--endpoint", to.endpoint(), "--access-key", id)
	h.secret(secret, "remote", "add", "off", "--endpoint", to.endpoint(), "--access-key", id)
	h.refused("the other store refuses the access key", "remote", "check", "bad", "copy")
	h.must(nil, "remote", "check", "off", "copy")
	h.refused("there is no remote of this name", "bucket", "replicate", "photos", "--to", "none/copy")
	var all []api.Replication
	h.must(&all, "bucket", "replicate", "photos", "--to", "bad/spare")
	n.until(func() bool {
		h.must(&all, "bucket", "replication", "photos")
		return strings.Contains(all[0].Error, "refuses the access key")
	})
	h.secret(secret, "remote", "set", "bad", "--rate", "50MB") // what waits goes on
	n.until(func() bool {
		all = nil // what is not said any more is gone
		h.must(&all, "bucket", "replication", "photos")
		return all[0].First.Done && all[0].Objects == 0 && all[0].Error == ""
	})
	if o, err := to.client().StatObject(t.Context(), "spare", "before/large", minio.StatObjectOptions{}); err != nil || o.Size < 17<<20 {
		t.Errorf("it is there as %+v, %v", o, err)
	}
	h.must(nil, "bucket", "replicate", "photos", "--to", "bad/spare", "--off")
	h.must(&all, "bucket", "replicate", "photos", "--to", "off/copy", "--deletes")
	h.refused("the bucket photos is replicated to it", "remote", "delete", "off", "--yes")
	put("during/1", 10)
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	n.wait()
	n = h.up()
	settled := func() bool {
		h.must(&all, "bucket", "replication", "photos")
		return len(all) == 1 && all[0].First.Done && all[0].Objects == 0
	}
	n.until(settled)
	sameBuckets(t, n.s3(), to.client())

	to.kill()
	for i := range 20 {
		put(fmt.Sprintf("away/%02d", i), 100)
	}
	for _, key := range []string{"before/03", "before/large"} {
		if err := n.s3().RemoveObject(t.Context(), "photos", key, minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	n.until(func() bool {
		h.must(&all, "bucket", "replication", "photos")
		return all[0].Objects == 22 && all[0].Oldest != nil && all[0].Error != ""
	})
	if said := h.must(nil, "bucket", "replication", "photos"); !strings.Contains(said, "22 objects") {
		t.Errorf("it is said\n%s", said)
	}
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	n.wait()
	to.start()
	n = h.up()
	n.until(settled)
	sameBuckets(t, n.s3(), to.client())
	o, err := n.s3().StatObject(t.Context(), "photos", "away/01", minio.StatObjectOptions{})
	if err != nil || o.ReplicationStatus != "COMPLETED" {
		t.Errorf("its status is %q, %v", o.ReplicationStatus, err)
	}
	if said := n.must(nil, "metrics"); !strings.Contains(said, "rhizome_replication_waiting 0") {
		t.Errorf("the metrics say\n%s", said)
	}
	h.must(nil, "bucket", "replicate", "photos", "--to", "off/copy", "--off")
	h.must(nil, "remote", "delete", "off", "--yes")
}

// secret runs a command that reads a secret from its standard input.
func (h *home) secret(secret string, args ...string) {
	h.t.Helper()
	cmd := h.command(context.Background(), append(args, "--secret-stdin", "--data", h.data)...)
	cmd.Stdin = strings.NewReader(secret + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("rhizome %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// sameBuckets compares what two buckets hold, to the byte, with what belongs to it.
func sameBuckets(t *testing.T, here, there *minio.Client) {
	t.Helper()
	list := func(c *minio.Client, bucket string) map[string]int64 {
		all := map[string]int64{}
		for o := range c.ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			all[o.Key] = o.Size
		}
		return all
	}
	a, b := list(here, "photos"), list(there, "copy")
	if len(a) != len(b) {
		t.Errorf("%d objects here, %d there", len(a), len(b))
	}
	for key := range a {
		x, y := whole(t, here, "photos", key), whole(t, there, "copy", key)
		if !bytes.Equal(x, y) {
			t.Errorf("%s has %d bytes here, and others there (%d)", key, len(x), len(y))
		}
	}
	o, err := there.StatObject(t.Context(), "copy", "before/04", minio.StatObjectOptions{})
	if err != nil || o.ContentType != "text/x" || o.Metadata.Get("Cache-Control") != "max-age=7" || o.UserMetadata["Who"] != "me" || o.UserTagCount != 1 {
		t.Errorf("it is there as %+v, %v", o, err)
	}
}

func whole(t *testing.T, c *minio.Client, bucket, key string) []byte {
	t.Helper()
	o, err := c.GetObject(t.Context(), bucket, key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	raw, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestReplicationBothWays: two rhizomes that replicate to each other come to rest, and what is
// written on either side is on both.
func TestReplicationBothWays(t *testing.T) {
	a, b := newAwayHome(t), newAwayHome(t)
	for _, x := range [][2]*awayHome{{a, b}, {b, a}} {
		id, secret := x[1].key()
		x[0].h.must(nil, "bucket", "create", "both", "--key", x[0].made.ID)
		x[0].h.secret(secret, "remote", "add", "other", "--endpoint", x[1].endpoint(), "--access-key", id)
	}
	for _, x := range []*awayHome{a, b} {
		x.h.must(nil, "bucket", "replicate", "both", "--to", "other/both", "--deletes")
	}
	put := func(x *awayHome, key, body string) {
		t.Helper()
		if _, err := x.client().PutObject(t.Context(), "both", key, strings.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	rest := func(x *awayHome) {
		t.Helper()
		x.n.until(func() bool {
			var all []api.Replication
			x.h.must(&all, "bucket", "replication", "both")
			return all[0].First.Done && all[0].Objects == 0
		})
	}
	put(a, "from a", "1")
	put(b, "from b", "2")
	rest(a)
	rest(b)
	put(b, "from a", "3")
	if err := a.client().RemoveObject(t.Context(), "both", "from b", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	rest(a)
	rest(b)
	for _, x := range []*awayHome{a, b} {
		if got := whole(t, x.client(), "both", "from a"); string(got) != "3" {
			t.Errorf("there is %q", got)
		}
		if _, err := x.client().StatObject(t.Context(), "both", "from b", minio.StatObjectOptions{}); err == nil {
			t.Error("what was deleted is there")
		}
	}
	o, err := a.client().StatObject(t.Context(), "both", "from a", minio.StatObjectOptions{})
	if err != nil || o.ReplicationStatus != "REPLICA" {
		t.Errorf("its status is %q, %v", o.ReplicationStatus, err)
	}
}
