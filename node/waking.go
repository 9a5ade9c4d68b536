package node

import (
	"context"
	"sync"
)

// waking tells work that can wait when disks are awake anyway: while the node is not idle,
// and in the daily window.
type waking struct {
	mu    sync.Mutex
	idle  bool
	woken chan struct{} // closed when disks wake
}

// set notes that the node became idle, or busy.
func (w *waking) set(idle bool) {
	w.mu.Lock()
	w.idle = idle
	w.mu.Unlock()
	if !idle {
		w.window()
	}
}

// window lets those go on who wait now.
func (w *waking) window() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.woken != nil {
		close(w.woken)
		w.woken = nil
	}
}

// wait waits until disks are awake.
func (w *waking) wait(ctx context.Context) error {
	w.mu.Lock()
	if !w.idle {
		w.mu.Unlock()
		return ctx.Err()
	}
	if w.woken == nil {
		w.woken = make(chan struct{})
	}
	woken := w.woken
	w.mu.Unlock()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
