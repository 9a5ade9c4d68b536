package cli

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/cmd/rhizome/importer"
)

// barWidth is the number of characters of a progress bar.
const barWidth = 30

// bar shows how far an import is, on a terminal. It is an importer.Progress.
type bar struct {
	a                         *App
	found, have, moved, bytes atomic.Int64 // objects, objects that are here, bytes copied, bytes found
	copied                    atomic.Int64
	quit                      chan struct{}
	wg                        sync.WaitGroup
}

func newBar(a *App) *bar {
	b := &bar{a: a, quit: make(chan struct{})}
	if terminal(a.Err) && !a.json {
		b.wg.Go(b.run)
	}
	return b
}

func (b *bar) Found(o importer.Object, same bool) {
	b.found.Add(1)
	b.bytes.Add(o.Size)
	if same {
		b.have.Add(1)
		b.moved.Add(o.Size)
	}
}

func (b *bar) Moved(n int64) { b.moved.Add(n) }

func (b *bar) Copied(importer.Object) { b.have.Add(1); b.copied.Add(1) }

func (b *bar) run() {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-b.quit:
			fmt.Fprintf(b.a.Err, "\r\x1b[K")
			return
		case <-t.C:
			fmt.Fprintf(b.a.Err, "\r\x1b[K%s", b.line())
		}
	}
}

// line is the bar. The total grows while the other store is still being listed.
func (b *bar) line() string {
	part := 0.0
	if total := b.bytes.Load(); total > 0 {
		part = min(1, float64(b.moved.Load())/float64(total))
	}
	return fmt.Sprintf("%s %s  %s / %s  %s / %s", gauge(part),
		b.a.Say.Percent(part), b.a.Say.Int(b.have.Load()), b.a.Say.N(b.found.Load(), "%s object", "%s objects"),
		b.a.Say.Bytes(b.moved.Load()), b.a.Say.Bytes(b.bytes.Load()))
}

func (b *bar) stop() {
	close(b.quit)
	b.wg.Wait()
}
