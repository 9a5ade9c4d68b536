package register

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"sync"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// importing is the import of one partition's rows into this replica. A row is imported
// when it is first touched, a scan's rows when it comes to them, and the others by
// Moving, in the order of ROWs. What was imported out of order is remembered in memory
// only, and of single rows not more than fits: the sources are sealed, so that importing
// again changes nothing.
type importing struct {
	group int
	term  uint64 // the one that is imported for
	// again: the import began before the last start, or too much was to be remembered, so
	// that rows which are not remembered as imported may have been, and voted on.
	again bool

	installing sync.Mutex // held while a page is written, and when again changes

	mu     sync.Mutex
	rows   map[string]struct{}
	size   int // of rows, in bytes
	most   int // of size
	spans  []span
	cursor []byte // every ROW below it was imported; durable
}

// span is a range of ROWs, without to.
type span struct{ from, to []byte }

func cursorKey(group int) []byte {
	return binary.BigEndian.AppendUint16([]byte{ownKey, 'p'}, uint16(group))
}

func encodeCursor(term uint64, row []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, term), row...)
}

// loadCursor returns where the import for a term has come.
func (r *Replica) loadCursor(group int, term uint64) ([]byte, error) {
	v, err := r.kv.Get(cursorKey(group))
	if errors.Is(err, errs.NotFound) || err == nil && len(v) >= 8 && binary.BigEndian.Uint64(v) != term {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(v) < 8 {
		return nil, errs.New(errs.Corrupt, "the row store does not say up to where a partition was imported")
	}
	return v[8:], nil
}

// newImport begins or resumes an import. Where from is found out when it is needed:
// layouts may be learned later.
func (r *Replica) newImport(group int, t *tenure, again bool) *importing {
	i := &importing{group: group, term: t.Known, again: again, rows: make(map[string]struct{}), most: maxMarks}
	if r.options.marks > 0 {
		i.most = r.options.marks
	}
	return i
}

// sourcesOf returns the replicas of the term before and this node's number among them.
func (r *Replica) sourcesOf(i *importing) (from uint64, nodes []ident.NodeID, self int, err error) {
	from, nodes, ok := r.before(i.group, i.term)
	if !ok {
		return 0, nil, 0, errs.Newf(errs.Unavailable, "nobody here remembers which nodes had partition %d before layout %d", partitionOf(i.group), i.term)
	}
	self = slices.Index(nodes, r.node)
	if t := r.tenures[i.group].Load(); self >= 0 && t.Serving != from {
		self = -1 // it had not imported those itself
	}
	return from, nodes, self, nil
}

// has reports whether a ROW was imported.
func (i *importing) has(row []byte) bool {
	if i == nil {
		return true
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.hasLocked(row)
}

func (i *importing) hasLocked(row []byte) bool {
	if bytes.Compare(row, i.cursor) < 0 {
		return true
	}
	if _, ok := i.rows[string(row)]; ok {
		return true
	}
	at, _ := slices.BinarySearchFunc(i.spans, row, func(s span, row []byte) int {
		if bytes.Compare(s.to, row) <= 0 {
			return -1
		}
		return 1
	})
	return at < len(i.spans) && bytes.Compare(i.spans[at].from, row) <= 0
}

// skip returns the first ROW at or after row that is not known to be imported with all
// between. It looks at ranges, not at single rows.
func (i *importing) skip(row []byte) []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	if bytes.Compare(row, i.cursor) < 0 {
		row = i.cursor
	}
	for _, s := range i.spans {
		if bytes.Compare(s.from, row) <= 0 && bytes.Compare(row, s.to) < 0 {
			row = s.to
		}
	}
	return row
}

const (
	// maxMarks is how many bytes of a partition's single rows are remembered as imported.
	maxMarks = 256 << 10
	// markCost is what one of them takes beside its key.
	markCost = 48
)

// shrink forgets single rows when there are too many: those that the cursor has passed,
// or else all. Those are imported again as after a restart. mu is held.
func (i *importing) shrink() {
	if i.size < i.most {
		return
	}
	for row := range i.rows {
		if row < string(i.cursor) {
			i.size -= len(row) + markCost
			delete(i.rows, row)
		}
	}
	if i.size < i.most/2 {
		return
	}
	i.rows, i.size, i.again = make(map[string]struct{}), 0, true
}

// mark remembers that [from, to) was imported. installing is held.
func (i *importing) mark(from, to []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(to) == len(from)+1 && bytes.HasPrefix(to, from) && to[len(from)] == 0 {
		i.shrink()
		if _, known := i.rows[string(from)]; !known {
			i.rows[string(from)] = struct{}{}
			i.size += len(from) + markCost
		}
		return
	}
	keep := i.spans[:0:0]
	for _, s := range i.spans {
		if bytes.Compare(s.to, from) < 0 || bytes.Compare(to, s.from) < 0 {
			keep = append(keep, s)
			continue
		}
		if bytes.Compare(s.from, from) < 0 {
			from = s.from
		}
		if bytes.Compare(to, s.to) < 0 {
			to = s.to
		}
	}
	at, _ := slices.BinarySearchFunc(keep, from, func(s span, from []byte) int { return bytes.Compare(s.from, from) })
	i.spans = slices.Insert(keep, at, span{bytes.Clone(from), bytes.Clone(to)})
}
