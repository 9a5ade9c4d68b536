package lang

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"rhizome/base/errs"
)

// TestErrorsAreSaidToTheirEnd: joined errors and the system's own words too.
func TestErrorsAreSaidToTheirEnd(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "/data/rows/1.log", Err: syscall.ENOSPC}
	err := errs.Newf(errs.Full, "the disk of the row store is full: %w", full)
	p := New(French)
	want := "le disque de la base des enregistrements est plein\u00a0: write /data/rows/1.log: plus de place sur le disque"
	for name, e := range map[string]error{"plain": err, "joined": errors.Join(err, nil)} {
		if got := p.Error(e); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if got := New(English).Error(e); got != err.Error() {
			t.Errorf("%s, in English: %q", name, got)
		}
	}
	both := p.Error(errors.Join(err, errs.New(errs.NotFound, "the bucket does not exist")))
	if lines := strings.Split(both, "\n"); len(lines) != 2 || lines[0] != want || lines[1] != "le bucket n'existe pas" {
		t.Errorf("two joined: %q", both)
	}
	own := fmt.Errorf("while opening %w and %w", syscall.EIO, syscall.EPERM)
	if got := p.Error(own); !strings.HasPrefix(got, "while opening ") {
		t.Errorf("words of its own: %q", got)
	}
}

// TestQuotes are those of the language, and nothing that is said can play with a terminal.
func TestQuotes(t *testing.T) {
	name := "l'\"été\"\x1b[2J"
	en, fr := `there is no bucket "l'\"été\"\x1b[2J"`, `il n'y a pas de bucket «`+"\u00a0"+`l'"été"\x1b[2J`+"\u00a0"+`»`
	err := errs.Newf(errs.NotFound, "there is no bucket %q", name)
	if got := New(English).Error(err); got != en {
		t.Errorf("%s, not %s", got, en)
	}
	if got := New(French).Error(err); got != fr {
		t.Errorf("%s, not %s", got, fr)
	}
	if got := New(French).N(2, "%s %q", "%s %q", "x"); got != "2 «\u00a0x\u00a0»" {
		t.Error(got)
	}
	if got := New(French).T("%-4s|%s", "é", "%q"); got != "é   |%q" {
		t.Error(got)
	}
}

// TestSizesInErrorsAreSaid in the language's units.
func TestSizesInErrorsAreSaid(t *testing.T) {
	err := errs.Newf(errs.Full, "%s more is stored than fits", Size(1.5e9))
	if en, fr := New(English).Error(err), New(French).Error(err); en != "1.50\u00a0GB more is stored than fits" || fr != "1,50\u00a0Go de plus sont stockés qu'il n'y a de place" {
		t.Errorf("%q, %q", en, fr)
	}
}

// TestNumbersAreSaidInTheLanguage, and what a text is in each is known.
func TestNumbersAreSaidInTheLanguage(t *testing.T) {
	for l, want := range map[Language]string{English: "5.9", French: "5,9"} {
		if got := New(l).Decimal(5.94, 1); got != want {
			t.Errorf("%s: %s", l, got)
		}
	}
	if got := InEach("first member"); len(got) != 2 || got[0] != "first member" || got[1] != "premier membre" {
		t.Errorf("%q", got)
	}
}
