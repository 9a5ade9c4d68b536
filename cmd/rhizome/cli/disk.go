package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func diskCommand() command {
	return command{
		use:   "disk",
		short: lang.M("Add disks, empty them and take them away"),
		long:  lang.M("A node keeps objects on one or more disks, each of them a folder. DISK is its ID, the beginning of it, or the folder."),
		examples: []example{
			{lang.M("store on another disk too"), "rhizome disk add /mnt/disk2/rhizome"},
		},
		sub: []command{
			{
				use:      "list",
				short:    lang.M("List the disks and their free space"),
				examples: []example{{lang.M("list the disks"), "rhizome disk list"}},
				run:      diskList,
			},
			{
				use:      "add DIR",
				short:    lang.M("Store on another disk too"),
				examples: []example{{lang.M("store on another disk too"), "rhizome disk add /mnt/disk2/rhizome"}},
				long:     lang.M("DIR is a folder on the mounted disk. One that is not there, or that lies on the same file system as what the node uses already, is refused unless --yes says that it is meant. If other things lie in it, the node makes a folder rhizome there for itself."),
				min:      1, max: 1,
				flags: func(f *flagSet) { f.yes() },
				run:   diskAdd,
			},
			{
				use:      "drain DISK",
				short:    lang.M("Move what a disk holds to the others, while all goes on"),
				examples: []example{{lang.M("empty a disk"), "rhizome disk drain /mnt/disk2/rhizome"}},
				min:      1, max: 1,
				flags: func(f *flagSet) { f.yes() },
				run:   diskDrain,
			},
			{
				use:      "undrain DISK",
				short:    lang.M("Let a disk that is being emptied keep data again"),
				examples: []example{{lang.M("keep the disk after all"), "rhizome disk undrain /mnt/disk2/rhizome"}},
				min:      1, max: 1,
				run: diskUndrain,
			},
			{
				use:   "remove DISK",
				short: lang.M("Take away a disk that is empty, or lost with --force"),
				examples: []example{
					{lang.M("take away an empty disk"), "rhizome disk remove /mnt/disk2/rhizome"},
					{lang.M("give up a broken disk and what was on it alone"), "rhizome disk remove /mnt/disk2/rhizome --force"},
				},
				min: 1, max: 1,
				flags: func(f *flagSet) {
					f.yes()
					f.bool("force", lang.M("give up what lies on it"))
				},
				run: diskRemove,
			},
		},
	}
}

func diskList(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var disks []api.Disk
	if err := node.Get(ctx, client.Path("disks"), &disks); err != nil {
		return err
	}
	return c.show(disks, func() { c.printDisks(disks) })
}

func (a *App) printDisks(disks []api.Disk) {
	var rows [][]string
	var why []string
	for _, d := range disks {
		state := a.diskState(d)
		if d.Reason != "" {
			why = append(why, a.Say.T("%s: %s", d.Path, d.Reason))
		}
		rows = append(rows, []string{d.ID[:min(8, len(d.ID))], d.Path, a.Say.Bytes(d.Used), a.diskFree(d), state})
	}
	a.table([]string{"ID", lang.M("Folder"), lang.M("Used"), lang.M("Free"), lang.M("State")}, rows)
	for _, line := range why {
		fmt.Fprintln(a.Out, line)
	}
}

// diskFree is a disk's free room, if that is known.
func (a *App) diskFree(d api.Disk) string {
	if d.Size == 0 {
		return a.Say.T("not known")
	}
	return a.Say.Bytes(d.Free)
}

func diskAdd(ctx context.Context, c *call) error {
	dir, err := filepath.Abs(c.args[0])
	if err != nil {
		return usageError{errs.Newf(errs.Invalid, "%q is no path: %w", c.args[0], err)}
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var d api.Disk
	if err := node.Post(ctx, client.Path("disks"), api.AddDisk{Path: dir, Sure: c.yes}, &d); err != nil {
		return err
	}
	return c.show(d, func() { c.printDisks([]api.Disk{d}) })
}

func diskDrain(ctx context.Context, c *call) error {
	return onDisk(ctx, c, func(node *client.Client, d api.Disk, _ bool) error {
		if err := node.Post(ctx, client.Path("disks", d.ID, "drain"), nil, nil); err != nil {
			return err
		}
		return c.done("The disk %s is being emptied; rhizome disk list shows how far it is.", d.Path)
	})
}

func diskUndrain(ctx context.Context, c *call) error {
	return onDisk(ctx, c, func(node *client.Client, d api.Disk, _ bool) error {
		if err := node.Post(ctx, client.Path("disks", d.ID, "undrain"), nil, nil); err != nil {
			return err
		}
		return c.done("The disk %s keeps data again.", d.Path)
	})
}

func diskRemove(ctx context.Context, c *call) error {
	return onDisk(ctx, c, func(node *client.Client, d api.Disk, only bool) error {
		question := lang.M("Take away the disk %s?")
		path := client.Path("disks", d.ID)
		if c.on("force") {
			question = lang.M("Give up the disk %s and everything that lies on it alone?")
			path = client.Query(path, "force", "true")
		} else if d.Live > 0 && !only {
			return errs.Newf(errs.Conflict, "the disk %s is not empty, it still holds %s: empty it first with rhizome disk drain %s and wait until rhizome disk list shows that it is, or give up what lies on it with --force", d.Path, c.Say.Bytes(d.Live), shellQuote(d.Path))
		}
		if err := c.confirm(question, d.Path); err != nil {
			return err
		}
		if err := node.Delete(ctx, path, nil); err != nil {
			return err
		}
		if c.on("force") {
			return c.done("The disk %s is taken away.", d.Path)
		}
		return c.done("The disk %s is taken away. What is left there (disk.lock, keyring and the folders extents, segments, snapshots and tmp) may be deleted.", d.Path)
	})
}

// onDisk calls f with the disk that the first argument names, and whether it is the only one.
func onDisk(ctx context.Context, c *call, f func(n *client.Client, d api.Disk, only bool) error) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var disks []api.Disk
	if err := node.Get(ctx, client.Path("disks"), &disks); err != nil {
		return err
	}
	d, err := pickDisk(disks, c.args[0])
	if err != nil {
		return err
	}
	return f(node, d, len(disks) == 1)
}

// pickDisk finds a disk by its folder, its ID or the beginning of it.
func pickDisk(disks []api.Disk, ref string) (api.Disk, error) {
	dir, _ := filepath.Abs(ref)
	var found []api.Disk
	for _, d := range disks {
		if d.Path == dir || d.ID == ref {
			return d, nil
		}
		if len(ref) >= 4 && len(ref) <= len(d.ID) && d.ID[:len(ref)] == ref {
			found = append(found, d)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return api.Disk{}, errs.Newf(errs.NotFound, "there is no disk %q: see rhizome disk list", ref)
}
