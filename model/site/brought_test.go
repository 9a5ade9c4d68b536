package site_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/model/site"
)

// TestWhatWasBroughtIsNotBroughtAgain: a deployment that follows one that was stopped brings only
// what that one did not, whether it is swept meanwhile or not.
func TestWhatWasBroughtIsNotBroughtAgain(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	w, content := &site.Wanted{}, map[site.Hash]string{}
	for i := range 6 {
		text := fmt.Sprint("text ", i)
		h := site.Hash(sha256.Sum256([]byte(text)))
		content[h] = text
		w.Files = append(w.Files, site.File{Path: fmt.Sprintf("f%d", i), Hash: h, Size: int64(len(text))})
	}
	begin := func() *site.Begun {
		t.Helper()
		begun, err := f.sites.Begin(t.Context(), f.now(b), w)
		f.must(err)
		return begun
	}
	stopped := begin()
	for _, m := range stopped.Missing[:4] {
		f.must(f.sites.Bring(t.Context(), f.now(b), stopped.ID, m.Hash, strings.NewReader(content[m.Hash]), m.Size))
	}
	next := begin()
	if len(next.Missing) != 2 {
		t.Errorf("%d files are to be brought", len(next.Missing))
	}
	f.bring(b, next, content)
	f.must(f.sites.Sweep(t.Context(), b))
	f.must(f.sites.Abandon(t.Context(), b, stopped.ID))
	f.must(f.sites.Sweep(t.Context(), b))
	_, _, err := f.sites.Finish(t.Context(), b, next.ID)
	f.must(err)
	f.must(f.sites.Sweep(t.Context(), b))
	f.whole(b)
	if n := f.count(b); n != 6+1 {
		t.Errorf("%d objects are left", n)
	}
}

// TestManyUnderWay: who leaves many deployments keeps others from deploying for an hour, not for a day.
func TestManyUnderWay(t *testing.T) {
	f := newFixture(t)
	b := f.site("blog")
	var first *site.Begun
	for i := 0; ; i++ {
		begun, err := f.sites.Begin(t.Context(), f.now(b), &site.Wanted{})
		if errors.Is(err, errs.Conflict) && i == 8 {
			break
		}
		f.must(err)
		if first == nil {
			first = begun
		}
	}
	f.clock.Advance(2 * time.Hour)
	if _, err := f.sites.Begin(t.Context(), f.now(b), &site.Wanted{}); err != nil {
		t.Error(err)
	}
	if _, _, err := f.sites.Finish(t.Context(), b, first.ID); !errors.Is(err, errs.Conflict) {
		t.Error("the one that made room is finished:", err)
	}
}
