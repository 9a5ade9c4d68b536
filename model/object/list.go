package object

import (
	"context"
	"errors"
	"strings"
	"time"

	"rhizome/cluster/register"
)

// List implements Service.
func (s *Store) List(ctx context.Context, b *Bucket, l List) (*Listed, error) {
	out := &Listed{}
	if l.Limit <= 0 {
		return out, nil
	}
	p, err := s.Registers.Scan(ctx, b.scan(l))
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
		sl, err := decodeRow[listed](e.Value)
		if err != nil {
			return nil, corrupt(e.Row, err)
		}
		v := sl.Version
		if v == nil {
			if v, err = s.listGap(ctx, e.Row); err != nil {
				return nil, err
			}
			if out.Next = e.Row.Sort; v == nil {
				continue
			}
		}
		out.Objects = append(out.Objects, Head{Key: e.Row.Sort, Size: v.Size, ETag: v.ETag,
			Modified: time.UnixMilli(v.Modified).UTC(), Checksum: v.Checksum, Parts: v.Parts})
		out.Next = e.Row.Sort
	}
	out.More = p.More
	return out, nil
}

func (b *Bucket) scan(l List) register.Scan {
	return register.Scan{Table: Objects, Parts: b.parts(), Prefix: l.Prefix,
		After: resume(l.After, l.Prefix, l.Delimiter), Limit: min(l.Limit, MaxListEntries), Delimiter: l.Delimiter}
}

// listed is the part of a slot that a listing shows: decoding no more is half the cost.
type listed struct {
	Version *listedVersion `cbor:"1,keyasint,omitempty"`
}

type listedVersion struct {
	Size     int64    `cbor:"2,keyasint,omitempty"`
	ETag     string   `cbor:"3,keyasint,omitempty"`
	Modified int64    `cbor:"4,keyasint"`
	Checksum Checksum `cbor:"6,keyasint"`
	Parts    int      `cbor:"7,keyasint,omitempty"`
}

// listGap looks up what is current where the row does not say so; nil if nothing is.
func (s *Store) listGap(ctx context.Context, row register.Row) (*listedVersion, error) {
	v, _, err := s.readSlot(ctx, row)
	if errors.Is(err, ErrNoSuchKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &listedVersion{v.Size, v.ETag, v.Modified, v.Checksum, v.Parts}, nil
}

// afterGroup is above every key that begins with what stands before it: keys are
// UTF-8, which never holds this byte (checkNewKey).
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
