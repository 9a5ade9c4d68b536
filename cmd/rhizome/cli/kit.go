package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
	"rhizome/node"
)

func kitCommand() command {
	return command{
		use:   "recovery-kit",
		short: lang.M("Write down everything that is needed to come back from backups"),
		long:  lang.M("Two files are made that only you can read: one for programs, one to print. Both hold the keys to everything stored. Print the page, keep it in another place, and delete the files."),
		examples: []example{
			{lang.M("write the kit into this folder"), "rhizome recovery-kit"},
			{lang.M("write it onto a stick"), "rhizome recovery-kit --out /media/stick"},
		},
		flags: func(f *flagSet) { f.text("out", ".", lang.M("`DIR` to write the two files into")) },
		run:   recoveryKit,
		sub: []command{{
			use:   "restore FILE",
			short: lang.M("Put the keys of a kit back into a data folder that lost them"),
			long:  lang.M("FILE is one of the two that the kit consists of, or a text file with the line that stands under the QR code. Keys that are there already are never replaced by others."),
			examples: []example{
				{lang.M("before the first start on a new computer"), "rhizome recovery-kit restore rhizome-kit.json"},
			},
			min: 1, max: 1,
			run: kitRestore,
		}},
	}
}

func recoveryKit(ctx context.Context, c *call) error {
	dir, err := c.kitFolder()
	if err != nil {
		return err
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var k api.Kit
	if err := node.Get(ctx, client.Path("recovery-kit"), &k); err != nil {
		return err
	}
	page, err := c.kitPage(k)
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return errs.Newf(errs.Internal, "the result cannot be written: %w", err)
	}
	name := "rhizome-kit-" + k.Home + "-" + k.Made.In(c.Zone).Format("2006-01-02-150405")
	out := struct {
		File string `json:"file"`
		Page string `json:"page"`
	}{filepath.Join(dir, fileName(name)+".json"), filepath.Join(dir, fileName(name)+".html")}
	for _, path := range []string{out.File, out.Page} {
		if _, err := os.Stat(path); err == nil {
			return errs.Newf(errs.Exists, "%s is there already and stays: move it away, or choose another folder with --out", path)
		}
	}
	if err := writeSecret(out.File, append(raw, '\n')); err != nil {
		return err
	}
	if err := writeSecret(out.Page, page); err != nil {
		return err
	}
	err = c.show(out, func() {
		writeRows(c.Out, [][]string{{c.Say.T("For programs"), out.File}, {c.Say.T("To print"), out.Page}})
		fmt.Fprintln(c.Out, c.Say.T("Both are secret: whoever has them can read everything. Print the page, keep it in another place, then delete the files."))
	})
	if err != nil {
		return err
	}
	return node.Post(ctx, client.Path("recovery-kit", "written"), nil, nil)
}

// kitFolder is where a kit goes to. Whoever is there is asked if nothing was said, for what it
// holds is not to lie about.
func (c *call) kitFolder() (string, error) {
	dir := c.text("out")
	if !c.cmd.Flags().Changed("out") && !c.json && c.canAsk() {
		here, err := os.Getwd()
		if err != nil {
			here = dir
		}
		fmt.Fprintf(c.Err, "%s ", c.Say.T("The two files hold every secret. Into which folder, such as that of a stick? [%s]", here))
		line, err := c.readLine(4096)
		if err != nil {
			return "", errs.Newf(errs.Internal, "the answer cannot be read: %w", err)
		}
		dir = cmp.Or(line, dir)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", usageError{errs.Newf(errs.Invalid, "there is no folder %s: make it first, or name another with --out", dir)}
	}
	return dir, nil
}

// whose says which kit it is, as far as it tells: its line holds the rhizome alone.
func (a *App) whose(k api.Kit) string {
	rhizome := k.Rhizome[:min(8, len(k.Rhizome))]
	if k.Home == "" {
		return a.Say.T("This is a kit of the rhizome %s.", rhizome)
	}
	return a.Say.T("This is the kit of the home %q of the rhizome %s, made %s.", k.Home, rhizome, a.Say.Time(k.Made, a.Zone))
}

// writeSecret makes a file that only the owner reads, and never replaces one.
func writeSecret(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errs.Newf(errs.Invalid, "the file cannot be made: %w", err)
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return errs.Newf(errs.Internal, "the file cannot be written: %w", err)
	}
	return nil
}

func kitRestore(_ context.Context, c *call) error {
	raw, err := os.ReadFile(c.args[0])
	if err != nil {
		return errs.Newf(errs.Invalid, "the kit cannot be read: %w", err)
	}
	keys, k, err := parseKit(raw)
	if err != nil {
		return err
	}
	vs, err := c.values(c.flag)
	if err != nil {
		return err
	}
	data := vs.Text(settings.Data)
	if !c.json && k.Rhizome != "" {
		fmt.Fprintln(c.Err, c.whose(k))
	}
	ownFiles()
	found, err := node.RestoreKeys(data, keys)
	switch {
	case err != nil:
		return err
	case found.OtherNode:
		return errs.Newf(errs.Conflict, "only the root key is back in %s: the rows there were made anew after this kit and need another node key. Restore a newer kit, or run rhizome repair rebuild, which makes a key", data)
	case found.RowsGone:
		return c.done("The keys are back in %s, where no rows are. Put a backup of the data folder there, or make the rows anew from the disks: %s", data, "rhizome repair rebuild"+c.diskFlags(data, k.Disks))
	}
	return c.done("The keys are back in %s. Start the node with rhizome up.", data)
}

// diskFlags are the options that name the disks of a kit; DIR for those of one that does
// not tell.
func (c *call) diskFlags(data string, disks []string) string {
	out := ""
	if c.cmd.Flags().Changed(settings.Data) {
		out = " --data " + shellQuote(data)
	}
	for _, d := range disks {
		if filepath.Dir(d) != filepath.Clean(data) {
			out += " --disk " + shellQuote(d)
		}
	}
	if disks == nil {
		out += " --disk DIR"
	}
	return out
}
