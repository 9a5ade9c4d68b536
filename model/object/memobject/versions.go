package memobject

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"rhizome/base/ident"
	"rhizome/model/object"
)

// history is the versions of one key, the newest first. A delete marker is one without data.
type history []*entry

// SetVersioning implements object.Service.
func (s *Store) SetVersioning(_ context.Context, b *object.Bucket, v object.Versioning) (*object.Bucket, error) {
	if s.lockOf(b).On && v != object.VersioningOn {
		return nil, object.ErrLockState
	}
	return s.change(b.ID, func(b *object.Bucket) { b.Versioning = v })
}

// record makes e the newest version of its key, or what stands under it if the bucket has no
// versioning.
func (s *Store) record(in *bucket, key string, e *entry) {
	h := in.versions[key]
	e.head.VersionID = object.Null
	if in.info.Versioning == object.VersioningOn {
		s.begun++
		e.head.VersionID = fmt.Sprintf("v%08d", s.begun)
	} else {
		h = slices.DeleteFunc(slices.Clone(h), isNull)
	}
	in.set(key, slices.Insert(h, 0, e))
}

func isVersion(id string) bool {
	return id == object.Null || len(id) == len("v00000000") && id[0] == 'v'
}

func isNull(e *entry) bool { return e.head.VersionID == object.Null }

// set replaces the versions of a key.
func (b *bucket) set(key string, h history) {
	b.versions[key], b.sorted = h, nil
	delete(b.objects, key)
	switch {
	case len(h) == 0:
		delete(b.versions, key)
	case !h[0].head.Marker:
		b.objects[key] = h[0]
	}
}

// version returns the version that a request is about.
func (b *bucket) version(key, id string) (*entry, error) {
	if !isVersion(id) && id != "" {
		return nil, object.ErrVersionID
	}
	h := b.versions[key]
	for _, e := range h {
		switch {
		case id != "" && e.head.VersionID != id:
		case e.head.Marker && id == "":
			return nil, &object.MarkerError{Head: e.head, Kind: object.ErrNoSuchKey}
		case e.head.Marker:
			return nil, &object.MarkerError{Head: e.head, Kind: object.ErrMarker}
		default:
			return e, nil
		}
	}
	if id == "" {
		return nil, object.ErrNoSuchKey
	}
	return nil, object.ErrNoSuchVersion
}

// Delete implements object.Service.
func (s *Store) Delete(_ context.Context, b *object.Bucket, key string, cond object.Conditions) (*object.Deleted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, err
	}
	if err := mayWrite(cond, in.objects[key]); err != nil {
		return nil, err
	}
	if in.info.Versioning == object.VersioningOff {
		in.set(key, nil)
		return &object.Deleted{}, nil
	}
	e := &entry{head: object.Head{Key: key, Version: ident.New(), Modified: s.clock.Now(), Marker: true}}
	s.record(in, key, e)
	return &object.Deleted{VersionID: e.head.VersionID, Marker: true}, nil
}

// DeleteVersion implements object.Service.
func (s *Store) DeleteVersion(_ context.Context, b *object.Bucket, key, id string, cond object.Conditions) (*object.Deleted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, err
	}
	if !isVersion(id) {
		return nil, object.ErrVersionID
	}
	out := &object.Deleted{VersionID: id}
	i := slices.IndexFunc(in.versions[key], func(e *entry) bool { return e.head.VersionID == id })
	var old *entry
	if i >= 0 {
		if out.Marker = in.versions[key][i].head.Marker; !out.Marker {
			old = in.versions[key][i]
		}
	}
	if err := mayWrite(cond, old); err != nil {
		return nil, err
	}
	if old != nil && s.locked(old.head.Lock, cond.Bypass) {
		return nil, object.ErrLocked
	}
	if i >= 0 {
		in.set(key, slices.Delete(slices.Clone(in.versions[key]), i, i+1))
	}
	return out, nil
}

// SetTags implements object.Service.
func (s *Store) SetTags(_ context.Context, b *object.Bucket, key, id string, tags []object.Tag) (*object.Head, error) {
	return s.revise(b, key, id, func(h *object.Head) error {
		h.Tags = tags
		return nil
	})
}

// revise changes what is kept of a version beside its bytes.
func (s *Store) revise(b *object.Bucket, key, id string, f func(*object.Head) error) (*object.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, err
	}
	e, err := in.version(key, id)
	if err != nil {
		return nil, err
	}
	h := e.head
	if err := f(&h); err != nil {
		return nil, err
	}
	e.head = h
	return &h, nil
}

// ListVersions implements object.Service.
func (s *Store) ListVersions(_ context.Context, b *object.Bucket, l object.ListVersions) (*object.ListedVersions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(in.versions))
	for k := range in.versions {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	out := &object.ListedVersions{}
	for _, k := range keys {
		for i, e := range behind(k, in.versions[k], l) {
			if n := len(out.Prefixes); n > 0 && strings.HasPrefix(k, out.Prefixes[n-1]) {
				break
			}
			if len(out.Versions)+len(out.Prefixes) >= l.Limit {
				out.More = l.Limit > 0
				return out, nil
			}
			if p := rollUp(k, l.Prefix, l.Delimiter); p != "" {
				out.Prefixes, out.NextKey, out.NextVersion = append(out.Prefixes, p), p, ""
				break
			}
			h := e.head
			h.Attrs = object.Attrs{}
			latest := i == 0 && e == in.versions[k][0]
			out.Versions = append(out.Versions, object.VersionHead{Head: h, Latest: latest})
			out.NextKey, out.NextVersion = k, h.VersionID
		}
	}
	return out, nil
}

// behind returns the versions of a key that come behind the page's markers.
func behind(key string, h history, l object.ListVersions) history {
	rolled := rollUp(l.AfterKey, l.Prefix, l.Delimiter)
	switch {
	case !strings.HasPrefix(key, l.Prefix), rolled != "" && rolled == l.AfterKey && strings.HasPrefix(key, rolled):
		return nil
	case l.AfterKey == "" || key > l.AfterKey:
		return h
	case key < l.AfterKey || l.AfterVersion == "":
		return nil
	}
	i := slices.IndexFunc(h, func(e *entry) bool { return e.head.VersionID == l.AfterVersion })
	return h[i+1:]
}
