package extent

import (
	"context"
	"slices"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
	"rhizome/net/rpc"
)

// Status says where an extent stands.
type Status struct {
	Length, Stored int64
	Refs           []Ref
	Place          extentstore.Info
	// Damaged lists the numbers of frames that are not what was written; -1 stands for
	// what the extent says about itself. Missing: there are no bytes.
	Damaged []int
	Missing bool
	// Holders says the same of every node that keeps the extent, this one first if it
	// does; see Where.
	Holders []HolderStatus
}

// HolderStatus says how an extent is on one node.
type HolderStatus struct {
	Node    ident.NodeID
	Place   extentstore.Info
	Damaged []int
	Missing bool
	// Err says why nothing is known; nil: it was looked at.
	Err error
}

// Whole reports whether every byte is there as it was written.
func (h *HolderStatus) Whole() bool { return h.Err == nil && !h.Missing && len(h.Damaged) == 0 }

// Stat looks at an extent's row and at every byte it has on this node's disks. On a node
// that does not keep it nothing is missing. errs.NotFound if nothing refers to it.
func (s *Store) Stat(ctx context.Context, id ident.ID) (Status, error) {
	v, _, err := s.regs.Read(ctx, Row(id))
	if err != nil {
		return Status{}, err
	}
	if v == nil {
		return Status{}, gone(id)
	}
	r, err := decodeRow(v)
	if err != nil {
		return Status{}, err
	}
	st := Status{Length: r.Length, Stored: r.Stored}
	for i := range r.Refs {
		st.Refs = append(st.Refs, r.Refs[i].ref())
	}
	if !s.mine(id) {
		return st, nil
	}
	h, err := s.look(ctx, id)
	st.Place, st.Damaged, st.Missing = h.Place, h.Damaged, h.Missing
	return st, err
}

// look reads all that is here of an extent.
func (s *Store) look(ctx context.Context, id ident.ID) (h HolderStatus, err error) {
	h.Node = s.self
	if s.disks == nil {
		h.Missing = true
		return h, nil
	}
	h.Place, err = s.disks.Info(ctx, id)
	if err == nil {
		h.Damaged, err = s.disks.Verify(ctx, id)
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.NotFound || kind == errs.Corrupt) {
		h.Missing, err = true, nil
	}
	return h, err
}

// Where is Stat that has every holder look at its bytes, but for the silent ones: of those
// it is known that they do not answer. It waits verifyTime at most, and awayTime for nodes
// to which there is no link.
func (s *Store) Where(ctx context.Context, id ident.ID, silent ...ident.NodeID) (Status, error) {
	st, err := s.Stat(ctx, id)
	if err != nil {
		return st, err
	}
	holders := s.holders(id)
	if i := slices.Index(holders, s.self); i >= 0 {
		st.Holders = append(st.Holders, HolderStatus{Node: s.self, Place: st.Place, Damaged: st.Damaged, Missing: st.Missing})
	}
	if s.links == nil {
		return st, nil
	}
	others := s.byDistance(holders)
	found := make([]HolderStatus, len(others))
	var asked sync.WaitGroup
	for i, n := range others {
		if slices.Contains(silent, n) {
			found[i] = HolderStatus{Node: n, Err: errSilent}
			continue
		}
		asked.Go(func() { found[i] = s.askVerify(ctx, n, id) })
	}
	asked.Wait()
	st.Holders = append(st.Holders, found...)
	return st, nil
}

// askVerify has another node look at an extent.
func (s *Store) askVerify(ctx context.Context, n ident.NodeID, id ident.ID) HolderStatus {
	h := HolderStatus{Node: n}
	patience := verifyTime
	if _, up := s.links.Distance(n); !up {
		patience = awayTime
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b, err := s.links.Call(ctx, n, rpc.ClassOf(ctx, rpc.Bulk), methodVerify, encodeIDs([]ident.ID{id}))
	if err != nil {
		h.Err = err
		return h
	}
	a, err := decodeVerify(b)
	if err != nil {
		h.Err = err
		return h
	}
	h.Missing, h.Damaged = a.Missing, a.Damaged
	h.Place = extentstore.Info{ID: id, Stored: a.Stored, Dir: a.Dir, File: a.File, Offset: a.Offset}
	copy(h.Place.Disk[:], a.Disk)
	return h
}

// verifyTime is how long one extent may take to be read, awayTime how long a node to which
// there is no link may take to be found.
const (
	verifyTime = time.Minute
	awayTime   = 3 * time.Second
)

var errSilent = errs.New(errs.Unavailable, "the node does not answer")
