package core

// step is the kind of a step, for traces, with the two numbers that say which one.
type step struct {
	kind string
	a, b int
}

// steps calls emit with every world that one step leads to. done says that a client
// ended in it.
func (t *table) steps(w *world, emit func(next *world, s step, done bool)) {
	for k := range t.k {
		switch w.c[k].stage {
		case 0:
			t.starts(w, k, emit)
		case 1:
			t.works(w, k, emit)
		}
	}
	t.accepts(w, emit)
	for i := range t.n {
		t.faults(w, i, emit)
		t.imports(w, i, emit)
		t.vouches(w, i, emit)
	}
}

// copy returns a world to change; it lasts until the next copy.
func (t *table) copy(w *world) *world {
	t.scratch = *w
	return &t.scratch
}

type emitter = func(next *world, s step, done bool)

func (w *world) ended() (set uint8) {
	for k := range w.c {
		if w.c[k].stage == 2 {
			set |= 1 << k
		}
	}
	return set
}

// visible reports whether anybody can know of the row.
func (t *table) visible(w *world) bool {
	for b := range w.a {
		if w.a[b].held != 0 {
			return true
		}
	}
	return false
}

func (t *table) starts(w *world, k int, emit emitter) {
	op := t.ops[k]
	if op != 'C' && op != 'G' && t.hasCreate() && !t.visible(w) || t.inorder && k > 0 && w.c[k-1].stage == 0 {
		return
	}
	for v := uint8(1); v <= 3; v++ {
		if len(t.sets[v]) == 0 || t.modes != "" && t.modes[k] != '*' && t.modes[k] != '0'+v {
			continue
		}
		begin := func() (*world, *xclient) {
			next := t.copy(w)
			c := &next.c[k]
			*c = xclient{stage: 1, version: v, before: w.ended()}
			c.p = NewProposer(len(t.sets[v]), 0)
			c.rd = NewReader(len(t.sets[v]))
			c.p.rules, c.rd.rules = t.broken, t.broken
			return next, c
		}
		if op == 'A' {
			t.readsAlone(w, k, v, emit)
			continue
		}
		if op == 'R' || op == 'F' {
			next, c := begin()
			c.reading = true
			emit(next, step{"starts", k, int(v)}, false)
			continue
		}
		for b := 1; b <= t.ballots; b++ {
			if w.used>>b&1 != 0 || t.fixed && b != t.fixedBallot(k) || op == 'G' && !t.mayForgo(w, b) || op == 'S' && t.hasCreate() && !t.mayChange(w, b) {
				continue
			}
			next, c := begin()
			next.used |= 1 << b
			if op == 'C' {
				c.p.Create(Ballot{Round: uint64(b)}, t.wants(k))
				t.send(next, k)
			} else {
				c.p.Start(Ballot{Round: uint64(b)})
			}
			emit(next, step{"starts at ballot", k, b}, false)
		}
	}
}

func (t *table) hasCreate() bool {
	for _, op := range t.ops {
		if op == 'C' {
			return true
		}
	}
	return false
}

func (t *table) fixedBallot(k int) int {
	b := 1
	if t.live {
		b = 2
	}
	for _, op := range t.ops[:k] {
		if !readsOnly(op) {
			b++
		}
	}
	return b
}

// mayForgo reports whether a collector may begin at a ballot: it knows of a row by bytes
// that name the ballot of its Create.
func (t *table) mayForgo(w *world, b int) bool {
	for k, op := range t.ops {
		if made := t.made(w, k); op == 'C' && made != 0 && (made < b || t.broken.forgoBelow) {
			return true
		}
	}
	return false
}

// mayChange reports whether somebody may write a value at a ballot to a row that C makes: its
// key is random, so that he has it from the maker, who was answered, or has seen a record of the
// row, and then goes above that (Store.Create). Who only deletes needs neither: to delete what is
// not there harms nobody.
func (t *table) mayChange(w *world, b int) bool {
	for k, op := range t.ops {
		if op == 'C' && w.c[k].stage == 2 {
			return true
		}
	}
	return t.mayForgo(w, b)
}

// send notes an Accept that goes out.
func (t *table) send(w *world, k int) {
	c := &w.c[k]
	next := c.p.Next()
	a := &w.a[next.Ballot.Round]
	if !a.sent {
		*a = sentRecord{sent: true, version: c.version, rec: next}
		a.rec.Recent = t.recents[maskOf(next.Recent)]
		c.p.next = a.rec
	}
}

// decide is what a client does with a majority of promises.
func (t *table) decide(w *world, k int) (done bool) {
	c := &w.c[k]
	switch v, _ := c.p.Verdict(); v {
	case Unknown:
		c.stage, c.p, c.rd = 3, Proposer{}, Reader{}
		return false
	case Applied:
		for i, s := range c.p.sent {
			if c.p.base.has(s.ballot) {
				c.pend = c.olds[i]
			}
		}
		c.p.Keep(false)
	default:
		t.propose(w, k)
	}
	if c.p.Phase() == Chosen {
		return t.complete(w, k)
	}
	t.send(w, k)
	return false
}

func (t *table) propose(w *world, k int) {
	c := &w.c[k]
	old := id(c.p.Base().Value)
	c.pend, c.no = old, false
	switch op := t.ops[k]; {
	case op == 'R':
		c.p.Keep(false)
	case op == 'I' || op == 'G':
		c.p.Keep(true)
	case op == 'C' && !c.p.Base().Ballot.IsZero():
		c.no = true
		c.p.Keep(false)
	case op == 'X' && old != 0:
		c.no = true
		c.p.Keep(false)
	default:
		c.olds[min(len(c.p.sent), 1)] = old
		c.p.Write(t.wants(k))
	}
}

func (t *table) complete(w *world, k int) bool {
	c := &w.c[k]
	c.stage, c.res = 2, c.pend
	c.p, c.rd, c.fencing, c.pend, c.reading, c.att, c.olds = Proposer{}, Reader{}, 0, 0, false, 0, [2]uint8{}
	return true
}

// admitted reports whether replica i handles a message of a layout version, and lets
// it learn of that.
func (t *table) admitted(w *world, i int, version uint8) bool {
	t.learn(&w.r[i], i, uint64(version))
	r, _ := w.r[i].tenure.Admit(uint64(version))
	return r == None
}

// learn lets a replica hear of a layout version. It keeps its rows if it has all those
// of the version before, as one of the next or as a source; else it begins empty.
func (t *table) learn(r *xreplica, i int, version uint64) {
	if version <= r.tenure.Known {
		return
	}
	whole := r.tenure.Serving == r.tenure.Known && !r.touch
	if r.touch {
		r.tenure.Serving = t.base(i, r.tenure.Known)
	}
	follows := r.tenure.Serving+1 == version || t.class[i]>>(version-1)&1 == 0
	r.tenure.Known, r.imp, r.touch, r.again = version, Import{}, false, false
	if !(whole && follows) && !t.broken.keepStale {
		r.cell, r.tenure.Serving = Cell{}, 0
	}
}

// base is the version whose rows a replica has while it imports those of the next.
func (t *table) base(i int, next uint64) uint64 {
	if next > 1 && t.class[i]>>(next-2)&1 != 0 {
		return next - 1
	}
	return 0
}

func (t *table) works(w *world, k int, emit emitter) {
	c := &w.c[k]
	for from, i := range t.sets[c.version] {
		switch {
		case c.reading && t.ops[k] == 'F' && !t.fenced(c):
			t.fences(w, k, from, i, emit)
		case c.reading:
			t.reads(w, k, from, i, emit)
		case c.p.Phase() == Preparing || t.late && c.p.Phase() == Accepting:
			t.prepares(w, k, from, i, emit)
		}
	}
	if c.reading && c.rd.Majority() {
		t.settles(w, k, emit)
	}
	if t.retry && !c.reading && c.att == 0 || t.rounds && t.ops[k] == 'R' && c.p.Phase() == Accepting && c.att == 0 {
		for b := int(c.p.ballot.Round) + 1; b <= t.ballots; b++ {
			if w.used>>b&1 != 0 {
				continue
			}
			next := t.copy(w)
			next.used |= 1 << b
			n := &next.c[k]
			n.att = 1
			if t.broken.createAgain && t.ops[k] == 'C' {
				n.olds[1] = n.olds[0]
				n.p.Create(Ballot{Round: uint64(b)}, t.wants(k))
				t.send(next, k)
			} else {
				n.p.Start(Ballot{Round: uint64(b)})
			}
			emit(next, step{"tries again at ballot", k, b}, false)
		}
	}
}

func (t *table) fenced(c *xclient) bool {
	n := 0
	for i := range t.sets[c.version] {
		n += int(c.fencing >> i & 1)
	}
	return n >= Majority(len(t.sets[c.version]))
}

func (t *table) fences(w *world, k, from, i int, emit emitter) {
	if w.c[k].fencing>>from&1 != 0 {
		return
	}
	next := t.copy(w)
	next.r[i].limits.Fence = 1
	next.c[k].fencing |= 1 << from
	emit(next, step{"fences replica", k, i}, false)
}

func (t *table) prepares(w *world, k, from, i int, emit emitter) {
	next := t.copy(w)
	c, r := &next.c[k], &next.r[i]
	if c.p.yes>>from&1 != 0 && c.p.Phase() == Preparing || !t.admitted(next, i, c.version) || t.ops[k] == 'C' && c.att == 0 {
		return
	}
	b := c.p.Ballot()
	a, raise := r.cell.Prepare(b, &r.limits)
	if raise {
		r.limits.Ceiling = CeilingFor(b, 1)
		a, _ = r.cell.Prepare(b, &r.limits)
	}
	if a.Refusal != None {
		return
	}
	done := false
	if c.p.Promised(from, a) == Deciding {
		done = t.decide(next, k)
	}
	emit(next, step{"is promised by replica", k, i}, done)
}

func (t *table) reads(w *world, k, from, i int, emit emitter) {
	if w.c[k].rd.heard>>from&1 != 0 {
		return
	}
	next := t.copy(w)
	c, r := &next.c[k], &next.r[i]
	if !t.admitted(next, i, c.version) {
		return
	}
	rec, ok := c.rd.Answer(from, r.cell.Read(&r.limits))
	if ok {
		c.pend = id(rec.Value)
		t.complete(next, k)
	}
	emit(next, step{"reads at replica", k, i}, ok)
}

// settles lets a read write back the highest record it heard of.
func (t *table) settles(w *world, k int, emit emitter) {
	best, holders := w.c[k].rd.Highest()
	if best.Ballot.IsZero() {
		return
	}
	next := t.copy(w)
	c := &next.c[k]
	c.reading, c.pend = false, id(best.Value)
	c.rd = Reader{n: c.rd.n, rules: t.broken}
	c.p.WriteBack(best, holders)
	done := c.p.Phase() == Chosen && t.complete(next, k)
	emit(next, step{"writes back ballot", k, int(best.Ballot.Round)}, done)
}

// accepts delivers Accepts: to the client's account while it waits for them, and
// without while it does not, or if the answer may get lost.
func (t *table) accepts(w *world, emit emitter) {
	for k := range t.k {
		c := &w.c[k]
		if c.stage != 1 || c.reading || c.p.Phase() != Accepting {
			continue
		}
		for from, i := range t.sets[c.version] {
			if c.p.yes>>from&1 == 0 {
				t.accept(w, k, from, i, emit)
			}
		}
	}
	for b := range w.a {
		a := &w.a[b]
		if !a.sent || !t.unheard && t.awaited(w, a) {
			continue
		}
		for _, i := range t.sets[a.version] {
			t.take(w, b, i, a.version, "takes late ballot", emit)
		}
		if t.heal {
			t.heals(w, b, emit)
		}
	}
}

func (t *table) awaited(w *world, a *sentRecord) bool {
	for k := range t.k {
		c := &w.c[k]
		if c.stage == 1 && c.p.Phase() == Accepting && c.p.own && c.p.ballot == a.rec.Ballot {
			return true
		}
	}
	return false
}

func (t *table) accept(w *world, k, from, i int, emit emitter) {
	next := t.copy(w)
	c, r := &next.c[k], &next.r[i]
	if !t.admitted(next, i, c.version) {
		return
	}
	a, _ := r.cell.Accept(c.p.Next(), &r.limits)
	if a.Refusal != None && !(t.retry && a.Refusal == Stale) && a.Refusal != Fenced {
		return
	}
	if a.Refusal != None && c.p.no>>from&1 != 0 {
		return
	}
	if a.Refusal == None {
		next.a[c.p.ballot.Round].held |= 1 << i
	}
	done := c.p.Accepted(from, a) == Chosen && t.complete(next, k)
	how := "is accepted by replica"
	if a.Refusal != None {
		how = "is refused by replica"
	}
	emit(next, step{how, k, i}, done)
}

// take delivers an Accept that nobody waits for.
func (t *table) take(w *world, b, i int, version uint8, how string, emit emitter) {
	next := t.copy(w)
	if !t.admitted(next, i, version) {
		return
	}
	r := &next.r[i]
	if _, write := r.cell.Accept(w.a[b].rec, &r.limits); write {
		next.a[b].held |= 1 << i
		emit(next, step{how, i, b}, false)
	}
}

// heals lets replicas that serve one layout adopt what another ever held.
func (t *table) heals(w *world, b int, emit emitter) {
	for x := range t.n {
		if w.a[b].held>>x&1 == 0 {
			continue
		}
		for i := range t.n {
			v := w.r[x].tenure.Known
			if i != x && v == w.r[x].tenure.Serving && w.r[i].tenure == w.r[x].tenure && !w.r[i].touch && !w.r[x].touch {
				t.take(w, b, i, uint8(v), "is healed to ballot", emit)
			}
		}
	}
}

// faults are restarts, forgetting, and floors that other rows raise.
func (t *table) faults(w *world, i int, emit emitter) {
	if int(w.crashes) < t.crashes {
		next := t.copy(w)
		next.crashes++
		r := &next.r[i]
		if !r.cell.Soft {
			r.cell.Promised = r.cell.Ballot
		}
		if !t.broken.noCeiling {
			r.limits.Start = r.limits.Ceiling
		}
		if r.imp = (Import{}); r.touch {
			r.touch, r.again, r.tenure.Serving = false, true, t.base(i, r.tenure.Known)
		}
		emit(next, step{"restarts", i, 0}, false)
	}
	if t.drops && int(w.crashes) < t.crashes && w.r[i].touch {
		next := t.copy(w)
		next.crashes++
		r := &next.r[i]
		r.imp, r.touch, r.again, r.tenure.Serving = Import{}, false, true, t.base(i, r.tenure.Known)
		emit(next, step{"forgets that it imported", i, 0}, false)
	}
	if int(w.floors) < t.floors {
		for b := 1; b <= t.ballots; b++ {
			if floor := (Ballot{Round: uint64(b)}); w.r[i].limits.Floor.Less(floor) {
				next := t.copy(w)
				next.floors++
				next.r[i].limits.Floor = floor
				emit(next, step{"has its floor raised to", i, b}, false)
			}
		}
	}
	if int(w.forgets) < t.forgets {
		t.forget(w, i, emit)
	}
}

func (t *table) forget(w *world, i int, emit emitter) {
	d := w.r[i].cell.Ballot
	v := w.r[i].tenure.Serving
	if d.IsZero() || w.r[i].cell.Value != nil || v == 0 || w.r[i].tenure.Known != v || w.r[i].touch && !t.broken.confirmEarly {
		return
	}
	f := NewForgetter(len(t.sets[v]), v)
	f.rules = t.broken
	ok := false
	for from, x := range t.sets[v] {
		for under := range uint64(4) {
			if w.a[d.Round].conf[under]>>x&1 != 0 {
				ok = f.Answer(from, Confirmation{Version: under, Holds: true}) || ok
			}
		}
	}
	if !ok {
		return
	}
	next := t.copy(w)
	r := &next.r[i]
	floor, _ := r.cell.Forget(d, &r.limits)
	r.limits.Floor, r.cell = floor, Cell{}
	next.forgets++
	emit(next, step{"forgets ballot", i, int(d.Round)}, false)
}

// confirm notes who could have confirmed which tombstone, or vouched for what, by now.
func (t *table) confirm(w *world) {
	t.firm(w)
	if t.forgets == 0 {
		return
	}
	for b := range w.a {
		a := &w.a[b]
		if !a.sent || a.rec.Value != nil {
			continue
		}
		for i := range t.n {
			r := &w.r[i]
			if v := r.tenure.Serving; v == r.tenure.Known && (!r.touch || t.broken.confirmEarly) && r.cell.Confirm(a.rec.Ballot, &r.limits, v).Holds {
				a.conf[v] |= 1 << i
			}
		}
	}
}

// imports merges the row from a former replica.
func (t *table) imports(w *world, i int, emit emitter) {
	if w.r[i].touch {
		next := t.copy(w)
		next.r[i].touch = false
		emit(next, step{"has imported the whole partition", i, 0}, false)
	}
	for v := uint64(2); v <= 3; v++ {
		if t.class[i]>>(v-1)&1 != 0 && w.r[i].tenure.Known <= v && w.r[i].tenure.Serving != v {
			t.importsFor(w, i, v, emit)
		}
	}
}

func (t *table) importsFor(w *world, i int, v uint64, emit emitter) {
	for from, x := range t.sets[v-1] {
		if w.r[i].tenure.Known == v && w.r[i].imp.heard>>from&1 != 0 {
			continue
		}
		next := t.copy(w)
		r, src := &next.r[i], &next.r[x]
		if !t.exports(src, x, v) {
			continue
		}
		t.learn(r, i, v)
		if i == x && r.tenure.Serving != v-1 && !t.broken.anySource {
			continue // it lost what it had by learning of the layout
		}
		if r.imp.heard == 0 {
			r.imp = NewImport(len(t.sets[v-1]))
			r.imp.rules, r.imp.Again = t.broken, r.again
		}
		if !r.imp.Add(from, src.cell.Snapshot(&src.limits)) {
			emit(next, step{"hears from former replica", i, x}, false)
			continue
		}
		held := r.imp.best.Ballot
		r.cell.Install(&r.imp, &r.limits)
		if t.crashes > 0 && !t.broken.noCeiling {
			r.limits.Ceiling = r.limits.Ceiling.Max(r.cell.Promised)
		}
		r.imp = Import{}
		r.tenure.Serving, r.touch, r.again = v, t.marks, false
		if r.cell.Ballot == held && !held.IsZero() {
			next.a[held.Round].held |= 1 << i
		}
		emit(next, step{"imported, last from", i, x}, false)
	}
}

// exports reports whether a replica may hand out its row to those of a version, and
// seals it.
func (t *table) exports(src *xreplica, x int, v uint64) bool {
	if src.tenure.Known > v {
		return false
	}
	serving := src.tenure.Serving
	if src.touch {
		if serving = t.base(x, serving); src.tenure.Serving != v {
			return t.broken.anySource // it has not got all rows of the version before
		}
	}
	if serving == v || t.broken.noSeal || t.broken.anySource {
		if t.broken.anySource && !t.broken.noSeal {
			src.tenure.Known = max(src.tenure.Known, v)
		}
		return true
	}
	if serving+1 != v {
		return false
	}
	if src.tenure.Known < v {
		t.learn(src, x, v)
	}
	ok, _ := src.tenure.Seal(v)
	return ok || src.tenure.Serving == v
}

// linear reports whether the clients' results can be put into one order that keeps
// real time, in which each found the value left by the one before it.
func (t *table) linear(w *world) bool {
	done := w.ended()
	start := uint8(0)
	if t.live {
		start = initial
	}
	var order func(mask, now uint8) bool
	order = func(mask, now uint8) bool {
		if done&^mask == 0 {
			return true
		}
		for k := range t.k {
			if mask>>k&1 == 0 && w.c[k].before&^mask == 0 {
				if next, ok := t.apply(w, k, mask, now); ok && order(mask|1<<k, next) {
					return true
				}
			}
		}
		return false
	}
	return order(0, start)
}

// apply returns the value after client k, if it can come now.
func (t *table) apply(w *world, k int, mask, now uint8) (uint8, bool) {
	c, op := &w.c[k], t.ops[k]
	ended := c.stage == 2
	switch {
	case c.stage == 0 || ended && c.res != now:
		return 0, false
	case op == 'R' || op == 'I' || op == 'F' || op == 'G' || op == 'A' || c.no:
		return now, ended
	case op == 'C' && t.forgone(w, mask):
		return 0, false
	case !ended && c.stage == 1 && len(c.p.sent) == 0:
		return 0, false
	case !ended && !t.retry && c.olds[0] != now:
		return 0, false // it may be chosen only on top of what it was applied to
	case t.behindFence(mask):
		return 0, false // what came after the fence was refused
	case op == 'X' && now != 0:
		return 0, false
	}
	return id(t.wants(k)), true
}

// forgone reports whether a collector found nothing before.
func (t *table) forgone(w *world, mask uint8) bool {
	for k := range t.k {
		if t.ops[k] == 'G' && mask>>k&1 != 0 && w.c[k].res == 0 {
			return true
		}
	}
	return false
}

func (t *table) behindFence(mask uint8) bool {
	for k := range t.k {
		if t.ops[k] == 'F' && mask>>k&1 != 0 {
			return true
		}
	}
	return false
}
