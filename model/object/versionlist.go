package object

import (
	"context"
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// ListVersions asks for a page of versions, ordered by key, the newest of a key first.
type ListVersions struct {
	Prefix, Delimiter string
	// AfterKey is exclusive, as List.After; with AfterVersion the versions of that key which
	// are older follow.
	AfterKey, AfterVersion string
	Limit                  int // 0 to 1,000
}

// VersionHead is one version in a list; its head carries no Attrs.
type VersionHead struct {
	Head
	Latest bool
}

// ListedVersions is a page of versions and delete markers.
type ListedVersions struct {
	Versions []VersionHead
	Prefixes []string
	More     bool
	// NextKey and NextVersion are where to go on; the latter is empty behind a prefix.
	NextKey, NextVersion string
}

// ListVersions implements Service. A page costs two scans, however many versions there are.
func (s *Store) ListVersions(ctx context.Context, b *Bucket, l ListVersions) (*ListedVersions, error) {
	for {
		out, err := s.pageOfVersions(ctx, b, l)
		if err != nil || !out.More || len(out.Versions)+len(out.Prefixes) > 0 || l.Limit <= 0 {
			return out, err
		}
		l.AfterKey, l.AfterVersion = out.NextKey, out.NextVersion
	}
}

// pageOfVersions reads the objects' rows first: a version moves from there to a row of its
// own, never back, so none that stays is missed.
func (s *Store) pageOfVersions(ctx context.Context, b *Bucket, l ListVersions) (*ListedVersions, error) {
	g := &gathering{l: l, limit: min(l.Limit, MaxListEntries), tops: map[string]*entry{}}
	if g.limit <= 0 {
		return &ListedVersions{}, nil
	}
	if err := g.begin(ctx, s, b); err != nil {
		return nil, err
	}
	tops := register.Scan{Table: Objects, Parts: b.parts(), Prefix: l.Prefix, Delimiter: l.Delimiter, Limit: g.limit,
		After: resume(l.AfterKey, l.Prefix, l.Delimiter), Hidden: true}
	page, err := s.Registers.Scan(ctx, tops)
	if err != nil {
		return nil, err
	}
	for _, e := range page.Entries {
		if err := g.addTop(ctx, s, b, e); err != nil {
			return nil, err
		}
	}
	if page.More {
		g.cut(page.After, endOfKey(page.After, l))
	}
	own, err := s.Registers.Scan(ctx, register.Scan{Table: Versions, Parts: b.parts(), Prefix: escapeKey(l.Prefix),
		Delimiter: escapeKey(l.Delimiter), Limit: g.limit, After: g.from})
	if err != nil {
		return nil, err
	}
	for _, e := range own.Entries {
		if err := g.addOwn(e); err != nil {
			return nil, err
		}
	}
	if own.More {
		g.cut("", own.After)
	}
	return g.page(), nil
}

// gathering merges what the objects' rows hold with the versions that have their own.
type gathering struct {
	l     ListVersions
	limit int
	from  string // of Versions
	all   []found
	tops  map[string]*entry // by key, as they were before the others were read
	// What is beyond bound, if that is not empty, was not read; key is the last key before it.
	bound, key string
}

// found is a version or a group, at its place in the list.
type found struct {
	at    string // as in Versions; a group's is its beginning
	group string
	head  VersionHead
	mark  string // to go on behind it
}

// endOfKey is above everything about a key, or about what a group holds.
func endOfKey(key string, l ListVersions) string {
	if resume(key, l.Prefix, l.Delimiter) != key {
		return escapeKey(key) + afterGroup
	}
	return escapeKey(key) + afterUploads
}

// cut notes that nothing beyond a place was read.
func (g *gathering) cut(key, bound string) {
	if g.bound == "" || bound < g.bound {
		g.bound, g.key = bound, key
	}
}

// begin finds the place where the page begins, which may be among the versions of a key.
func (g *gathering) begin(ctx context.Context, s *Store, b *Bucket) error {
	if g.l.AfterKey != "" {
		g.from = endOfKey(g.l.AfterKey, g.l)
	}
	if g.l.AfterKey == "" || g.l.AfterVersion == "" {
		return nil
	}
	w, err := parseVersion(g.l.AfterVersion)
	if err != nil {
		return err
	}
	e, err := s.entryAt(ctx, b.objectRow(g.l.AfterKey))
	if err != nil {
		return err
	}
	if w.null && e.Past != nil {
		w.number = e.Past.Null
		if e.Version != nil && e.Version.null() {
			w.number = e.Version.Number
		}
	}
	g.from = versionSort(g.l.AfterKey, w.number)
	g.add(g.l.AfterKey, e)
	return nil
}

// addTop adds what an object's row holds.
func (g *gathering) addTop(ctx context.Context, s *Store, b *Bucket, row register.Entry) error {
	e, err := takeApart(row.Value)
	if err != nil {
		return corrupt(row.Row, err)
	}
	if row.Group == "" {
		g.add(row.Row.Sort, e)
		return nil
	}
	there := e.Version != nil || e.gap()
	if !there {
		if there, err = s.anything(ctx, b, row.Group, 0); err != nil {
			return err
		}
	}
	if there {
		g.all = append(g.all, found{at: escapeKey(row.Group), group: row.Group})
	}
	return nil
}

func (g *gathering) add(key string, e *entry) {
	g.tops[key] = e
	if e.Version != nil {
		g.show(key, e.Version, true)
	}
	for _, n := range e.Past.notes() {
		if n.Version != nil {
			g.show(key, n.Version, false)
		}
	}
}

// show adds a version unless it stands before the page.
func (g *gathering) show(key string, v *version, latest bool) {
	at := versionSort(key, v.Number)
	if at <= g.from {
		return
	}
	h := v.head(key)
	h.Attrs = Attrs{}
	unnamed := *v
	unnamed.Null, unnamed.Number = false, max(v.Number, numberBefore)
	g.all = append(g.all, found{at: at, head: VersionHead{h, latest}, mark: unnamed.name()})
}

// addOwn adds a version that has a row of its own, unless the object's row knows better.
func (g *gathering) addOwn(row register.Entry) error {
	if row.Group != "" {
		return nil // its object is in the same group
	}
	key, number, ok := splitVersion(row.Row.Sort)
	sl, err := decodeRow[slot](row.Value)
	if err != nil || !ok || sl.Version == nil {
		return errs.Newf(errs.Corrupt, "the row of a version of %q: %w", key, err)
	}
	top := g.tops[key]
	if top == nil || top.Past == nil || number > top.Past.Number || top.Past.find(number) >= 0 ||
		top.Version != nil && top.Version.Number == number {
		return nil
	}
	latest := top.gap() && !g.shown(key)
	g.show(key, sl.Version, latest)
	return nil
}

// shown reports whether a version of a key was added.
func (g *gathering) shown(key string) bool {
	return slices.ContainsFunc(g.all, func(f found) bool { return f.group == "" && f.head.Key == key })
}

// page returns the first of what was found, in order.
func (g *gathering) page() *ListedVersions {
	slices.SortStableFunc(g.all, func(a, b found) int { return strings.Compare(a.at, b.at) })
	out := &ListedVersions{}
	for _, f := range g.all {
		if g.bound != "" && f.at > g.bound {
			break
		}
		if len(out.Versions)+len(out.Prefixes) == g.limit {
			out.More = true
			return out
		}
		if f.group != "" {
			out.Prefixes = append(out.Prefixes, f.group)
			out.NextKey, out.NextVersion = f.group, ""
			continue
		}
		out.Versions = append(out.Versions, f.head)
		out.NextKey, out.NextVersion = f.head.Key, f.mark
	}
	if g.bound == "" {
		return out
	}
	out.More = true
	out.NextKey, out.NextVersion = g.key, ""
	if key, number, ok := splitVersion(g.bound); ok && g.key == "" {
		v := version{Number: max(number, numberBefore)}
		out.NextKey, out.NextVersion = key, v.name()
	} else if g.key == "" { // a group
		out.NextKey = strings.ReplaceAll(g.bound, escapedNUL, keyEnd)
	}
	return out
}
