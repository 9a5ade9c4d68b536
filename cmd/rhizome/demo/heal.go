package demo

import (
	"context"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// bringBack starts the home again that was killed.
func (d *demo) bringBack(ctx context.Context) error {
	v := d.victim()
	d.Tell(d.Say.T("Starting %s again", v.name))
	if err := v.start(ctx, ""); err != nil {
		return err
	}
	d.summary.Homes[1].PID = v.cmd.Process.Pid
	return nil
}

// quiet is for how many looks in a row nothing may be left.
const quiet = 20

// heal waits until the home has everything that it missed.
func (d *demo) heal(ctx context.Context) error {
	took := stopwatch()
	late := errs.Newf(errs.Unavailable, "%s did not catch up in time", d.victim().name)
	_, stored := d.store.stored()
	most, looks, done := int64(0), 0, 0.0
	err := await(ctx, late, func(ctx context.Context) (bool, error) {
		left, whole, err := d.left(ctx, stored)
		if err != nil {
			return false, nil // it answers when enough homes have found each other
		}
		if looks++; !whole {
			looks, done = 0, took()
		}
		most = max(most, left)
		d.Progress(d.Say.T("  %s fetches what it missed: %s left", d.victim().name, d.Say.Bytes(left)))
		return looks == quiet, nil
	})
	d.Progress("")
	if err != nil {
		return err
	}
	d.summary.Healed, d.summary.HealSeconds = true, done
	d.Tell(d.Say.T("%s caught up by itself in %s s: it fetched %s, and nothing is left", d.victim().name, d.seconds(done), d.Say.Bytes(most)))
	return nil
}

// left tells how many bytes the home that was away still lacks, and whether all is well
// there.
func (d *demo) left(ctx context.Context, stored int64) (left int64, whole bool, err error) {
	v := d.victim()
	l, err := v.admin.Layout(ctx)
	if err != nil {
		return 0, false, err
	}
	me, err := v.self(ctx)
	if err != nil {
		return 0, false, err
	}
	lack := stored - me.Used
	if len(d.homes) > l.Effective { // nobody keeps everything
		lack = stored * int64(l.Effective)
		for _, h := range d.homes {
			n, err := h.self(ctx)
			if err != nil {
				return 0, false, err
			}
			lack -= n.Used
		}
	}
	if left = max(me.Health.BytesLeft, lack); left > 0 || me.Health.PartitionsLeft > 0 || me.Health.ExtentsLeft > 0 {
		return max(0, left), false, nil
	}
	s, err := v.status(ctx)
	return 0, err == nil && s.Counted && s.Repair.Pending == 0 && len(s.Repair.Lost) == 0, err
}

// self is what the home says of its own node, which is never old.
func (h *home) self(ctx context.Context) (api.Node, error) {
	nodes, err := h.admin.Nodes(ctx)
	for _, n := range nodes {
		if n.This {
			return n, err
		}
	}
	return api.Node{}, err
}

// check reads everything through the home that was away, and compares it.
func (d *demo) check(ctx context.Context) error {
	objects, _ := d.store.stored()
	for i := range objects {
		key, size := d.store.some(i)
		if err := same(ctx, d.store.homes[1], key, content(key, size)); err != nil {
			return errs.Newf(errs.Corrupt, "what %s serves is not what was written: %w", d.victim().name, err)
		}
		d.summary.Checked++
		d.summary.Bytes += int64(size)
		d.Progress(d.Say.T("  reading everything through %s: %s of %s", d.victim().name, d.Say.Int(int64(i+1)), d.Say.Int(int64(objects))))
	}
	d.Progress("")
	d.Tell(d.Say.T("Read %s through %s and compared: all is as it was written", d.Say.N(int64(objects), "%s object", "%s objects"), d.victim().name))
	return nil
}
