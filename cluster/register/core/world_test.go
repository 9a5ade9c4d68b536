package core

// A world is one row in a small scope: its replicas, its clients, and every Accept
// that was ever sent, which may arrive at any time. The explorer drives the real
// core through it; a step is one message and its answer, or one fault.

const (
	maxReplicas = 5
	maxClients  = 4
	maxBallots  = 7
	initial     = 9 // the value that the row holds at first, if it is live
)

// scope is what is explored.
type scope struct {
	name string
	// ops has a letter for each client: S swaps, D deletes, R reads, C creates,
	// I writes the value again, X puts if absent, F fences and then reads. G is a
	// collector: it writes again what a row holds that C may be making, and if that is
	// nothing, C must not succeed any more.
	ops string
	// old, new and third are the replicas of layouts 1, 2 and 3, numbered from 1; those
	// of a layout that does not come are empty.
	old, new, third string
	// marks: that a row was imported is forgotten by a restart, until the partition is.
	marks bool
	// drops: it may be forgotten without a restart too.
	drops bool
	// modes fixes the layout under which each client works; any if empty or '*'.
	modes   string
	ballots int // how many there are; as many as clients need if zero
	fixed   bool
	inorder bool // clients start one after the other
	live    bool // the row holds a value at first
	crashes int
	forgets int
	floors  int  // how often a floor is raised because of another row
	retry   bool // each client may try twice
	unheard bool // an Accept may be taken and its answer lost
	late    bool // a Prepare may arrive after its client went on
	rounds  bool // a read may need a round of its own
	heal    bool // replicas of one layout hand each other what they ever held
	broken  rules
}

type xreplica struct {
	cell   Cell
	limits Limits
	tenure Tenure
	imp    Import
	touch  bool // the row is imported, and the partition is not
	again  bool // the row may have been imported before a restart
}

type xclient struct {
	stage   uint8 // 0 to start, 1 at work, 2 done, 3 gave up
	version uint8
	before  uint8 // clients that were done when it started
	att     uint8
	res     uint8 // the value it found
	pend    uint8 // res once it is done
	no      bool  // it refused
	olds    [2]uint8
	reading bool
	fencing uint8 // replicas that hold the fence, while it is being set
	p       Proposer
	rd      Reader
}

// sentRecord is an Accept that is on its way for ever.
type sentRecord struct {
	sent    bool
	version uint8
	rec     Record
	held    uint8    // replicas that ever held it
	conf    [4]uint8 // replicas that confirmed it as a tombstone, by layout
}

type world struct {
	r       [maxReplicas]xreplica
	c       [maxClients]xclient
	a       [maxBallots + 2]sentRecord // by round
	used    uint16
	crashes uint8
	forgets uint8
	floors  uint8
}

// table holds what a scope's worlds share.
type table struct {
	scope
	n       int // replicas
	k       int // clients
	sets    [4][]int
	class   [maxReplicas]uint8
	values  [16]*Value
	recents [1 << (maxBallots + 2)][]Ballot
	scratch world
}

func newTable(sc scope) *table {
	t := &table{scope: sc, k: len(sc.ops)}
	for v, set := range []string{1: sc.old, 2: sc.new, 3: sc.third} {
		for _, d := range set {
			r := int(d - '1')
			t.sets[v] = append(t.sets[v], r)
			t.class[r] |= 1 << v >> 1
			t.n = max(t.n, r+1)
		}
	}
	for i := range t.values {
		t.values[i] = &Value{Data: []byte{byte(i)}}
	}
	t.values[0] = nil
	for m := range t.recents {
		for b := 1; b < maxBallots+2; b++ {
			if m&(1<<b) != 0 {
				t.recents[m] = append(t.recents[m], Ballot{Round: uint64(b)})
			}
		}
	}
	if t.ballots == 0 {
		for _, op := range sc.ops {
			if op != 'R' && op != 'F' {
				t.ballots++
			}
		}
		if sc.live {
			t.ballots++
		}
	}
	return t
}

func (t *table) first() world {
	var w world
	for i := range t.n {
		r := &w.r[i]
		r.limits.rules = t.broken
		if t.crashes == 0 {
			r.limits.Ceiling = Ballot{Round: 1 << 40}
		}
		if t.class[i]&1 != 0 {
			r.tenure = Tenure{1, 1}
		}
		if t.live && t.class[i]&1 != 0 {
			r.cell = Cell{Record: t.initial(), Promised: Ballot{Round: 1}}
		}
	}
	if t.live {
		w.used = 2
		w.a[1] = sentRecord{sent: true, version: 1, rec: t.initial()}
		for _, r := range t.sets[1] {
			w.a[1].held |= 1 << r
		}
	}
	return w
}

func (t *table) initial() Record {
	return Record{Ballot: Ballot{Round: 1}, Value: t.values[initial], Recent: t.recents[2]}
}

func id(v *Value) uint8 {
	if v == nil {
		return 0
	}
	return v.Data[0]
}

func place(set []int, r int) int {
	for i, x := range set {
		if x == r {
			return i
		}
	}
	return -1
}

// small is a ballot in one byte; those of ceilings have a bit of their own.
func small(b Ballot) byte {
	if b.Round >= 1<<40 {
		return 0xff
	}
	if b.Node != 0 {
		return byte(b.Round) | 0x80
	}
	return byte(b.Round)
}

func big(s byte) Ballot {
	switch {
	case s == 0xff:
		return Ballot{Round: 1 << 40}
	case s&0x80 != 0:
		return CeilingFor(Ballot{}, uint64(s&0x7f))
	}
	return Ballot{Round: uint64(s)}
}

func flag8(bits ...bool) (f byte) {
	for i, b := range bits {
		if b {
			f |= 1 << i
		}
	}
	return f
}

func maskOf(recent []Ballot) (m uint16) {
	for _, b := range recent {
		m |= 1 << b.Round
	}
	return m
}

const columnSize = 15 + 3*maxClients + 5

// column encodes all that concerns one replica, but for whom it imported from.
func (t *table) column(w *world, i int, out []byte) {
	r := &w.r[i]
	held, conf := byte(0), [4]byte{}
	for b := range w.a {
		held |= (w.a[b].held >> i & 1) << (b & 7)
		for v := range conf {
			conf[v] |= (w.a[b].conf[v] >> i & 1) << (b & 7)
		}
	}
	col := append(out, t.class[i], small(r.cell.Promised), small(r.cell.Ballot), flag8(r.cell.Soft, r.touch, r.again, r.imp.Again),
		small(r.limits.Start), small(r.limits.Ceiling), small(r.limits.Floor), byte(r.limits.Fence),
		byte(r.tenure.Known), byte(r.tenure.Serving),
		small(r.imp.best.Ballot), small(r.imp.promised), small(r.imp.floor), byte(r.imp.n), byte(r.imp.fence)|byte(r.imp.same)<<4)
	for k := range t.k {
		c := &w.c[k]
		from := place(t.sets[c.version], i)
		var f, b, fl byte
		if from >= 0 {
			f = byte(c.p.yes>>from&1) | byte(c.p.no>>from&1)<<1 | byte(c.p.never>>from&1)<<2 | byte(c.fencing>>from&1)<<3 | byte(c.rd.heard>>from&1)<<6
			for x, at := range c.rd.from {
				if at == from {
					f |= 16 | flag8(c.rd.answers[x].Soft)<<5
					b, fl = small(c.rd.answers[x].Record.Ballot), small(c.rd.answers[x].Floor)
				}
			}
		}
		col = append(col, f, b, fl)
	}
	tail := col[:columnSize][columnSize-5:]
	tail[0], tail[1], tail[2], tail[3] = held, conf[1], conf[2], conf[3]
}

const headerSize = 5 + 6*(maxBallots+1) + 17*maxClients

// encode writes the world down, with replicas that play the same part in a fixed
// order: worlds that differ only in who is who become one.
func (t *table) encode(w *world, out []byte) []byte {
	out = append(out, byte(w.used), byte(w.used>>8), w.crashes, w.forgets, w.floors)
	for b := 1; b <= maxBallots+1; b++ {
		a := &w.a[b]
		m := maskOf(a.rec.Recent)
		out = append(out, flag8(a.sent), a.version, id(a.rec.Value), byte(m), byte(m>>8), small(a.rec.Horizon))
	}
	for k := range maxClients {
		c := &w.c[k]
		var sent byte
		for _, s := range c.p.sent {
			sent |= 1 << (s.ballot.Round & 7)
		}
		out = append(out, c.stage, c.version, c.before, c.att, c.res, c.pend, flag8(c.no, c.reading, c.p.own, !c.p.next.Ballot.IsZero()),
			c.olds[0], c.olds[1], byte(c.p.phase), small(c.p.ballot), small(c.p.base.Ballot), byte(c.p.same), small(c.p.floor), byte(c.p.fence), sent, byte(c.rd.fence)|flag8(c.rd.lag)<<4)
	}
	var cols [maxReplicas][columnSize]byte
	var order [maxReplicas]int
	for i := range t.n {
		t.column(w, i, cols[i][:0])
		j := i
		for ; j > 0 && less(&cols[i], &cols[order[j-1]]); j-- {
			order[j] = order[j-1]
		}
		order[j] = i
	}
	for at, i := range order[:t.n] {
		var heard byte
		for x, from := range order[:t.n] {
			if p := place(t.former(&w.r[i]), from); p >= 0 && w.r[i].imp.heard>>p&1 != 0 {
				heard |= 1 << x
			}
		}
		cols[i][columnSize-1] = heard
		out = append(out, cols[order[at]][:]...)
	}
	return out
}

// former returns the replicas from which one imports.
func (t *table) former(r *xreplica) []int {
	if r.imp.heard == 0 {
		return nil
	}
	return t.sets[r.tenure.Known-1]
}

func less(a, b *[columnSize]byte) bool { return string(a[:]) < string(b[:]) }

// decode reads what encode wrote.
func (t *table) decode(in []byte, w *world) {
	*w = world{used: uint16(in[0]) | uint16(in[1])<<8, crashes: in[2], forgets: in[3], floors: in[4]}
	in = in[5:]
	for b := 1; b <= maxBallots+1; b++ {
		w.a[b] = sentRecord{sent: in[0] != 0, version: in[1]}
		if in[0] != 0 {
			w.a[b].rec = Record{Ballot: Ballot{Round: uint64(b)}, Value: t.values[in[2]], Recent: t.recents[uint16(in[3])|uint16(in[4])<<8], Horizon: big(in[5])}
		}
		in = in[6:]
	}
	clients := in[:17*maxClients]
	in = in[17*maxClients:]
	for k := range t.k {
		t.decodeClient(w, k, clients[17*k:])
	}
	// Columns are ordered by class first, so the place of a replica of each class is
	// known: the sets are too.
	slots := t.slots()
	for x := range t.n {
		t.decodeReplica(w, slots[x], in[columnSize*x:], slots)
	}
}

// slots returns, for each column, the number of the replica that it becomes.
func (t *table) slots() (out [maxReplicas]int) {
	x := 0
	for class := uint8(0); class < 8; class++ {
		for i := range t.n {
			if t.class[i] == class {
				out[x] = i
				x++
			}
		}
	}
	return out
}

func (t *table) rec(w *world, b byte) Record {
	if b == 0 {
		return Record{}
	}
	return w.a[b].rec
}

func (t *table) decodeClient(w *world, k int, in []byte) {
	c := &w.c[k]
	f := in[6]
	*c = xclient{stage: in[0], version: in[1], before: in[2], att: in[3], res: in[4], pend: in[5], no: f&1 != 0, reading: f&2 != 0, olds: [2]uint8{in[7], in[8]}}
	if c.stage != 1 {
		return
	}
	n := len(t.sets[c.version])
	c.rd = Reader{n: n, rules: t.broken, fence: uint64(in[16] & 15), lag: in[16]>>4 != 0}
	c.p = Proposer{n: n, rules: t.broken, phase: Phase(in[9]), ballot: big(in[10]), base: t.rec(w, in[11]), same: int(in[12]), floor: big(in[13]), fence: uint64(in[14]), own: f&4 != 0}
	if f&8 != 0 {
		c.p.next = t.rec(w, in[10])
	}
	if t.ops[k] == 'C' {
		c.p.made = Ballot{Round: uint64(t.made(w, k))}
	}
	for b := 1; b < 8; b++ {
		if in[15]&(1<<b) != 0 {
			c.p.sent = append(c.p.sent, attempt{Ballot{Round: uint64(b)}, t.wants(k)})
		}
	}
}

// made returns the ballot at which client k created its row, 0 if it did not begin.
func (t *table) made(w *world, k int) int {
	for b := range w.a {
		if w.a[b].sent && w.a[b].rec.Value == t.wants(k) {
			return b
		}
	}
	return 0
}

// wants returns the value that client k writes.
func (t *table) wants(k int) *Value {
	if t.ops[k] == 'D' {
		return nil
	}
	return t.values[k+1]
}

func (t *table) decodeReplica(w *world, i int, in []byte, slots [maxReplicas]int) {
	r := &w.r[i]
	r.cell = Cell{Record: t.rec(w, in[2]), Promised: big(in[1]), Soft: in[3]&1 != 0}
	r.limits = Limits{Start: big(in[4]), Ceiling: big(in[5]), Floor: big(in[6]), Fence: uint64(in[7]), rules: t.broken}
	r.touch, r.again = in[3]&2 != 0, in[3]&4 != 0
	r.tenure = Tenure{uint64(in[8]), uint64(in[9])}
	r.imp = Import{best: t.rec(w, in[10]), promised: big(in[11]), floor: big(in[12]), n: int(in[13]), fence: uint64(in[14] & 15), same: int(in[14] >> 4), Again: in[3]&8 != 0, rules: t.broken}
	for x := range t.n {
		if in[columnSize-1]>>x&1 != 0 {
			r.imp.heard |= 1 << place(t.sets[r.tenure.Known-1], slots[x])
		}
	}
	for k := range t.k {
		t.decodeVote(w, k, i, in[15+3*k:])
	}
	for b := range w.a {
		bit := func(f byte) uint8 { return f >> (b & 7) & 1 << i }
		if b < 8 {
			w.a[b].held |= bit(in[columnSize-5])
			for v := 1; v <= 3; v++ {
				w.a[b].conf[v] |= bit(in[columnSize-5+v])
			}
		}
	}
}

func (t *table) decodeVote(w *world, k, i int, in []byte) {
	c := &w.c[k]
	from := place(t.sets[c.version], i)
	if from < 0 || c.stage != 1 {
		return
	}
	f := in[0]
	c.p.yes |= uint64(f&1) << from
	c.p.no |= uint64(f>>1&1) << from
	c.p.never |= uint64(f>>2&1) << from
	c.fencing |= f >> 3 & 1 << from
	c.rd.heard |= uint64(f>>6&1) << from
	if f&16 != 0 {
		c.rd.from = append(c.rd.from, from)
		c.rd.answers = append(c.rd.answers, Answer{Record: t.rec(w, in[1]), Soft: f&32 != 0, Floor: big(in[2]), Fence: c.rd.fence})
	}
}
