package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/admin/api"
	"rhizome/model/inventory"
	"rhizome/model/object"
)

// Inventories is what the admin server needs of the inventories; *inventory.Store implements it.
type Inventories interface {
	Progress(ctx context.Context, bucket ident.ID, id string) (inventory.Progress, error)
	Step(ctx context.Context, bucket ident.ID, id string) (inventory.Progress, error)
	Forget(ctx context.Context, bucket ident.ID, id string) error
}

func (s *Server) inventoryRoutes() map[string]request {
	return map[string]request{
		"GET /v1/buckets/{bucket}/inventory":         s.listInventories,
		"PUT /v1/buckets/{bucket}/inventory/{id}":    s.setInventory,
		"POST /v1/buckets/{bucket}/inventory/{id}":   s.stepInventory,
		"DELETE /v1/buckets/{bucket}/inventory/{id}": s.dropInventory,
	}
}

func (s *Server) listInventories(r *http.Request) (any, error) {
	b, err := s.findBucket(r)
	if err != nil {
		return nil, err
	}
	out := []api.Inventory{}
	for i := range b.Settings.Inventory {
		p, err := s.Inventories.Progress(r.Context(), b.ID, b.Settings.Inventory[i].ID)
		if err != nil {
			return nil, err
		}
		out = append(out, wireInventory(r.Context(), &b.Settings.Inventory[i], p))
	}
	return out, nil
}

func wireInventory(ctx context.Context, c *object.Inventory, p inventory.Progress) api.Inventory {
	out := api.Inventory{ID: c.ID, To: c.To.Name, Prefix: c.To.Prefix, Only: c.Prefix, Weekly: c.Weekly, Versions: c.Versions, Off: c.Off, Fields: c.Fields,
		Listed: p.Listed, Files: p.Files, Count: p.Count}
	if !p.Began.IsZero() {
		out.Began = &p.Began
	}
	if !p.Done.IsZero() {
		out.Done = &p.Done
	}
	if p.Failed != nil {
		out.Reason = speaker(ctx).Error(p.Failed)
	}
	return out
}

// goodInventoryID reports whether a name is one that S3 takes, and that a folder may have.
func goodInventoryID(id string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	return len(id) <= 64 && strings.Trim(id, letters) == "" && strings.Trim(id, ".") != ""
}

func (s *Server) setInventory(r *http.Request) (any, error) {
	in, err := read[api.SetInventory](r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if !goodInventoryID(id) {
		return nil, errs.New(errs.Invalid, "the name of an inventory has up to 64 letters, digits, dots, dashes and underscores")
	}
	if len(in.Only) > object.MaxKey {
		return nil, errs.New(errs.Invalid, "the prefix is longer than a key may be")
	}
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	to, err := s.destination(r.Context(), in.To, in.Prefix)
	if err != nil {
		return nil, err
	}
	c := object.Inventory{ID: id, To: to, Prefix: in.Only, Weekly: in.Weekly, Versions: in.Versions, Fields: inventory.Fields()}
	_, err = s.Buckets.ChangeSettings(r.Context(), b, func(now *object.Settings) error {
		list := slices.DeleteFunc(slices.Clone(now.Inventory), func(o object.Inventory) bool { return o.ID == id })
		if len(list) >= 1000 {
			return errs.New(errs.TooLarge, "a bucket has at most 1,000 inventories")
		}
		now.Inventory = append(list, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	p, err := s.Inventories.Progress(r.Context(), b.ID, id)
	return wireInventory(r.Context(), &c, p), err
}

// stepInventory does a step of a run; the run is over when the answer has no beginning.
func (s *Server) stepInventory(r *http.Request) (any, error) {
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.Settings.Inventory, func(c object.Inventory) bool { return c.ID == r.PathValue("id") })
	if i < 0 {
		return nil, inventory.ErrNone
	}
	p, err := s.Inventories.Step(r.Context(), b.ID, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return wireInventory(r.Context(), &b.Settings.Inventory[i], p), nil
}

func (s *Server) dropInventory(r *http.Request) (any, error) {
	b, err := s.ownBucket(r.Context(), r.PathValue("bucket"))
	if err != nil {
		return nil, err
	}
	id, there := r.PathValue("id"), false
	_, err = s.Buckets.ChangeSettings(r.Context(), b, func(now *object.Settings) error {
		n := len(now.Inventory)
		now.Inventory = slices.DeleteFunc(slices.Clone(now.Inventory), func(o object.Inventory) bool { return o.ID == id })
		there = len(now.Inventory) < n
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, inventory.ErrNone
	}
	return nil, s.Inventories.Forget(r.Context(), b.ID, id)
}
