package simtest

import (
	"context"
	"fmt"
	"time"

	"rhizome/cluster/register"
	"rhizome/model/object"
)

// drainTime is how long work may go on, in virtual time, after all trouble was mended.
const drainTime = 30 * time.Minute

// drains fails unless every home comes to the newest layout, imports what it is to serve, hands
// on what it is not, mends its extents and, where replicas compare what they hold, does what is
// pending in its rows: none of that waits for ever because of a trouble that is over.
func (w *town) drains(ctx context.Context) {
	if w.plan.flaw.name != "" {
		return
	}
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	ctx, stop := context.WithTimeout(ctx, drainTime)
	defer stop()
	var left error
	for {
		now := w.left()
		if now == nil {
			return
		}
		if ctx.Err() == nil {
			left = now
		}
		select {
		case <-ctx.Done():
			w.t.Errorf("seed %d: after %v without trouble: %v", w.plan.seed, drainTime, left)
			return
		case <-tick.C:
		}
	}
}

// left says what some home has left to do; nil: nothing.
func (w *town) left() error {
	for _, h := range w.homes {
		if h.gone.Load() {
			continue
		}
		x := h.present()
		if x == nil {
			return fmt.Errorf("home %d is down", h.number)
		}
		err := h.left(x)
		x.requests.Done()
		if err != nil {
			return fmt.Errorf("home %d %w", h.number, err)
		}
	}
	return nil
}

func (h *home) left(x *life) error {
	if at, last := h.Layout().Version, h.town.latest().Version; at != last {
		return fmt.Errorf("is at layout %d of %d", at, last)
	}
	if p := x.replica.Progress(); p.Imported < p.Served || p.Kept > 0 {
		return fmt.Errorf("has partitions to import or to hand on: %+v", p)
	}
	if p := x.extents.Progress(); p.Queued > 0 || p.Waiting > 0 || p.Comparing || p.Undecided > 0 || p.Lost > 0 {
		return fmt.Errorf("has extents to mend: %+v", p)
	}
	for _, t := range []register.Table{object.Objects, object.Parts, object.Uploads, object.Buckets, object.Aliases} {
		if !h.town.plan.heals {
			break // a replica that was left behind has what is done long since
		}
		if n, err := x.replica.PendingCount(context.Background(), t); n > 0 || err != nil {
			return fmt.Errorf("has %d rows of table %d on its work list, %v", n, t, err)
		}
	}
	return nil
}
