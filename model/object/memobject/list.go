package memobject

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"

	"rhizome/base/ident"
	"rhizome/model/object"
)

// List implements object.Service.
func (s *Store) List(_ context.Context, b *object.Bucket, l object.List) (*object.Listed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, err
	}
	out := &object.Listed{}
	if l.Limit == 0 {
		return out, nil
	}
	keys := in.keys()
	rolled := ""
	if l.Delimiter != "" && strings.HasPrefix(l.After, l.Prefix) && rollUp(l.After, l.Prefix, l.Delimiter) == l.After {
		rolled = l.After
	}
	for i := sort.SearchStrings(keys, max(l.Prefix, l.After)); i < len(keys); i++ {
		k := keys[i]
		if !strings.HasPrefix(k, l.Prefix) {
			break
		}
		if k == l.After || rolled != "" && strings.HasPrefix(k, rolled) {
			continue
		}
		if len(out.Objects)+len(out.Prefixes) == l.Limit {
			out.More = true
			return out, nil
		}
		if p := rollUp(k, l.Prefix, l.Delimiter); p != "" {
			rolled, out.Next = p, p
			out.Prefixes = append(out.Prefixes, p)
			continue
		}
		out.Objects = append(out.Objects, in.objects[k].head)
		out.Next = k
	}
	out.Next = ""
	return out, nil
}

// rollUp returns the part of key that it is shown under, or "" if it is shown itself.
func rollUp(key, prefix, delimiter string) string {
	if delimiter == "" || len(key) < len(prefix) {
		return ""
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(prefix)+i+len(delimiter)]
}

func (b *bucket) keys() []string {
	if b.sorted == nil {
		b.sorted = make([]string, 0, len(b.objects))
		for k := range b.objects {
			b.sorted = append(b.sorted, k)
		}
		sort.Strings(b.sorted)
	}
	return b.sorted
}

// ListUploads implements object.Service.
func (s *Store) ListUploads(_ context.Context, b *object.Bucket, l object.ListUploads) (*object.ListedUploads, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, err
	}
	all := make([]*upload, 0, len(in.uploads))
	for _, u := range in.uploads {
		if strings.HasPrefix(u.info.Key, l.Prefix) && after(u, l) {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *upload) int {
		return cmp.Or(strings.Compare(a.info.Key, b.info.Key), bytes.Compare(a.info.ID[:], b.info.ID[:]))
	})
	return pageUploads(all, l), nil
}

// after reports whether u comes behind the page's marker.
func after(u *upload, l object.ListUploads) bool {
	if rolled := rollUp(l.AfterKey, l.Prefix, l.Delimiter); rolled != "" && rolled == l.AfterKey &&
		strings.HasPrefix(u.info.Key, rolled) {
		return false
	}
	switch c := strings.Compare(u.info.Key, l.AfterKey); {
	case l.AfterKey == "" || c > 0:
		return true
	case c < 0 || l.AfterID.IsZero():
		return false
	}
	return bytes.Compare(u.info.ID[:], l.AfterID[:]) > 0
}

func pageUploads(all []*upload, l object.ListUploads) *object.ListedUploads {
	out := &object.ListedUploads{}
	rolled := ""
	for _, u := range all {
		if rolled != "" && strings.HasPrefix(u.info.Key, rolled) {
			continue
		}
		if len(out.Uploads)+len(out.Prefixes) == l.Limit {
			out.More = true
			return out
		}
		if p := rollUp(u.info.Key, l.Prefix, l.Delimiter); p != "" {
			rolled, out.NextKey, out.NextID = p, p, ident.ID{}
			out.Prefixes = append(out.Prefixes, p)
			continue
		}
		out.Uploads = append(out.Uploads, u.info)
		out.NextKey, out.NextID = u.info.Key, u.info.ID
	}
	out.NextKey, out.NextID = "", ident.ID{}
	return out
}
