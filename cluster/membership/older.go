package membership

import (
	"encoding/binary"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// aging is how often a node's age grows at most.
const aging = time.Minute

// errOlder is what a node is told, and tells, whose data folder is an old copy.
var errOlder = errs.New(errs.Denied, "this node's data folder is an old copy, or another computer runs with a copy of it: the other homes know this node as it was later. A node that forgot what it promised may not take part")

// age is how old the node was when it wrote a card: see the package comment.
func (c *Card) age() uint64 { return c.Edition >> 32 }

// older reports whether a card is of a process that began with less than what the node had
// when it wrote the other one, or that went back, memory and all: a card that is late is
// younger by one at most.
func (c *Card) older(than *Card) bool {
	switch {
	case c.Run == 0 || than.Run == 0:
		return false
	case c.Run == than.Run:
		return c.age()+1 < than.age()
	}
	return c.age() <= than.age()
}

// newRun tells one process from another.
func newRun() uint64 {
	id := ident.New()
	return max(1, binary.BigEndian.Uint64(id[:8]))
}

// forgot reports whether a node that tells of itself has an old copy of its rows, and notes it:
// durably, because a node that was told so lets nobody in any more and says no more why.
func (m *Members) forgot(c *Card) (bool, error) {
	m.judging.Lock()
	defer m.judging.Unlock()
	m.mu.Lock()
	known, ok := m.cards[c.Node]
	yes := ok && c.older(&known)
	changed := yes != m.olders[c.Node]
	m.mu.Unlock()
	if !changed {
		return yes, nil
	}
	b := m.cfg.Rows.NewBatch()
	if yes {
		b.Set(cameOlderKey(c.Node), nil)
	} else {
		b.Delete(cameOlderKey(c.Node))
	}
	if err := b.Commit(); err != nil {
		return yes, err
	}
	m.mu.Lock()
	m.olders[c.Node] = yes
	m.news()
	m.mu.Unlock()
	if yes {
		m.cfg.Logger.Warn("a node came with an old copy of its data folder, or two computers run with copies of it; it is refused", "node", c.Node, "age", c.age(), "known", known.age())
	}
	return yes, nil
}

// loadOlders reads who came with an old copy of their rows.
func (m *Members) loadOlders() error {
	return m.each("mp", func(k, _ []byte) error {
		if len(k) != 2+len(ident.NodeID{}) {
			return errs.New(errs.Corrupt, "a note of a node with an old copy names no node")
		}
		if id := ident.NodeID(k[2:]); m.chain.Latest().Node(id) != nil {
			m.olders[id] = true
		}
		return nil
	})
}

// cameOlder reports whether a node came with an old copy of its rows.
func (m *Members) cameOlder(id ident.NodeID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.olders[id]
}

// Older reports whether another node said that this one's rows are an old copy. It is
// nobody's member from then on, also after a restart.
func (m *Members) Older() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.outdated
}

// isOlder keeps that this node's rows are an old copy.
func (m *Members) isOlder(by ident.NodeID) error {
	if m.Older() {
		return nil
	}
	b := m.cfg.Rows.NewBatch()
	b.Set(olderKey, by[:])
	if err := b.Commit(); err != nil {
		return err
	}
	m.mu.Lock()
	m.outdated = true
	m.news()
	m.mu.Unlock()
	m.cfg.Logger.Error(errOlder.Error(), "by", by)
	if m.cfg.Recheck != nil {
		m.cfg.Recheck()
	}
	return nil
}

// grow makes the node older if rows were written since it last grew. m.refreshing is held.
func (m *Members) grow(now time.Time) error {
	written := m.written()
	since := now.Sub(m.grown)
	if written == m.wrote || since >= 0 && since < aging || len(m.Layout().Nodes) == 1 {
		return nil
	}
	m.mu.Lock()
	age := m.card.age() + 1
	m.mu.Unlock()
	if err := m.keepAge(age); err != nil {
		return err
	}
	m.grown, m.wrote = now, written
	m.mu.Lock()
	defer m.mu.Unlock()
	m.card.Edition = age << 32
	return nil
}

// written counts the commits since the start that changed more than what this package keeps.
func (m *Members) written() (n uint64) {
	for first := range 256 {
		if byte(first) != startsKey[0] {
			n += m.cfg.Rows.Changes(byte(first))
		}
	}
	return n
}
