package lab

import "fmt"

// Count counts IP packets and their bytes, headers included.
type Count struct{ Packets, Bytes int64 }

func (c *Count) add(size int) {
	c.Packets++
	c.Bytes += int64(size)
}

func (c Count) plus(o Count, sign int64) Count {
	return Count{c.Packets + sign*o.Packets, c.Bytes + sign*o.Bytes}
}

// Stats is what happened in one direction, or several, since the lab began.
type Stats struct {
	Sent      Count // by the sender
	Delivered Count // to the receiver
	Lost      Count // by Path.Loss
	Full      Count // dropped because a queue was full
	Cut       Count // dropped because of a cut
}

// Since returns what happened after an earlier moment.
func (s Stats) Since(earlier Stats) Stats { return s.plus(earlier, -1) }

// Plus returns the sum.
func (s Stats) Plus(o Stats) Stats { return s.plus(o, 1) }

func (s Stats) plus(o Stats, sign int64) Stats {
	return Stats{
		Sent:      s.Sent.plus(o.Sent, sign),
		Delivered: s.Delivered.plus(o.Delivered, sign),
		Lost:      s.Lost.plus(o.Lost, sign),
		Full:      s.Full.plus(o.Full, sign),
		Cut:       s.Cut.plus(o.Cut, sign),
	}
}

func (s Stats) String() string {
	return fmt.Sprintf("sent %d packets of %d bytes, delivered %d of %d, lost %d, queue full %d, cut %d",
		s.Sent.Packets, s.Sent.Bytes, s.Delivered.Packets, s.Delivered.Bytes, s.Lost.Packets, s.Full.Packets, s.Cut.Packets)
}

// count notes what became of a packet.
func (s *Stats) count(f fate, size int) {
	switch f {
	case arrives:
		s.Delivered.add(size)
	case lost:
		s.Lost.add(size)
	case full:
		s.Full.add(size)
	case cut:
		s.Cut.add(size)
	}
}
