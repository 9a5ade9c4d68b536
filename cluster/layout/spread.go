package layout

// spread gives each partition so many copies among the nodes named, by index, over
// so many homes at least, near to prev.
func (l *Layout) spread(prev *Layout, nodes []int, copies, zones int) ([][]uint16, error) {
	q := quota{copies: copies, zones: zones, partitions: len(prev.Assigned)}
	homes := map[string]int{}
	for _, n := range nodes {
		z, ok := homes[l.Nodes[n].Zone]
		if !ok {
			z = len(homes)
			homes[l.Nodes[n].Zone] = z
		}
		q.seats = append(q.seats, seat{z, uint64(max(1, l.Nodes[n].Capacity))})
	}
	q.homes = len(homes)
	bound, err := q.solve()
	if err != nil {
		return nil, err
	}
	d := newDeal(&q, l.seated(prev, nodes))
	if err := d.run(bound); err != nil {
		return nil, err
	}
	out := d.sets()
	for _, set := range out {
		for i := range set {
			set[i] = uint16(nodes[set[i]])
		}
	}
	return out, nil
}

// seated returns, for each partition, the seats that kept it in prev.
func (l *Layout) seated(prev *Layout, nodes []int) [][]int32 {
	seat := make([]int32, len(prev.Nodes))
	for i := range seat {
		seat[i] = -1
	}
	was := places(l, prev)
	for i, n := range nodes {
		if was[n] >= 0 && prev.Nodes[was[n]].Witness == l.Nodes[n].Witness {
			seat[was[n]] = int32(i)
		}
	}
	out := make([][]int32, len(prev.Assigned))
	for p, set := range prev.Assigned {
		for _, n := range set {
			if seat[n] >= 0 {
				out[p] = append(out[p], seat[n])
			}
		}
	}
	return out
}
