package core

import (
	"cmp"
	"slices"
)

// Item is one row, or one group of rows, of a replica's answer to a scan.
type Item struct {
	// Part counts the partition keys of the scan, in byte order.
	Part int
	Sort string
	// Group, if set, says that this item stands for all rows of Part that begin
	// with it; Sort and Record are then those of the first one.
	Group  string
	Record Record // its Value is without Blob
	Soft   bool
}

// Section is a replica's answer to a scan: what it holds, tombstones included,
// ordered by Key and then Part, from where the scan begins.
type Section struct {
	Items []Item
	// More says that the answer was cut short behind the key Last. A cut never
	// separates items of one key.
	More bool
	Last string
	// Fences are those of the parts asked for.
	Fences []uint64
	// Certain says, of one of two replicas that was asked for both, that nothing the
	// answer rests on is in doubt.
	Certain bool
}

// Key returns where the item stands in the order of a scan.
func (i *Item) Key() string {
	if i.Group != "" {
		return i.Group
	}
	return i.Sort
}

// Live reports whether a scan shows the record.
func (r *Record) Live() bool { return r.Value != nil && !r.Value.Hidden }

// Scanner puts the answers to one scan together. Like a Reader, it counts only
// answers that know of the highest fence of each of their parts.
type Scanner struct {
	replicas []int // of each part
	fences   []uint64
	sections []covered
	rules    rules
}

type covered struct {
	parts []int
	Section
}

// Merged is a row or group of the joint answer.
type Merged struct {
	Item
	// Settled says that Item is what the row holds. Otherwise the row has to be read,
	// or the group scanned row by row.
	Settled bool
}

// NewScanner returns a Scanner over parts with the given numbers of replicas.
func NewScanner(replicas []int) *Scanner {
	return &Scanner{replicas: replicas, fences: make([]uint64, len(replicas))}
}

// Answer takes what one replica says about the parts it was asked for and reports
// whether a majority of every part was heard.
func (s *Scanner) Answer(parts []int, sec Section) bool {
	s.sections = append(s.sections, covered{parts, sec})
	for i, p := range parts {
		if i < len(sec.Fences) {
			s.fences[p] = max(s.fences[p], sec.Fences[i])
		}
	}
	for p, n := range s.replicas {
		if s.heard(p) < Majority(n) {
			return false
		}
	}
	return true
}

// heard counts the answers that cover a part and know of its fence.
func (s *Scanner) heard(part int) (n int) {
	for i := range s.sections {
		if s.sections[i].covers(part, s.fences[part]) {
			n++
		}
	}
	return n
}

func (c *covered) covers(part int, fence uint64) bool {
	i := slices.Index(c.parts, part)
	return i >= 0 && (i >= len(c.Fences) && fence == 0 || i < len(c.Fences) && c.Fences[i] == fence)
}

// Lags returns the parts whose fence is not known to all that answered, with that
// fence: they have to be told before the scan is made again.
func (s *Scanner) Lags() map[int]uint64 {
	var out map[int]uint64
	for p, fence := range s.fences {
		for i := range s.sections {
			if slices.Contains(s.sections[i].parts, p) && !s.sections[i].covers(p, fence) {
				if out == nil {
					out = make(map[int]uint64)
				}
				out[p] = fence
			}
		}
	}
	return out
}

// Merge returns the joint answer in order. If more, it ends at the least end of any
// answer that was cut short, which is through: beyond it, that replica's silence
// says nothing.
func (s *Scanner) Merge() (rows []Merged, through string, more bool) {
	through, more = s.end()
	var all []*Item
	for k := range s.sections {
		sec := &s.sections[k]
		for i := range sec.Items {
			if it := &sec.Items[i]; (!more || it.Key() <= through) && sec.covers(it.Part, s.fences[it.Part]) {
				all = append(all, it)
			}
		}
	}
	slices.SortStableFunc(all, byPlace)
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && byPlace(all[i], all[j]) == 0 {
			j++
		}
		rows = append(rows, s.settle(all[i:j]))
		i = j
	}
	return rows, through, more
}

func byPlace(a, b *Item) int {
	if c := cmp.Compare(a.Key(), b.Key()); c != 0 {
		return c
	}
	return cmp.Compare(a.Part, b.Part)
}

func (s *Scanner) end() (through string, more bool) {
	for _, sec := range s.sections {
		if sec.More && (!more || (sec.Last < through) != s.rules.longPage) {
			through, more = sec.Last, true
		}
	}
	return through, more
}

// settle joins the reports about one place. Replicas that cover the part and say
// nothing hold no record there.
func (s *Scanner) settle(items []*Item) Merged {
	part := items[0].Part
	need := Majority(s.replicas[part])
	if s.heard(part)-len(items) >= need {
		return Merged{Item: Item{Part: part, Sort: items[0].Sort, Group: items[0].Group}, Settled: true}
	}
	for _, a := range items {
		same := 0
		for _, b := range items {
			if a.Sort == b.Sort && a.Record.Ballot == b.Record.Ballot && !b.Soft {
				same++
			}
		}
		// The first row of a group shows the group only if it is live: behind a
		// tombstone anything may follow.
		if same >= need && (a.Group == "" || a.Record.Live()) {
			return Merged{Item: *a, Settled: true}
		}
	}
	return Merged{Item: *items[0]}
}
