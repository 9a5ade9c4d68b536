package admin

import (
	"errors"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cluster/layout/decree"
	"rhizome/gateway/admin/api"
)

// clockOff is how far a node's clock may be off, in milliseconds, before people are told.
const clockOff = 60_000

// risks says in sentences what is at risk among the homes, the worst first, and what to
// do about it.
func (c cluster) risks(p lang.Printer) []api.Reason {
	var out []api.Reason
	if slices.ContainsFunc(c.nodes, func(n api.Node) bool { return n.This && n.OlderCopy }) {
		return []api.Reason{{Kind: api.RiskOlder, Text: p.T("The data folder of this node is an old copy, or another computer runs with a copy of it: the other homes know this node as it was later, and refuse it. Put the newer folder back, if there is one. Else move this one away and join with a new invitation, and in another home: rhizome node remove --lost for the old node.")}}
	}
	if who, sure := c.refusing(p); who != "" {
		out = append(out, api.Reason{Kind: api.RiskRefused, Text: c.refused(p, who, sure)})
		if sure { // whoever seems away is not, for this node alone
			return out
		}
		c.lone = true
	} else {
		out = append(out, c.standing(p)...)
	}
	lost := c.onlyOneUp() && !c.lone // of the first home it is said how to find it: it tells of the others
	for _, h := range c.homes {
		if h.State != api.HomeUp && len(c.awayOf(h)) > 0 {
			out = append(out, api.Reason{Kind: api.RiskAway, About: h.Name, Text: c.absence(p, h, lost)})
			lost = false
		}
	}
	for _, n := range c.nodes {
		if n.Apart > 0 {
			out = append(out, api.Reason{Kind: api.RiskApart, About: n.ID, Text: p.T("The node %s goes by another layout (number %s) than this node (number %s): one of them recovered without the other, and they are two rhizomes since. Each refuses the other; what one stores, the other does not have. Decide which of them goes on. On the computers of the one that does not, move the data folder away and join with a new invitation, and in the one that does: rhizome layout recover, and name the nodes that are gone.", n.Name, p.Int(int64(n.Apart)), p.Int(int64(c.layout.Version)))})
		}
		if n.OlderCopy {
			out = append(out, api.Reason{Kind: api.RiskOlder, About: n.ID, Text: c.older(p, n)})
		}
		out = append(out, nodeRisks(p, n)...)
	}
	if text := c.torn(p); text != "" {
		out = append(out, api.Reason{Kind: api.RiskClock, Text: text})
	}
	for _, w := range c.layout.Warn {
		if errors.Is(w.Err, errs.Full) {
			out = append(out, api.Reason{Kind: api.RiskFull, Text: sentence(reason(p, w.Reason, w.Err))})
		}
	}
	return out
}

// older says of a node that it came with an old copy, and what to do: without most of those that
// decide about the layout, nobody can be taken out of it or join.
func (c cluster) older(p lang.Printer, n api.Node) string {
	if there, of := deciding(c.nodes); of > 0 && there < decree.Majority(of) {
		return p.T("The node %s came with an old copy of its data folder, or two computers run with copies of one: it forgot what was stored since, and is refused. On its computer put the newer folder back. If there is none, stop it there, and here: rhizome layout recover; then move its folder away and join with a new invitation.", n.Name)
	}
	return p.T("The node %s came with an old copy of its data folder, or two computers run with copies of one: it forgot what was stored since, and is refused. On its computer put the newer folder back, or move it away and join with a new invitation; then here: rhizome node remove %s --lost.", n.Name, n.Name)
}

// torn says of which two nodes the clocks differ the most, while no time is agreed; else nothing.
func (c cluster) torn(p lang.Printer) string {
	var here, other api.Node
	for _, n := range c.nodes {
		if n.This {
			here = n
		}
		if n.Up && max(n.Ahead, -n.Ahead) > max(other.Ahead, -other.Ahead) {
			other = n
		}
	}
	if other.Ahead == 0 {
		return ""
	}
	ahead, behind := other.Name, here.Name
	if other.Ahead < 0 {
		ahead, behind = behind, ahead
	}
	by := (time.Duration(max(other.Ahead, -other.Ahead)) * time.Millisecond).Round(time.Second)
	return p.T("The clock of the node %s is ahead of that of %s by %s: one of them is wrong, and it cannot be told which, since no other agrees with either. Look which, and set it. Until then S3 refuses requests through the one that is wrong, no retention ends, and nothing is deleted for its age.", ahead, behind, p.Duration(by))
}

// hints say what would make the rhizome safer though nothing is wrong.
func (c cluster) hints(p lang.Printer) []string {
	if who, sure := c.refusing(p); who != "" && sure {
		return nil
	}
	homes := map[string]bool{}
	for _, n := range c.nodes {
		if slices.Contains(n.Roles, api.RoleStorage) {
			homes[n.Home] = true
		}
	}
	for home := range homes {
		if len(homes) == 1 {
			return []string{p.T("Everything lies in one home, %s: if it burns, all is lost. A second home protects it: rhizome invite.", home)}
		}
	}
	return nil
}

// standing says what cannot be done at present, or could not after one more loss.
func (c cluster) standing(p lang.Printer) (out []api.Reason) {
	s, all := c.layout.Stand, c.layout.Partitions
	away := c.awayNames(p)
	part := func(n int) string { return p.Percent(max(0.01, float64(n)/float64(max(1, all)))) }
	risk := func(kind, text string) { out = append(out, api.Reason{Kind: kind, Text: text}) }
	if s.Unreadable > 0 {
		risk(api.RiskUnreadable, p.T("%s of the data cannot be read: all homes that keep it are away (%s). It is there again when one of them is back.", part(s.Unreadable), away))
	}
	if s.Waiting > 0 {
		risk(api.RiskStopped, p.T("Reads and writes of %s of the data have stopped: other homes were just taking it over, which takes all homes that had it, and one is away (%s). They go on by themselves when it is back, and once the others have taken over, one home may be away.", part(s.Waiting), away))
		s.Stopped, s.Silent = s.Stopped-s.Waiting, s.Silent-s.Waiting
	}
	switch {
	case s.Stopped > 0 && s.Silent == 0 && c.voters() == 2:
		risk(api.RiskStopped, p.T("Writes have stopped: of two homes that vote, one is away (%s). Reads go on, but for what was being written when it went. Writes go on by themselves when it is back. A small third computer as a witness keeps them going the next time: rhizome invite here, then rhizome up --witness there.", away))
	case s.Stopped > 0 && s.Silent == 0:
		risk(api.RiskStopped, p.T("Writes to %s of the data have stopped: too many homes are away (%s). Reads go on, but for what was being written when they went. Writes go on by themselves when one is back.", part(s.Stopped), away)+c.giveUp(p))
	case s.Stopped > 0:
		risk(api.RiskStopped, p.T("Writes to %s of the data have stopped, and reads of %s: too many homes are away (%s). They go on by themselves when one is back.", part(s.Stopped), part(s.Silent), away)+c.giveUp(p))
	case s.Fragile > 0 && c.voters() == 2 && away == "" && s.Unsure > 0:
		risk(api.RiskFragile, p.T("Only two homes vote: while one of them is away, writes stop; reads go on in a moment, when both have compared what they hold (%s of the data is left). A small third computer as a witness, or a third home, keeps writes going: rhizome invite here, then rhizome up --witness there.", part(s.Unsure)))
	case s.Fragile > 0 && c.voters() == 2 && away == "":
		risk(api.RiskFragile, p.T("Only two homes vote: while one of them is away, writes stop; reads go on. A small third computer as a witness, or a third home, keeps writes going: rhizome invite here, then rhizome up --witness there."))
	case s.Fragile > 0 && c.layout.Effective == 2 && s.Unsure > 0:
		risk(api.RiskFragile, p.T("If one more home goes away, writes to %s of the data stop; reads go on in a moment, when the homes have compared what they hold (%s of the data is left).", part(s.Fragile), part(s.Unsure)))
	case s.Fragile > 0 && c.layout.Effective == 2:
		risk(api.RiskFragile, p.T("If one more home goes away, writes to %s of the data stop; reads go on.", part(s.Fragile)))
	case s.Fragile > 0:
		risk(api.RiskFragile, p.T("If one more home goes away, writes to %s of the data stop, and reads too.", part(s.Fragile)))
	}
	if s.Moving > 0 {
		risk(api.RiskFragile, p.T("Until the homes have taken over their copies, all homes are needed: if one goes away now, reads and writes of %s of the data stop until it is back. rhizome layout show --watch shows how far it is.", part(s.Moving)))
	}
	if s.Lone > 0 {
		risk(api.RiskLone, p.T("%s of the data is in one single home at present.", part(s.Lone)))
	}
	return out
}

// giveUp says how to go on without homes that are lost, unless it may be this node that is out.
func (c cluster) giveUp(p lang.Printer) string {
	if c.lone {
		return ""
	}
	return p.T(" If they are lost for good: rhizome layout recover.")
}

// refusing are the names of the nodes that say that this one is no member, if no other
// node answers at all. It is sure if most of the others that vote say so: one alone may
// only be behind.
func (c cluster) refusing(p lang.Printer) (who string, sure bool) {
	var out []string
	voters, of := 0, 0
	for _, n := range c.nodes {
		if n.Up && !n.This {
			return "", false
		}
		if n.Refuses {
			out = append(out, n.Name)
		}
		if votes(n) && !n.This {
			of++
			if n.Refuses {
				voters++
			}
		}
	}
	return strings.Join(out, p.T(", ")), of > 0 && voters >= decree.Majority(of)
}

// refused says that this node is no member any more: one that was emptied before was taken
// away as it should be.
func (c cluster) refused(p lang.Printer, who string, sure bool) string {
	emptied := slices.ContainsFunc(c.nodes, func(n api.Node) bool { return n.This && n.Draining && n.Partitions == 0 })
	if sure && emptied {
		return p.T("This node was emptied and taken out of the rhizome (so say %s): the others have all that it had, and it may be switched off. For this computer to take part again, move its data folder away and join with a new invitation.", who)
	}
	return p.T("The rhizome refuses this node (%s): there it is no member any more, because it was removed or declared lost. What it has is of no use to the others now. To bring this computer back, move its data folder away and join with a new invitation.", who)
}

// awayNames are the names of the nodes and homes that are away, or have an old copy, and so do
// not take part.
func (c cluster) awayNames(p lang.Printer) string {
	var out []string
	for _, h := range c.homes {
		names := c.awayOf(h)
		for _, n := range c.nodes {
			if n.Home == h.Name && n.OlderCopy && !n.This && votes(n) {
				names = append(names, n.Name)
			}
		}
		switch {
		case len(names) == h.Nodes:
			out = append(out, h.Name)
		default:
			out = append(out, names...)
		}
	}
	return strings.Join(out, p.T(", "))
}

// awayOf are the names of a home's nodes that vote and are away: a gateway that is away
// endangers nothing.
func (c cluster) awayOf(h api.Home) (out []string) {
	for _, n := range c.nodes {
		if n.Home == h.Name && !n.Up && votes(n) && n.Apart == 0 && !n.Refuses && !n.OlderCopy {
			out = append(out, n.Name)
		}
	}
	return out
}

// voters counts the homes with a node that votes.
func (c cluster) voters() int {
	homes := map[string]bool{}
	for _, n := range c.nodes {
		if votes(n) {
			homes[n.Home] = true
		}
	}
	return len(homes)
}

// deciding counts the nodes that decide about the layout, each with one vote, and those of them that
// are there: more than half of all are needed, the ones that are to be removed among them.
func deciding(nodes []api.Node) (there, of int) {
	for _, n := range nodes {
		if !votes(n) || n.Draining && n.Partitions == 0 {
			continue
		}
		if of++; n.Up && n.Apart == 0 {
			there++
		}
	}
	return there, of
}

func votes(n api.Node) bool {
	return slices.Contains(n.Roles, api.RoleStorage) || slices.Contains(n.Roles, api.RoleWitness)
}

// absence says of a home that it, or some of its nodes, are away; lost: that its address
// may be.
func (c cluster) absence(p lang.Printer, h api.Home, lost bool) string {
	names := c.awayOf(h)
	who := p.T("The home %s is away", h.Name)
	if h.State == api.HomePart {
		who = p.N(int64(len(names)), "%s node of the home %s is away (%s)", "%s nodes of the home %s are away (%s)", h.Name, strings.Join(names, p.T(", ")))
	}
	if h.Since != nil {
		who += p.T(", for %s", p.Duration(time.Duration(h.Seconds)*time.Second))
	}
	who += p.T(". Look after its computer and its line; it catches up by itself.")
	if lost {
		who += p.T(" If it runs and has its line, the homes have lost each other's addresses: rhizome node address %s HOST:PORT, with what rhizome node list says there, tells where it is.", names[0])
	}
	if c.lone {
		return who
	}
	if there, of := deciding(c.nodes); c.layout.Stand.Stopped > 0 || of > 0 && there < decree.Majority(of) {
		return who + p.T(" If it is lost for good: rhizome layout recover.")
	}
	return who + p.T(" If it is lost for good: rhizome node remove %s --lost.", names[0])
}

// onlyOneUp reports whether no other node is up, which could tell where the others are.
func (c cluster) onlyOneUp() bool {
	return !slices.ContainsFunc(c.nodes, func(n api.Node) bool { return n.Up && !n.This })
}

// nodeRisks are those that a node told of itself. What is wrong with the disks of the
// node that is asked stands in its own part of the status.
func nodeRisks(p lang.Printer, n api.Node) (out []api.Reason) {
	h := n.Health
	risk := func(kind, text string) { out = append(out, api.Reason{Kind: kind, About: n.ID, Text: text}) }
	if !n.Up {
		return nil
	}
	if h.Skew > clockOff || h.Skew < -clockOff {
		off := (time.Duration(max(h.Skew, -h.Skew)) * time.Millisecond).Round(time.Minute)
		risk(api.RiskClock, p.T("The clock of the node %s is wrong by %s. The time that most nodes agree on is used instead; set its clock.", n.Name, p.Duration(off)))
	}
	if n.This {
		return out
	}
	if h.DisksLost > 0 {
		risk(api.RiskDisk, p.N(int64(h.DisksLost), "%s disk of the node %s cannot be used: see rhizome disk list there.", "%s disks of the node %s cannot be used: see rhizome disk list there.", n.Name))
	}
	if h.Damaged > 0 {
		risk(api.RiskDamage, p.N(h.Damaged, "%s damaged piece on the node %s is being mended from the other homes.", "%s damaged pieces on the node %s are being mended from the other homes.", n.Name))
	}
	if h.Full {
		risk(api.RiskFull, p.T("The node %s is full: add a disk there or another node, or delete something.", n.Name))
	}
	return out
}
