package lab

import (
	"container/heap"
	"encoding/binary"
	"os"
	"sync"
	"time"
)

// port is where a host or a router meets the backbone.
type port struct {
	lab      *Lab
	number   int // 1 to 254, the third part of its addresses
	name     string
	tun      *os.File
	up, down bucket        // the line, shared by all directions; under the lab's lock
	pending  queue         // packets on their way to this port; under the lab's lock
	wake     chan struct{} // the head of pending changed
}

// packet is on its way.
type packet struct {
	due    time.Duration
	number uint64 // packets that are due together keep their order
	data   []byte
	way    *direction
	inside bool // it has passed the receiver's line
}

// queue is a heap of packets by the time when they are due.
type queue []packet

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].due < q[j].due || q[i].due == q[j].due && q[i].number < q[j].number
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(packet)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = packet{}
	*q = (*q)[:last]
	return p
}

// read takes what the port sends until its device is closed.
func (p *port) read(wg *sync.WaitGroup) {
	defer wg.Done()
	buf := make([]byte, 1<<16)
	for {
		n, err := p.tun.Read(buf)
		if err != nil {
			return
		}
		p.lab.carry(p, buf[:n])
	}
}

// destination returns the number of the port that an IPv4 packet goes to, 0 if none.
func destination(data []byte) int {
	if len(data) < 20 || data[0]>>4 != 4 || binary.BigEndian.Uint16(data[16:]) != backbone {
		return 0
	}
	return int(data[18])
}

// carry decides about a packet, and delivers it at once if nothing holds it.
func (l *Lab) carry(from *port, data []byte) {
	l.mu.Lock()
	to := l.ports[destination(data)]
	if to == nil || to == from {
		l.stray++
		l.mu.Unlock()
		return
	}
	way, now := l.way(from, to), l.now()
	due, f := way.send(now, len(data))
	if f == arrives {
		if leaves, ok := from.up.take(now, len(data)); ok {
			due += leaves - now
		} else {
			f = full
		}
	}
	if f == arrives && (due > now || way.waiting > 0 || to.down.rate > 0) {
		l.hold(to, packet{due: due, data: append([]byte(nil), data...), way: way})
		l.mu.Unlock()
		return
	}
	way.stats.count(f, len(data))
	l.mu.Unlock()
	if f == arrives {
		_, _ = to.tun.Write(data) // a device that is closing loses packets, as lines do
	}
}

// hold keeps a packet until it is due. The lab is locked.
func (l *Lab) hold(to *port, p packet) {
	l.packets++
	p.number = l.packets
	p.way.waiting++
	heap.Push(&to.pending, p)
	if to.pending[0].number == p.number {
		select {
		case to.wake <- struct{}{}:
		default:
		}
	}
}

// deliver writes what is due to the port until the lab is closed.
func (p *port) deliver(wg *sync.WaitGroup) {
	defer wg.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var batch []packet
	for {
		var wait time.Duration
		batch, wait = p.takeDue(batch[:0])
		for _, packet := range batch {
			_, _ = p.tun.Write(packet.data)
		}
		if p.arrived(batch) {
			continue
		}
		timer.Reset(wait)
		select {
		case <-p.lab.closing:
			return
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// takeDue returns what is due, and how long to wait for more.
func (p *port) takeDue(batch []packet) ([]packet, time.Duration) {
	l := p.lab
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for len(p.pending) > 0 && p.pending[0].due <= now {
		next := heap.Pop(&p.pending).(packet)
		next.way.waiting--
		f := p.land(&next)
		if f == arrives && next.due > now {
			l.hold(p, next)
			continue
		}
		next.way.stats.count(f, len(next.data))
		if f == arrives {
			next.way.waiting++ // until it is written
			batch = append(batch, next)
		}
	}
	if len(p.pending) == 0 {
		return batch, time.Hour
	}
	return batch, p.pending[0].due - now
}

// land takes a packet through the receiver's line.
func (p *port) land(next *packet) fate {
	if next.way.cut {
		return cut
	}
	if next.inside {
		return arrives
	}
	leaves, ok := p.down.take(next.due, len(next.data))
	if !ok {
		return full
	}
	next.inside, next.due = true, leaves
	return arrives
}

// arrived notes that a batch was written, and reports whether there was any.
func (p *port) arrived(batch []packet) bool {
	if len(batch) == 0 {
		return false
	}
	p.lab.mu.Lock()
	defer p.lab.mu.Unlock()
	for _, packet := range batch {
		packet.way.waiting--
	}
	return true
}
