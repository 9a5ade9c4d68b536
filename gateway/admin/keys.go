package admin

import (
	"context"
	"errors"
	"net/http"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
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
	if in.Name == "" || len(in.Name) > 128 {
		return nil, errs.New(errs.Invalid, "a key needs a name of 1 to 128 bytes")
	}
	var k *account.Key
	member := s.Host.Facts().Member
	if in.ID == "" && in.Secret == "" {
		k, err = s.Keys.CreateKey(r.Context(), in.Name, member, !in.NoCreateBuckets)
	} else {
		k, err = s.Keys.ImportKey(r.Context(), account.Key{
			ID: in.ID, Secret: in.Secret, Name: in.Name, CreateBuckets: !in.NoCreateBuckets, Member: member,
		})
	}
	if err != nil {
		return nil, err
	}
	return wireKey(k, true), nil
}

func (s *Server) showKey(r *http.Request) (any, error) {
	k, err := s.findKey(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return wireKey(k, r.URL.Query().Get("secret") == "true"), nil
}

func (s *Server) deleteKey(r *http.Request) (any, error) {
	k, err := s.findKey(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return nil, s.Keys.DeleteKey(r.Context(), k.ID)
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

func wireKey(k *account.Key, secret bool) api.Key {
	out := api.Key{ID: k.ID, Name: k.Name, CreateBuckets: k.CreateBuckets, Created: k.Created}
	if secret {
		out.Secret = k.Secret
	}
	return out
}
