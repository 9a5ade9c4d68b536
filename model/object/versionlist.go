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
	Limit                  int      // 0 to 1,000
	parts                  []string // nil: all of the bucket
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
	out := &ListedVersions{}
	limit := min(l.Limit, MaxListEntries)
	for more := limit > 0; more; {
		l.Limit = limit + 1 - len(out.Versions) - len(out.Prefixes) // one more, to see whether there is
		page, err := s.pageOfVersions(ctx, b, l)
		if err != nil {
			return nil, err
		}
		for _, f := range page.all {
			if out.More = len(out.Versions)+len(out.Prefixes) == limit; out.More {
				return out, nil
			}
			out.add(f)
		}
		l.AfterKey, l.AfterVersion = page.next()
		more = page.bound != ""
	}
	return out, nil
}

func (o *ListedVersions) add(f found) {
	if f.group != "" {
		o.Prefixes = append(o.Prefixes, f.group)
		o.NextKey, o.NextVersion = f.group, ""
		return
	}
	o.Versions = append(o.Versions, f.head)
	o.NextKey, o.NextVersion = f.head.Key, f.mark
}

// pageOfVersions reads the objects' rows first: a version moves from there to a row of its
// own, never back, so none that stays is missed.
func (s *Store) pageOfVersions(ctx context.Context, b *Bucket, l ListVersions) (*gathering, error) {
	g := &gathering{l: l, tops: map[string]*slot{}}
	if err := g.begin(ctx, s, b); err != nil {
		return nil, err
	}
	page, err := s.Registers.Scan(ctx, b.scanTops(l))
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
	if b.Versioning == VersioningOff && !g.kept() {
		g.arrange()
		return g, nil
	}
	own, err := s.Registers.Scan(ctx, register.Scan{Table: Versions, Parts: b.partsOf(l.parts), Prefix: escapeKey(l.Prefix),
		Delimiter: escapeKey(l.Delimiter), Limit: l.Limit, After: g.from})
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
	g.arrange()
	return g, nil
}

func (b *Bucket) scanTops(l ListVersions) register.Scan {
	return register.Scan{Table: Objects, Parts: b.partsOf(l.parts), Prefix: l.Prefix, Delimiter: l.Delimiter, Limit: l.Limit,
		After: resume(l.AfterKey, l.Prefix, l.Delimiter), Hidden: true}
}

// gathering merges what the objects' rows hold with the versions that have their own.
type gathering struct {
	l    ListVersions
	from string // of Versions
	all  []found
	tops map[string]*slot // by key, as they were before the others were read
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

// kept reports whether an object's row knows of versions: the bucket may have had none yet
// when it was looked up.
func (g *gathering) kept() bool {
	for _, top := range g.tops {
		if top.Past != nil {
			return true
		}
	}
	return false
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
	g.add(g.l.AfterKey, &e.slot)
	return nil
}

// addTop adds what an object's row holds.
func (g *gathering) addTop(ctx context.Context, s *Store, b *Bucket, row register.Entry) error {
	e, err := decodeRow[slot](row.Value)
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

func (g *gathering) add(key string, e *slot) {
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
	at := versionSort(key, max(v.Number, numberBefore))
	if at <= g.from {
		return
	}
	h := v.head(key)
	h.Attrs = Attrs{}
	g.all = append(g.all, found{at: at, head: VersionHead{h, latest}, mark: nameNumber(v.Number)})
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

// arrange puts what was found in order, and leaves out what is beyond the bound.
func (g *gathering) arrange() {
	slices.SortStableFunc(g.all, func(a, b found) int { return strings.Compare(a.at, b.at) })
	if g.bound == "" {
		return
	}
	if i := slices.IndexFunc(g.all, func(f found) bool { return f.at > g.bound }); i >= 0 {
		g.all = g.all[:i]
	}
}

// next returns the markers of what lies behind the bound.
func (g *gathering) next() (key, version string) {
	if g.key != "" {
		return g.key, ""
	}
	if key, number, ok := splitVersion(g.bound); ok {
		return key, nameNumber(number)
	}
	return strings.ReplaceAll(g.bound, escapedNUL, keyEnd), "" // a group
}

// nameNumber is a version ID that serves to go on behind a number.
func nameNumber(n uint64) string {
	v := version{Number: max(n, numberBefore)}
	return v.name()
}
