package core

// readsAlone is a read that one replica of two answers at once, if it does.
func (t *table) readsAlone(w *world, k int, v uint8, emit emitter) {
	if len(t.sets[v]) != 2 && !t.broken.aloneOfThree {
		return
	}
	for _, i := range t.sets[v] {
		next := t.copy(w)
		c, r := &next.c[k], &next.r[i]
		*c = xclient{version: v, before: w.ended()}
		if !t.admitted(next, i, v) && !t.broken.aloneEarly || r.tenure.Known != uint64(v) || r.touch && !t.broken.aloneEarly {
			continue
		}
		a := r.cell.ReadAlone(&r.limits)
		if !a.Alone {
			continue
		}
		c.pend = id(a.Record.Value)
		t.complete(next, k)
		emit(next, step{"reads alone at replica", k, i}, true)
	}
}

// vouches delivers what the other replica of two said of its record, some time ago.
func (t *table) vouches(w *world, i int, emit emitter) {
	r := &w.r[i]
	v, b := r.tenure.Serving, r.cell.Ballot
	if !t.alone || v == 0 || v != r.tenure.Known || r.touch || !r.cell.Doubt || b.IsZero() || w.a[b.Round].firm[v]&^(1<<i) == 0 {
		return
	}
	next := t.copy(w)
	if next.r[i].cell.Vouch(b) {
		emit(next, step{"hears that the other replica holds ballot", i, int(b.Round)}, false)
	}
}

// firm notes which replicas of two could have vouched for what by now.
func (t *table) firm(w *world) {
	if !t.alone {
		return
	}
	for i := range t.n {
		r := &w.r[i]
		v := r.tenure.Serving
		if b := r.cell.Ballot; v != 0 && v == r.tenure.Known && !r.touch && !r.cell.Soft && !b.IsZero() && len(t.sets[v]) == 2 {
			w.a[b.Round].firm[v] |= 1 << i
		}
	}
}
