package register

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

const oneTrip = 100 * time.Millisecond

// apart runs f in virtual time, with homes that are a round trip from each other. Those
// of set keep all rows of the parts "a" and "b".
func apart(t *testing.T, homes int, set string, f func(t *testing.T, w *town)) {
	t.Run(fmt.Sprintf("%s of %d", set, homes), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newTown(t, homes, set, "a", "b")
			for _, from := range w.homes {
				for _, to := range w.homes {
					way := rpc.Way{Delay: oneTrip / 2}
					if from != to {
						w.net.SetWay(from.id, to.id, way)
					}
				}
			}
			f(t, w)
			synctest.Wait()
		})
	})
}

// trips returns how many round trips f takes.
func trips(t *testing.T, f func()) int {
	t.Helper()
	began := time.Now()
	f()
	took := time.Since(began)
	if took%oneTrip != 0 {
		t.Errorf("%v are no whole round trips", took)
	}
	return int(took / oneTrip)
}

func wantTrips(t *testing.T, what string, want int, f func()) {
	t.Helper()
	if n := trips(t, f); n != want {
		t.Errorf("%s took %d round trips, want %d", what, n, want)
	}
}

// everywhere runs f on a replica and on a node that is none, of three and five.
func everywhere(t *testing.T, f func(t *testing.T, w *town, c *Coordinator)) {
	for _, set := range []string{"123", "12345"} {
		for _, at := range []int{0, len(set)} {
			apart(t, len(set)+1, set, func(t *testing.T, w *town) { f(t, w, w.homes[at].coord) })
		}
	}
}

func TestReadsAheadOverlap(t *testing.T) {
	everywhere(t, func(t *testing.T, w *town, c *Coordinator) {
		ctx := t.Context()
		rows := []Row{{Table: 1, Part: "a", Sort: "1"}, {Table: 1, Part: "b", Sort: "2"}, {Table: 1, Part: "b", Sort: "3"}}
		for _, row := range rows {
			_, err := c.Update(ctx, row, put(text(row.Sort)))
			check(t, err)
		}
		scan := Scan{Table: 1, Parts: []string{"b", "a"}, Limit: 10}
		ctx, a := c.Ahead(ctx)
		wantTrips(t, "three reads, a scan and a weight", 1, func() {
			a.Read(rows...)
			a.Scan(scan)
			a.Weigh(1, "b")
			for _, row := range rows {
				v, _, err := c.Read(ctx, row)
				if check(t, err); data(v) != row.Sort {
					t.Errorf("%q, want %q", data(v), row.Sort)
				}
			}
			p, err := c.Scan(ctx, scan)
			if check(t, err); len(p.Entries) != 3 {
				t.Errorf("%d entries", len(p.Entries))
			}
			n, _, err := c.Weight(ctx, 1, "b")
			if check(t, err); n != 2 {
				t.Errorf("%d rows", n)
			}
		})
		wantTrips(t, "a second read", 1, func() {
			_, _, err := c.Read(ctx, rows[0])
			check(t, err)
		})
		a.Close()
		wantTrips(t, "a read after the end", 1, func() {
			_, _, err := c.Read(ctx, rows[1])
			check(t, err)
		})
	})
}

// TestReadsAheadServeOnce: what was begun is taken once, by nobody who changed or fenced
// the row, and not by who asks afresh.
func TestReadsAheadServeOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *town, c *Coordinator) {
		row := Row{Table: 1, Part: "a", Sort: "1"}
		scan := Scan{Table: 1, Parts: []string{"a"}, Limit: 10}
		other := w.homes[1].coord
		for i, between := range []func(context.Context){
			func(ctx context.Context) { _, _, _ = c.Read(ctx, row); _, _ = c.Scan(ctx, scan) },
			func(ctx context.Context) { _, _ = c.Update(ctx, row, put(text("own"))) },
			func(ctx context.Context) { check(t, c.Fence(ctx, 1, "a", 0)) },
			nil,
		} {
			ctx, a := c.Ahead(t.Context())
			a.Read(row)
			a.Scan(scan)
			<-time.After(oneTrip)
			want := fmt.Sprint("new", i)
			if between != nil {
				between(ctx)
			} else {
				ctx = Afresh(ctx)
			}
			_, err := other.Update(t.Context(), row, put(text(want)))
			check(t, err)
			if v, _, err := c.Read(ctx, row); err != nil || data(v) != want {
				t.Errorf("case %d: read %q, want %q (%v)", i, data(v), want, err)
			}
			if p, err := c.Scan(ctx, scan); err != nil || len(p.Entries) != 1 || data(p.Entries[0].Value) != want {
				t.Errorf("case %d: scanned %+v, want %q (%v)", i, p, want, err)
			}
			a.Close()
		}
	})
}

func TestPreparedAhead(t *testing.T) {
	everywhere(t, func(t *testing.T, w *town, c *Coordinator) {
		row := Row{Table: 1, Part: "a", Sort: "1"}
		for i, own := range []bool{false, true} {
			ctx, a := c.Ahead(t.Context())
			ch := put(text(fmt.Sprint(i)))
			if own {
				ch.Ballot = c.NewBallot()
			}
			wantTrips(t, "a change beside a read", 2, func() {
				a.Prepare(row, ch.Ballot)
				_, _, err := c.Read(ctx, Row{Table: 1, Part: "b"})
				check(t, err)
				_, err = c.Update(ctx, row, ch)
				check(t, err)
			})
			a.Close()
		}
		wantTrips(t, "a change", 2, func() { _, err := c.Update(t.Context(), row, put(text("2"))); check(t, err) })
		wantTrips(t, "a fresh row", 1, func() {
			ch := put(text("fresh"))
			ch.Fresh = true
			_, err := c.Update(t.Context(), Row{Table: 1, Part: "b", Sort: "fresh"}, ch)
			check(t, err)
		})
		if v, _, err := c.Read(t.Context(), row); err != nil || data(v) != "2" {
			t.Errorf("%q, %v", data(v), err)
		}
	})
}

// TestPreparedAheadAndOutbid: promises that others took away, or of another ballot than
// the change names, cost attempts and nothing else.
func TestPreparedAheadAndOutbid(t *testing.T) {
	everywhere(t, func(t *testing.T, w *town, c *Coordinator) {
		row := Row{Table: 1, Part: "a", Sort: "1"}
		add := Change{Apply: func(old *Value) (*Value, error) { return text(fmt.Sprint(len(data(old)), "x")), nil }}
		ctx, a := c.Ahead(t.Context())
		a.Prepare(row, Ballot{})
		<-time.After(oneTrip)
		_, err := w.homes[1].coord.Update(t.Context(), row, put(text("other")))
		check(t, err)
		v, err := c.Update(ctx, row, add)
		if check(t, err); data(v) != "5x" {
			t.Errorf("the change was computed from something else: %q", data(v))
		}
		a.Prepare(row, Ballot{})
		add.Ballot = c.NewBallot()
		v, err = c.Update(ctx, row, add)
		if check(t, err); data(v) != "2x" {
			t.Errorf("%q", data(v))
		}
		a.Close()
	})
}

// TestPreparesHoldNobodyUp: a Prepare that is not taken gives this node's turn back, and
// none is begun where another change has it.
func TestPreparesHoldNobodyUp(t *testing.T) {
	everywhere(t, func(t *testing.T, w *town, c *Coordinator) {
		row := Row{Table: 1, Part: "a", Sort: "1"}
		_, a := c.Ahead(t.Context())
		a.Prepare(row, Ballot{})
		ctx, b := c.Ahead(t.Context())
		b.Prepare(row, Ballot{}) // in vain
		late, cancel := context.WithTimeout(ctx, time.Second)
		if _, err := c.Update(late, row, put(text("1"))); !errors.Is(err, errs.Unavailable) {
			t.Errorf("a change went out beside another: %v", err)
		}
		cancel()
		a.Close()
		a.Prepare(row, Ballot{}) // too late
		wantTrips(t, "a change", 2, func() { _, err := c.Update(ctx, row, put(text("1"))); check(t, err) })
		b.Close()
		var none *Ahead
		none.Read(row)
		none.Prepare(row, Ballot{})
		none.Close()
	})
}

// TestRefusedAhead: a change whose condition does not hold is refused in one round trip
// after its Prepare, and its epoch counts though the Prepare knew of none.
func TestRefusedAhead(t *testing.T) {
	everywhere(t, func(t *testing.T, w *town, c *Coordinator) {
		row := Row{Table: 1, Part: "a", Sort: "1"}
		ctx, a := c.Ahead(t.Context())
		defer a.Close()
		a.Prepare(row, Ballot{})
		wantTrips(t, "a refusal", 1, func() {
			_, err := c.Update(ctx, row, Change{Apply: func(*Value) (*Value, error) { return nil, errNo }})
			if !errors.Is(err, errNo) {
				t.Error(err)
			}
		})
		check(t, c.Fence(t.Context(), 1, "a", 5))
		a.Prepare(row, Ballot{})
		ch := put(text("late"))
		ch.Epoch = 4
		if _, err := c.Update(ctx, row, ch); !errors.Is(err, ErrFenced) {
			t.Error(err)
		}
		a.Prepare(row, Ballot{})
		ch.Epoch = 5
		_, err := c.Update(ctx, row, ch)
		check(t, err)
	})
}

// TestOneHomeBeginsNothing: where all replicas are here there is nothing to gain.
func TestOneHomeBeginsNothing(t *testing.T) {
	c := newCluster(t, 1).store(0)
	if _, a := c.Ahead(t.Context()); a != nil {
		t.Error("something is begun")
	}
	if n := testing.AllocsPerRun(100, func() { _, a := c.Ahead(t.Context()); a.Close() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestADeadReplicaDelaysNobody: neither reads nor changes, and what is sent to it in vain
// is bounded; when it is needed it is asked.
func TestADeadReplicaDelaysNobody(t *testing.T) {
	apart(t, 3, "123", func(t *testing.T, w *town) {
		c := w.homes[0].coord
		hang := make(chan struct{})
		peer := c.cfg.Peer
		var thirdUp, secondDown atomic.Bool
		var asked atomic.Int32
		c.cfg.CallTimeout = time.Hour
		c.cfg.Peer = func(n ident.NodeID) (Peer, error) {
			if n == nodeID(2) && !thirdUp.Load() {
				asked.Add(1)
				<-hang // as a dial that takes for ever
			}
			if n == nodeID(1) && secondDown.Load() {
				return nil, errs.New(errs.Unavailable, "away")
			}
			return peer(n)
		}
		for i := range 2 * maxLeft {
			row := Row{Table: 1, Part: "a", Sort: fmt.Sprint(i)}
			wantTrips(t, "a change", 2, func() { _, err := c.Update(t.Context(), row, put(text("1"))); check(t, err) })
			wantTrips(t, "a read", 1, func() { _, _, err := c.Read(t.Context(), row); check(t, err) })
		}
		if n := asked.Load(); n != maxLeft {
			t.Errorf("%d calls are under way, want %d", n, maxLeft)
		}
		thirdUp.Store(true)
		secondDown.Store(true)
		if _, _, err := c.Read(t.Context(), Row{Table: 1, Part: "a", Sort: "1"}); err != nil {
			t.Errorf("a replica that is needed is not asked: %v", err)
		}
		close(hang)
	})
}
