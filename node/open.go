package node

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"rhizome/base/errs"
)

// Open brings a node up as far as listening; see the package's Life. On failure
// everything is given back, but for two cases, after which the process has to end: the
// row store can promise nothing more, or ctx ended and a step did not.
func Open(ctx context.Context, c Config) (*Node, error) {
	if c.Idle == nil {
		c.Idle = func(bool) {}
	}
	n := &Node{config: c, started: c.Clock.Now(),
		wanted: make(chan struct{}, 1), due: make(chan struct{}, 1), copies: make(chan struct{}, 1), again: make(chan struct{}, 1), fatal: make(chan error, 1), trusted: make(chan struct{}), limited: make(chan struct{}, 1), relaid: make(chan struct{}, 1)}
	if err := n.start(ctx, n.openFolder, n.openRows, n.openLinks, n.openMembers, n.openStores, n.openModel, n.serveOthers, n.listenToOthers, n.askOthers, n.listen, n.welcome); err != nil {
		return nil, err
	}
	return n, nil
}

type step func(context.Context) error

// start takes the steps. A row store that cannot write its log never answers, so a
// step may hang in it for good.
func (n *Node) start(ctx context.Context, steps ...step) error {
	done := make(chan error, 1)
	go func() { done <- take(ctx, steps) }()
	select {
	case err := <-done:
		if err != nil {
			return errors.Join(advice(err), n.closeSoon())
		}
		return nil
	case err := <-n.fatal:
		return advice(err)
	case <-ctx.Done():
	}
	timer := time.NewTimer(n.config.closing())
	defer timer.Stop()
	stopped := errs.Newf(errs.Unavailable, "the node was told to stop before it was up: %w", ctx.Err())
	select {
	case <-done:
		return errors.Join(stopped, n.closeSoon())
	case err := <-n.fatal:
		return advice(err)
	case <-timer.C:
		return stopped
	}
}

func take(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s(ctx); err != nil {
			return err
		}
	}
	return nil
}

// advice says what to do about what any step may be the first to meet: a row store
// that is damaged, a disk that is full.
func advice(err error) error {
	switch {
	case errors.Is(err, errs.Full), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return errs.Newf(errs.Full, "the node needs a little free room to start and finds none: %w; remove other files from that disk, or move them away, and start it again", err)
	case errors.Is(err, errs.Corrupt) && strings.Contains(err.Error(), "row store is damaged") && !strings.Contains(err.Error(), "repair rebuild"):
		return errs.Newf(errs.Corrupt, "%w; make the rows anew with rhizome repair rebuild, or put a backup back", err)
	}
	return err
}
