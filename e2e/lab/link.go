package lab

// Way is one direction between two places on the backbone.
type Way struct {
	lab      *Lab
	from, to *port
}

// Way returns the direction from a to b. A host behind a router stands for its router:
// all that are behind one share its ways.
func (l *Lab) Way(a, b *Host) Way { return Way{l, a.port, b.port} }

// with runs f on the direction, under the lab's lock.
func (w Way) with(f func(d *direction)) {
	w.lab.mu.Lock()
	defer w.lab.mu.Unlock()
	if w.from != w.to {
		f(w.lab.way(w.from, w.to))
	}
}

// Set changes how packets travel from now on.
func (w Way) Set(p Path) { w.with(func(d *direction) { d.set(p) }) }

// Cut loses everything, what is on its way included.
func (w Way) Cut() { w.with(func(d *direction) { d.cut = true }) }

// Mend undoes Cut.
func (w Way) Mend() { w.with(func(d *direction) { d.cut = false }) }

// Stats returns what happened so far.
func (w Way) Stats() (s Stats) {
	w.with(func(d *direction) { s = d.stats })
	return s
}

// Link is both directions between two places.
type Link struct{ There, Back Way }

// Link returns the directions from a to b and back.
func (l *Lab) Link(a, b *Host) Link { return Link{l.Way(a, b), l.Way(b, a)} }

// Set gives both directions the same path: a round trip takes twice its delay.
func (k Link) Set(p Path) { k.There.Set(p); k.Back.Set(p) }

// Cut cuts both directions.
func (k Link) Cut() { k.There.Cut(); k.Back.Cut() }

// Mend undoes Cut.
func (k Link) Mend() { k.There.Mend(); k.Back.Mend() }

// Stats returns what happened in both directions together.
func (k Link) Stats() Stats { return k.There.Stats().Plus(k.Back.Stats()) }

// SetAll gives every direction the path, those of later hosts too.
func (l *Lab) SetAll(p Path) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.usual = p
	for _, d := range l.ways {
		d.set(p)
	}
}

// Cut loses everything that a sends to b; the other direction goes on.
func (l *Lab) Cut(a, b *Host) { l.Way(a, b).Cut() }

// Mend undoes Cut.
func (l *Lab) Mend(a, b *Host) { l.Way(a, b).Mend() }

// Isolate cuts the home of h off from all others, both ways.
func (l *Lab) Isolate(h *Host) {
	l.eachWay(func(from, to *port, d *direction) {
		d.cut = d.cut || from == h.port || to == h.port
	})
}

// Partition cuts everything between hosts of different groups, both ways. Hosts in no
// group keep all their ways.
func (l *Lab) Partition(groups ...[]*Host) {
	side := map[*port]int{}
	for i, g := range groups {
		for _, h := range g {
			side[h.port] = i + 1
		}
	}
	l.eachWay(func(from, to *port, d *direction) {
		a, b := side[from], side[to]
		d.cut = d.cut || a != 0 && b != 0 && a != b
	})
}

// Heal undoes every cut. Paths stay as they are.
func (l *Lab) Heal() { l.eachWay(func(_, _ *port, d *direction) { d.cut = false }) }

func (l *Lab) eachWay(f func(from, to *port, d *direction)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, from := range l.ports {
		for _, to := range l.ports {
			if from != nil && to != nil && from != to {
				f(from, to, l.way(from, to))
			}
		}
	}
}

// SetLine limits what the home of h sends and receives in all, in bytes per second; 0 is
// no limit. Limits of single directions hold beside it.
func (l *Lab) SetLine(h *Host, up, down int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.port.up, h.port.down = newBucket(up, 0), newBucket(down, 0)
}

// Traffic returns what the home of h sent to all others, and what they sent to it.
func (l *Lab) Traffic(h *Host) (out, in Stats) {
	l.eachWay(func(from, to *port, d *direction) {
		switch h.port {
		case from:
			out = out.Plus(d.stats)
		case to:
			in = in.Plus(d.stats)
		}
	})
	return out, in
}
