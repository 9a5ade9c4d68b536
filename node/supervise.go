package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"rhizome/base/errs"
)

// grace is how long requests under way may take once the node is told to stop.
const grace = 7 * time.Second

// service is something that runs until its context ends. An error ends the node.
type service struct {
	name string
	run  func(context.Context) error
}

// supervise runs services side by side until ctx ends or one of them fails, then
// stops the others and waits for all. The first failure is returned.
func supervise(ctx context.Context, log *slog.Logger, services []service) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopped := errors.New("stopped")
	var wg sync.WaitGroup
	for _, s := range services {
		wg.Go(func() {
			if err := s.run(ctx); err != nil && ctx.Err() == nil {
				log.Error("a service failed; the node stops", "service", s.name, "error", err)
				cancel(errs.Newf(errs.KindOf(err), "%s: %w", s.name, err))
			}
		})
	}
	go func() {
		wg.Wait()
		cancel(stopped)
	}()
	<-ctx.Done()
	cause := context.Cause(ctx)
	wg.Wait()
	if cause == stopped || errors.Is(cause, context.Canceled) {
		return nil
	}
	return cause
}

// serve runs an HTTP server on ln until ctx ends, then lets requests finish.
func serve(srv *http.Server, ln net.Listener, log *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		failed := make(chan error, 1)
		go func() { failed <- srv.Serve(ln) }()
		select {
		case err := <-failed:
			return errs.Newf(errs.Internal, "the server ended: %w", err)
		case <-ctx.Done():
		}
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if err := srv.Shutdown(wait); err != nil {
			log.Warn("requests were cut off", "after", grace)
			_ = srv.Close() // Shutdown's error said it
		}
		<-failed
		return nil
	}
}
