package load

import (
	"fmt"
	"time"

	"rhizome/bench/store"
	"rhizome/bench/wire"
)

// Size is what homes take, each of them at most.
type Size struct {
	Memory  []Memory `json:"memory"`
	IdleCPU float64  `json:"idle_cpu"` // share of a core
	// IdleSent is what is written an hour for each peer: to it, and to files.
	IdleSent float64 `json:"idle_written_bytes_per_hour_and_peer"`
	Objects  int     `json:"objects"`
	Bytes    int     `json:"bytes_of_each"`
	Rows     float64 `json:"row_store_bytes_per_object"`
	Disk     float64 `json:"disk_bytes_per_object"`
}

// Memory is a home's memory at a time, in bytes.
type Memory struct {
	When      string `json:"when"`
	Resident  int64  `json:"resident"`
	Anonymous int64  `json:"anonymous"`
}

// objectSize is that of the objects whose number is in question.
const objectSize = 10 << 10

// Sizes puts many objects into new homes and watches what these take: idle, after the
// load, and once they had time to give back what the load took.
func Sizes(h *store.Homes, objects int, rest time.Duration, plan HomesPlan) (*Size, error) {
	s := &Size{Objects: objects, Bytes: objectSize}
	if err := s.idle(h, "idle after the start", rest); err != nil {
		return s, err
	}
	rows, disk, err := usage(h)
	if err != nil {
		return s, err
	}
	data := newPool()
	r := &runner{p: h.All[0], others: h.All[1:], all: true}
	if err := r.makeBucket(); err != nil {
		return s, err
	}
	res, err := r.spread("fill 10 KiB", 16, count(objects), func(c *wire.Client, n int) (int64, error) {
		_, err := c.Must(&wire.Request{Method: "PUT", Path: fmt.Sprintf("%s/size/%08d", bucket, n), Body: data.body(n, objectSize)})
		return objectSize, err
	})
	if err != nil {
		return s, err
	}
	plan.Say(res)
	if err := s.note(h, "after the load"); err != nil {
		return s, err
	}
	if err := s.idle(h, "idle after the load", rest); err != nil {
		return s, err
	}
	rowsNow, diskNow, err := usage(h)
	n := float64(objects * len(h.All))
	s.Rows, s.Disk = float64(rowsNow-rows)/n, float64(diskNow-disk)/n
	return s, err
}

// usage returns the bytes of all row stores, and of all that the homes keep.
func usage(h *store.Homes) (rows, disk int64, err error) {
	for _, p := range h.All {
		r, rerr := store.Usage(p.Dir + "/rows")
		d, derr := store.Usage(p.Dir)
		if rerr != nil || derr != nil {
			return rows, disk, fmt.Errorf("what %s takes: %v, %v", p.Dir, rerr, derr)
		}
		rows, disk = rows+r, disk+d
	}
	return rows, disk, nil
}

func (s *Size) note(h *store.Homes, when string) error {
	m := Memory{When: when}
	for _, p := range h.All {
		now, _, err := store.Memory(p.Pid())
		if err != nil {
			return err
		}
		anonymous, err := store.Anonymous(p.Pid())
		if err != nil {
			return err
		}
		m.Resident, m.Anonymous = max(m.Resident, now), max(m.Anonymous, anonymous)
	}
	s.Memory = append(s.Memory, m)
	return nil
}

// idle leaves the homes alone for a while and notes what they did in its second half.
func (s *Size) idle(h *store.Homes, when string, rest time.Duration) error {
	<-time.After(rest / 2)
	r := &runner{p: h.All[0], others: h.All[1:]}
	before, err := r.cpu()
	if err != nil {
		return err
	}
	sent, err := h.Written()
	if err != nil {
		return err
	}
	<-time.After(rest / 2)
	after, err := r.cpu()
	if err != nil {
		return err
	}
	sentNow, err := h.Written()
	if err != nil {
		return err
	}
	n := float64(len(h.All))
	s.IdleCPU = max(s.IdleCPU, (after-before)/n/(rest/2).Seconds())
	s.IdleSent = max(s.IdleSent, float64(sentNow-sent)/(n*(n-1))*time.Hour.Seconds()/(rest/2).Seconds())
	return s.note(h, when)
}
