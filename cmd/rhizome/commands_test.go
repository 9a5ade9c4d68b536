package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"rhizome/gateway/admin/api"
)

func TestKeyLimits(t *testing.T) {
	h := newHome(t)
	n := h.up()
	var guest api.Key
	h.must(&guest, "key", "create", "guest", "--expires", "30d")
	if guest.Secret == "" || guest.Expires == nil || !guest.Expires.After(guest.Created) {
		t.Errorf("%+v", guest)
	}
	try := func() string {
		c, err := minio.New(n.status.S3.Address, &minio.Options{Creds: credentials.NewStaticV4(guest.ID, guest.Secret, "")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.ListBuckets(t.Context())
		return minio.ToErrorResponse(err).Code
	}
	if code := try(); code != "" {
		t.Error(code)
	}
	var k api.Key
	if h.must(&k, "key", "expire", "guest"); k.Expires == nil || k.Secret != "" {
		t.Errorf("%+v", k)
	}
	if code := try(); code != "ExpiredToken" {
		t.Errorf("a key that has expired is answered %q", code)
	}
	k = api.Key{}
	if h.must(&k, "key", "expire", "guest", "--never"); k.Expires != nil || try() != "" {
		t.Errorf("%+v", k)
	}
	if h.must(&k, "key", "limit", "guest", "--rate", "50/s"); k.Rate != 50 || try() != "" {
		t.Errorf("%+v", k)
	}
	k = api.Key{}
	if h.must(&k, "key", "limit", "guest", "--rate", "none"); k.Rate != 0 {
		t.Errorf("%+v", k)
	}
	for _, bad := range [][]string{{"key", "limit", "guest", "--rate", "fast"}, {"key", "limit", "guest"}, {"key", "limit", "guest", "--rate", "2000000/s"},
		{"key", "expire", "guest", "--in", "1d", "--never"}, {"key", "expire", "nobody"}, {"key", "create", "x", "--expires", "soon"}} {
		if r := h.run(bad...); r.code == 0 || r.err == "" {
			t.Errorf("%v: %+v", bad, r)
		}
	}
}

// TestDocuments: a policy and a CORS configuration come back as they were set, and who
// runs the node can take away a policy that locks everybody out.
func TestDocuments(t *testing.T) {
	h := newHome(t)
	h.up()
	h.must(new(api.Bucket), "bucket", "create", "photos")
	const policy = `{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::photos/*"}}`
	const cors = `<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>`
	for _, d := range [][3]string{{"policy", policy, `{"Statement":{"Effect":"Perhaps"}}`}, {"cors", cors, "<CORSConfiguration/>"}} {
		kind, file := d[0], filepath.Join(h.dir, d[0]+".txt")
		if r := h.run("bucket", kind, "get", "photos"); r.code == 0 {
			t.Errorf("%s: %+v", kind, r)
		}
		h.write(file, d[1])
		var got api.Document
		if h.must(&got, "bucket", kind, "set", "photos", "--file", file); got.Text != d[1] || got.Public {
			t.Errorf("%+v", got)
		}
		got = api.Document{}
		if h.must(&got, "bucket", kind, "get", "photos"); kind == "policy" && got.Text != d[1] || !strings.Contains(got.Text, "<AllowedOrigin>*<") && kind == "cors" {
			t.Errorf("%+v", got)
		}
		h.write(file, d[2])
		if r := h.run("bucket", kind, "set", "photos", "--file", file); r.code == 0 || r.err == "" {
			t.Errorf("%s: %+v", kind, r)
		}
		if r := h.run("bucket", kind, "delete", "photos"); r.code == 0 {
			t.Errorf("%s was deleted without a question: %+v", kind, r)
		}
		if r := h.run("bucket", kind, "delete", "photos", "--yes"); r.code != 0 {
			t.Errorf("%s: %+v", kind, r)
		}
		if r := h.run("bucket", kind, "get", "photos"); r.code == 0 {
			t.Errorf("%s is still there: %+v", kind, r)
		}
	}
}

func TestKeys(t *testing.T) {
	h := newHome(t)
	n := h.up()
	var laptop, backup, shown api.Key
	h.must(&laptop, "key", "create", "laptop")
	h.must(&backup, "key", "create", "backup", "--no-create-bucket")
	if laptop.ID == "" || laptop.Secret == "" || !laptop.CreateBuckets || backup.CreateBuckets {
		t.Errorf("%+v %+v", laptop, backup)
	}
	var keys []api.Key
	h.must(&keys, "key", "list")
	if len(keys) != 3 {
		t.Errorf("%d keys", len(keys))
	}
	for _, k := range keys {
		if k.Secret != "" {
			t.Error("the list shows secrets")
		}
	}
	if h.must(&shown, "key", "show", "laptop"); shown.ID != laptop.ID || shown.Secret != "" {
		t.Errorf("%+v", shown)
	}
	if h.must(&shown, "key", "show", laptop.ID, "--secret"); shown.Secret != laptop.Secret {
		t.Errorf("%+v", shown)
	}
	try := func(k api.Key, bucket string) error {
		c, err := minio.New(n.status.S3.Address, &minio.Options{Creds: credentials.NewStaticV4(k.ID, k.Secret, "")})
		if err != nil {
			t.Fatal(err)
		}
		return c.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{})
	}
	if err := try(laptop, "of-laptop"); err != nil {
		t.Error(err)
	}
	if err := try(backup, "of-backup"); err == nil {
		t.Error("a key made with --no-create-bucket made a bucket")
	}
	h.refused("--yes", "key", "delete", "laptop")
	h.must(nil, "key", "delete", "laptop", "--yes")
	if err := try(laptop, "too-late"); err == nil {
		t.Error("a deleted key still works")
	}
	h.refused(`there is no key "laptop"`, "key", "show", "laptop")
}

func TestKeyImport(t *testing.T) {
	h := newHome(t)
	h.up()
	h.refused("AWS_SECRET_ACCESS_KEY", "key", "import", "old")
	h.env = []string{"AWS_ACCESS_KEY_ID=GK0123456789", "AWS_SECRET_ACCESS_KEY=0123456789abcdef"}
	var k api.Key
	if h.must(&k, "key", "import", "old"); k.ID != "GK0123456789" || k.Secret != "0123456789abcdef" {
		t.Errorf("%+v", k)
	}
	h.refused("exists already", "key", "import", "again")
}

func TestBuckets(t *testing.T) {
	h := newHome(t)
	n := h.up()
	var k api.Key
	h.must(&k, "key", "create", "laptop")
	var b api.Bucket
	h.must(&b, "bucket", "create", "photos")
	id := b.ID
	h.must(&b, "bucket", "alias", "photos", "pictures")
	if strings.Join(b.Names, ",") != "photos,pictures" {
		t.Errorf("names %v", b.Names)
	}
	h.must(&b, "bucket", "alias", "photos", "private", "--local", "laptop")
	if len(b.LocalNames[k.ID]) != 1 {
		t.Errorf("local names %v", b.LocalNames)
	}
	h.must(&b, "bucket", "allow", "photos", "--key", "laptop", "--read", "--write")
	h.must(&b, "bucket", "deny", "photos", "--key", "laptop", "--write")
	var got api.Access
	for _, g := range b.Grants {
		if g.Key == k.ID {
			got = g.Access
		}
	}
	if got != (api.Access{Read: true}) {
		t.Errorf("the key may %+v", got)
	}
	h.must(&b, "bucket", "quota", "photos", "--size", "1.5GB", "--objects", "2")
	h.must(&b, "bucket", "quota", "photos", "--objects", "3")
	if b.Quota != (api.Quota{Bytes: 1.5e9, Objects: 3}) {
		t.Errorf("quota %+v", b.Quota)
	}
	if _, err := n.s3().PutObject(t.Context(), "pictures", "a/b c.txt", strings.NewReader("hello"), 5, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	url := n.status.S3.URL + "/photos/a/b%20c.txt"
	if code, _ := get(t, url); code != 403 {
		t.Errorf("anybody reads a bucket that is not allowed: %d", code)
	}
	h.must(nil, "bucket", "allow", "photos", "--anonymous", "--read")
	if code, body := get(t, url); code != 200 || body != "hello" {
		t.Errorf("anonymous read: %d %q", code, body)
	}
	h.must(nil, "bucket", "deny", "photos", "--anonymous", "--read")
	if code, _ := get(t, url); code != 403 {
		t.Errorf("anonymous read after deny: %d", code)
	}
	h.must(&b, "bucket", "unalias", "photos", "photos", "--yes")
	h.must(&b, "bucket", "info", id)
	if b.Objects != 1 || b.Bytes != 5 || len(b.Names) != 1 {
		t.Errorf("%+v", b)
	}
	h.refused("not empty", "bucket", "delete", "pictures", "--yes")
	if err := n.s3().RemoveObject(t.Context(), "pictures", "a/b c.txt", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	h.refused("--yes", "bucket", "delete", "pictures")
	h.must(nil, "bucket", "delete", "pictures", "--yes")
	h.refused(`there is no bucket "pictures"`, "bucket", "info", "pictures")
	h.refused("not allowed", "bucket", "create", "No_Such_Name")
	h.refused("say who", "bucket", "allow", "photos", "--read")
	h.refused("say what", "bucket", "allow", "photos", "--anonymous")
}

func TestStatAndShare(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	big := make([]byte, 5<<20)
	for i := range big {
		big[i] = byte(i * i >> 7)
	}
	for name, body := range map[string][]byte{"small": []byte("hello"), "été/à côté+100%.bin": big} {
		if _, err := n.s3().PutObject(t.Context(), "photos", name, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{ContentType: "x/y"}); err != nil {
			t.Fatal(err)
		}
	}
	var s api.Stat
	h.must(&s, "object", "stat", "photos/small")
	if !s.Inline || !s.Whole || s.Size != 5 || s.ContentType != "x/y" {
		t.Errorf("%+v", s)
	}
	h.must(&s, "object", "stat", "photos/été/à côté+100%.bin")
	if s.Inline || !s.Whole || len(s.Pieces) == 0 || s.Size != int64(len(big)) {
		t.Errorf("%+v", s)
	}
	var link api.Shared
	h.must(&link, "share", "photos/été/à côté+100%.bin", "--for", "2h")
	code, body := get(t, link.URL)
	if code != 200 || sha256.Sum256([]byte(body)) != sha256.Sum256(big) {
		t.Errorf("the link answers %d with %d bytes", code, len(body))
	}
	if code, _ := get(t, strings.Replace(link.URL, "X-Amz-Expires=7200", "X-Amz-Expires=7201", 1)); code != 403 {
		t.Errorf("a changed link answers %d", code)
	}
	n.sharesAsTyped()
	h.refused("does not exist", "share", "photos/none")
	h.refused("seven days", "share", "photos/small", "--for", "8d")
	h.refused("is no time", "share", "photos/small", "--for", "soon")
	h.refused("BUCKET/KEY", "object", "stat", "photos")
}

// sharesAsTyped: a link names the bucket as it was typed, and is not promised if a policy refuses it.
func (h *running) sharesAsTyped() {
	h.t.Helper()
	h.must(nil, "bucket", "alias", "photos", "bilder")
	for _, name := range []string{"photos", "bilder"} {
		var link api.Shared
		if h.must(&link, "share", name+"/small"); !strings.Contains(link.URL, "/"+name+"/small?") || link.Refused {
			h.t.Errorf("shared %s: %+v", name, link)
		}
	}
	h.write(filepath.Join(h.dir, "deny.json"), `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/sm*"}]}`)
	h.must(nil, "bucket", "policy", "set", "photos", "--file", filepath.Join(h.dir, "deny.json"))
	r := h.run("share", "photos/small")
	if code, _ := get(h.t, strings.TrimSpace(r.out)); code != 403 || r.code != 0 || !strings.Contains(r.err, "policy refuses this link") || strings.Contains(r.err, "Whoever") {
		h.t.Errorf("a link that answers %d is shared so: %+v", code, r)
	}
	h.must(nil, "bucket", "policy", "delete", "photos", "--yes")
	h.must(nil, "key", "create", "guest", "--expires", "1d")
	h.must(nil, "bucket", "create", "theirs", "--key", "guest")
	h.must(nil, "bucket", "allow", "theirs", "--key", "first key", "--write")
	h.put("theirs", "a")
	var day, week api.Shared
	h.must(&day, "share", "theirs/a", "--for", "12h")
	if h.must(&week, "share", "theirs/a", "--for", "7d"); week.Expires.Sub(day.Expires) > 13*time.Hour {
		h.t.Errorf("a link is said to outlive its key: %v", week.Expires)
	}
	h.must(nil, "bucket", "unalias", "photos", "bilder", "--yes")
}

func TestDamageIsNamed(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	if _, err := n.s3().PutObject(t.Context(), "photos", "garden", bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	var s api.Stat
	h.must(&s, "object", "stat", "photos/garden")
	flip(t, s.Pieces[0].File)
	if h.must(&s, "object", "stat", "photos/garden"); s.Whole {
		t.Error("damage was not found")
	}
	h.must(nil, "repair", "scrub")
	n.until(func() bool {
		var r api.Repair
		h.must(&r, "repair", "status")
		return len(r.Lost) == 1 && r.Lost[0].Bucket == "photos" && r.Lost[0].Key == "garden"
	})
	var st api.Status
	if h.must(&st, "status"); st.Health.State != api.Risk || len(st.Health.Reasons) != 1 {
		t.Errorf("health %+v", st.Health)
	}
	if err := n.s3().RemoveObject(t.Context(), "photos", "garden", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	n.until(func() bool {
		h.must(&st, "status")
		return st.Health.State == api.Good
	})
}

// flip damages the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 0xff
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDisks(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	body := make([]byte, 8<<20)
	for i := range body {
		body[i] = byte(i * 7 >> 3)
	}
	if _, err := n.s3().PutObject(t.Context(), "photos", "garden", bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	first, second := filepath.Join(h.data, "disk"), filepath.Join(h.dir, "second")
	h.refused("no other disk", "disk", "drain", first)
	h.refused("only disk", "disk", "remove", first, "--yes")
	h.refused("in one another", "disk", "add", filepath.Join(first, "inside"), "--yes")
	h.refused("is the disk mounted", "disk", "add", second)
	var d api.Disk
	if h.must(&d, "disk", "add", second, "--yes"); d.Path != second || d.State != api.DiskOK {
		t.Errorf("%+v", d)
	}
	h.refused("already", "disk", "add", second)
	h.must(nil, "disk", "drain", first)
	n.until(func() bool {
		var s api.Stat
		h.must(&s, "object", "stat", "photos/garden")
		for _, p := range s.Pieces {
			if p.Disk != d.ID || !p.Healthy {
				return false
			}
		}
		return true
	})
	h.must(nil, "disk", "remove", first, "--yes")
	var disks []api.Disk
	if h.must(&disks, "disk", "list"); len(disks) != 1 || disks[0].ID != d.ID {
		t.Errorf("%+v", disks)
	}
	n.stop()
	again := h.up()
	if len(again.status.Disks) != 1 || again.status.Disks[0].ID != d.ID {
		t.Errorf("after a restart: %+v", again.status.Disks)
	}
}

func TestRecoveryKit(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.env = append(h.env, "LC_ALL=fr_FR.UTF-8")
	var out struct{ File, Page string }
	h.must(&out, "recovery-kit", "--out", h.dir)
	for _, path := range []string{out.File, out.Page} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", path, err)
		}
	}
	raw, err := os.ReadFile(out.File)
	var kit api.Kit
	if err != nil || json.Unmarshal(raw, &kit) != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	root, err := os.ReadFile(filepath.Join(h.data, "root.key"))
	if err != nil || kit.RootKey != strings.TrimSpace(string(root)) || kit.S3.URL != n.status.S3.URL || len(kit.Keys) != 1 || kit.Keys[0].Secret == "" {
		t.Errorf("%v: %+v", err, kit)
	}
	page, err := os.ReadFile(out.Page)
	for _, want := range []string{"<svg", "Trousse de secours", "RHIZOME1:", kit.Keys[0].Secret, "lang=\"fr\""} {
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q (%v)", want, err)
		}
	}
	if strings.Contains(string(page), "http://www.w3.org") != strings.Contains(string(page), "xmlns") || strings.Contains(string(page), "<script") || strings.Contains(string(page), "src=") {
		t.Error("the page loads something from elsewhere")
	}
	kept := out.File
	n.until(func() bool { return h.run("recovery-kit", "--out", h.dir).code == 0 }) // the next second has another name
	if again, err := os.ReadFile(kept); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("a kit was written over another: %v", err)
	}
	h.env = nil
	if r := h.run("recovery-kit", "restore", kept); !strings.Contains(r.err, "the rhizome "+kit.Rhizome[:8]+", made ") {
		t.Errorf("nothing tells which kit it is: %+v", r)
	}
}

func TestImport(t *testing.T) {
	there, here := newHome(t), newHome(t)
	src, dst := there.up(), here.up()
	there.must(nil, "bucket", "create", "photos")
	bodies := map[string]string{"a": "one", "dir/b c+d%": strings.Repeat("two", 100000), "empty": "", "été": "three"}
	for name, body := range bodies {
		_, err := src.s3().PutObject(t.Context(), "photos", name, strings.NewReader(body), int64(len(body)), minio.PutObjectOptions{
			ContentType: "text/x-" + strings.ToLower(name[:1]), CacheControl: "max-age=7", UserMetadata: map[string]string{"Garden": "rose"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := src.s3().PutObject(t.Context(), "photos", "parts", bytes.NewReader(make([]byte, 11<<20)), -1, minio.PutObjectOptions{PartSize: 5 << 20}); err != nil {
		t.Fatal(err)
	}
	k := firstKey(t, there.data)
	here.env = []string{"AWS_ACCESS_KEY_ID=" + k["AWS_ACCESS_KEY_ID"], "AWS_SECRET_ACCESS_KEY=" + k["AWS_SECRET_ACCESS_KEY"]}
	type report struct {
		Bucket                 string
		Objects, Bytes, Copied int64
		Whole                  bool
	}
	var r report
	here.must(&r, "import", "s3://photos", "--endpoint", src.status.S3.URL, "--as", "pictures")
	if !r.Whole || r.Objects != 5 || r.Copied != 5 {
		t.Errorf("%+v", r)
	}
	for name := range bodies {
		a, err1 := src.s3().StatObject(t.Context(), "photos", name, minio.StatObjectOptions{})
		b, err2 := dst.s3().StatObject(t.Context(), "pictures", name, minio.StatObjectOptions{})
		if err1 != nil || err2 != nil || a.ETag != b.ETag || a.Size != b.Size || a.ContentType != b.ContentType || b.UserMetadata["Garden"] != "rose" || b.Metadata.Get("Cache-Control") != "max-age=7" {
			t.Errorf("%s: %v %v\n%+v\n%+v", name, err1, err2, a, b)
		}
	}
	here.must(&r, "import", "s3://photos", "--endpoint", src.status.S3.URL, "--as", "part", "--prefix", "dir/")
	if !r.Whole || r.Objects != 1 || r.Copied != 1 {
		t.Errorf("of a folder: %+v", r)
	}
	here.refused("s3://photos --prefix dir/", "import", "s3://photos/dir/", "--endpoint", src.status.S3.URL)
	if _, err := src.s3().PutObject(t.Context(), "photos", "late", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	here.must(&r, "import", "s3://photos", "--endpoint", src.status.S3.URL, "--as", "pictures")
	if !r.Whole || r.Objects != 6 || r.Copied != 1 {
		t.Errorf("the second run: %+v", r)
	}
	here.env = []string{"AWS_ACCESS_KEY_ID=nobody", "AWS_SECRET_ACCESS_KEY=nonsense"}
	here.refused("the other store refused", "import", "s3://photos", "--endpoint", src.status.S3.URL, "--as", "pictures")
}

func TestDamagedRowsAreMadeAnew(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	body := strings.Repeat("0123456789abcdef", 1<<14)
	if _, err := n.s3().PutObject(t.Context(), "photos", "garden", strings.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	h.refused("process", "repair", "rebuild", "--yes")
	n.stop()
	manifests, err := filepath.Glob(filepath.Join(h.data, "rows", "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("%v %v", manifests, err)
	}
	for _, m := range manifests {
		if err := os.WriteFile(m, []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.refused("rhizome repair rebuild", "up", "--s3", "127.0.0.1:0")
	h.refused("--yes", "repair", "rebuild")
	if r := h.run("repair", "rebuild", "--yes"); r.code != 0 || !strings.Contains(r.out, "made anew") {
		t.Fatalf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	_ = filepath.WalkDir(h.data, func(path string, d fs.DirEntry, err error) error {
		if info, ierr := d.Info(); err == nil && ierr == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("after the rebuild others can look into %s: %v", path, info.Mode())
		}
		return err
	})
	again := h.up()
	if again.status.Rhizome != n.status.Rhizome || again.status.Node == n.status.Node {
		t.Errorf("before %+v, after %+v", n.status, again.status)
	}
	o, err := again.s3().GetObject(t.Context(), "photos", "garden", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(o)
	if err != nil || string(got) != body {
		t.Errorf("%d bytes came back: %v", len(got), err)
	}
}
