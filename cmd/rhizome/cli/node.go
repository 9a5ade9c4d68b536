package cli

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
)

func nodeCommand() command {
	sub := []command{{
		use:      "list",
		short:    lang.M("List the nodes: which are up, what they hold, how far away they are"),
		examples: []example{{lang.M("list the nodes"), "rhizome node list"}},
		run:      nodeList,
	}}
	for _, k := range nodeChanges() {
		sub = append(sub, k.command("rhizome node", true))
	}
	sub = append(sub, command{
		use: "address NODE [ADDRESS...]", min: 1, max: 8, complete: completeNodes,
		short: lang.M("Say where a node is that is not found by itself"),
		long:  lang.M("ADDRESS is HOST:PORT, the port being that of --peer in the other home (3901). It is for nodes that all have new addresses at once, as after a power cut everywhere: one that is found again tells of the others. It is kept beside what the node tells of itself, until another is given or --forget. If the other homes are to know it too, say it in that home: rhizome up --public."),
		examples: []example{
			{lang.M("the home garden has a new address"), "rhizome node address garden garden.example.org:3901"},
			{lang.M("what was said of it is not true any more"), "rhizome node address garden --forget"},
		},
		flags: func(f *flagSet) { f.bool("forget", lang.M("forget what was said; the node's own word counts alone")) },
		run:   nodeAddress,
	})
	return command{
		use:   "node",
		short: lang.M("Look at the nodes of the rhizome and change their share"),
		long: lang.M("A node is one computer of the rhizome. NODE is its home, if the home has one node, its name, its ID or the beginning of that.\n" +
			"Every change shows first what it moves and asks; --yes skips the question."),
		examples: []example{
			{lang.M("list the nodes"), "rhizome node list"},
			{lang.M("empty a node before it is taken away"), "rhizome node drain garden"},
		},
		sub: sub,
	}
}

func nodeList(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	nodes, err := node.Nodes(ctx)
	if err != nil {
		return err
	}
	return c.show(nodes, func() { c.printNodes(nodes) })
}

func nodeAddress(ctx context.Context, c *call) error {
	if c.on("forget") == (len(c.args) > 1) {
		return usageError{errs.New(errs.Invalid, "say where the node is, or --forget")}
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	got, err := node.AddAddress(ctx, api.NodeAddress{Node: c.args[0], Addresses: c.args[1:]})
	if err != nil {
		return err
	}
	return c.show(got, func() {
		switch {
		case c.on("forget"):
			fmt.Fprintln(c.Out, c.Say.T("What was said of where the node %s is is forgotten.", c.args[0]))
		case got.Answers:
			fmt.Fprintln(c.Out, c.Say.T("The node %s answers there.", c.args[0]))
		case got.Linked:
			fmt.Fprintln(c.Out, c.Say.T("The node %s is reached already, but not at that address: %s. The address is kept, and tried again when the node is not reached otherwise.", c.args[0], got.Reason))
		default:
			fmt.Fprintln(c.Out, c.Say.T("The address is kept and tried again, but the node %s does not answer there yet: %s", c.args[0], got.Reason))
		}
	})
}

func (a *App) printNodes(nodes []api.Node) {
	nodes = slices.Clone(nodes)
	slices.SortStableFunc(nodes, func(x, y api.Node) int { return strings.Compare(x.Name, y.Name) })
	var rows [][]string
	for _, n := range nodes {
		trip := ""
		if n.Up && !n.This {
			trip = strconv.FormatFloat(n.RTT, 'f', 0, 64) + "\u00a0ms"
		}
		rows = append(rows, []string{n.Name, n.Short, a.nodeState(n), a.roles(n), a.Say.Bytes(n.Capacity), a.Say.Bytes(n.Used), a.Say.Bytes(n.Free), trip, n.Release, a.member(n.Operator)})
	}
	a.table([]string{lang.M("Node"), "ID", lang.M("State"), lang.M("Task"), lang.M("Capacity"), lang.M("Used"), lang.M("Free"), lang.M("Round trip"), lang.M("Version"), lang.M("Run by")}, rows)
	for _, n := range nodes {
		if at := hostPorts(n.Addresses); n.This && len(at) > 0 {
			fmt.Fprintln(a.Out)
			fmt.Fprintln(a.Out, a.Say.T("The other homes find this node at: %s", strings.Join(at, a.Say.T(", "))))
		}
	}
}

// hostPorts writes a node's addresses as rhizome node address takes them, without those
// that lead through another node. There is one for each way to the same place.
func hostPorts(addresses []string) (out []string) {
	for _, a := range addresses {
		p := strings.Split(a, "/") // "", "ip4", host, "tcp", port, ...
		if len(p) < 5 || p[1] != "ip4" && p[1] != "ip6" || strings.HasSuffix(a, "/p2p-circuit") {
			continue
		}
		if at := net.JoinHostPort(p[2], p[4]); !slices.Contains(out, at) && len(out) < 8 {
			out = append(out, at)
		}
	}
	return out
}

// member is what a member is called: one who never got a name, in the person's language.
func (a *App) member(name string) string {
	if slices.Contains(lang.InEach("first member"), name) {
		return a.Say.T("first member")
	}
	return name
}

// nodeState says whether a node is there, and what else there is to know of it.
func (a *App) nodeState(n api.Node) string {
	out := []string{a.paint(a.Out, green, a.Say.T("up"))}
	if !n.Up {
		out[0] = a.paint(a.Out, red, a.Say.T("away"))
		if n.Since != nil {
			out[0] = a.paint(a.Out, red, a.Say.T("away for %s", a.ago(n.Seconds)))
		}
	}
	if n.This {
		out = append(out, a.Say.T("this one"))
	}
	if n.Relayed {
		out = append(out, a.Say.T("reached through another home"))
	}
	if n.Draining && n.Partitions > 0 {
		out = append(out, a.Say.T("being emptied"))
	} else if n.Draining && n.Up {
		out = append(out, a.Say.T("empty: rhizome node remove takes it out, then it may be switched off"))
	} else if n.Draining {
		out = append(out, a.Say.T("empty: switch it on again to take it out with rhizome node remove"))
	}
	if n.Health.BytesLeft > 0 {
		out = append(out, a.Say.T("%s left to fetch", a.Say.Bytes(n.Health.BytesLeft)))
	}
	if n.Health.Full {
		out = append(out, a.Say.T("full"))
	}
	return strings.Join(out, a.Say.T(", "))
}

func (a *App) ago(seconds int64) string {
	return a.Say.Duration(time.Duration(seconds) * time.Second)
}

func (a *App) roles(n api.Node) string {
	var out []string
	for _, r := range n.Roles {
		switch r {
		case api.RoleStorage:
			out = append(out, a.Say.T("keeps data"))
		case api.RoleWitness:
			out = append(out, a.Say.T("witness"))
		case api.RoleGateway:
			out = append(out, a.Say.T("gateway"))
		}
	}
	return strings.Join(out, a.Say.T(", "))
}
