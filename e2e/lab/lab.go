package lab

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// backbone is the first half of every address on it, 51.77: one of the Internet's, because
// nodes punch no holes for those of a local network. Nothing gets out of the lab.
const backbone = 51<<8 | 77

// Options of a lab.
type Options struct {
	Seed uint64 // of all chance; 0 takes RHIZOME_SEED, or a new one
	MTU  int    // of all devices, in bytes; 0 is 1500
	// Clocks runs the program's build for the lab, which goes by Node.SetClock.
	Clocks bool
}

// Lab is one network. Its methods may be called from any goroutine; those that take no
// error back fail the test, and are for the test's own goroutine.
type Lab struct {
	t       testing.TB
	seed    uint64
	mtu     int
	clocks  bool
	began   time.Time
	closing chan struct{}
	wg      sync.WaitGroup

	mu      sync.Mutex
	hosts   []*Host
	named   map[string]*Host
	ports   [256]*port
	ways    map[[2]int]*direction
	usual   Path   // of directions that nobody set
	packets uint64 // held so far
	stray   int64  // packets to nobody
}

// New returns an empty lab, which is closed when the test ends.
func New(t testing.TB, o Options) *Lab {
	t.Helper()
	if o.MTU == 0 {
		o.MTU = 1500
	}
	if o.Seed == 0 {
		o.Seed, _ = strconv.ParseUint(os.Getenv("RHIZOME_SEED"), 10, 64)
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	l := &Lab{t: t, seed: o.Seed, mtu: o.MTU, clocks: o.Clocks, began: time.Now(), closing: make(chan struct{}),
		named: map[string]*Host{}, ways: map[[2]int]*direction{}}
	t.Cleanup(l.close)
	return l
}

// Seed is what chance came from.
func (l *Lab) Seed() uint64 { return l.seed }

// Rand returns a source of chance of the test's own, the same for the same name and seed.
func (l *Lab) Rand(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return rand.New(rand.NewPCG(l.seed, h.Sum64()))
}

func (l *Lab) now() time.Duration { return time.Since(l.began) }

// close kills what runs, then takes the network apart, and says how a failed test can be
// played again.
func (l *Lab) close() {
	l.mu.Lock()
	hosts := l.hosts
	l.mu.Unlock()
	for _, h := range hosts {
		h.killAll()
	}
	close(l.closing)
	for _, p := range l.ports {
		if p != nil {
			p.tun.Close()
		}
	}
	l.wg.Wait()
	for _, h := range hosts {
		h.space.close()
	}
	if l.t.Failed() {
		l.report()
	}
}

func (l *Lab) report() {
	l.t.Logf("RHIZOME_SEED=%d plays this run's chance again", l.seed)
	for key, way := range l.ways {
		l.t.Logf("%s -> %s: %v", l.ports[key[0]].name, l.ports[key[1]].name, way.stats)
	}
}

// plug gives the namespace a device on the backbone and returns its port.
func (l *Lab) plug(name string, s *space) (*port, error) {
	p := &port{lab: l, name: name, wake: make(chan struct{}, 1)}
	err := s.do(func() (err error) {
		p.tun, err = openTUN()
		return err
	})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for p.number = 1; l.ports[p.number] != nil; p.number++ {
		if p.number == 254 {
			p.tun.Close()
			return nil, fmt.Errorf("no address left for %s", name)
		}
	}
	l.ports[p.number] = p
	l.wg.Add(2)
	go p.read(&l.wg)
	go p.deliver(&l.wg)
	return p, nil
}

// way returns the direction between two ports. The lab is locked.
func (l *Lab) way(from, to *port) *direction {
	key := [2]int{from.number, to.number}
	d := l.ways[key]
	if d == nil {
		d = &direction{rng: rand.New(rand.NewPCG(l.seed, uint64(from.number)<<8|uint64(to.number)))}
		d.set(l.usual)
		l.ways[key] = d
	}
	return d
}
