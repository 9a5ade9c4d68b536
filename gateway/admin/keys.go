package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/model/object"
)

func (s *Server) listKeys(r *http.Request) (any, error) {
	keys, err := s.Keys.Keys(r.Context())
	if err != nil {
		return nil, err
	}
	out := make([]api.Key, 0, len(keys))
	for _, k := range keys {
		out = append(out, wireKey(k, false))
	}
	return out, nil
}

func (s *Server) createKey(r *http.Request) (any, error) {
	in, err := read[api.NewKey](r)
	if err != nil {
		return nil, err
	}
	s.naming.Lock()
	defer s.naming.Unlock()
	if err := s.checkName(r.Context(), in.Name); err != nil {
		return nil, err
	}
	var k *account.Key
	member := s.Host.Facts().Member
	expires, err := s.ahead(in.Expires)
	if err != nil {
		return nil, err
	}
	if in.ID == "" && in.Secret == "" && expires.IsZero() {
		k, err = s.Keys.CreateKey(r.Context(), in.Name, member, !in.NoCreateBuckets)
	} else {
		k, err = s.Keys.ImportKey(r.Context(), account.Key{
			ID: in.ID, Secret: in.Secret, Name: in.Name, CreateBuckets: !in.NoCreateBuckets, Member: member, Expires: expires,
		})
	}
	if err != nil {
		return nil, err
	}
	return wireKey(k, true), nil
}

// ahead returns a new key's end, zero for none, which must be in the future.
func (s *Server) ahead(at *time.Time) (time.Time, error) {
	if at == nil {
		return time.Time{}, nil
	}
	if !at.After(s.Clock.Now()) {
		return time.Time{}, errs.New(errs.Invalid, "a new key cannot have expired already")
	}
	return at.UTC(), nil
}

// changeKey sets a key's end and its rate.
func (s *Server) changeKey(r *http.Request) (any, error) {
	in, err := read[api.ChangeKey](r)
	if err != nil {
		return nil, err
	}
	k, err := s.ownKey(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if in.Rate != nil {
		if k, err = s.Keys.SetRate(r.Context(), k.ID, *in.Rate); err != nil {
			return nil, err
		}
	}
	if in.Never || in.Expires != nil {
		var at time.Time
		if !in.Never {
			at = *in.Expires
		}
		if k, err = s.Keys.Expire(r.Context(), k.ID, at); err != nil {
			return nil, err
		}
	}
	return wireKey(k, false), nil
}

// checkName refuses a name that people cannot tell apart or that would spoil a table, a
// page or a terminal.
func (s *Server) checkName(ctx context.Context, name string) error {
	if name == "" || len(name) > 128 || !utf8.ValidString(name) || strings.TrimSpace(name) != name {
		return errs.New(errs.Invalid, "a key needs a name of 1 to 128 bytes, without spaces around it")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errs.Newf(errs.Invalid, "%q cannot be a key's name: it has characters that cannot be printed", name)
	}
	keys, err := s.Keys.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Name == name || k.ID == name {
			return errs.Newf(errs.Exists, "there is a key %q already: choose another name", name)
		}
	}
	return nil
}

func (s *Server) showKey(r *http.Request) (any, error) {
	secret, find := r.URL.Query().Get("secret") == "true", s.findKey
	if secret {
		find = s.ownKey
	}
	k, err := find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return wireKey(k, secret), nil
}

// deleteKey takes what the key was allowed away first: if that fails midway the key is
// still there and can be deleted again, and a pair that is imported later has no rights.
func (s *Server) deleteKey(r *http.Request) (any, error) {
	s.granting.Lock()
	defer s.granting.Unlock()
	k, err := s.ownKey(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	out, err := s.dropGrants(r.Context(), k.ID)
	if err != nil {
		return nil, err
	}
	return out, s.Keys.DeleteKey(r.Context(), k.ID)
}

// dropGrants takes away what a key was allowed, and names the buckets that no
// key may use any more.
func (s *Server) dropGrants(ctx context.Context, key string) (api.DeletedKey, error) {
	out := api.DeletedKey{Unused: []string{}}
	buckets, err := s.Buckets.AllBuckets(ctx)
	if err != nil {
		return out, err
	}
	for _, b := range buckets {
		if _, had := b.Grants[key]; !had {
			continue
		}
		b, err := s.Buckets.ChangeAccess(ctx, b.ID, key, func(object.Access) object.Access { return object.Access{} })
		if errors.Is(err, errs.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return out, err
		}
		if len(b.Grants) == 0 {
			out.Unused = append(out.Unused, append(kitNames(b), b.ID.String())[0])
		}
	}
	return out, nil
}

// ownKey is findKey for what only the member may do whose key it is.
func (s *Server) ownKey(ctx context.Context, ref string) (*account.Key, error) {
	k, err := s.findKey(ctx, ref)
	if err == nil {
		err = s.mayUse(ctx, k)
	}
	return k, err
}

// mayUse refuses whose key it is not.
func (s *Server) mayUse(ctx context.Context, k *account.Key) error {
	if s.OwnsKey == nil {
		return nil
	}
	return s.OwnsKey(ctx, k)
}

// findKey finds a key by ID, or by its name when one key alone has it.
func (s *Server) findKey(ctx context.Context, ref string) (*account.Key, error) {
	k, err := s.Keys.Key(ctx, ref)
	if err == nil || !errors.Is(err, errs.NotFound) && !errors.Is(err, errs.Invalid) {
		return k, err
	}
	keys, err := s.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var found *account.Key
	for _, k := range keys {
		if k.Name != ref {
			continue
		}
		if found != nil {
			return nil, errs.Newf(errs.Invalid, "several keys are named %q: say which by its access key ID", ref)
		}
		found = k
	}
	if found == nil {
		return nil, errs.Newf(errs.NotFound, "there is no key %q", ref)
	}
	return found, nil
}

// ended reports whether a key is good no more.
func ended(k *account.Key, now time.Time) bool {
	return !k.Expires.IsZero() && !now.Before(k.Expires)
}

func wireKey(k *account.Key, secret bool) api.Key {
	out := api.Key{ID: k.ID, Name: k.Name, CreateBuckets: k.CreateBuckets, Created: k.Created, Rate: k.Rate}
	if !k.Expires.IsZero() {
		at := k.Expires
		out.Expires = &at
	}
	if secret {
		out.Secret = k.Secret
	}
	return out
}
