package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"rhizome/cmd/rhizome/readme"
)

// TestTheReadmesCommandsWork: every line of the list of commands, one after the other, against
// a node; what stands there for something of the reader's is put in.
func TestTheReadmesCommandsWork(t *testing.T) {
	for _, name := range []string{"README.md", "README.fr.md"} {
		t.Run(name, func(t *testing.T) { readmeCommands(t, filepath.Join("..", "..", name)) })
	}
}

func readmeCommands(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := readme.List(string(raw))
	if len(lines) < 15 {
		t.Fatalf("only %d lines: %q", len(lines), lines)
	}
	h, there := newHome(t), newHome(t)
	n, other := h.up(), there.up()
	for _, bucket := range []string{"elsewhere", "photos"} {
		there.must(nil, "bucket", "create", bucket)
		there.must(nil, "bucket", "versioning", bucket, "on")
	}
	k := firstKey(t, there.data)
	h.env = []string{"AWS_ACCESS_KEY_ID=" + k["AWS_ACCESS_KEY_ID"], "AWS_SECRET_ACCESS_KEY=" + k["AWS_SECRET_ACCESS_KEY"]}
	h.must(nil, "bucket", "create", "photos")
	for _, remote := range []string{"offsite", "ailleurs"} {
		add := h.command(t.Context(), "remote", "add", remote, "--endpoint", other.status.S3.URL, "--access-key", k["AWS_ACCESS_KEY_ID"], "--secret-stdin", "--data", h.data)
		add.Stdin = strings.NewReader(k["AWS_SECRET_ACCESS_KEY"] + "\n")
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, dir := range []string{"usb", "public"} {
		h.write(filepath.Join(h.dir, dir, "index.html"), "hello")
	}
	if err := os.Remove(filepath.Join(h.dir, "usb", "index.html")); err != nil {
		t.Fatal(err)
	}
	photo := "garden.jpg"
	if strings.Contains(path, ".fr.") {
		photo = "jardin.jpg"
	}
	put := func() {
		if _, err := n.s3().PutObject(t.Context(), "photos", photo, strings.NewReader("roses"), 5, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put()
	then := ""
	for _, line := range lines {
		words := readme.Words(line)
		command := strings.Join(words[1:min(3, len(words))], " ")
		switch command {
		case "demo", "service install", "remote add": // they start what a test does not leave here, and ask for a secret (see above); the parser reads them
			continue
		case "object undelete":
			put() // while versions are kept
			if then == "" {
				<-time.After(3 * time.Millisecond) // the next time is another
				then = time.Now().Format("2006-01-02 15:04:05.000")
			}
			if err := n.s3().RemoveObject(t.Context(), "photos", photo, minio.RemoveObjectOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		for i, w := range words {
			switch {
			case regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d$`).MatchString(w):
				words[i] = then
			case w == "URL":
				words[i] = "http://127.0.0.1:1/"
			case w == "NAME" || w == "NOM":
				words[i] = "laptop"
			case w == "/mnt/usb":
				words[i] = filepath.Join(h.dir, "usb")
			case w == "U":
				words[i] = other.status.S3.URL
			case w == "s3://B":
				words[i] = "s3://elsewhere"
			}
		}
		r := h.run(words[1:]...)
		if r.code != 0 && strings.Contains(r.err, "--yes") { // a person is asked
			r = h.run(append(words[1:], "--yes")...)
		}
		if r.code != 0 {
			t.Errorf("%s: exit %d\n%s", line, r.code, r.err)
		}
		if command == "object restore" && !strings.Contains(r.out, "0 brought back, 0 deleted, 1 as they were.") {
			t.Errorf("%s: %s", line, r.out)
		}
	}
}

// TestGoingBackAsks: what is deleted is told and asked about, a time that is to come or lacks the
// time of day is refused, and the end says how to take it back.
func TestGoingBackAsks(t *testing.T) {
	h := newHome(t)
	n := h.up()
	h.must(nil, "bucket", "create", "photos")
	h.must(nil, "bucket", "versioning", "photos", "on")
	before := time.Now().Add(-time.Minute).Format("2006-01-02 15:04:05")
	for _, key := range []string{"a", "b/c"} {
		if _, err := n.s3().PutObject(t.Context(), "photos", key, strings.NewReader(key), 1, minio.PutObjectOptions{}); key == "a" && err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.s3().PutObject(t.Context(), "photos", "b/c", strings.NewReader("c"), 1, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	h.refused("2 of these objects were not there", "object", "restore", "photos", "--prefix", "--at", before)
	h.refused("still to come", "object", "restore", "photos", "--prefix", "--at", "2130-01-01 00:00")
	h.refused("time of day", "object", "restore", "photos", "--prefix", "--at", "2026-11-22")
	h.refused("--at", "object", "restore", "photos", "--prefix")
	h.refused("--prefix", "object", "restore", "photos/", "--at", before)
	if out := h.must(nil, "object", "restore", "photos", "--prefix", "--at", before, "--dry-run"); !strings.Contains(out, "2 deleted") {
		t.Error(out)
	}
	h.must(nil, "object", "stat", "photos/b/c")
	out := h.must(nil, "object", "restore", "photos", "--prefix", "--at", before, "--yes")
	m := regexp.MustCompile(`To take that back: rhizome (.*)`).FindStringSubmatch(out)
	if m == nil || !strings.Contains(out, "2 deleted") {
		t.Fatal(out)
	}
	h.refused("does not exist", "object", "stat", "photos/a")
	if out := h.must(nil, readme.Words(m[1])...); !strings.Contains(out, "2 brought back") {
		t.Error(out)
	}
	h.env = []string{"LANG=fr_FR.UTF-8"}
	h.must(nil, "object", "restore", "photos/a", "--at", time.Now().Format("02/01/2006 15:04:05"), "--dry-run")
	h.refused("n'étaient pas encore là", "object", "restore", "photos/", "--prefix", "--at", "22/11/2001 18:30")
}
