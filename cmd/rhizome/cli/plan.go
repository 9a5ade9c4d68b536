package cli

import (
	"fmt"
	"strconv"
	"time"

	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
)

// printPlan shows what a change of the layout does.
func (a *App) printPlan(p api.Plan) {
	if len(p.Nodes) == 0 {
		return // it was refused before there was one
	}
	var rows [][]string
	for _, n := range p.Nodes {
		if n.PartitionsBefore+n.PartitionsAfter == 0 {
			continue
		}
		name := n.Name
		if n.Gone {
			name = a.Say.T("%s (leaves)", name)
		}
		rows = append(rows, []string{name, n.Short, a.Say.Bytes(n.BytesBefore), a.Say.Bytes(n.BytesAfter),
			a.Say.Int(int64(n.PartitionsBefore)), a.Say.Int(int64(n.PartitionsAfter))})
	}
	a.table([]string{lang.M("Node"), "ID", lang.M("Data now"), lang.M("Data then"), lang.M("Slices now"), lang.M("Slices then")}, rows)
	fmt.Fprintln(a.Out)
	writeRows(a.Out, a.planSums(p))
	for _, w := range p.Warn {
		fmt.Fprintln(a.Out, a.paint(a.Out, red, w.Reason))
	}
}

func (a *App) planSums(p api.Plan) [][]string {
	say := a.Say
	move := say.T("nothing")
	if p.Move > 0 || p.Partitions > 0 {
		move = say.Bytes(p.Move)
		if p.Seconds > 0 {
			move = say.T("%s, in about %s", move, say.Duration(time.Duration(p.Seconds)*time.Second))
		}
	}
	fromTo := func(before, after string) string {
		if before == after {
			return before
		}
		return say.T("%s, now %s", after, before)
	}
	return [][]string{
		{say.T("To move"), move},
		{say.T("Room for objects"), fromTo(say.Bytes(p.UsableBefore), say.Bytes(p.UsableAfter))},
		{say.T("Copies"), fromTo(strconv.Itoa(p.CopiesBefore), strconv.Itoa(p.CopiesAfter))},
	}
}
