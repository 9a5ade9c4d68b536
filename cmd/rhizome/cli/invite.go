package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
	"rsc.io/qr"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
)

func inviteCommand() command {
	return command{
		use:   "invite",
		short: lang.M("Invite another computer into this rhizome"),
		long: lang.M("Prints an invitation, one line. On the other computer, rhizome up --join INVITATION --home NAME is all; on one local network no address is needed.\n" +
			"An invitation is a secret: whoever has it may join with one computer, or as many as --uses says, until it ends."),
		examples: []example{
			{lang.M("invite one computer, today"), "rhizome invite"},
			{lang.M("invite three, this week"), "rhizome invite --uses 3 --for 7d"},
			{lang.M("invite a neighbour, who runs that computer"), "rhizome invite --operator Marie"},
			{lang.M("send it without showing it to anybody"), "rhizome invite | ssh garden rhizome up --join - --home garden"},
		},
		flags: func(f *flagSet) {
			f.text("uses", "1", lang.M("`NUMBER` of computers that may join by it, at most 100"))
			f.text("operator", "", lang.M("`NAME` of the member who runs these computers and may change their share; without it they are yours"))
			f.text("for", "24h", lang.M("how `LONG` it serves: 30m, 24h, 7d; 30 days at most"))
		},
		run: invite,
		sub: []command{
			{
				use:      "list",
				short:    lang.M("List the invitations, without their secrets"),
				examples: []example{{lang.M("which invitations are open?"), "rhizome invite list"}},
				run:      inviteList,
			},
			{
				use:      "revoke ID",
				short:    lang.M("End an invitation; computers that joined by it stay"),
				long:     lang.M("ID is the beginning of what rhizome invite list shows."),
				examples: []example{{lang.M("end an invitation that went to the wrong person"), "rhizome invite revoke 3f2a9c1b"}},
				min:      1, max: 1,
				complete: completeInvitations,
				run:      inviteRevoke,
			},
		},
	}
}

func invite(ctx context.Context, c *call) error {
	uses, err := c.number("uses")
	if err != nil {
		return err
	}
	d, err := settings.ParseTime(c.text("for"))
	if err != nil {
		return usageError{err}
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	i, err := node.Invite(ctx, api.NewInvitation{Uses: uses, Seconds: int64(d / time.Second), Operator: c.text("operator")})
	if err != nil {
		return err
	}
	return c.show(i, func() {
		fmt.Fprintln(c.Out, i.Text)
		if terminal(c.Out) {
			nodes, _ := node.Nodes(ctx) // without them any name will do
			c.inviteHelp(i, nodes)
		}
	})
}

// inviteHelp says what to do with an invitation, where a person sees it.
func (c *call) inviteHelp(i api.Invitation, nodes []api.Node) {
	say := c.Say
	if code, err := qr.Encode(i.Text, qr.L); err == nil && fits(c.Out, code) {
		fmt.Fprintln(c.Err)
		drawQR(c.Err, code, c.colours(c.Err))
	}
	fmt.Fprintln(c.Err)
	fmt.Fprintln(c.Err, say.T("On the other computer, with a name for the home it stands in:"))
	fmt.Fprintln(c.Err, "  rhizome up --home "+c.freeHome(nodes)+" --join "+say.T("(the line above)"))
	if i.Near {
		fmt.Fprintln(c.Err, say.T("It serves in this network only. For a computer elsewhere, forward port 3901 of the router to this computer, start it with its address from outside, rhizome up --public ADDRESS, and invite then."))
	}
	fmt.Fprintln(c.Err, say.T("It serves for %s, until %s. Keep it secret till then; rhizome invite revoke %s ends it.",
		say.N(int64(i.Uses), "%s computer", "%s computers"), say.Time(i.Expires, c.Zone), i.ID[:min(8, len(i.ID))]))
}

// freeHome proposes a name for a home that no node stands in: who takes one that exists gains
// no second place.
func (a *App) freeHome(nodes []api.Node) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(nodes, func(n api.Node) bool { return n.Home == name })
	}
	names := []string{a.Say.T("garden"), a.Say.T("attic"), a.Say.T("barn"), a.Say.T("cellar")}
	for _, name := range names {
		if !taken(name) {
			return name
		}
	}
	for i := 2; ; i++ {
		if name := names[0] + strconv.Itoa(i); !taken(name) {
			return name
		}
	}
}

// fits reports whether a code fits on the terminal.
func fits(w io.Writer, code *qr.Code) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	return err == nil && code.Size+2*quietZone <= columns
}

// quietZone is how many light modules surround a code; scanners of screens need two.
const quietZone = 2

// drawQR draws a code with half blocks, two rows of modules in one line: black on white
// if there are colours, else light modules as blocks, for a dark terminal.
func drawQR(w io.Writer, code *qr.Code, colours bool) {
	blocks := []string{"█", "▄", "▀", " "} // none, the upper, the lower, both dark
	before, after := "  ", ""
	if colours {
		before, after = "  \x1b[38;5;16;48;5;231m", "\x1b[0m"
		blocks = []string{" ", "▀", "▄", "█"}
	}
	dark := func(x, y int) int {
		if code.Black(x, y) {
			return 1
		}
		return 0
	}
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		var line strings.Builder
		for x := -quietZone; x < code.Size+quietZone; x++ {
			line.WriteString(blocks[dark(x, y)+2*dark(x, y+1)])
		}
		fmt.Fprintln(w, before+line.String()+after)
	}
}

func inviteList(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	all, err := node.Invitations(ctx)
	if err != nil {
		return err
	}
	return c.show(all, func() {
		var rows [][]string
		for _, i := range all {
			rows = append(rows, []string{i.ID[:min(8, len(i.ID))], c.invitationState(i), c.Say.Time(i.Created, c.Zone), c.Say.Time(i.Expires, c.Zone),
				c.Say.T("%s of %s", strconv.Itoa(len(i.Joined)), strconv.Itoa(i.Uses)), c.member(i.Operator)})
		}
		c.table([]string{"ID", lang.M("State"), lang.M("Made"), lang.M("Ends"), lang.M("Joined"), lang.M("Run by")}, rows)
	})
}

func (a *App) invitationState(i api.Invitation) string {
	switch i.State {
	case api.InvitationOpen:
		return a.Say.T("open")
	case "used":
		return a.Say.T("used up")
	case "expired":
		return a.Say.T("over")
	case "revoked":
		return a.Say.T("revoked")
	}
	return i.State
}

func inviteRevoke(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	if err := node.RevokeInvitation(ctx, c.args[0]); err != nil {
		return err
	}
	return c.done("The invitation %s is over.", c.args[0])
}

// number returns a flag that is a whole number.
func (c *call) number(name string) (int, error) {
	n, err := strconv.Atoi(c.text(name))
	if err != nil {
		return 0, usageError{errs.Newf(errs.Invalid, "the option %s cannot be %q", dashes(name), c.text(name))}
	}
	return n, nil
}
