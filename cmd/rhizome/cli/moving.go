package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// lookEvery is how often a command that waits looks again.
const lookEvery = time.Second

// pause waits until it is time to look again.
func (c *call) pause(ctx context.Context) error {
	t := time.NewTimer(lookEvery)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errs.New(errs.Unavailable, "interrupted; what is under way goes on")
	}
}

// gauge is a progress bar of a part of 0 to 1.
func gauge(part float64) string {
	full := int(min(1, max(0, part)) * barWidth)
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", barWidth-full) + "]"
}

// moveLine says how far a move is.
func (a *App) moveLine(m api.LayoutMoves) string {
	say, part := a.Say, movedPart(m)
	out := fmt.Sprintf("%s %s", gauge(part), say.Percent(part))
	if m.Bytes > 0 {
		out += "  " + say.T("%s of %s left", say.Bytes(m.BytesLeft), say.Bytes(m.Bytes))
	}
	if m.Rate > 0 {
		out += "  " + say.Bytes(m.Rate) + "/s"
	}
	if m.Seconds >= 0 {
		out += "  " + say.T("%s to go", say.Duration(time.Duration(m.Seconds)*time.Second))
	}
	if m.PartitionsLeft > 0 {
		out += "  " + say.N(int64(m.PartitionsLeft), "%s slice left", "%s slices left")
	}
	return out
}

// movedPart counts bytes, and slices where there are none to move.
func movedPart(m api.LayoutMoves) float64 {
	switch {
	case m.Bytes > 0:
		return 1 - float64(m.BytesLeft)/float64(m.Bytes)
	case m.Partitions > 0:
		return 1 - float64(m.PartitionsLeft)/float64(m.Partitions)
	}
	return 1
}

// line is one line of a terminal that is written anew, and nothing anywhere else.
type line struct {
	a  *App
	on bool
}

func newLine(a *App) *line { return &line{a, terminal(a.Err) && !a.json} }

func (l *line) set(text string) {
	if l.on {
		fmt.Fprintf(l.a.Err, "\r\x1b[K%s", text)
	}
}

func (l *line) stop() { l.set("") }
