package extent

import (
	"context"

	"rhizome/base/ident"
)

// Refs returns an extent's references, without looking at its bytes; errs.NotFound if
// nothing refers to it.
func (s *Store) Refs(ctx context.Context, id ident.ID) ([]Ref, error) {
	v, _, err := s.regs.Read(ctx, Row(id))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, gone(id)
	}
	r, err := decodeRow(v)
	if err != nil {
		return nil, err
	}
	out := make([]Ref, 0, len(r.Refs))
	for i := range r.Refs {
		out = append(out, r.Refs[i].ref())
	}
	return out, nil
}
