package membership

import (
	"context"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// Apart names the layout of a node that goes by another history than this one: since a
// recovery there are two rhizomes that once were one, and each refuses the other.
type Apart struct {
	Version uint64
	Lineage ident.ID
}

// differs reports whether a layout is certainly none of this node's history. One that is
// newer, or older than what is kept here, is for the other to judge.
func (m *Members) differs(version uint64, lineage ident.ID) bool {
	chain := m.Chain()
	if version < chain.Oldest().Version || version > chain.Latest().Version {
		return false
	}
	l := chain.At(version)
	return l == nil || l.Lineage != lineage
}

// agree looks whether the answer to a request is of this node's history. If it is not, the
// other is told, and errs.Conflict returned.
func (m *Members) agree(ctx context.Context, with ident.NodeID, request *ask, t *tell) error {
	if !t.Apart && !m.differs(t.Layout, t.Lineage) {
		return nil
	}
	if !t.Apart {
		request.Apart = true
		_, err := m.cfg.Links.Call(ctx, with, rpc.Control, methodExchange, codec.Encode(request))
		if err != nil {
			m.cfg.Logger.Debug("a node of another lineage cannot be told so", "node", with, "error", err)
		}
	}
	m.part(with, Apart{t.Layout, t.Lineage})
	return errs.Newf(errs.Conflict, "node %s goes by another layout, number %d: since a recovery it belongs to another rhizome", with, t.Layout)
}

// part has a node refused that goes by another layout.
func (m *Members) part(node ident.NodeID, a Apart) {
	m.mu.Lock()
	old, known := m.apart[node]
	m.apart[node] = a
	if !known || old != a {
		m.news()
	}
	m.mu.Unlock()
	if known {
		return
	}
	m.cfg.Logger.Warn("a node goes by another layout since a recovery; it is refused", "node", node, "layout", a.Version, "own", m.Layout().Version)
	if m.cfg.Recheck != nil {
		m.cfg.Recheck()
	}
}
