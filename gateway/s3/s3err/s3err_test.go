package s3err

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
)

func TestTable(t *testing.T) {
	for c, e := range table {
		if http.StatusText(e.status) == "" || e.status < 300 || e.message == "" || string(c) == "" {
			t.Errorf("%s: %+v", c, e)
		}
		if !c.Known() || c.Status() != e.status || c.Message() != e.message {
			t.Errorf("%s", c)
		}
	}
	if c := Code("NoSuchCode"); c.Known() || c.Status() != 500 || c.Message() != InternalError.Message() {
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
