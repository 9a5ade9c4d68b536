package history

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// fake is a linearizable store in memory, with delays so that operations overlap, and
// with one flaw if a test wants it.
type fake struct {
	flaw   string
	share  float64 // of the operations that the flaw meets
	breaks float64 // share of the operations whose answer is lost

	mu    sync.Mutex
	rng   *rand.Rand
	held  map[string]object
	past  map[string][]object // every value that a key ever had, the present one last
	later sync.WaitGroup
}

// object is a body with its ETag; the zero value is absence.
type object struct {
	body []byte
	etag string
}

func newFake(seed uint64, flaw string, share float64) *fake {
	return &fake{flaw: flaw, share: share, rng: rand.New(rand.NewPCG(seed, 0)), held: map[string]object{}, past: map[string][]object{}}
}

// chance reports whether something of this share happens.
func (f *fake) chance(share float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.Float64() < share
}

// flawed reports whether the flaw named meets this operation.
func (f *fake) flawed(name string) bool { return f.flaw == name && f.chance(f.share) }

func (f *fake) delay() {
	f.mu.Lock()
	d := time.Duration(f.rng.IntN(300)) * time.Microsecond
	f.mu.Unlock()
	<-time.After(d)
}

var errLost = errors.New("the answer is lost")

// do runs a change between two delays; some never happen, or late, or unanswered.
func (f *fake) do(op func() error) error {
	f.delay()
	defer f.delay()
	if !f.chance(f.breaks) {
		return op()
	}
	if f.chance(0.3) {
		return errLost
	}
	if f.chance(0.5) {
		_ = op()
		return errLost
	}
	f.later.Go(func() {
		for range 20 {
			f.delay()
		}
		_ = op()
	})
	return errLost
}

// look runs an operation that changes nothing; the answers of some are lost.
func (f *fake) look(op func() error) error {
	f.delay()
	defer f.delay()
	if f.chance(f.breaks) {
		return errLost
	}
	return op()
}

func (f *fake) set(key string, o object) {
	f.held[key] = o
	f.past[key] = append(f.past[key], o)
}

// write is every conditional change.
func (f *fake) write(key string, o object, c Condition) (string, error) {
	err := f.do(func() error {
		if c.New && f.flawed("two winners") {
			f.mu.Lock()
			there := f.held[key].etag != ""
			f.mu.Unlock()
			if there {
				return ErrMismatch
			}
			f.delay() // another passes the same check meanwhile
			c.New = false
		}
		if c.Match != "" && f.flawed("blind If-Match") {
			c.Match = ""
		}
		lost := c == Condition{} && f.flawed("lost update")
		f.mu.Lock()
		defer f.mu.Unlock()
		now := f.held[key]
		switch {
		case c.New && now.etag != "":
			return ErrMismatch
		case c.Match != "" && now.etag == "":
			return ErrAbsent
		case c.Match != "" && now.etag != c.Match:
			return ErrMismatch
		}
		if !lost {
			f.set(key, o)
		}
		return nil
	})
	return o.etag, err
}

func (f *fake) Put(_ context.Context, key string, body []byte, c Condition) (string, error) {
	return f.write(key, object{body, sum(body)}, c)
}

func (f *fake) Delete(_ context.Context, key string) error {
	return f.do(func() error {
		back := f.flawed("resurrection")
		f.mu.Lock()
		defer f.mu.Unlock()
		was := f.held[key]
		f.set(key, object{})
		if back {
			f.later.Go(func() {
				f.delay()
				f.delay()
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.held[key].etag == "" {
					f.set(key, was)
				}
			})
		}
		return nil
	})
}

// read returns what is there, or what was.
func (f *fake) read(key, flaw string) (o object) {
	stale := f.flawed(flaw)
	f.mu.Lock()
	defer f.mu.Unlock()
	if past := f.past[key]; stale && len(past) > 1 {
		return past[len(past)-2]
	}
	return f.held[key]
}

func (f *fake) Get(_ context.Context, key string) ([]byte, string, error) {
	var o object
	err := f.look(func() error {
		o = f.read(key, "stale GET")
		if f.flawed("mixed body") {
			o.body = append(append([]byte{}, o.body[:len(o.body)/2]...), 'x')
		}
		return o.absent()
	})
	return o.body, o.etag, err
}

func (o object) absent() error {
	if o.etag == "" {
		return ErrAbsent
	}
	return nil
}

func (f *fake) Head(_ context.Context, key string) (string, error) {
	var o object
	err := f.look(func() error {
		o = f.read(key, "stale HEAD")
		return o.absent()
	})
	return o.etag, err
}

func (f *fake) List(context.Context) (map[string]string, error) {
	found := map[string]string{}
	err := f.look(func() error {
		f.mu.Lock()
		var keys []string
		for key := range f.past {
			keys = append(keys, key)
		}
		f.mu.Unlock()
		// One key after the other: a LIST is no snapshot.
		for _, key := range keys {
			if o := f.read(key, "stale LIST"); o.etag != "" {
				found[key] = o.etag
			}
		}
		return nil
	})
	return found, err
}

// Copy reads its source and then writes, as two steps within its time.
func (f *fake) Copy(_ context.Context, from, etag, to string) (string, error) {
	o := f.read(from, "")
	switch {
	case o.etag == "":
		return "", ErrAbsent
	case o.etag != etag:
		return "", ErrMismatch
	}
	return f.write(to, o, Condition{})
}

func (f *fake) Upload(_ context.Context, key string, parts [][]byte) (Complete, error) {
	f.delay()
	b := Body{Parts: parts, multi: true}
	return func(_ context.Context, c Condition) (string, error) {
		return f.write(key, object{b.Bytes(), b.ETag()}, c)
	}, nil
}
