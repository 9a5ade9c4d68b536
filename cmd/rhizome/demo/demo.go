// Package demo shows what a rhizome of several homes does, on one computer: it starts
// ordinary nodes, each a process of this program with a data folder of its own, joins
// them by invitations, puts objects in, kills one of them without warning, goes on
// reading and writing, brings it back, and waits until it has caught up.
//
// It owns the processes that it starts and the folder that it makes: when Run returns
// they are gone, whatever happened, unless the nodes were to be kept and all went well.
// It talks to the nodes as anybody does: S3 for objects, the admin socket for the rest.
//
// Sizes are bytes; every wait is bounded.
package demo

import (
	"context"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
)

// The least and the most homes. With fewer than three, writes stop when one is killed.
const (
	Least = 3
	Most  = 9
)

// Config says how a demonstration is to be. All fields are needed unless they say otherwise.
type Config struct {
	// Program is the file of this program.
	Program string
	// Dir is the folder for the nodes' folders; it is made if it is not there, and has to
	// be empty. "": a temporary one.
	Dir   string
	Homes int
	// Keep leaves the nodes running at the end, with their folders.
	Keep bool
	// Environ is the environment of the nodes. Settings of this program in it are left out.
	Environ []string
	Say     lang.Printer
	// Tell is given lines for a person, Progress a line that replaces the one before.
	Tell, Progress func(string)
}

// Summary is what came of a demonstration.
type Summary struct {
	Dir   string `json:"dir"`
	Homes []Home `json:"homes"`
	// Objects and Bytes are what was stored in all, Checked how many objects were read
	// again at the end and compared, through the home that had been away.
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
	Checked int   `json:"checked"`
	// Requests counts those made while homes came and went, Away those of them while one
	// was away.
	Requests Count `json:"requests"`
	Away     Count `json:"while_away"`
	// Killed names the home that was killed, Healed says that it caught up, in HealSeconds.
	Killed      string  `json:"killed"`
	Healed      bool    `json:"healed"`
	HealSeconds float64 `json:"heal_seconds"`
	Seconds     float64 `json:"seconds"`
	Kept        bool    `json:"kept"`
	// Interrupted: somebody ended it before its end.
	Interrupted bool `json:"interrupted,omitempty"`
}

// Home is one node of a demonstration.
type Home struct {
	Name string `json:"name"`
	Data string `json:"data"`
	S3   string `json:"s3"`
	PID  int    `json:"pid"`
}

// Count counts requests. Failed are those that failed in spite of the usual retries;
// Longest is how long one took with its retries.
type Count struct {
	Reads   int   `json:"reads"`
	Writes  int   `json:"writes"`
	Retried int   `json:"retried"`
	Failed  int   `json:"failed"`
	Longest int64 `json:"longest_ms"`
}

// demo is a demonstration under way. One goroutine owns it.
type demo struct {
	Config
	dir     string
	made    bool // the folder was made here
	homes   []*home
	store   *store
	summary Summary
}

// Run makes a demonstration. A Summary comes with every error; errs.Invalid says that
// the Config makes no sense. When ctx ends that is told at once, and nothing else after it.
func Run(ctx context.Context, c Config) (Summary, error) {
	t := teller{tell: c.Tell, progress: c.Progress}
	c.Tell, c.Progress = t.Tell, t.Progress
	d := &demo{Config: c}
	said := make(chan struct{})
	unheard := context.AfterFunc(ctx, func() {
		defer close(said)
		t.last(c.Say.T("Stopping: the nodes are ended, and what was made is removed"))
	})
	began := stopwatch()
	err := d.run(ctx)
	if !unheard() {
		<-said
		d.summary.Interrupted = true
		err = errs.New(errs.Unavailable, "the demonstration was interrupted")
	}
	d.summary.Seconds = began()
	d.summary.Kept = c.Keep && err == nil
	if !d.summary.Kept {
		d.clear()
	}
	return d.summary, err
}

// teller passes on what is told until the last word, which comes from another goroutine.
type teller struct {
	tell, progress func(string)
	mu             sync.Mutex
	over           bool
}

func (t *teller) say(f func(string), text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		f(text)
	}
}

// Tell passes a line on.
func (t *teller) Tell(text string) { t.say(t.tell, text) }

// Progress passes a line on that replaces the one before.
func (t *teller) Progress(text string) { t.say(t.progress, text) }

func (t *teller) last(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress("")
	t.tell(text)
	t.over = true
}

func (d *demo) run(ctx context.Context) error {
	if d.Homes < Least || d.Homes > Most {
		return errs.Newf(errs.Invalid, "the demonstration takes %d to %d homes", Least, Most)
	}
	if err := d.prepare(); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.found, d.settle, d.fill, d.lose, d.bringBack, d.heal, d.check} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stopwatch returns what tells the seconds since.
func stopwatch() func() float64 {
	began := time.Now()
	return func() float64 { return float64(time.Since(began).Milliseconds()) / 1000 }
}

// limit bounds each wait of the demonstration.
const limit = 2 * time.Minute

// await waits until done says so, an error, or until limit has passed.
func await(ctx context.Context, what error, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := done(ctx)
		if ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return what
		}
	}
}
