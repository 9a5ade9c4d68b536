package layout

// demand is what a partition needs, and who can give it.
type demand struct {
	holders int  // for each partition
	zones   int  // over how many homes at least
	witness bool // one witness for each partition besides
	// storage and witnesses are indexes into Nodes.
	storage, witnesses []int
	homes              int // zones with storage
}

// replicas returns how many replicas are wanted.
func (s Settings) replicas() int {
	if s.Replicas == 0 {
		return 3
	}
	return s.Replicas
}

// demand works out how many replicas can be had: see the package's words.
func (l *Layout) demand() demand {
	var d demand
	homes := map[string]bool{}
	for i := range l.Nodes {
		if n := &l.Nodes[i]; n.stores() {
			d.storage = append(d.storage, i)
			homes[n.Zone] = true
		}
	}
	for i := range l.Nodes {
		if n := &l.Nodes[i]; n.Witness && !n.Draining && !homes[n.Zone] {
			d.witnesses = append(d.witnesses, i)
		}
	}
	d.homes = len(homes)
	d.holders = min(l.Settings.replicas(), d.homes)
	if l.Settings.Zones > 0 {
		d.holders = min(l.Settings.replicas(), len(d.storage))
	}
	if d.holders > 0 && d.holders%2 == 0 {
		switch {
		case len(d.witnesses) > 0:
			d.witness = true
		case d.holders > 2:
			d.holders--
		}
	}
	d.zones = min(d.holders, d.homes)
	if l.Settings.Zones > 0 {
		d.zones = min(d.zones, l.Settings.Zones)
	}
	return d
}

// stores reports whether a node can be given partitions to hold.
func (n *Node) stores() bool { return n.Capacity > 0 && !n.Witness && !n.Draining }
