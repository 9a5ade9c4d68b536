package layout

import (
	"fmt"
	"maps"
	"slices"
)

// Risk is something people should know about a layout before and after they choose it.
type Risk string

// The risks.
const (
	// OneHome: everything is in Zone; if it burns, all is lost.
	OneHome Risk = "one-home"
	// NoThird: bytes are in two homes, and writes stop while one of them is away.
	NoThird Risk = "no-third"
	// FewHomes: there are fewer homes than replicas wanted. Count is how many holders
	// each partition has.
	FewHomes Risk = "few-homes"
	// Idle: Bytes of the space in home Zone cannot be used, since the other homes offer
	// less.
	Idle Risk = "idle"
	// Tight: home Zone is full first, and keeps the space of others from being used.
	Tight Risk = "tight"
	// Overfull: Bytes more are stored than fit.
	Overfull Risk = "overfull"
)

// Warning is a risk and where it is. Which fields count is said with each Risk.
type Warning struct {
	Risk  Risk   `json:"risk"`
	Zone  string `json:"zone,omitempty"`
	Count int    `json:"count,omitempty"`
	Bytes int64  `json:"bytes,omitempty"`
}

// String says it in English, for logs.
func (w Warning) String() string {
	switch w.Risk {
	case OneHome:
		return fmt.Sprintf("everything is in one home, %s", w.Zone)
	case NoThird:
		return "with two homes and no witness, writes stop while one of them is away"
	case FewHomes:
		return fmt.Sprintf("there are too few homes for as many copies as wanted: %d", w.Count)
	case Idle:
		return fmt.Sprintf("%d bytes of the home %s cannot be used, because the other homes offer less", w.Bytes, w.Zone)
	case Tight:
		return fmt.Sprintf("the home %s is full first", w.Zone)
	case Overfull:
		return fmt.Sprintf("%d bytes more are stored than fit", w.Bytes)
	}
	return string(w.Risk)
}

// warnings returns what is to be said of a layout when so many bytes are stored.
func (l *Layout) warnings(used int64) (out []Warning) {
	d := l.demand()
	switch {
	case d.homes == 1:
		out = append(out, Warning{Risk: OneHome, Zone: l.Nodes[d.storage[0]].Zone})
	case d.holders == 2 && !d.witness:
		out = append(out, Warning{Risk: NoThird})
	}
	if d.homes > 1 && d.holders < l.Settings.replicas() && !d.witness {
		out = append(out, Warning{Risk: FewHomes, Count: d.holders})
	}
	out = append(out, l.uneven()...)
	if usable := l.Usable(); used > usable {
		out = append(out, Warning{Risk: Overfull, Bytes: used - usable})
	}
	return out
}

// uneven names the homes of whose space more than a quarter stays idle, and those
// that are the reason.
func (l *Layout) uneven() (out []Warning) {
	offered, taken := map[string]int64{}, map[string]int64{}
	each := l.Usable() / int64(len(l.Assigned))
	for i, load := range l.loads() {
		if n := &l.Nodes[i]; n.stores() {
			offered[n.Zone] += n.Capacity
			taken[n.Zone] += each * int64(load)
		}
	}
	homes := slices.Sorted(maps.Keys(offered))
	for _, z := range homes {
		if idle := offered[z] - taken[z]; idle > offered[z]/4 {
			out = append(out, Warning{Risk: Idle, Zone: z, Bytes: idle})
		}
	}
	if len(out) == 0 {
		return nil
	}
	for _, z := range homes {
		if offered[z]-taken[z] < offered[z]/20 {
			out = append(out, Warning{Risk: Tight, Zone: z})
		}
	}
	return out
}
