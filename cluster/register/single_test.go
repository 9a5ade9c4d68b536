package register

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/seeds"
	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
)

// doubts counts what is listed as in doubt at a home.
func (h *home) doubts() (n int) {
	_ = h.rep.walk(context.Background(), []byte{doubtKey}, []byte{doubtKey + 1}, func(_, _ []byte) error {
		n++
		return nil
	})
	return n
}

func (w *town) noDoubts(homes ...int) {
	w.t.Helper()
	for _, i := range homes {
		n := 0
		eventually(w.t, "no doubts", func() bool {
			h := w.homes[i]
			if n++; n%500 == 0 { // what was said in vain is asked for
				_ = h.coord.healWith(context.Background(), w.homes[1-i].id, nil)
			}
			return h.doubts() == 0
		})
	}
}

var pairScan = Scan{Table: 1, Parts: []string{"p0", "p1"}, Limit: 5, Delimiter: "/"}

// list goes through all pages of a scan.
func list(ctx context.Context, s *Coordinator, q Scan) (out []Entry, err error) {
	for {
		page, err := s.Scan(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Entries...)
		if !page.More {
			return out, nil
		}
		q.After = page.After
	}
}

func pairRow(i int) Row { return Row{1, fmt.Sprint("p", i%2), fmt.Sprintf("%02d/%d", i/6, i)} }

// pairOf makes a town of two replicas and a third home that has none, with rows; every
// fifth is deleted.
func pairOf(t *testing.T, w *town) map[Row]string {
	ctx, live := ctxFor(t), make(map[Row]string)
	for i := range 60 {
		s := w.homes[i%3].coord
		_, err := s.Update(ctx, pairRow(i), put(text(fmt.Sprint(i))))
		check(t, err)
		live[pairRow(i)] = fmt.Sprint(i)
		if i%5 == 0 {
			_, err := s.Update(ctx, pairRow(i), remove())
			check(t, err)
			delete(live, pairRow(i))
		}
	}
	return live
}

// readsAll checks what a coordinator reads and lists.
func readsAll(t *testing.T, s *Coordinator, live map[Row]string) {
	t.Helper()
	ctx := ctxFor(t)
	for i := range 62 {
		v, _, err := s.Read(ctx, pairRow(i))
		check(t, err)
		want, ok := live[pairRow(i)]
		if !ok {
			want = "<absent>"
		}
		if data(v) != want {
			t.Fatalf("row %d is %s, not %s", i, data(v), want)
		}
	}
	for _, delimiter := range []string{"", "/"} {
		q := pairScan
		q.Delimiter = delimiter
		got, err := list(ctx, s, q)
		check(t, err)
		if want := naive(live, q); show(got) != show(want) {
			t.Fatalf("a scan shows\n%s\nnot\n%s", show(got), show(want))
		}
	}
}

// TestOneOfTwoReads: while one of two replicas is away, all is read from the other one,
// through any home and after a power cut, and nothing is written.
func TestOneOfTwoReads(t *testing.T) {
	w := newTown(t, 3, "12", "p0", "p1")
	live := pairOf(t, w)
	w.noDoubts(0, 1)
	w.cut(1, true)
	readsAll(t, w.homes[0].coord, live)
	readsAll(t, w.homes[2].coord, live)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := w.homes[0].coord.Update(ctx, pairRow(1), put(text("no"))); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("a change ends with %v", err)
	}
	count, _, err := w.homes[0].coord.Weight(ctxFor(t), 1, "p0")
	if want := int64(len(naive(live, Scan{Table: 1, Parts: []string{"p0"}}))); err != nil || count != want {
		t.Errorf("%d rows weigh, not %d: %v", count, want, err)
	}
	w.crash(0)
	readsAll(t, w.homes[0].coord, live)
	w.cut(1, false)
	w.cut(0, true)
	readsAll(t, w.homes[1].coord, live)
}

// TestOneOfTwoReadsThatCameBack: what neither of two replicas answers is read from the one that
// is back a moment later; the other one is not needed.
func TestOneOfTwoReadsThatCameBack(t *testing.T) {
	w := newTown(t, 3, "12", "p0", "p1")
	live := pairOf(t, w)
	w.noDoubts(0, 1)
	w.cut(0, true)
	w.cut(1, true)
	back := time.AfterFunc(w.homes[2].coord.cfg.CallTimeout/4, func() { w.cut(0, false) })
	defer back.Stop()
	if v, _, err := w.homes[2].coord.Read(ctxFor(t), pairRow(13)); err != nil || data(v) != live[pairRow(13)] {
		t.Errorf("a row of which one replica is back is %s, %v", data(v), err)
	}
	w.noDoubts(0)
}

// TestAChangeDoesNotWaitForWhoIsAwayForLong: a restart is waited for, and nothing that is
// known to be away for long.
func TestAChangeDoesNotWaitForWhoIsAwayForLong(t *testing.T) {
	w := newTown(t, 2, "12", "p0")
	c := w.homes[0].coord
	var away atomic.Int64
	c.cfg.Away = func(n ident.NodeID) time.Duration { return time.Duration(away.Load()) }
	w.cut(1, true)
	ctx, cancel := context.WithTimeout(t.Context(), awayWait+pairWait/4) // as long as it waits for a restart, there is no answer
	defer cancel()
	away.Store(int64(time.Second))
	if _, err := c.Update(ctx, pairRow(0), put(text("short"))); !errors.Is(err, errs.Unavailable) || errors.Is(err, errAway) {
		t.Errorf("while the other one is away for a moment: %v", err)
	}
	away.Store(int64(time.Hour))
	ctx = ctxFor(t)
	for name, change := range map[string]Change{"changed": put(text("long")), "made": {Fresh: true, Apply: put(text("made")).Apply}} {
		if _, err := c.Update(ctx, Row{1, "p0", name}, change); !errors.Is(err, errAway) {
			t.Errorf("a row is %s while the other one is away for long: %v", name, err)
		}
	}
	if n := w.homes[0].doubts(); n > 0 {
		t.Errorf("%d rows are in doubt, so that nobody can list them", n)
	}
	w.cut(1, false)
	if _, err := c.Update(ctx, pairRow(0), put(text("back"))); err != nil {
		t.Errorf("it came back, which this node does not know yet: %v", err)
	}
	if c.deserted(c.place(pairRow(0).Part)) {
		t.Error("one that answers counts as away")
	}
}

// TestAMakerWhoAsksFirstHeedsTheCollector: whoever was taken for dead, and asks before it
// makes its row because others seem away, does not make it once that was forgotten.
func TestAMakerWhoAsksFirstHeedsTheCollector(t *testing.T) {
	w := newTown(t, 3, "123", "p0")
	c, row, ctx := w.homes[0].coord, pairRow(0), ctxFor(t)
	b := c.NewBallot()
	_, err := w.homes[1].coord.Update(ctx, row, Change{Above: b, AbsentToo: true, Apply: func(v *Value) (*Value, error) { return v, nil }})
	check(t, err)
	w.forgets(t)
	c.cfg.Away = func(ident.NodeID) time.Duration { return time.Second }
	if err := c.Create(ctx, row, b, text("its bytes are gone")); err == nil {
		t.Error("the row is made")
	}
}

// accepts makes one replica accept what nobody else hears of.
func (h *home) accepts(t *testing.T, row Row, v *Value) Ballot {
	t.Helper()
	b := h.coord.NewBallot()
	a, err := h.rep.Accept(ctxFor(t), h.Layout().Term(h.Layout().Partition(row.Part)), row,
		core.Record{Ballot: b, Value: v, Recent: []Ballot{b}})
	check(t, err)
	if a.Refusal != core.None {
		t.Fatalf("refused: %+v", a)
	}
	return b
}

// TestDoubtIsNotAnswered: what one of two replicas holds and the other one may lack is
// not read while that one is away, and is settled when it is back.
func TestDoubtIsNotAnswered(t *testing.T) {
	w := newTown(t, 3, "12", "p0", "p1")
	live := pairOf(t, w)
	w.noDoubts(0, 1)
	in := Row{1, "p0", "02/12"}
	if in != pairRow(12) {
		t.Fatal("another row")
	}
	hidden := Row{1, "p1", "05/35x"} // behind a row that shows its group
	w.homes[0].accepts(t, in, text("doubtful"))
	w.homes[0].accepts(t, hidden, nil)
	w.cut(1, true)
	s := w.homes[0].coord
	ctx := ctxFor(t)
	for _, row := range []Row{in, hidden} {
		if v, _, err := s.Read(ctx, row); errs.KindOf(err) != errs.Unavailable || !errors.Is(err, errDoubt) {
			t.Errorf("a row in doubt is read as %s, %v", data(v), err)
		}
	}
	if v, _, err := s.Read(ctx, pairRow(13)); err != nil || data(v) != "13" {
		t.Errorf("another row is %s, %v", data(v), err)
	}
	q := Scan{Table: 1, Parts: []string{"p0", "p1"}, Limit: 100}
	if _, err := s.Scan(ctx, q); !errors.Is(err, errDoubt) {
		t.Errorf("a page with a row in doubt: %v", err)
	}
	q.After, q.Delimiter = "03/", "/"
	if got, err := list(ctx, s, q); err != nil || show(got) != show(naive(live, q)) {
		t.Errorf("a page without: %s, %v", show(got), err)
	}
	w.crash(0)
	if _, _, err := w.homes[0].coord.Read(ctx, in); !errors.Is(err, errDoubt) {
		t.Errorf("after a restart a row in doubt is read: %v", err)
	}
	w.cut(1, false)
	s = w.homes[0].coord
	s.LinkUp(w.homes[1].id)
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- s.Heal(run) }()
	eventually(t, "mended", func() bool { return w.homes[0].doubts() == 0 })
	stop()
	check(t, <-done)
	w.noDoubts(1)
	live[in] = "doubtful"
	w.cut(0, true)
	readsAll(t, w.homes[1].coord, live)
}

// TestSingleReadsOverLayouts: a pair's first rows come from one node, or from several.
func TestSingleReadsOverLayouts(t *testing.T) {
	for _, sets := range [][]string{{"1", "12"}, {"123", "12"}, {"3", "12"}, {"13", "12"}} {
		t.Run(fmt.Sprint(sets), func(t *testing.T) {
			w := newTown(t, 3, sets[0], "p0", "p1")
			live := pairOf(t, w)
			w.change(sets[1])
			w.learn(0, 1, 2)
			if sets[0] == "1" { // all its rows were chosen there: the other one need not have come
				w.cut(1, true)
				readsAll(t, w.homes[0].coord, live)
				w.cut(1, false)
			}
			eventually(t, "imported", func() bool { return w.imported(all) })
			if sets[0] == "123" {
				if a, err := w.homes[0].rep.ReadAlone(ctxFor(t), 2, pairRow(1)); err != nil || a.Alone {
					t.Fatalf("one of two answers before it was compared: %+v, %v", a, err)
				}
			}
			for i, o := range []int{1, 0} {
				check(t, w.homes[i].coord.healWith(ctxFor(t), w.homes[o].id, nil))
			}
			for _, away := range []int{0, 1} {
				w.cut(away, true)
				readsAll(t, w.homes[1-away].coord, live)
				w.crash(1 - away)
				readsAll(t, w.homes[1-away].coord, live)
				w.cut(away, false)
			}
		})
	}
}

// TestAnEarlierReleaseVoted: it lists no doubts, so that one of two answers alone again
// only once it was compared.
func TestAnEarlierReleaseVoted(t *testing.T) {
	w := newTown(t, 3, "12", "p0", "p1")
	live := pairOf(t, w)
	w.noDoubts(0, 1)
	// It makes rows alone, which raise no ceiling.
	b, row := w.homes[0].kv.NewBatch(), Row{1, "p0", "09/made"}
	key, rec := rowKey(headKey, row), someRecordAt(w.homes[0].coord.NewBallot())
	writeRow(b, key, 0, false, &core.Cell{Record: rec, Promised: rec.Ballot})
	b.Add(digestKey(rowGroup(key[1:]), bucketOf(key[1:])), rowDigest(key[1:], rec.Ballot, false))
	check(t, b.Commit())
	for range 2 {
		w.crash(0)
		if a, err := w.homes[0].rep.ReadAlone(ctxFor(t), 1, row); err != nil || a.Alone {
			t.Fatalf("it answers alone: %+v, %v", a, err)
		}
	}
	check(t, w.homes[0].coord.healWith(ctxFor(t), w.homes[1].id, nil))
	live[row] = data(rec.Value)
	w.crash(0)
	w.cut(1, true)
	readsAll(t, w.homes[0].coord, live)
}

// TestAnUpgradeIsForgottenOnce: rows that an earlier release kept with three replicas are
// no reason to distrust two of them later, start after start.
func TestAnUpgradeIsForgottenOnce(t *testing.T) {
	w := newTown(t, 3, "123", "p0", "p1")
	live := pairOf(t, w)
	for i := range w.homes {
		b := w.homes[i].kv.NewBatch()
		for g := range groups {
			b.Delete(digestKey(g, sumOfBuckets))
		}
		check(t, b.Commit())
		w.crash(i)
	}
	w.change("12")
	w.learn(0, 1, 2)
	eventually(t, "imported", func() bool { return w.imported(all) })
	for i, o := range []int{1, 0} {
		check(t, w.homes[i].coord.healWith(ctxFor(t), w.homes[o].id, nil))
	}
	w.noDoubts(0, 1)
	w.crash(0)
	w.cut(1, true)
	readsAll(t, w.homes[0].coord, live)
}

// TestReplacedDoubt: the entry of a record goes with the record.
func TestReplacedDoubt(t *testing.T) {
	w := newTown(t, 3, "12", "p0", "p1")
	for range 5 {
		w.homes[0].accepts(t, pairRow(0), text("again"))
	}
	if n := w.homes[0].doubts(); n != 1 {
		t.Errorf("%d entries are listed of one row", n)
	}
	w.crash(0)
	w.homes[0].accepts(t, pairRow(0), nil)
	if n := w.homes[0].doubts(); n != 1 {
		t.Errorf("after a restart %d entries are listed of one row", n)
	}
}

// TestManyDoubts: neither entries of records that are there no more nor doubts that the
// other replica cannot take away keep any from being settled that stand behind them.
func TestManyDoubts(t *testing.T) {
	w := newTown(t, 3, "12", "p0", "p1")
	h, o, ctx := w.homes[0], w.homes[1], ctxFor(t)
	b := h.kv.NewBatch()
	for i := range 2*maxVouched + 10 {
		b.Set(doubtOf(rowKey(headKey, Row{1, "p0", fmt.Sprintf("a/%05d", i)}), h.coord.NewBallot()), nil)
	}
	check(t, b.Commit())
	for i := range maxVouched + 10 {
		h.accepts(t, Row{1, "p0", fmt.Sprintf("b/%05d", i)}, text("here alone"))
	}
	last := Row{1, "p0", "c"}
	rec := core.Record{Ballot: h.coord.NewBallot(), Value: text("in both")}
	for _, x := range []*home{h, o} {
		_, err := x.rep.Accept(ctx, 1, last, rec)
		check(t, err)
	}
	src, err := h.rep.options.Source(o.id)
	check(t, err)
	p := h.Layout().Partition("p0")
	check(t, h.coord.askDoubts(ctx, src, []Term{{Partition: p, Term: h.Layout().Term(p)}}))
	if n := h.doubts(); n != maxVouched+10 {
		t.Errorf("%d entries are left, not those of %d rows", n, maxVouched+10)
	}
	if a, err := h.rep.ReadAlone(ctx, 1, last); err != nil || !a.Alone {
		t.Errorf("the last row is in doubt still: %+v, %v", a, err)
	}
}

var pairRuns = [][]string{{"12", "12"}, {"1", "12"}, {"12", "13"}, {"123", "12"}, {"12", "1", "12"}, {"12", "34"}}

// playPairs runs one history on two replicas of which one is away now and then.
func playPairs(t *testing.T, seed uint64) map[Row][]porcupine.Operation {
	rng := rand.New(rand.NewPCG(seed, 7))
	sets := pairRuns[rng.IntN(len(pairRuns))]
	w := newTown(t, 4, sets[0], "p0", "p1")
	defer w.close()
	for _, a := range w.homes {
		for _, b := range w.homes {
			w.net.SetWay(a.id, b.id, rpc.Way{Jitter: time.Duration(rng.IntN(3)) * 500 * time.Microsecond, Loss: float64(rng.IntN(3)) * 0.01})
		}
	}
	h := &history{begun: time.Now(), ops: make(map[Row][]porcupine.Operation)}
	rows := []Row{{1, "p0", "a"}, {1, "p0", "b"}, {1, "p1", "c"}, {1, "p1", "d"}}[:1+rng.IntN(4)]
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	var writers, all sync.WaitGroup
	over := make(chan struct{})
	for id := range 4 {
		mine := rand.New(rand.NewPCG(seed, uint64(id+2)))
		writers.Go(func() { w.client(ctx, h, id, mine, rows) })
	}
	for id := range 4 {
		all.Go(func() { w.reader(over, h, id, rows[id%len(rows)]) })
	}
	all.Go(func() {
		writers.Wait()
		close(over)
	})
	for n, set := 0, sets[1:]; !closed(over); n++ {
		w.away(rng)
		if n%2 == 1 && len(set) > 0 {
			w.change(set[0])
			set = set[1:]
			for _, x := range w.homes {
				x.Behind(nodeID(0))
			}
		}
	}
	all.Wait()
	return h.ops
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// reader reads a row at one home until the others are done.
func (w *town) reader(over chan struct{}, h *history, id int, row Row) {
	at := w.homes[id%len(w.homes)]
	for n := 0; n < 80 && !closed(over); n++ {
		at.use.RLock()
		op, cancel := context.WithTimeout(at.life, 400*time.Millisecond)
		called := h.now()
		in := opInput{kind: opRead}
		h.note(10+id, row, in, called, do(op, at.coord, row, in))
		cancel()
		at.use.RUnlock()
		timer := time.NewTimer(5 * time.Millisecond)
		<-timer.C
	}
}

// away cuts a home off for a while, has one fail perhaps, and makes up for it.
func (w *town) away(rng *rand.Rand) {
	off := rng.IntN(2)
	for _, d := range []int{20, 250} { // until it is cut, and until it is back
		timer := time.NewTimer(time.Duration(rng.IntN(d)) * time.Millisecond)
		<-timer.C
		w.cut(off, d == 20)
	}
	if rng.IntN(3) == 0 {
		w.crash(rng.IntN(len(w.homes)))
	}
	for i, h := range w.homes {
		h.use.RLock()
		_ = h.coord.healWith(h.life, w.homes[(i+1+rng.IntN(3))%4].id, nil)
		h.use.RUnlock()
	}
}

// TestHistoriesOfTwo plays histories in which one of two replicas answers alone.
func TestHistoriesOfTwo(t *testing.T) {
	reads := 0
	for seed := range seeds.Of(t, 8, 60) {
		ops := playPairs(t, seed)
		if wrong := judge(ops); wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
		for _, of := range ops {
			reads += len(of)
		}
	}
	t.Logf("%d operations", reads)
}
