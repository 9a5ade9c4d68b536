package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/net/rpc"
)

// firstWindow is how long after a start the first daily window comes at the earliest,
// so that starting is quick.
const firstWindow = 10 * time.Minute

// upkeep does what wakes the disks, in one window a day: it takes a snapshot of the
// rows, compares rows and bytes, and lets the check of all stored bytes go on, which
// has an owner of its own because it may last, and lifecycle rules.
func (n *Node) upkeep(ctx context.Context) error {
	n.sweep(ctx)
	last := n.scrubber.Status().LastWindow
	for {
		timer := time.NewTimer(n.untilWindow(last))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-n.copies:
			timer.Stop()
			_, err := n.snapshots.Once(ctx)
			n.told(ctx, "a snapshot of the rows", err)
			continue
		case <-timer.C:
		}
		last = n.config.Clock.Now()
		n.waking.window()
		n.noteTime()
		select {
		case n.due <- struct{}{}:
		default: // the one before is still to come
		}
		_, err := n.snapshots.Once(ctx)
		n.told(ctx, "a snapshot of the rows", err)
		n.sweep(ctx)
	}
}

// windows reads on in the check of all stored bytes when that is due, and looks again
// at what was found damaged.
func (n *Node) windows(ctx context.Context) error {
	ctx = rpc.Behind(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.due:
			n.told(ctx, "checking stored bytes", n.scrubber.Window(ctx))
		case <-n.again: // bytes came back with a disk
		}
		n.told(ctx, "looking at damage again", n.review(ctx))
	}
}

// checks does whole checks that a person asked for, at once.
func (n *Node) checks(ctx context.Context) error {
	ctx = rpc.Behind(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.wanted:
		}
		_, err := n.scrubber.Whole(ctx)
		n.told(ctx, "checking every stored byte", err)
		n.told(ctx, "checking the rows", n.checkRows(ctx))
		n.told(ctx, "looking at damage again", n.review(ctx))
	}
}

// untilWindow is how long it is to the next window after the last one.
func (n *Node) untilWindow(last time.Time) time.Duration {
	wait := day - n.config.Clock.Now().Sub(last)
	// A clock that was wrong once must not stop the window for years.
	return max(firstWindow, min(wait, day))
}

const day = 24 * time.Hour

// told logs what failed and is tried again in the next window.
func (n *Node) told(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		n.config.Logger.Warn("upkeep did not end and is tried again", "what", what, "error", err)
	}
}

// note remembers damage and says so in the log.
func (n *Node) note(id ident.ID, reason string) {
	n.config.Logger.Error("stored bytes are damaged", "extent", id, "reason", reason)
	if err := n.damage.note(id, damage{reason, n.config.Clock.Now().UnixMilli()}); err != nil {
		n.config.Logger.Error("damage could not be noted", "extent", id, "error", err)
	}
}

// met is told of damage that a read met.
func (n *Node) met(id ident.ID) {
	if known, err := n.damage.has(id); err != nil || known {
		return
	}
	reason := reasonDamaged
	if _, err := n.disks.Info(context.Background(), id); errors.Is(err, errs.NotFound) {
		reason = reasonMissing
	}
	n.note(id, reason)
}

// lookAgain has what was found damaged looked at without waiting for the daily window.
func (n *Node) lookAgain() {
	select {
	case n.again <- struct{}{}:
	default: // wanted already
	}
}

// found is told what the scrubber found.
func (n *Node) found(d extentstore.Damage) {
	if d.Rows != "" {
		n.foundRows(d)
		return
	}
	if d.Err != nil {
		n.note(d.Info.ID, reasonMissing)
		return
	}
	n.note(d.Info.ID, reasonDamaged)
	n.extents.Suspect(d.Info.ID)
}

// foundRows notes that a file of the row store is damaged. What that belongs to is looked for
// when damage is looked at again.
func (n *Node) foundRows(d extentstore.Damage) {
	n.rowsDamaged(d.Err)
	n.faults.Lock()
	defer n.faults.Unlock()
	f, err := n.damage.rowFaults()
	if err == nil && !slices.Contains(f.Files, d.Rows) {
		f.Files = append(f.Files, d.Rows)
		err = n.damage.noteRows(&f)
	}
	if err != nil {
		n.config.Logger.Error("damage could not be noted", "file", d.Rows, "error", err)
	}
}

// mended is told of an extent that is whole here again.
func (n *Node) mended(id ident.ID) {
	known, err := n.damage.has(id)
	if err == nil && known {
		n.config.Logger.Info("damaged bytes were mended from another node", "extent", id)
		err = n.damage.clear(id)
	}
	if err != nil {
		n.config.Logger.Warn("that damage was mended could not be noted; the next check looks again", "extent", id, "error", err)
	}
}

// checkRows reads every row, and the files that were damaged, and remembers what it found.
func (n *Node) checkRows(ctx context.Context) error {
	n.rows.Rest() // what memory holds was right when it was read
	c, err := register.CheckRows(ctx, n.rows)
	if err != nil {
		return err
	}
	now := rowFaults{Bad: c.Bad, Named: c.Named}
	if c.Stopped != nil {
		now.Stopped = c.Stopped.Error()
	}
	n.faults.Lock()
	defer n.faults.Unlock()
	was, err := n.damage.rowFaults()
	if err != nil {
		return err
	}
	if now.Files, err = n.stillDamaged(ctx, was.Files); err != nil {
		return err
	}
	if now.none() {
		n.rowDamage.Store(nil)
		if was.none() {
			return nil
		}
	}
	return n.damage.noteRows(&now)
}

// stillDamaged returns the files of the row store among those named that are there and damaged.
func (n *Node) stillDamaged(ctx context.Context, names []string) (out []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	files, err := n.rows.Files()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if !slices.Contains(names, f.Name) {
			continue
		}
		err := n.rows.CheckFile(ctx, f, nil)
		switch {
		case errors.Is(err, errs.Corrupt):
			out = append(out, f.Name)
		case err != nil && !errors.Is(err, errs.NotFound):
			return nil, err
		}
	}
	return out, nil
}

// The reasons that the ledger holds.
var (
	reasonMissing = lang.M("its bytes are missing")
	reasonDamaged = lang.M("its bytes on disk are not those that were written")
	reasonRow     = lang.M("its row cannot be read; make the rows anew with rhizome repair rebuild")
	reasonSilent  = lang.M("no node that answers has its bytes")
	reasonGivenUp = lang.M("it lay on a disk that was given up")
)

// sweep compares rows and bytes, and notes what is missing.
func (n *Node) sweep(ctx context.Context) {
	rep, err := n.extents.Sweep(ctx, func(id ident.ID) { n.note(id, reasonMissing) })
	n.told(ctx, "comparing rows and bytes", err)
	n.config.Logger.Debug("rows and bytes compared", "extents", rep.Extents, "removed", rep.Deleted, "lost", rep.Lost)
}

// review forgets damage that is whole again or that nothing uses any more.
func (n *Node) review(ctx context.Context) error {
	ids, _, err := n.damage.all()
	if err != nil {
		return err
	}
	var failed error
	for _, id := range ids {
		st, err := n.extents.Stat(ctx, id)
		if errors.Is(err, errs.NotFound) || err == nil && !st.Missing && len(st.Damaged) == 0 {
			err = n.damage.clear(id)
		}
		failed = errors.Join(failed, err)
	}
	return errors.Join(failed, n.reviewRows(ctx))
}

// reviewRows looks at the rows again if any were damaged.
func (n *Node) reviewRows(ctx context.Context) error {
	f, err := n.damage.rowFaults()
	if err != nil || f.none() && n.rowDamage.Load() == nil {
		return err
	}
	return n.checkRows(ctx)
}
