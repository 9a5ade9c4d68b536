package demo

import (
	"context"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// before is how long requests are made before a home is killed, away how long it is
// away at least.
const (
	before = 2 * time.Second
	away   = 5 * time.Second
)

// victim is the home that is killed.
func (d *demo) victim() *home { return d.homes[1] }

// lose kills a home while requests are made, and brings it back.
func (d *demo) lose(ctx context.Context) error {
	v := d.victim()
	d.summary.Killed = v.name
	l := startLoad(ctx, d.store)
	defer l.stop()
	d.Tell(d.Say.T("Clients read and write all the time from here on, each at another home"))
	if err := d.watch(ctx, l, before); err != nil {
		return err
	}
	d.Tell(d.Say.T("Killing %s without warning (SIGKILL of process %d), as if its power went out", v.name, v.cmd.Process.Pid))
	l.away.Store(true)
	v.kill()
	if err := d.watch(ctx, l, away); err != nil {
		return err
	}
	if err := d.sayStatus(ctx); err != nil {
		return err
	}
	l.stop()
	return d.report(l)
}

// watch shows the counts for some time.
func (d *demo) watch(ctx context.Context, l *load, long time.Duration) error {
	end := time.NewTimer(long)
	defer end.Stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	defer d.Progress("")
	for {
		all, _, _ := l.counts()
		d.Progress(d.Say.T("  %s read, %s written, %s failed, longest wait %s s", d.Say.Int(int64(all.Reads)), d.Say.Int(int64(all.Writes)),
			d.Say.Int(int64(all.Failed)), d.seconds(float64(all.Longest)/1000)))
		select {
		case <-end.C:
			return nil
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sayStatus tells what another home says of the one that is away.
func (d *demo) sayStatus(ctx context.Context) error {
	var s api.Status
	late := errs.Newf(errs.Internal, "no home noticed that %s is away", d.victim().name)
	err := await(ctx, late, func(ctx context.Context) (ok bool, err error) {
		s, err = d.homes[0].status(ctx)
		return err == nil && s.Health.State == api.Risk, err
	})
	if err != nil {
		return err
	}
	d.Tell(d.Say.T("What rhizome status says in %s meanwhile:", d.homes[0].name))
	for _, r := range s.Health.Reasons {
		d.Tell("  " + r)
	}
	return nil
}

// report tells of the requests and fails if one did.
func (d *demo) report(l *load) error {
	all, while, failed := l.counts()
	d.summary.Requests, d.summary.Away = all, while
	d.summary.Objects, _ = d.store.stored()
	d.Tell(d.Say.T("While %s was away: %s read, %s written, %s failed; %s were repeated through another home; the longest wait was %s s", d.victim().name,
		d.Say.Int(int64(while.Reads)), d.Say.Int(int64(while.Writes)), d.Say.Int(int64(while.Failed)), d.Say.Int(int64(while.Retried)), d.seconds(float64(while.Longest)/1000)))
	if failed != nil {
		return errs.Newf(errs.Unavailable, "requests failed although only one home was away: %w", failed)
	}
	return nil
}
