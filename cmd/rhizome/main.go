// Command rhizome runs a node and speaks to it: `rhizome up` is the node, every other
// command a client of the running one. It owns the process: signals and exit status.
// See `rhizome --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"rhizome/cmd/rhizome/cli"
)

// sameWish is how long after a signal another one is the same wish: a terminal, a shell and
// what runs the program may each send theirs.
const sameWish = time.Second

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		first := time.Now() // a stopwatch
		for range signals {
			if time.Since(first) > sameWish { // whoever asks twice wants it now; a kill is safe at any moment
				os.Exit(130)
			}
		}
	}()
	app := cli.New()
	app.Clock = machineClock()
	os.Exit(app.Run(ctx, os.Args[1:]))
}
