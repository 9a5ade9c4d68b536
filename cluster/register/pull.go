package register

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register/core"
)

// ExportQuery asks a source for rows.
type ExportQuery struct {
	Partition int
	// Term is the one that the asker imports for, From the one before.
	Term, From uint64
	// Begin and End bound the ROWs; an empty End is open.
	Begin, End []byte
	Limit      int
	// Fences asks for all fences of the partition, not only that of Begin's partition
	// key.
	Fences bool
	// Touch says that somebody waits for a row.
	Touch bool
}

// Export is a source's answer: all rows it holds from Begin to End, or, if More, to the
// last one given.
type Export struct {
	Rows   []RawRecord // in the order of ROWs
	More   bool
	Bound  Ballot // at or above every promise made
	Floor  Ballot
	Fences []FenceRecord
	// Was and Had say, under a term that began a lineage, the term whose rows the source
	// had whole when it began, and the one whose rows it had, in part or whole.
	Was, Had uint64
}

// FenceRecord is the fence of a partition key.
type FenceRecord struct {
	Table Table
	Part  string
	Epoch uint64
}

// Source is a replica as another replica reaches it.
type Source interface {
	Peer
	// Export hands out rows of an earlier term. It fails with a PlanError.
	Export(ctx context.Context, q ExportQuery) (*Export, error)
	// Imported tells which of the partitions have been imported whole under the term
	// given for each, or a later one.
	Imported(ctx context.Context, of []Term) ([]bool, error)
	// Digests returns those of the partitions that it serves under the terms given: 64
	// numbers for each, or none where it does not.
	Digests(ctx context.Context, of []Term) ([][]uint64, error)
	// Heads returns the rows of a bucket of a partition.
	Heads(ctx context.Context, q HeadsQuery) (*Heads, error)
}

// Term names a term of a partition.
type Term struct {
	_         struct{} `cbor:",toarray"`
	Partition int
	Term      uint64
}

var _ Source = (*Replica)(nil)

// pulled is what a majority of the sources say of a range of ROWs.
type pulled struct {
	from, to []byte // the range, without to
	whole    bool   // to is the end that was asked for
	n        int    // sources
	self     int
	heard    []int
	rows     map[string]*pulledRow // by ROW
	promised Ballot
	floor    Ballot
	fences   map[partID]uint64
}

type pulledRow struct {
	row Row
	by  map[int]core.Cell // by the number of the source
}

const (
	// pageRows and pageBytes bound one answer of a source.
	pageRows  = 256
	pageBytes = 2 << 20
	// pullWait bounds how long an import waits for sources that are yet to learn of the
	// layout.
	pullWait = 2 * time.Second
)

// pull asks the sources for [from, to), until a majority have answered.
func (r *Replica) pull(ctx context.Context, i *importing, q ExportQuery) (*pulled, error) {
	if left := r.left(i.term); left != nil {
		return r.pullLeft(ctx, i, q, left)
	}
	before, nodes, self, err := r.sourcesOf(i)
	if err != nil {
		return nil, err
	}
	q.Partition, q.Term, q.From = partitionOf(i.group), i.term, before
	ctx, cancel := context.WithTimeout(ctx, 2*pullWait)
	defer cancel()
	p := &pulled{from: q.Begin, to: q.End, whole: true, n: len(nodes), self: self,
		rows: make(map[string]*pulledRow), fences: make(map[partID]uint64)}
	need := core.Majority(len(nodes))
	if self >= 0 {
		need--
	}
	answers, err := r.askSources(ctx, nodes, q, func(got []exported) bool { return len(got) >= need })
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		p.cut(a.e)
	}
	for _, a := range answers {
		p.add(a.from, a.e)
	}
	return p, nil
}

type exported struct {
	from int
	e    *Export
	err  error
}

// askSources asks all others side by side, and those that have not heard of the layout
// again after a while, until the answers are enough. If they never are, it returns those
// there were beside the error.
func (r *Replica) askSources(ctx context.Context, nodes []ident.NodeID, q ExportQuery, enough func([]exported) bool) (got []exported, failed error) {
	if enough(nil) {
		return nil, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	replies := make(chan exported, len(nodes))
	waiting := 0
	for k, n := range nodes {
		if n == r.node {
			continue
		}
		waiting++
		asking.Go(func() {
			e, err := r.export(ctx, n, q)
			replies <- exported{k, e, err}
		})
	}
	for ; waiting > 0; waiting-- {
		a := <-replies
		if a.err != nil {
			failed = a.err
		} else if got = append(got, a); enough(got) {
			return got, nil
		}
	}
	return got, errs.Newf(errs.Unavailable, "rows cannot be fetched from those that had them before: %w", errors.Join(errNoSources, failed))
}

var errNoSources = errors.New("not enough of them answered")

func (r *Replica) export(ctx context.Context, n ident.NodeID, q ExportQuery) (*Export, error) {
	src, err := r.options.Source(n)
	if err != nil {
		return nil, err
	}
	began := time.Now() // stopwatch
	for pause := 5 * time.Millisecond; ; pause *= 2 {
		e, err := src.Export(ctx, q)
		var plan *PlanError
		if err == nil || !errors.As(err, &plan) {
			return e, err
		}
		if plan.Refusal == core.OldPlan {
			r.options.Plans.Behind(n)
			return nil, err
		}
		if time.Since(began) > pullWait { // stopwatch
			return nil, err
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, err
		}
	}
}

// cut ends the range where a source's answer ends: beyond, its silence says nothing.
func (p *pulled) cut(e *Export) {
	if !e.More {
		return
	}
	last := append(rowKey(headKey, e.Rows[len(e.Rows)-1].Row)[1:], 0)
	if len(p.to) == 0 || bytes.Compare(last, p.to) < 0 {
		p.to, p.whole = last, false
	}
}

// limit takes up what a source refuses.
func (p *pulled) limit(e *Export) {
	p.promised, p.floor = p.promised.Max(e.Bound), p.floor.Max(e.Floor)
	for _, f := range e.Fences {
		id := partID{f.Table, f.Part}
		p.fences[id] = max(p.fences[id], f.Epoch)
	}
}

func (p *pulled) add(from int, e *Export) {
	p.heard = append(p.heard, from)
	p.limit(e)
	for _, raw := range e.Rows {
		row := rowKey(headKey, raw.Row)[1:]
		if len(p.to) > 0 && bytes.Compare(row, p.to) >= 0 {
			return
		}
		at := p.rows[string(row)]
		if at == nil {
			at = &pulledRow{row: raw.Row, by: make(map[int]core.Cell)}
			p.rows[string(row)] = at
		}
		at.by[from] = raw.Cell
		if raw.Cell.Ballot.Less(raw.Cell.Promised) {
			p.promised = p.promised.Max(raw.Cell.Promised)
		}
	}
}

// merge returns what the sources but this node say of a row.
func (p *pulled) merge(row *pulledRow, again bool) core.Import {
	imp := core.NewImport(p.n)
	imp.Again = again
	for _, from := range p.heard {
		c := row.by[from]
		imp.Add(from, core.Snapshot{Record: c.Record, Soft: c.Soft, Promised: p.promised, Floor: p.floor})
	}
	return imp
}

// sorted returns the ROWs in order.
func (p *pulled) sorted() []string {
	out := make([]string, 0, len(p.rows))
	for row := range p.rows {
		out = append(out, row)
	}
	slices.Sort(out)
	return out
}
