package api

import "time"

// Limits is GET and PUT /v1/limits: how much of the line this node may use for what
// nobody waits for. 0 is no limit.
type Limits struct {
	// Background is for copying and mending, in bytes a second, by the hour of the day of
	// this computer; Default holds at all other hours.
	Background []LimitHours `json:"background"`
	Default    int64        `json:"default"`
	// Relay is for the traffic of nodes that cannot reach each other, in bytes a second.
	Relay int64 `json:"relay"`
}

// LimitHours is a limit from a time of the day to another, such as "08:00" to "23:00";
// To is not part of it, and may lie in the next day. The times are 00:00 to 23:59.
type LimitHours struct {
	From string `json:"from"`
	To   string `json:"to"`
	Rate int64  `json:"bytes_per_second"`
}

// MaxLimitHours is the most entries of Limits.Background.
const MaxLimitHours = 24

// At returns the limit for background work at a time of the day, in bytes a second; 0
// is none. t is in the zone in which the hours are meant.
func (l Limits) At(t time.Time) int64 {
	minute := t.Hour()*60 + t.Minute()
	for _, h := range l.Background {
		from, to, ok := h.Minutes()
		if ok && within(minute, from, to) {
			return h.Rate
		}
	}
	return l.Default
}

// Minutes returns From and To in minutes since midnight.
func (h LimitHours) Minutes() (from, to int, ok bool) {
	f, err1 := time.Parse("15:04", h.From)
	t, err2 := time.Parse("15:04", h.To)
	return f.Hour()*60 + f.Minute(), t.Hour()*60 + t.Minute(), err1 == nil && err2 == nil && h.From != h.To
}

// within reports whether a minute of the day lies in [from, to), which may pass midnight.
func within(minute, from, to int) bool {
	if from < to {
		return from <= minute && minute < to
	}
	return minute >= from || minute < to
}

// Overlap reports whether two entries hold at the same minute of the day.
func (h LimitHours) Overlap(other LimitHours) bool {
	from, to, ok1 := h.Minutes()
	from2, to2, ok2 := other.Minutes()
	return ok1 && ok2 && (within(from, from2, to2) || within(from2, from, to))
}
