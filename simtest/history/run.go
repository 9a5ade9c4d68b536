package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Clients are what Run runs. Zero values take the defaults given.
type Clients struct {
	Stores []Store // one client each; give a store several times for several clients of it
	Seed   uint64  // of what the clients choose
	Ops    int     // of each client: 100
	Keys   int     // in use at a time: 3
	// PerKey is how many operations a key gets before a fresh one takes its place: 60.
	// Checking takes time that grows fast with the unknown outcomes of one key.
	PerKey  int
	Timeout time.Duration // of each operation: 10 s
	Pause   time.Duration // between two operations of a client, on average
	Sizes   []int         // of bodies: 100, 20,000 and 200,000 bytes
	// Parts are the sizes of the parts of multipart uploads: one of 50,000 bytes. S3 asks
	// for 5 MiB in all parts but the last.
	Parts []int
}

func (c *Clients) defaults() {
	c.Ops = orElse(c.Ops, 100)
	c.Keys = orElse(c.Keys, 3)
	c.PerKey = orElse(c.PerKey, 60)
	c.Timeout = time.Duration(orElse(int(c.Timeout), int(10*time.Second)))
	if c.Sizes == nil {
		c.Sizes = []int{100, 20_000, 200_000}
	}
	if c.Parts == nil {
		c.Parts = []int{50_000}
	}
}

func orElse(v, usual int) int {
	if v == 0 {
		return usual
	}
	return v
}

// Run lets the clients work until each has done its operations or the context ends, and
// returns what they saw. The bucket must be empty of keys that begin with "key".
func (c Clients) Run(ctx context.Context) *History {
	c.defaults()
	h := newHistory()
	keys := &keyring{per: c.PerKey}
	for range c.Keys {
		keys.renew(len(keys.now))
	}
	var wg sync.WaitGroup
	for i, store := range c.Stores {
		w := &worker{Clients: c, number: i, store: store, history: h, keys: keys,
			rng: rand.New(rand.NewPCG(c.Seed, uint64(i))), seen: map[string]int{}}
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
	return h
}

// ReadAll reads every key that the history knows until each has given an answer or the
// context ends: acknowledged writes that are gone show even if no client looked again.
func (h *History) ReadAll(ctx context.Context, store Store) error {
	w := &worker{Clients: Clients{Timeout: 10 * time.Second}, number: -1, store: store, history: h, seen: map[string]int{}}
	var done []string
	for _, o := range h.Ops() {
		if slices.Contains(done, o.Key) {
			continue
		}
		done = append(done, o.Key)
		for !w.get(ctx, o.Key) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: no answer: %w", o.Key, ctx.Err())
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// keyring is the keys in use. Safe for concurrent use.
type keyring struct {
	mu   sync.Mutex
	per  int
	made int
	now  []string
	used []int
}

// renew puts a fresh key in a place.
func (k *keyring) renew(i int) {
	if i == len(k.now) {
		k.now, k.used = append(k.now, ""), append(k.used, 0)
	}
	k.made++
	k.now[i], k.used[i] = fmt.Sprintf("key%04d", k.made), 0
}

// pick returns a key for an operation.
func (k *keyring) pick(rng *rand.Rand) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := rng.IntN(len(k.now))
	if k.used[i] >= k.per {
		k.renew(i)
	}
	k.used[i]++
	return k.now[i]
}

// all returns the keys in use.
func (k *keyring) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.now)
}

// worker is one client.
type worker struct {
	Clients
	number  int
	store   Store
	history *History
	keys    *keyring
	rng     *rand.Rand
	seen    map[string]int // the newest value seen of each key, for If-Match
}

func (w *worker) run(ctx context.Context) {
	for range w.Ops {
		if w.Pause > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(w.rng.ExpFloat64() * float64(w.Pause))):
			}
		}
		if ctx.Err() != nil {
			return
		}
		w.one(ctx, w.keys.pick(w.rng))
	}
}

// one does one operation by chance: half look, half change. Who believes that a key is
// absent mostly creates it and whoever knows its value mostly swaps or deletes it, so
// that clients meet where only one of them may win.
func (w *worker) one(ctx context.Context, key string) {
	value := w.seen[key]
	switch p := w.rng.IntN(100); {
	case p < 30:
		w.get(ctx, key)
	case p < 40:
		w.head(ctx, key)
	case p < 48:
		w.list(ctx)
	case p < 55:
		w.put(ctx, key, Op{})
	case p < 58:
		w.copy(ctx, key)
	case p < 62:
		w.upload(ctx, key, Op{})
	case p < 66:
		w.upload(ctx, key, Op{New: value == 0, Match: value})
	case p < 72:
		w.put(ctx, key, Op{New: true})
	case p < 82 || value == 0:
		w.put(ctx, key, Op{New: value == 0, Match: value})
	default:
		w.delete(ctx, key)
	}
}

// call runs f as an operation of this client, and notes its times.
func (w *worker) call(ctx context.Context, o *Op, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	o.Client, o.Call = w.number, w.history.now()
	err := f(ctx)
	o.Return = w.history.now()
	return err
}

// get reports whether it learnt anything.
func (w *worker) get(ctx context.Context, key string) bool {
	return w.read(ctx, Op{Key: key, Kind: Get}, true, func(ctx context.Context) ([]byte, string, error) {
		return w.store.Get(ctx, key)
	})
}

func (w *worker) head(ctx context.Context, key string) {
	w.read(ctx, Op{Key: key, Kind: Head}, false, func(ctx context.Context) ([]byte, string, error) {
		etag, err := w.store.Head(ctx, key)
		return nil, etag, err
	})
}

func (w *worker) read(ctx context.Context, o Op, whole bool, f func(context.Context) ([]byte, string, error)) bool {
	var body []byte
	var etag string
	err := w.call(ctx, &o, func(ctx context.Context) (err error) {
		body, etag, err = f(ctx)
		return err
	})
	o.Outcome = Done
	switch {
	case errors.Is(err, ErrAbsent):
		w.learn(o)
	case err != nil:
		w.history.fail(o.Kind, err)
		return false
	default:
		var ok bool
		if o.Value, ok = w.history.value(fmt.Sprint(o.Kind, " ", o.Key), etag, body, whole); ok {
			w.learn(o)
		}
	}
	return true
}

// learn adds an operation after which the client knows the key's value.
func (w *worker) learn(o Op) {
	w.history.add(o)
	w.seen[o.Key] = o.Value
}

// list reads every key that was in use before it and is after it.
func (w *worker) list(ctx context.Context) {
	keys := w.keys.all()
	var found map[string]string
	o := Op{Kind: List, Outcome: Done}
	err := w.call(ctx, &o, func(ctx context.Context) (err error) {
		found, err = w.store.List(ctx)
		return err
	})
	if err != nil {
		w.history.fail(o.Kind, err)
		return
	}
	for _, key := range keys {
		o.Key, o.Value = key, 0
		if etag, there := found[key]; there {
			var ok bool
			if o.Value, ok = w.history.value("LIST "+key, etag, nil, false); !ok {
				continue
			}
		}
		w.learn(o)
	}
}

func (w *worker) put(ctx context.Context, key string, o Op) {
	size := w.Sizes[w.rng.IntN(len(w.Sizes))]
	body := w.history.body(func(id int) Body { return newBody(id, size) })
	o.Key, o.Kind, o.Value = key, Put, body.ID
	w.write(ctx, o, body, func(ctx context.Context, c Condition) (string, error) {
		return w.store.Put(ctx, key, body.Bytes(), c)
	})
}

func (w *worker) upload(ctx context.Context, key string, o Op) {
	body := w.history.body(func(id int) Body { return newParts(id, w.Parts...) })
	o.Key, o.Kind, o.Value = key, Upload, body.ID
	within, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	complete, err := w.store.Upload(within, key, body.Parts)
	if err != nil {
		w.history.fail("UPLOAD", err)
		return
	}
	w.write(ctx, o, body, complete)
}

// copy copies another key's object onto a key, if it is still what this client last saw
// of it: so it is known what a copy wrote of which no answer came.
func (w *worker) copy(ctx context.Context, key string) {
	from := ""
	for _, k := range w.keys.all() {
		if k != key && w.seen[k] != 0 {
			from = k
		}
	}
	if from == "" {
		w.put(ctx, key, Op{})
		return
	}
	o := Op{Key: key, Kind: Copy, Value: w.seen[from]}
	etag := w.history.etag(o.Value)
	err := w.call(ctx, &o, func(ctx context.Context) error {
		copied, err := w.store.Copy(ctx, from, etag, key)
		if err == nil && copied != etag {
			w.history.strange(fmt.Sprintf("COPY %s of write %d was answered with ETag %q, not %q", key, o.Value, copied, etag))
		}
		return err
	})
	source := Op{Client: o.Client, Key: from, Kind: Source, Value: o.Value, Outcome: Done, Call: o.Call, Return: o.Return}
	switch {
	case err == nil:
		o.Outcome = Done
		w.learn(o)
		w.learn(source)
	case errors.Is(err, ErrAbsent):
		source.Value = 0
		w.learn(source)
	case errors.Is(err, ErrMismatch), errors.Is(err, ErrNoEffect):
		w.history.fail(o.Kind, err)
	default:
		o.Outcome = Unknown
		w.history.fail(o.Kind, err)
		w.history.add(o)
	}
}

func (w *worker) delete(ctx context.Context, key string) {
	w.write(ctx, Op{Key: key, Kind: Delete}, Body{}, func(ctx context.Context, _ Condition) (string, error) {
		return "", w.store.Delete(ctx, key)
	})
}

// write calls f, which writes the body, and adds what became of it.
func (w *worker) write(ctx context.Context, o Op, body Body, f Complete) {
	c := Condition{New: o.New}
	if o.Match != 0 {
		c.Match = w.history.etag(o.Match)
	}
	err := w.call(ctx, &o, func(ctx context.Context) error {
		etag, err := f(ctx, c)
		if err == nil && o.Kind != Delete && etag != body.ETag() {
			w.history.strange(fmt.Sprintf("%s %s of write %d was answered with ETag %q, not %q", o.Kind, o.Key, body.ID, etag, body.ETag()))
		}
		return err
	})
	switch {
	case err == nil:
		o.Outcome = Done
		w.learn(o)
		return
	case errors.Is(err, ErrNoEffect):
		w.history.fail(o.Kind, err)
		return
	case errors.Is(err, ErrMismatch):
		o.Outcome = Mismatch
	case errors.Is(err, ErrAbsent):
		o.Outcome = Absent
	default:
		o.Outcome = Unknown
		w.history.fail(o.Kind, err)
	}
	w.history.add(o)
}
