// Command rhizome runs a node and speaks to it: `rhizome up` is the node, every other
// command a client of the running one. It owns the process: signals and exit status.
// See `rhizome --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"rhizome/cmd/rhizome/cli"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		<-signals // whoever asks twice wants it now; a kill is safe at any moment
		os.Exit(130)
	}()
	app := cli.New()
	app.Clock = machineClock()
	os.Exit(app.Run(ctx, os.Args[1:]))
}
