package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cluster/layout/decree"
	"rhizome/gateway/admin/api"
)

// clusterRoutes are those that speak of the other nodes.
func (s *Server) clusterRoutes() map[string]request {
	return map[string]request{
		"GET /v1/invitations":         s.listInvitations,
		"POST /v1/invitations":        s.invite,
		"DELETE /v1/invitations/{id}": s.revokeInvitation,

		"GET /v1/nodes":                   s.listNodes,
		"POST /v1/nodes/address":          s.addAddress,
		"GET /v1/layout":                  s.showLayout,
		"GET /v1/layout/history":          s.layoutHistory,
		"POST /v1/layout/preview":         s.previewChange,
		"POST /v1/layout/change":          s.changeLayout,
		"POST /v1/layout/recover/preview": s.previewRecover,
		"POST /v1/layout/recover":         s.recoverLayout,

		"GET /v1/limits": s.showLimits,
		"PUT /v1/limits": s.setLimits,
	}
}

func (s *Server) listInvitations(r *http.Request) (any, error) {
	all, err := s.Cluster.Invitations(r.Context())
	if all == nil {
		all = []api.Invitation{}
	}
	return all, err
}

func (s *Server) invite(r *http.Request) (any, error) {
	in, err := read[api.NewInvitation](r)
	if err != nil {
		return nil, err
	}
	if in.Uses < 1 || in.Uses > api.MaxUses {
		return nil, errs.Newf(errs.Invalid, "an invitation is for 1 to %d machines, not %d", api.MaxUses, in.Uses)
	}
	if in.Seconds < api.MinInvitationSeconds || in.Seconds > api.MaxInvitationSeconds {
		return nil, errs.New(errs.Invalid, "an invitation serves for a minute to 30 days")
	}
	return s.Cluster.Invite(r.Context(), in)
}

func (s *Server) revokeInvitation(r *http.Request) (any, error) {
	all, err := s.Cluster.Invitations(r.Context())
	if err != nil {
		return nil, err
	}
	i, err := pickInvitation(all, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	err = s.Cluster.RevokeInvitation(r.Context(), i.ID)
	if err == nil && i.State == api.InvitationUsed { // whose join failed could have gone on with it
		err = s.usedBy(r, i)
	}
	return nil, err
}

// usedBy says who came by an invitation that is used up.
func (s *Server) usedBy(r *http.Request, i *api.Invitation) error {
	nodes, _, err := s.nodes(r.Context())
	if err != nil {
		return err
	}
	var who []string
	for _, n := range nodes {
		if slices.Contains(i.Joined, n.ID) {
			who = append(who, n.Name)
		}
	}
	switch {
	case len(who) == 0:
		return errs.New(errs.Conflict, "the invitation was used, by a computer that is not here, or not yet. Nobody can join by it any more")
	case len(who) > 1:
		return errs.Newf(errs.Conflict, "the invitation was used, by %s, and nobody else can join by it. To take one of these computers out: rhizome node drain NODE, then rhizome node remove NODE; at once and for good: rhizome node remove NODE --lost", strings.Join(who, ", "))
	}
	return errs.Newf(errs.Conflict, "the invitation was used, by %s, and nobody else can join by it. To take that computer out: rhizome node drain %s, then rhizome node remove %s; at once and for good: rhizome node remove %s --lost", who[0], who[0], who[0], who[0])
}

func (s *Server) listNodes(r *http.Request) (any, error) {
	nodes, _, err := s.nodes(r.Context())
	if nodes == nil {
		nodes = []api.Node{}
	}
	return nodes, err
}

func (s *Server) showLayout(r *http.Request) (any, error) {
	return s.layoutAnswer(r)(s.Cluster.Layout(r.Context()))
}

func (s *Server) addAddress(r *http.Request) (any, error) {
	in, err := read[api.NodeAddress](r)
	if err != nil {
		return nil, err
	}
	nodes, _, err := s.nodes(r.Context())
	if err != nil {
		return nil, err
	}
	n, err := pickNode(nodes, in.Node)
	if err != nil {
		return nil, err
	}
	in.Node = n.ID
	out, err := s.Cluster.AddAddress(r.Context(), in)
	out.Reason = reason(printer(r), out.Reason, out.Err)
	return out, err
}

// layoutAnswer answers with a layout whose nodes have their names.
func (s *Server) layoutAnswer(r *http.Request) func(api.Layout, error) (any, error) {
	return func(l api.Layout, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		_, names, err := s.nodes(r.Context())
		if err != nil {
			return nil, err
		}
		return sayLayout(printer(r), names, l), nil
	}
}

func (s *Server) layoutHistory(r *http.Request) (any, error) {
	history, err := s.Cluster.History(r.Context())
	if err != nil {
		return nil, err
	}
	_, names, err := s.nodes(r.Context())
	if err != nil {
		return nil, err
	}
	return sayHistory(printer(r), names, history), nil
}

// readChange reads a change whose node is found and whose numbers make sense.
func (s *Server) readChange(r *http.Request) (api.LayoutChange, naming, error) {
	c, err := read[api.LayoutChange](r)
	if err != nil {
		return c, nil, err
	}
	if err := checkChange(c); err != nil {
		return c, nil, err
	}
	nodes, names, err := s.nodes(r.Context())
	if err != nil || c.Kind == api.ChangeReplicas {
		return c, names, err
	}
	n, err := pickNode(nodes, c.Node)
	if err != nil {
		return c, nil, err
	}
	c.Node = n.ID
	return c, names, nil
}

// answers reports whether a node that is to be removed as lost answers.
func (s *Server) answers(ctx context.Context, c api.LayoutChange) bool {
	if !c.Lost {
		return false
	}
	nodes, _, err := s.nodes(ctx)
	return err == nil && slices.ContainsFunc(nodes, func(n api.Node) bool { return n.ID == c.Node && n.Up && !n.This })
}

func (s *Server) previewChange(r *http.Request) (any, error) {
	c, names, err := s.readChange(r)
	if err != nil {
		return nil, err
	}
	plan, err := s.Cluster.Preview(r.Context(), c)
	if err != nil {
		return nil, err
	}
	if plan.Answers = s.answers(r.Context(), c); plan.Answers && plan.Refused == nil {
		plan.Warn = append(plan.Warn, api.Notice{Err: errs.Newf(errs.Conflict, "the node %s answers now: it is not lost. To lose nothing, empty it first: rhizome node drain %s, then rhizome node remove %s", c.Node, c.Node, c.Node)})
	}
	if plan.Refused == nil {
		plan.Refused, err = s.undecided(r.Context())
	}
	return sayPlan(printer(r), names, plan), err
}

// undecided says that too few nodes are there to decide about a change, if so.
func (s *Server) undecided(ctx context.Context) (refused *api.Notice, err error) {
	nodes, _, err := s.nodes(ctx)
	if there, of := deciding(nodes); of > 0 && there < decree.Majority(of) {
		refused = &api.Notice{Err: errs.Newf(errs.Unavailable, "of the %d nodes that decide about the layout only %d are there, and more than half are needed: start one of those that are away. If they are lost for good: rhizome layout recover", of, there)}
	}
	return refused, err
}

func (s *Server) changeLayout(r *http.Request) (any, error) {
	c, _, err := s.readChange(r)
	if err != nil {
		return nil, err
	}
	if c.Base == 0 {
		return nil, errs.New(errs.Invalid, "the change does not say which layout it is meant for")
	}
	return s.layoutAnswer(r)(s.Cluster.Change(r.Context(), c))
}

func (s *Server) readRecover(r *http.Request) (api.Recover, naming, error) {
	in, err := read[api.Recover](r)
	if err != nil {
		return in, nil, err
	}
	nodes, names, err := s.nodes(r.Context())
	if err != nil {
		return in, nil, err
	}
	if len(in.Gone) == 0 {
		return in, nil, errs.New(errs.Invalid, "say which nodes are gone")
	}
	for i, ref := range in.Gone {
		n, err := pickNode(nodes, ref)
		if err != nil {
			return in, nil, err
		}
		if n.This {
			return in, nil, errs.New(errs.Invalid, "the node that you are asking is not gone")
		}
		in.Gone[i] = n.ID
	}
	slices.Sort(in.Gone)
	in.Gone = slices.Compact(in.Gone)
	return in, names, nil
}

func (s *Server) previewRecover(r *http.Request) (any, error) {
	in, names, err := s.readRecover(r)
	if err != nil {
		return nil, err
	}
	plan, err := s.Cluster.PreviewRecover(r.Context(), in)
	if err != nil {
		return nil, err
	}
	p := printer(r)
	plan.Nodes, plan.Warn = named(names, plan.Nodes), sayNotices(p, names, plan.Warn)
	sayNotice(p, names, plan.Refused)
	return plan, nil
}

func (s *Server) recoverLayout(r *http.Request) (any, error) {
	in, _, err := s.readRecover(r)
	if err != nil {
		return nil, err
	}
	if in.Base == 0 {
		return nil, errs.New(errs.Invalid, "the change does not say which layout it is meant for")
	}
	return s.layoutAnswer(r)(s.Cluster.Recover(r.Context(), in))
}

func (s *Server) showLimits(r *http.Request) (any, error) {
	l, err := s.Cluster.Limits(r.Context())
	if l.Background == nil {
		l.Background = []api.LimitHours{}
	}
	return l, err
}

func (s *Server) setLimits(r *http.Request) (any, error) {
	l, err := read[api.Limits](r)
	if err != nil {
		return nil, err
	}
	if err := checkLimits(l); err != nil {
		return nil, err
	}
	if err := s.Cluster.SetLimits(r.Context(), l); err != nil {
		return nil, err
	}
	return s.showLimits(r)
}

func sayLayout(p lang.Printer, names naming, l api.Layout) api.Layout {
	for i := range l.Homes {
		for j := range l.Homes[i].Nodes {
			n := &l.Homes[i].Nodes[j]
			c := names.of(n.ID, l.Homes[i].Name)
			n.Short, n.Name = c.short, c.name
		}
	}
	l.Warn = sayNotices(p, names, l.Warn)
	return l
}

func sayPlan(p lang.Printer, names naming, plan api.Plan) api.Plan {
	plan.Nodes, plan.Warn = named(names, plan.Nodes), sayNotices(p, names, plan.Warn)
	sayNotice(p, names, plan.Refused)
	return plan
}

func named(names naming, nodes []api.PlanNode) []api.PlanNode {
	for i := range nodes {
		c := names.of(nodes[i].ID, nodes[i].Home)
		nodes[i].Short, nodes[i].Name = c.short, c.name
	}
	return nodes
}

func sayNotices(p lang.Printer, names naming, all []api.Notice) []api.Notice {
	for i := range all {
		sayNotice(p, names, &all[i])
	}
	return all
}

func sayNotice(p lang.Printer, names naming, n *api.Notice) {
	if n != nil {
		n.Reason = sentence(names.in(reason(p, n.Reason, n.Err)))
	}
}

// sentence writes what an error says as a sentence that stands alone.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return text
}
