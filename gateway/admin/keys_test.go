package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/account"
	"rhizome/model/object"
)

// deletable is a keyList whose keys can be deleted.
type deletable struct{ *keyList }

func (k deletable) DeleteKey(_ context.Context, id string) error {
	had := len(k.all)
	k.all = slices.DeleteFunc(k.all, func(x *account.Key) bool { return x.ID == id })
	if len(k.all) == had {
		return errs.New(errs.NotFound, "no such key")
	}
	return nil
}

// granting is Buckets that fail at a change once.
type granting struct {
	Buckets
	all    []*object.Bucket
	failAt int
}

func (g *granting) AllBuckets(context.Context) ([]*object.Bucket, error) { return g.all, nil }

func (g *granting) ChangeAccess(_ context.Context, id ident.ID, key string, change func(object.Access) object.Access) (*object.Bucket, error) {
	if g.failAt--; g.failAt == 0 {
		return nil, errs.New(errs.Unavailable, "not now")
	}
	b := g.all[slices.IndexFunc(g.all, func(b *object.Bucket) bool { return b.ID == id })]
	if a := change(b.Grants[key]); a == (object.Access{}) {
		delete(b.Grants, key)
	}
	return b, nil
}

// TestADeletedKeyHasNoRights: if taking them away fails midway the key is still there,
// and deleting it again takes away the rest.
func TestADeletedKeyHasNoRights(t *testing.T) {
	all := &granting{failAt: 2}
	for range 3 {
		all.all = append(all.all, &object.Bucket{ID: ident.New(), Grants: map[string]object.Access{"A1": {Read: true}, "A2": {Owner: true}}})
	}
	list := &keyList{keys{all: []*account.Key{{ID: "A1", Name: "x"}, {ID: "A2", Name: "y"}}}}
	s := New(Config{Keys: deletable{list}, Buckets: all, Logger: slog.New(slog.DiscardHandler)})
	if w := ask(s, "DELETE", "/v1/keys/x", "", "en"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(s, "DELETE", "/v1/keys/x", "", "en"); w.Code != http.StatusOK {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	for _, b := range all.all {
		if _, has := b.Grants["A1"]; has || len(b.Grants) != 1 {
			t.Errorf("left: %v", b.Grants)
		}
	}
	if len(list.all) != 1 {
		t.Errorf("keys left: %d", len(list.all))
	}
}

// whose is a Host that a member runs.
type whose struct {
	Host
	member ident.ID
}

func (w whose) Facts() Facts { return Facts{Member: w.member} }

// TestABucketBelongsToWhoMakesIt: without a key that is named, to the oldest one of the
// member who runs the node, be there an older one of somebody else.
// TestWhereReportsGo: a bucket that is not there is named with how it is made.
func TestWhereReportsGo(t *testing.T) {
	s := New(Config{Buckets: &granting{all: []*object.Bucket{{ID: ident.New(), Names: []string{"photos"}}}}})
	if _, err := s.destination(t.Context(), "logs", ""); !errors.Is(err, errs.NotFound) || !strings.Contains(err.Error(), "rhizome bucket create") {
		t.Error(err)
	}
	if d, err := s.destination(t.Context(), "photos", ""); err != nil || d.Name != "photos" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestABucketBelongsToWhoMakesIt(t *testing.T) {
	first, marie, paul := ident.New(), ident.New(), ident.New()
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	list := keyList{keys{all: []*account.Key{
		{ID: "A1", Name: "first key", Member: first, Created: day(1)},
		{ID: "A3", Name: "marie's new", Member: marie, Created: day(3)},
		{ID: "A2", Name: "marie's", Member: marie, Created: day(2)},
	}}}
	for member, want := range map[ident.ID]string{first: "A1", marie: "A2"} {
		s := New(Config{Keys: list, Host: whose{member: member}})
		if k, err := s.owner(t.Context(), ""); err != nil || k.ID != want {
			t.Errorf("%+v, %v, not %s", k, err, want)
		}
	}
	s := New(Config{Keys: list, Host: whose{member: paul}})
	if _, err := s.owner(t.Context(), ""); !errors.Is(err, errs.NotFound) {
		t.Errorf("who has no key: %v", err)
	}
	if k, err := s.owner(t.Context(), "first key"); err != nil || k.ID != "A1" {
		t.Errorf("a key that is named: %+v, %v", k, err)
	}
}
