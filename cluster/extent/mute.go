package extent

import (
	"sync"
	"time"

	"rhizome/base/ident"
)

// mutes are the nodes that writers waited for in vain a moment ago. Whoever begins
// meanwhile does not wait for them once more.
type mutes struct {
	mu    sync.Mutex
	until map[ident.NodeID]time.Time // stopwatch
}

// add has a node count as mute for muteTime.
func (m *mutes) add(n ident.NodeID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.until == nil {
		m.until = map[ident.NodeID]time.Time{}
	}
	m.until[n] = time.Now().Add(muteTime) // stopwatch
}

// forget is for a node of which something was heard.
func (m *mutes) forget(n ident.NodeID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.until, n)
}

func (m *mutes) has(n ident.NodeID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, ok := m.until[n]
	if ok && time.Now().After(until) { // stopwatch
		delete(m.until, n)
		return false
	}
	return ok
}
