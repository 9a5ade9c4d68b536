package admin

import (
	"cmp"
	"slices"
	"strconv"

	"rhizome/base/lang"
	"rhizome/cluster/layout"
	"rhizome/gateway/admin/api"
)

// EventsOf says what a layout changed of the one before it; before is nil for the first
// or if it is not known any more.
func EventsOf(before, after *layout.Layout) []api.LayoutEvent {
	if before == nil {
		if after.Version == 1 {
			return []api.LayoutEvent{{Kind: api.EventMade}}
		}
		return []api.LayoutEvent{}
	}
	out := []api.LayoutEvent{}
	if before.Lineage != after.Lineage {
		out = append(out, api.LayoutEvent{Kind: api.EventRecovered, Before: before.Lineage.String(), After: after.Lineage.String()})
	}
	for _, n := range after.Nodes {
		out = append(out, nodeEvents(before.Node(n.ID), n)...)
	}
	for _, n := range before.Nodes {
		if after.Node(n.ID) == nil {
			out = append(out, api.LayoutEvent{Kind: api.EventRemoved, Node: n.ID.String(), Home: n.Zone, Before: strconv.FormatInt(n.Capacity, 10)})
		}
	}
	return append(out, settingEvents(before.Settings, after.Settings)...)
}

func nodeEvents(had *layout.Node, n layout.Node) []api.LayoutEvent {
	event := func(kind, before, after string) api.LayoutEvent {
		return api.LayoutEvent{Kind: kind, Node: n.ID.String(), Home: n.Zone, Before: before, After: after}
	}
	capacity := strconv.FormatInt(n.Capacity, 10)
	if had == nil {
		out := []api.LayoutEvent{event(api.EventAdded, "", capacity)}
		if n.Witness {
			out = append(out, event(api.ChangeWitness, "", ""))
		}
		return out
	}
	var out []api.LayoutEvent
	if had.Zone != n.Zone {
		out = append(out, event(api.ChangeZone, had.Zone, n.Zone))
	}
	if had.Capacity != n.Capacity {
		out = append(out, event(api.ChangeCapacity, strconv.FormatInt(had.Capacity, 10), capacity))
	}
	if had.Witness != n.Witness {
		out = append(out, event(either(n.Witness, api.ChangeWitness, api.EventStorage), "", ""))
	}
	if had.Operator != n.Operator {
		out = append(out, event(api.ChangeOperator, "", ""))
	}
	if had.Draining != n.Draining {
		out = append(out, event(either(n.Draining, api.ChangeDrain, api.ChangeUndrain), "", ""))
	}
	return out
}

func settingEvents(before, after layout.Settings) []api.LayoutEvent {
	out := []api.LayoutEvent{}
	copies := func(s layout.Settings) int { return cmp.Or(s.Replicas, 3) }
	homes := func(s layout.Settings) int { return cmp.Or(s.Zones, copies(s)) }
	if b, a := copies(before), copies(after); b != a {
		out = append(out, api.LayoutEvent{Kind: api.ChangeReplicas, Before: strconv.Itoa(b), After: strconv.Itoa(a)})
	}
	if b, a := homes(before), homes(after); b != a {
		out = append(out, api.LayoutEvent{Kind: api.EventZones, Before: strconv.Itoa(b), After: strconv.Itoa(a)})
	}
	return out
}

func either(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

// sayHistory says in words what each layout changed.
func sayHistory(p lang.Printer, names naming, history []api.LayoutVersion) []api.LayoutVersion {
	names = names.withGone(history)
	for i := range history {
		for j, e := range history[i].Events {
			history[i].Events[j].Text = sayEvent(p, names, e)
		}
	}
	return slices.Clip(history)
}

func sayEvent(p lang.Printer, names naming, e api.LayoutEvent) string {
	name := names.of(e.Node, e.Home).name
	bytes := func(text string) string {
		n, _ := strconv.ParseInt(text, 10, 64)
		return p.Bytes(n)
	}
	switch e.Kind {
	case api.EventMade:
		return p.T("the rhizome was made")
	case api.EventRecovered:
		return p.T("it went on without the nodes that were lost")
	case api.EventAdded:
		if e.After == "0" {
			return p.T("%s joined", name)
		}
		return p.T("%s joined with %s", name, bytes(e.After))
	case api.EventRemoved:
		if e.Before == "0" {
			return p.T("%s left", name)
		}
		return p.T("%s left, with %s", name, bytes(e.Before))
	case api.ChangeZone:
		return p.T("%s moved from the home %q to %q", name, e.Before, e.After)
	case api.ChangeCapacity:
		if e.Before == "0" {
			return p.T("%s offers %s", name, bytes(e.After))
		}
		return p.T("%s offers %s, before it was %s", name, bytes(e.After), bytes(e.Before))
	case api.ChangeWitness:
		return p.T("%s became a witness", name)
	case api.EventStorage:
		return p.T("%s is no longer a witness", name)
	case api.ChangeOperator:
		return p.T("%s is run by somebody else", name)
	case api.ChangeDrain:
		return p.T("%s is being emptied", name)
	case api.ChangeUndrain:
		return p.T("%s takes its share of the data", name)
	case api.ChangeReplicas:
		return p.T("%s copies of everything, before it was %s", e.After, e.Before)
	case api.EventZones:
		return p.T("the copies are in at least %s homes, before it was %s", e.After, e.Before)
	}
	return e.Kind
}
