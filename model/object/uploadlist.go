package object

import (
	"context"
	"encoding/binary"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// An upload's row stands under its key and its ID, so that a scan finds the uploads by
// key, those of one key by ID. Keys may hold NUL: it is escaped by a byte that no key
// holds, so that the NUL which ends the key sorts below every longer key.
const (
	keyEnd       = "\x00"
	escapedNUL   = "\x00\xff"
	afterUploads = "\x00\xfe" // above every upload of the key before it, below longer keys
	maxSort      = 1900       // of a register's 2,000 bytes, with room for the bucket and shard
)

func escapeKey(key string) string { return strings.ReplaceAll(key, keyEnd, escapedNUL) }

func uploadSort(key string, id ident.ID) string { return escapeKey(key) + keyEnd + id.String() }

func (b *Bucket) uploadAddress(key string, id ident.ID) address {
	return address{[]byte(b.part(key)), []byte(uploadSort(key, id))}
}

// splitUpload takes the sort key of an upload's row apart.
func splitUpload(sort string) (key string, id ident.ID, ok bool) {
	i := len(sort) - len(keyEnd) - 2*len(id)
	if i < 0 || sort[i:i+len(keyEnd)] != keyEnd {
		return "", id, false
	}
	id, err := ident.Parse(sort[i+len(keyEnd):])
	return strings.ReplaceAll(sort[:i], escapedNUL, keyEnd), id, err == nil
}

func checkUploadKey(key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if len(escapeKey(key)) > maxSort-len(keyEnd)-2*len(ident.ID{}) {
		return errs.Newf(errs.TooLarge, "the key holds too many NUL bytes for an upload in parts: %w", ErrKeyTooLong)
	}
	return nil
}

// newUploadID returns a fresh random ID that begins with a time (Unix milliseconds), so
// that the uploads of a key are listed in the order in which they were begun.
func newUploadID(started int64) ident.ID {
	id := ident.New()
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(max(started, 0)))
	copy(id[:6], t[2:])
	return id
}

// ListUploads implements Service. Uploads under way are few, so prefixes are rolled
// up here, page by page.
func (s *Store) ListUploads(ctx context.Context, b *Bucket, l ListUploads) (*ListedUploads, error) {
	out := &ListedUploads{}
	limit := min(l.Limit, MaxListEntries)
	scan := b.scanUploads(l)
	for limit > 0 {
		p, err := s.Registers.Scan(ctx, scan)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			key, id, ok := splitUpload(e.Row.Sort)
			if !ok {
				return nil, errs.New(errs.Corrupt, "an upload's row has no upload's name")
			}
			if len(out.Uploads)+len(out.Prefixes) == limit && !out.within(key) {
				out.More = true
				return out, nil
			}
			if err := out.add(key, id, e.Value, l); err != nil {
				return nil, err
			}
		}
		if !p.More {
			break
		}
		scan.After = p.After
	}
	return out, nil
}

func (b *Bucket) scanUploads(l ListUploads) register.Scan {
	return register.Scan{Table: Uploads, Parts: b.partsOf(l.parts), Prefix: escapeKey(l.Prefix), After: l.after(), Limit: MaxListEntries}
}

func (l *ListUploads) after() string {
	switch {
	case l.AfterKey == "":
		return ""
	case !l.AfterID.IsZero():
		return uploadSort(l.AfterKey, l.AfterID)
	case l.Delimiter != "":
		if resume(l.AfterKey, l.Prefix, l.Delimiter) != l.AfterKey {
			return escapeKey(l.AfterKey) + afterGroup
		}
	}
	return escapeKey(l.AfterKey) + afterUploads
}

// within reports whether the key belongs to the last prefix of the page.
func (o *ListedUploads) within(key string) bool {
	n := len(o.Prefixes)
	return n > 0 && strings.HasPrefix(key, o.Prefixes[n-1])
}

func (o *ListedUploads) add(key string, id ident.ID, v *register.Value, l ListUploads) error {
	if i := strings.Index(key[len(l.Prefix):], l.Delimiter); l.Delimiter != "" && i >= 0 {
		group := key[:len(l.Prefix)+i+len(l.Delimiter)]
		if !o.within(key) {
			o.Prefixes = append(o.Prefixes, group)
		}
		o.NextKey, o.NextID = group, ident.ID{}
		return nil
	}
	r, err := decodeRow[uploadRecord](v)
	if err != nil {
		return err
	}
	o.Uploads = append(o.Uploads, *r.upload(key))
	o.NextKey, o.NextID = key, id
	return nil
}
