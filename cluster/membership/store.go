package membership

import (
	"encoding/binary"
	"errors"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/disk/kv"
)

// Keys: see the package comment.
var (
	startsKey = []byte("me")
	olderKey  = []byte("mo")
)

func layoutKey(version uint64) []byte { return binary.BigEndian.AppendUint64([]byte("ml"), version) }
func voteKey(version uint64) []byte   { return binary.BigEndian.AppendUint64([]byte("mv"), version) }
func cardKey(id ident.NodeID) []byte  { return append([]byte("mc"), id[:]...) }
func givenKey(id ident.NodeID) []byte { return append([]byte("ma"), id[:]...) }

func cameOlderKey(id ident.NodeID) []byte { return append([]byte("mp"), id[:]...) }

// Known reports whether a layout is stored.
func Known(rows *kv.Store) (bool, error) {
	it, err := rows.Iter([]byte("ml"), []byte("mm"))
	if err != nil {
		return false, err
	}
	defer it.Close()
	return it.First(), it.Err()
}

// load reads what is stored; first is kept if no layout is.
func (m *Members) load(first []*layout.Layout) error {
	var stored []*layout.Layout
	err := m.each("ml", func(_, v []byte) error {
		l, err := layout.Decode(v)
		stored = append(stored, l)
		return err
	})
	if err != nil {
		return err
	}
	if len(stored) == 0 {
		if err := m.keep(first); err != nil {
			return err
		}
		stored = first
	}
	if m.chain, err = layout.NewChain(stored...); err != nil {
		return err
	}
	if err := m.loadGiven(); err != nil {
		return err
	}
	if err := m.loadCards(); err != nil {
		return err
	}
	if err := m.loadOlders(); err != nil {
		return err
	}
	if _, err := m.cfg.Rows.Get(olderKey); err == nil {
		m.outdated = true
	} else if !errors.Is(err, errs.NotFound) {
		return err
	}
	age, err := m.start()
	m.card = Card{Node: m.cfg.Node, Edition: age << 32, Run: newRun()}
	m.wrote = m.written()
	return err
}

// keep makes layouts durable.
func (m *Members) keep(ls []*layout.Layout) error {
	b := m.cfg.Rows.NewBatch()
	for _, l := range ls {
		b.Set(layoutKey(l.Version), l.Encode())
	}
	return b.Commit()
}

func (m *Members) loadCards() error {
	return m.each("mc", func(_, v []byte) error {
		var c Card
		if codec.Decode(v, &c) == nil && c.check() == nil && m.chain.Latest().Node(c.Node) != nil {
			m.cards[c.Node] = c // another comes with the first exchange
			m.dial(c.Node)
		}
		return nil
	})
}

// loadGiven reads the addresses that a person gave. Those of a node that was removed meanwhile
// have no meaning.
func (m *Members) loadGiven() error {
	return m.each("ma", func(_, v []byte) error {
		var g given
		if codec.Decode(v, &g) == nil && m.chain.Latest().Node(g.Node) != nil {
			m.given[g.Node] = g.Addresses
			m.dial(g.Node)
		}
		return nil
	})
}

// KeepCards keeps what a join brought.
func (m *Members) KeepCards(cards []Card) error {
	for _, c := range cards {
		if err := m.take(c); err != nil {
			return err
		}
	}
	return nil
}

// keepCard stores a card whose addresses or age are new. Losing it costs a search.
func (m *Members) keepCard(c Card) error {
	b := m.cfg.Rows.NewBatch()
	b.Set(cardKey(c.Node), codec.Encode(c))
	return b.CommitLazily()
}

// start makes the node older by one and returns its age.
func (m *Members) start() (uint64, error) {
	raw, err := m.cfg.Rows.Get(startsKey)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return 0, err
	}
	var n uint64
	if len(raw) == 8 {
		n = binary.BigEndian.Uint64(raw)
	}
	n++
	return n, m.keepAge(n)
}

func (m *Members) keepAge(n uint64) error {
	b := m.cfg.Rows.NewBatch()
	b.Set(startsKey, binary.BigEndian.AppendUint64(nil, n))
	return b.Commit()
}

func (m *Members) each(prefix string, f func(key, value []byte) error) error {
	end := []byte(prefix)
	end[len(end)-1]++
	it, err := m.cfg.Rows.Iter([]byte(prefix), end)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.Value()
		if err != nil {
			return err
		}
		if err := f(it.Key(), v); err != nil {
			return err
		}
	}
	return it.Err()
}

// learn makes layouts durable that were chosen, acts by them and has the floors above
// adopt them. Those known already are passed over.
func (m *Members) learn(ls ...*layout.Layout) error {
	m.learning.Lock()
	defer m.learning.Unlock()
	news := false
	for _, l := range ls {
		if l.Version <= m.Layout().Version {
			continue
		}
		if err := m.learnOne(l); err != nil {
			return err
		}
		news = true
	}
	if news {
		m.Changed()
	}
	return nil
}

func (m *Members) learnOne(l *layout.Layout) error {
	next, err := m.Chain().Append(l)
	if err != nil {
		return err
	}
	if err := m.keep([]*layout.Layout{l}); err != nil {
		return err
	}
	m.mu.Lock()
	m.chain = next
	for id := range m.cards {
		if l.Node(id) == nil {
			delete(m.cards, id)
		}
	}
	for id := range m.given {
		if l.Node(id) == nil {
			delete(m.given, id)
		}
	}
	for id := range m.olders {
		if l.Node(id) == nil {
			delete(m.olders, id)
		}
	}
	m.news()
	m.mu.Unlock()
	m.cfg.Adopt(l)
	m.cfg.Logger.Info("a new layout is in force", "version", l.Version, "nodes", len(l.Nodes))
	return nil
}
