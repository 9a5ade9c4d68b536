package lang

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/base/errs"
)

// TestJoinedErrorsAreSaid: joining, as closing after a failure does, hides nothing.
func TestJoinedErrorsAreSaid(t *testing.T) {
	kit := errs.New(errs.Invalid, "this is not a recovery kit")
	for _, err := range []error{errors.Join(kit, nil), errors.Join(errors.Join(nil, kit))} {
		if got := New(French).Error(err); got != "ceci n'est pas une trousse de secours" {
			t.Errorf("%q", got)
		}
		if got := New(English).Error(err); got != "this is not a recovery kit" {
			t.Errorf("%q", got)
		}
	}
	both := New(French).Error(errors.Join(kit, errors.New("x")))
	if !strings.HasSuffix(both, "; x") {
		t.Errorf("%q", both)
	}
}

func TestTheSystemsWords(t *testing.T) {
	_, err := os.Open(filepath.Join(t.TempDir(), "none"))
	got := New(French).Error(errs.Newf(errs.Invalid, "the kit cannot be read: %w", err))
	if !strings.Contains(got, "fichier ou dossier inexistant") || strings.Contains(got, "open") {
		t.Errorf("%q", got)
	}
	if got := New(English).Error(err); got != err.Error() {
		t.Errorf("%q", got)
	}
}
