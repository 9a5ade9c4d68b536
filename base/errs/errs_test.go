package errs

import (
	"errors"
	"io"
	"testing"
)

// TestMarked: a mark changes nothing that is read or translated.
func TestMarked(t *testing.T) {
	mark := errors.New("mark")
	err := Newf(Unavailable, "it broke: %w", io.EOF)
	marked := Marked(err, mark)
	if errors.Is(err, mark) || !errors.Is(marked, mark) || !errors.Is(marked, io.EOF) || KindOf(marked) != Unavailable || marked.Error() != err.Error() {
		t.Error(marked)
	}
	if format, args, ok := Parts(marked); !ok || format != "it broke: %w" || len(args) != 1 {
		t.Error(format, args, ok)
	}
	if Marked(io.EOF, mark) != io.EOF {
		t.Error("another's error was marked")
	}
}
