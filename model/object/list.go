package object

import (
	"context"
	"strings"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// List implements Service.
func (s *Store) List(ctx context.Context, b *Bucket, l List) (*Listed, error) {
	out := &Listed{}
	if l.Limit <= 0 {
		return out, nil
	}
	p, err := s.Registers.Scan(ctx, register.Scan{Table: Objects, Parts: b.parts(), Prefix: l.Prefix,
		After: resume(l.After, l.Prefix, l.Delimiter), Limit: min(l.Limit, MaxListEntries), Delimiter: l.Delimiter})
	if err != nil {
		return nil, err
	}
	out.Objects = make([]Head, 0, len(p.Entries))
	for _, e := range p.Entries {
		if e.Group != "" {
			out.Prefixes = append(out.Prefixes, e.Group)
			out.Next = e.Group
			continue
		}
		sl, err := decodeRow[slot](e.Value)
		if err != nil || sl.Version == nil {
			return nil, errs.Newf(errs.Corrupt, "the row of %q: %w", e.Row.Sort, err)
		}
		out.Objects = append(out.Objects, sl.Version.head(e.Row.Sort))
		out.Next = e.Row.Sort
	}
	out.More = p.More
	return out, nil
}

// afterGroup is above every key that begins with what stands before it: keys are
// UTF-8, which never holds this byte.
const afterGroup = "\xff"

// resume returns where a page after the given key or rolled-up prefix begins.
func resume(after, prefix, delimiter string) string {
	if delimiter == "" || !strings.HasPrefix(after, prefix) {
		return after
	}
	rest := after[len(prefix):]
	if i := strings.Index(rest, delimiter); i >= 0 && i+len(delimiter) == len(rest) {
		return after + afterGroup
	}
	return after
}
