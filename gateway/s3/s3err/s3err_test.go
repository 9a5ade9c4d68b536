package s3err

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestSent: every code of the list is answered with somewhere in the gateway.
func TestSent(t *testing.T) {
	var program strings.Builder
	tree := os.DirFS("..")
	err := fs.WalkDir(tree, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "testdata") {
			return err
		}
		b, err := fs.ReadFile(tree, path)
		program.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range regexp.MustCompile(`(?m)^\t(\w+) +Code = "(\w+)"`).FindAllStringSubmatch(program.String(), -1) {
		if _, ok := table[Code(c[2])]; !ok || !regexp.MustCompile(`s3err\.`+c[1]+`\b`).MatchString(program.String()) {
			t.Errorf("%s is never sent, or has no words", c[1])
		}
	}
}

func TestTable(t *testing.T) {
	for c, e := range table {
		if http.StatusText(e.status) == "" || e.status < 300 || e.message == "" || string(c) == "" {
			t.Errorf("%s: %+v", c, e)
		}
		if c.Status() != e.status || c.Message() != e.message {
			t.Errorf("%s", c)
		}
	}
	if c := Code("NoSuchCode"); c.Status() != 500 || c.Message() != InternalError.Message() {
		t.Error("an unknown code is not an internal error")
	}
}

func TestErrors(t *testing.T) {
	e := New(NoSuchKey, Field{"Key", "k"})
	wrapped := fmt.Errorf("while reading: %w", e)
	if !errors.Is(wrapped, NoSuchKey) || errors.Is(wrapped, NoSuchBucket) || As(wrapped) != e {
		t.Errorf("%v", wrapped)
	}
	if As(io.EOF) != nil || As(nil) != nil {
		t.Error("made an S3 error of another one")
	}
	if c := As(fmt.Errorf("x: %w", SlowDown)); c == nil || c.Code != SlowDown || c.Status != 503 {
		t.Errorf("%v", c)
	}
	b := e.Because(io.ErrUnexpectedEOF)
	if !errors.Is(b, io.ErrUnexpectedEOF) || !errors.Is(b, NoSuchKey) || errors.Is(e, io.ErrUnexpectedEOF) {
		t.Errorf("%v", b)
	}
}

// With copies: two errors made from one do not share fields.
func TestWith(t *testing.T) {
	e := New(NoSuchKey)
	e.Fields = append(make([]Field, 0, 8), Field{"a", "1"})
	x, y := e.With("b", "2"), e.With("c", "3")
	if len(e.Fields) != 1 || x.Fields[1] != (Field{"b", "2"}) || y.Fields[1] != (Field{"c", "3"}) {
		t.Errorf("%v %v %v", e.Fields, x.Fields, y.Fields)
	}
	a := Argument("n", "v", "m %s")
	if a.Message != "m %s" || a.Status != 400 || a.Fields[0] != (Field{"ArgumentName", "n"}) || a.Fields[1] != (Field{"ArgumentValue", "v"}) {
		t.Errorf("%+v", a)
	}
}
