package layout

// flow is a network of pipes: whole capacities, costs of zero or more. It finds flows
// of least cost: it sends what it can at the least cost of a path, then at the next
// higher one (Ford and Fulkerson's primal-dual method), and at each cost by Dinic's
// algorithm on the pipes that lie on cheapest paths.
type flow struct {
	pipes []pipe  // a pipe and its reverse stand side by side
	first []int32 // by vertex: its latest pipe, -1 if none
	price []int32 // by vertex: what makes every open pipe's reduced cost 0 or more
	level []int32
	at    []int32 // by vertex: the pipe that is tried next
	queue []int32
}

type pipe struct {
	to, next  int32
	room, fee int32
}

const source = 0

func newFlow(vertices, pipes int) *flow {
	f := &flow{pipes: make([]pipe, 0, 2*pipes)}
	for range vertices {
		f.vertex()
	}
	return f
}

// vertex adds a vertex and returns its number. The source is number 0.
func (f *flow) vertex() int32 {
	f.first = append(f.first, -1)
	f.price = append(f.price, 0)
	return int32(len(f.first) - 1)
}

// pipe adds a pipe and returns its number.
func (f *flow) pipe(from, to int32, room, fee int) int32 {
	n := int32(len(f.pipes))
	f.pipes = append(f.pipes,
		pipe{to: to, next: f.first[from], room: int32(room), fee: int32(fee)},
		pipe{to: from, next: f.first[to], fee: int32(-fee)})
	f.first[from], f.first[to] = n, n+1
	return n
}

// sent returns how much flows through a pipe.
func (f *flow) sent(pipe int32) int { return int(f.pipes[pipe^1].room) }

// fill sends as much as can be sent from the source to sink, at the least cost, and
// returns how much.
func (f *flow) fill(sink int32) (total int) {
	f.at, f.level = make([]int32, len(f.first)), make([]int32, len(f.first))
	for f.reprice(sink) {
		for f.rank(sink) {
			copy(f.at, f.first)
			total += f.push(source, sink, 1<<30)
		}
	}
	return total
}

// reduced returns what a pipe costs beyond what its ends' prices cover.
func (f *flow) reduced(from int32, p *pipe) int32 { return p.fee + f.price[from] - f.price[p.to] }

// reprice finds the cheapest paths (Dijkstra's algorithm with one bucket for each
// cost) and reports whether sink can be reached. Prices of vertices that are farther
// than the sink rise by the sink's distance: that is enough.
func (f *flow) reprice(sink int32) bool {
	const far = 1 << 30
	dist := make([]int32, len(f.first))
	for i := range dist {
		dist[i] = far
	}
	dist[source] = 0
	buckets := [][]int32{{source}}
	for d := int32(0); int(d) < len(buckets) && d < dist[sink]; d++ {
		for i := 0; i < len(buckets[d]); i++ {
			v := buckets[d][i]
			if dist[v] < d {
				continue
			}
			for e := f.first[v]; e >= 0; e = f.pipes[e].next {
				p := &f.pipes[e]
				if p.room == 0 {
					continue
				}
				if n := d + f.reduced(v, p); n < dist[p.to] {
					dist[p.to] = n
					for int(n) >= len(buckets) {
						buckets = append(buckets, nil)
					}
					buckets[n] = append(buckets[n], p.to)
				}
			}
		}
	}
	if dist[sink] == far {
		return false
	}
	for v := range dist {
		f.price[v] += min(dist[v], dist[sink])
	}
	return true
}

// rank numbers vertices by their distance in pipes that cost nothing more, and
// reports whether sink can be reached.
func (f *flow) rank(sink int32) bool {
	for i := range f.level {
		f.level[i] = -1
	}
	f.level[source] = 0
	f.queue = append(f.queue[:0], source)
	for i := 0; i < len(f.queue) && f.level[sink] < 0; i++ {
		v := f.queue[i]
		for e := f.first[v]; e >= 0; e = f.pipes[e].next {
			p := &f.pipes[e]
			if p.room > 0 && f.level[p.to] < 0 && f.reduced(v, p) == 0 {
				f.level[p.to] = f.level[v] + 1
				f.queue = append(f.queue, p.to)
			}
		}
	}
	return f.level[sink] >= 0
}

// push sends at most n from v to sink along ranks, and returns how much it sent.
func (f *flow) push(v, sink int32, n int32) (sent int) {
	if v == sink {
		return int(n)
	}
	for ; f.at[v] >= 0; f.at[v] = f.pipes[f.at[v]].next {
		e := f.at[v]
		p := &f.pipes[e]
		if p.room == 0 || f.level[p.to] != f.level[v]+1 || f.reduced(v, p) != 0 {
			continue
		}
		got := f.push(p.to, sink, min(n-int32(sent), p.room))
		f.pipes[e].room -= int32(got)
		f.pipes[e^1].room += int32(got)
		if sent += got; sent == int(n) {
			return sent
		}
	}
	return sent
}

// settle sets the price of a sink that nothing led to before, so that pipes of cost 0
// to it from these vertices keep the prices right.
func (f *flow) settle(sink int32, from []int32) {
	for i, v := range from {
		if i == 0 || f.price[v] < f.price[sink] {
			f.price[sink] = f.price[v]
		}
	}
}

// put sends one unit along the pipes, if all have room.
func (f *flow) put(pipes ...int32) bool {
	for _, e := range pipes {
		if f.pipes[e].room == 0 {
			return false
		}
	}
	for _, e := range pipes {
		f.pipes[e].room--
		f.pipes[e^1].room++
	}
	return true
}
