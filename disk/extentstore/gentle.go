package extentstore

import (
	"context"
	"time"
)

// Copying beside requests takes one part of the time in busyParts, and waits at most
// longestRest at once.
const (
	busyParts   = 5
	longestRest = 5 * time.Second
)

// pacer makes copying within a node give way to people.
type pacer struct {
	s     *Store
	d     *disk // that gets room
	began time.Time
}

func (s *Store) pace(d *disk) *pacer { return &pacer{s, d, time.Now()} } // a stopwatch

// rest is called between two pieces of work. It returns at once when nobody waits for
// the disks, or when writers wait for the room that the work brings.
func (p *pacer) rest(ctx context.Context) {
	took := time.Since(p.began) // a stopwatch
	if p.s.opt.Busy != nil && p.s.opt.Busy() && !p.d.isTight() {
		_ = pause(ctx, min((busyParts-1)*took, longestRest)) // the work that follows sees ctx end
	}
	p.began = time.Now() // a stopwatch
}

func (d *disk) isTight() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tight
}
