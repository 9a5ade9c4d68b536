package demo

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
)

// load makes requests, reads and writes in turn, until it is stopped.
type load struct {
	store *store
	whole context.Context // the demonstration's
	away  atomic.Bool
	quit  context.CancelFunc
	wg    sync.WaitGroup

	mu         sync.Mutex
	all, while Count // while: those that began or ended while a home was away
	failed     error // the last that failed
}

const workers = 4

// startLoad begins with clients at all homes in turn.
func startLoad(ctx context.Context, s *store) *load {
	l := &load{store: s, whole: ctx}
	ctx, l.quit = context.WithCancel(ctx)
	for w := range workers {
		l.wg.Go(func() { l.work(ctx, w) })
	}
	return l
}

func (l *load) work(ctx context.Context, w int) {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		l.request(w, i)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// request makes one request to its end, though the load is stopped meanwhile; not if the
// demonstration is.
func (l *load) request(w, i int) {
	ctx, cancel := context.WithTimeout(l.whole, time.Minute)
	defer cancel()
	away, began, write := l.away.Load(), stopwatch(), i%2 == 1
	var retries int
	var err error
	if write {
		size := small
		if i%40 == 39 {
			size = large
		}
		retries, err = l.store.put(ctx, w, fmt.Sprintf("live/%d/%06d", w, i), size)
	} else {
		key, size := l.store.some(i * (w + 7))
		retries, err = l.store.get(ctx, w, key, size)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = err
	}
	l.all.add(write, retries, err != nil, began())
	if away || l.away.Load() {
		l.while.add(write, retries, err != nil, began())
	}
}

func (c *Count) add(write bool, retries int, failed bool, seconds float64) {
	if write {
		c.Writes++
	} else {
		c.Reads++
	}
	if failed {
		c.Failed++
	}
	if retries > 0 {
		c.Retried++
	}
	c.Longest = max(c.Longest, int64(seconds*1000))
}

// counts returns what was counted so far.
func (l *load) counts() (all, while Count, failed error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all, l.while, l.failed
}

// stop ends the load once the requests under way have ended.
func (l *load) stop() {
	l.quit()
	l.wg.Wait()
}

// fill stores the first objects.
func (d *demo) fill(ctx context.Context) error {
	const smalls, larges = 60, 8
	_, err := d.store.try(ctx, 0, func(ctx context.Context, c *minio.Core) error {
		return c.MakeBucket(ctx, bucket, minio.MakeBucketOptions{})
	})
	if err != nil {
		return err
	}
	took := stopwatch()
	for i := range smalls + larges {
		size, name := small, fmt.Sprintf("small/%03d", i)
		if i >= smalls {
			size, name = large, fmt.Sprintf("large/%03d", i)
		}
		if _, err := d.store.put(ctx, i, name, size); err != nil {
			return err
		}
		d.Progress(d.Say.T("Storing objects: %s of %s", d.Say.Int(int64(i+1)), d.Say.Int(smalls+larges)))
	}
	d.Progress("")
	d.Tell(d.Say.T("Stored %s over S3 through all homes in turn, %s, in %s s", d.Say.N(smalls+larges, "%s object", "%s objects"),
		d.Say.Bytes(smalls*small+larges*large), d.seconds(took())))
	return nil
}
