package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/node"
)

// The node's memory is kept below memoryLimit bytes, and largeShare times what the cache of a
// large row store takes beyond smallCache: with the cache grows what else is in use, and with
// that what one collection costs, so that as many of them would cost more. Below that, garbage is
// collected rarely: when there is collectAt percent as much of it as what is in use, or
// collectIdle percent in an idle node. GOMEMLIMIT and GOGC say otherwise.
const (
	memoryLimit = 160 << 20
	smallCache  = 32 << 20
	largeShare  = 4
	collectAt   = 400
	collectIdle = 30
)

func upCommand() command {
	return command{
		use:   "up",
		short: lang.M("Start the node of this computer and serve S3"),
		long: lang.M("The first start makes the data folder, the node's keys and a first S3 key, and says how to use them.\n" +
			"Ctrl-C or SIGTERM stops the node within ten seconds, after the requests under way."),
		examples: []example{
			{lang.M("start with nothing configured"), "rhizome up"},
			{lang.M("serve the local network, keep at most 2 TB"), "rhizome up --s3 0.0.0.0:3900 --data /srv/rhizome --capacity 2TB"},
			{lang.M("join the rhizome that the invitation is from, as the home garden"), "rhizome up --join rhizome-invitation-... --home garden"},
			{lang.M("join as a small computer that only votes; the invitation comes over the standard input"), "ssh attic rhizome invite | rhizome up --join - --home office --witness"},
			{lang.M("with a certificate"), "rhizome up --s3 :443 --s3-domain s3.example.org --s3-tls-cert cert.pem --s3-tls-key key.pem"},
		},
		settings: true,
		run:      up,
	}
}

func up(ctx context.Context, c *call) error {
	vs, err := c.values(c.flag)
	if err != nil {
		return err
	}
	join, err := c.invitation(vs.Text(settings.Join))
	if _, given := c.flag(settings.Join); err == nil && given && join == "" {
		err = errs.New(errs.Invalid, "the invitation is empty: it is the line that rhizome invite prints")
	}
	if err != nil {
		return err
	}
	ownFiles()
	c.strayVariables()
	config := c.nodeConfig(vs)
	if c.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
		config.CacheSized = func(bytes int64) { debug.SetMemoryLimit(memoryLimit + largeShare*max(0, bytes-smallCache)) }
	}
	if c.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
		config.Idle = collectBy
	}
	config.Join = join
	n, err := node.Open(ctx, config)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was told to stop while it started
	}
	if err != nil {
		return err
	}
	if vs.Once(settings.Data) {
		c.at = " --data " + shellQuote(n.Data())
	}
	if err := c.welcome(n); err != nil {
		return errors.Join(err, n.Close())
	}
	return n.Run(ctx)
}

// collectBy collects garbage by how busy the node is.
func collectBy(idle bool) {
	if !idle {
		debug.SetGCPercent(collectAt)
		return
	}
	debug.SetGCPercent(collectIdle)
	debug.FreeOSMemory()
	dropProgram()
}

func (c *call) nodeConfig(vs settings.Values) node.Config {
	var level slog.Level
	_ = level.UnmarshalText([]byte(vs.Text(settings.LogLevel))) // checked by Resolve
	return node.Config{
		Data:    vs.Text(settings.Data),
		S3:      vs.Text(settings.S3),
		Domains: vs.List(settings.S3Domain),
		Web:     vs.Text(settings.Web), WebSet: vs.Chosen(settings.Web), WebDomains: vs.List(settings.WebDomain),
		TLSCert:  vs.Text(settings.S3TLSCert),
		TLSKey:   vs.Text(settings.S3TLSKey),
		Region:   vs.Text(settings.Region),
		Capacity: vs.Bytes(settings.Capacity),
		Home:     vs.Text(settings.Home),
		Homeless: !vs.Chosen(settings.Home),
		Peer:     vs.Text(settings.Peer),
		PeerSet:  vs.Chosen(settings.Peer),
		Public:   vs.List(settings.Public),
		Witness:  vs.On(settings.Witness),
		Gateway:  vs.On(settings.Gateway),
		Scrub:    vs.Time(settings.ScrubEvery),
		Uploads:  vs.Time(settings.UploadAge),
		Orphans:  vs.Time(settings.CleanAfter),
		Metrics:  vs.Text(settings.Metrics), RiskWebhook: vs.Text(settings.RiskHook), RiskCommand: vs.Text(settings.RiskCmd), Say: c.Say,
		Member:   c.Say.T("first member"),
		KeyName:  c.Say.T("first key"),
		Settings: c.shownSettings(vs),
		Version:  version(),
		Clock:    c.Clock,
		Logger:   slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: level})),
	}
}

// invitation returns the invitation to join by, from the standard input if it is "-".
func (c *call) invitation(text string) (string, error) {
	if text != "-" {
		return text, nil
	}
	if terminal(c.In) {
		fmt.Fprintf(c.Err, "%s ", c.Say.T("Paste the invitation and press Enter:"))
	}
	line, err := c.readLine(maxInvitation)
	if err != nil {
		return "", errs.Newf(errs.Invalid, "no invitation can be read from the standard input: %w", err)
	}
	if line == "" {
		return "", errs.New(errs.Invalid, "no invitation came over the standard input: it is the line that rhizome invite prints")
	}
	return line, nil
}

// maxInvitation is the most bytes of an invitation.
const maxInvitation = 8 << 10

// upResult is what `up --json` prints once the node answers.
type upResult struct {
	S3   api.Endpoint  `json:"s3"`
	Web  *api.Endpoint `json:"web,omitempty"`
	Data string        `json:"data"`
}

// welcome says where S3 is and, at the first start, how to use it.
func (c *call) welcome(n *node.Node) error {
	say, s3 := c.Say, n.S3()
	rows := [][]string{{"S3", s3.URL}, {say.T("Data"), n.Data()}}
	if web := n.Web(); web != nil {
		rows = append(rows, []string{say.T("Web sites"), web.URL})
	}
	k := n.FirstKey()
	if k == nil {
		return c.show(upResult{n.S3(), n.Web(), n.Data()}, func() {
			c.sayJoined(n)
			c.sayUp(n)
			writeRows(c.Out, rows)
		})
	}
	if terminal(c.Out) && !c.json {
		rows = append(rows, []string{say.T("Access key ID"), k.ID}, []string{say.T("Secret access key"), k.Secret})
		if err := c.greet(rows, s3.URL, n.Region(), k.Name, "export AWS_ACCESS_KEY_ID="+k.ID+" AWS_SECRET_ACCESS_KEY="+k.Secret+" AWS_ENDPOINT_URL="+s3.URL+" AWS_DEFAULT_REGION="+shellQuote(n.Region())); err != nil {
			return err
		}
		return n.Told()
	}
	path, err := n.KeepFirstKey(c.keyFile(k, s3.URL, n.Region()))
	if err != nil {
		return err
	}
	rows = append(rows, []string{say.T("Access key ID"), k.ID}, []string{say.T("Secret access key"), say.T("in %s, which only you can read", path)})
	return c.show(upResult{n.S3(), n.Web(), n.Data()}, func() {
		_ = c.greet(rows, s3.URL, n.Region(), k.Name, "set -a; . "+shellQuote(path)+"; set +a") // the file has the key
	})
}

// sayUp says that the node is up, or that it is of no use.
func (c *call) sayUp(n *node.Node) {
	if homes := n.Refused(); homes != "" {
		fmt.Fprintln(c.Err, c.paint(c.Err, red, c.Say.T("The node runs, but is refused: there it is no member any more (%s), and no other home answers. If it was removed, or declared lost, its folder is of no use: move it away and join with a new invitation. rhizome status%s says more.", homes, c.at)))
		return
	}
	fmt.Fprintln(c.Out, c.Say.T("The node is up. rhizome status%s shows how it is; Ctrl-C stops it.", c.at))
	if text := c.role(n.Role()); text != "" {
		fmt.Fprintln(c.Err, text)
	}
	if is, asked, name := n.OtherHome(); asked != "" {
		fmt.Fprintln(c.Err, c.Say.T("This node stands in the home %s and stays there: --home counts only when a node joins. To say that it stands in another: rhizome node zone %s %s%s", is, shellQuote(name), shellQuote(asked), c.at))
	}
	if is, asked, name := n.OtherCapacity(); asked > 0 {
		fmt.Fprintln(c.Err, c.Say.T("This node keeps at most %s, as rhizome node capacity said last, and not the %s of --capacity, which counts again once it is changed. To change it now: rhizome node capacity %s SIZE%s", c.Say.Bytes(is), c.Say.Bytes(asked), shellQuote(name), c.at))
	}
}

// role says that a node does something else than its options ask for, and how to change that.
func (c *call) role(is, asked, name string) string {
	name = shellQuote(name)
	switch {
	case is == asked:
		return ""
	case asked == api.RoleWitness && is == api.RoleGateway:
		return c.Say.T("This node is a gateway and stays one: --witness counts only when a node joins. To make it a witness: rhizome node witness %s%s", name, c.at)
	case asked == api.RoleWitness:
		return c.Say.T("This node keeps data and goes on doing so: --witness counts only when a node joins. To make it a witness: rhizome node witness %s%s", name, c.at)
	case asked == api.RoleGateway && is == api.RoleWitness:
		return c.Say.T("This node is a witness and stays one: --gateway counts only when a node joins. To make it a gateway: rhizome node capacity %s 0%s", name, c.at)
	case asked == api.RoleGateway:
		return c.Say.T("This node keeps data and goes on doing so: --gateway counts only when a node joins. To make it a gateway: rhizome node capacity %s 0%s", name, c.at)
	case is == api.RoleWitness:
		return c.Say.T("This node is a witness and stays one, though it was started without --witness. To have it keep data: rhizome node capacity %s SIZE%s", name, c.at)
	}
	return c.Say.T("This node is a gateway, though it was started without --gateway: it keeps no data unless it is told how much, by --capacity or by rhizome node capacity %s SIZE%s", name, c.at)
}

// sayJoined says what became of an invitation.
func (c *call) sayJoined(n *node.Node) {
	switch asked, did := n.Joined(); {
	case asked && did:
		_, role, _ := n.Role()
		fmt.Fprintln(c.Out, c.joined(role, c.Say.N(int64(n.Homes()), "%s home", "%s homes")))
		if home, beside := n.Beside(); len(beside) > 0 {
			fmt.Fprintln(c.Out, c.Say.T("It stands in the home %s, beside %s: they count as one place. If it stands elsewhere: rhizome node zone NODE HOME%s", home, strings.Join(beside, c.Say.T(", ")), c.at))
		}
	case asked:
		fmt.Fprintln(c.Err, c.Say.T("the node belongs to a rhizome already; the invitation is not used. Another data folder, for a new node, is named with --data."))
	}
}

// joined says that a computer has joined, and what becomes of it.
func (c *call) joined(role, homes string) string {
	switch role {
	case api.RoleWitness:
		return c.Say.T("This computer has joined: the rhizome has %s now. As a witness it votes and keeps rows, but no objects' bytes; rhizome layout show%s tells when it has taken them over.", homes, c.at)
	case api.RoleGateway:
		return c.Say.T("This computer has joined: the rhizome has %s now. As a gateway it serves everything and keeps nothing.", homes)
	}
	return c.Say.T("This computer has joined: the rhizome has %s now. Its share of the data comes by itself; rhizome layout show%s tells how far it is.", homes, c.at)
}

// greet says at once all that a first start has to say.
func (c *call) greet(rows [][]string, url, region, name, credentials string) error {
	var text strings.Builder
	fmt.Fprintln(&text, c.Say.T("Welcome. Your rhizome is made, and its first node is up."))
	writeRows(&text, rows)
	c.howTo(&text, url, region, name, credentials)
	if _, err := io.WriteString(c.Out, text.String()); err != nil {
		return errs.Newf(errs.Unavailable, "the first key cannot be shown: %w", err)
	}
	return nil
}

// keyFile is a key as a shell reads it.
func (c *call) keyFile(k *account.Key, url, region string) string {
	return "# " + c.Say.T("The first S3 key of this rhizome. Keep it to yourself, or delete this file.") + "\n" +
		"AWS_ACCESS_KEY_ID=" + k.ID + "\nAWS_SECRET_ACCESS_KEY=" + k.Secret + "\n" +
		"AWS_ENDPOINT_URL=" + url + "\nAWS_DEFAULT_REGION=" + shellQuote(region) + "\n"
}

func (c *call) howTo(out io.Writer, url, region, name, credentials string) {
	inRegion := ""
	if region != node.DefaultRegion {
		inRegion = " --s3-region " + shellQuote(region)
	}
	fmt.Fprintf(out, "\n%s\n", c.Say.T("Your first bucket, from another terminal:"))
	for _, line := range []string{
		credentials,
		"aws --endpoint-url " + url + " s3 mb s3://photos",
		"aws --endpoint-url " + url + " s3 cp garden.jpg s3://photos/",
	} {
		fmt.Fprintln(out, "  "+line)
	}
	fmt.Fprintf(out, "%s\n", c.Say.T("or with rclone:"))
	fmt.Fprintln(out, "  rclone --s3-provider Other --s3-env-auth --s3-endpoint "+url+inRegion+" copy garden.jpg :s3:photos/")
	fmt.Fprintf(out, "\n%s\n  rhizome key show %s --secret%s\n", c.Say.T("The key can be shown again at any time:"), shellQuote(name), c.at)
	fmt.Fprintf(out, "\n%s\n", c.Say.T("rhizome recovery-kit%s makes a page to print and keep safe; rhizome --help shows the rest.", c.at))
}
