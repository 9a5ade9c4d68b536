package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/importer"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// deployers is how many files are sent at once.
const deployers = 8

func siteDeploy() command {
	return command{
		use:   "deploy DIR",
		short: lang.M("Put a folder online as the whole of a site"),
		long: lang.M("Only what is not there yet is sent; then the site switches at once. Hidden files stay away, but for .well-known; the files _redirects and _headers are obeyed, 404.html is the error page.\n" +
			"The output of Hugo (public), Jekyll (_site), Zola (public) and Astro (dist) is deployed as it is."),
		examples: []example{
			{lang.M("what Hugo made"), "rhizome site deploy public/ --site example.org"},
			{lang.M("the only site there is"), "rhizome site deploy _site/"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("site", "", lang.M("the `SITE` it is about; without it the only one there is"))
			f.bool("force", lang.M("deploy a folder without files too"))
			f.bool("no-rules", lang.M("do not obey _redirects and _headers"))
		},
		run: deploy,
	}
}

// folder is what is deployed.
type folder struct {
	root   *os.Root
	in     api.NewDeployment
	byHash map[string]string // a path for each hash
	left   int               // hidden files
}

func deploy(ctx context.Context, c *call) error {
	f, err := readFolder(ctx, c.args[0], !c.on("no-rules"))
	if err != nil {
		return err
	}
	defer f.root.Close()
	if len(f.in.Files) == 0 && !c.on("force") {
		return errs.Newf(errs.Invalid, "there is no file in %s: an empty site is deployed with --force", c.args[0])
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	site, err := c.theSite(ctx, node)
	if err != nil {
		return err
	}
	var begun api.BegunDeployment
	if err := node.Post(ctx, client.Path("sites", site, "deployments"), f.in, &begun); err != nil {
		return err
	}
	out := api.Deployed{}
	path := client.Path("sites", site, "deployments", begun.ID)
	if err = f.send(ctx, c, node, site, &begun); err == nil {
		err = node.Post(ctx, path+"/finish", nil, &out)
	}
	if err != nil {
		// What was sent is deleted; if that fails, a later deployment does it.
		_ = node.Delete(context.WithoutCancel(ctx), path, nil)
		if ctx.Err() != nil {
			fmt.Fprintln(c.Err, c.Say.T("Stopped: visitors see the site as before."))
			return errStopped
		}
		return err
	}
	out.Sent = len(begun.Missing)
	return c.show(out, func() {
		fmt.Fprintln(c.Out, c.Say.T("Deployed: %s, %s, of which %s new. Deployment %s.", c.Say.N(int64(out.Files), "%s file", "%s files"), c.Say.Bytes(out.Bytes), c.Say.Int(int64(out.Sent)), out.ID[:8]))
		for _, u := range out.URLs {
			fmt.Fprintln(c.Out, u)
		}
		if f.left > 0 {
			fmt.Fprintln(c.Err, c.Say.N(int64(f.left), "%s hidden file or folder was left out.", "%s hidden files and folders were left out."))
		}
		if !f.begins(ctx, node, site) {
			fmt.Fprintln(c.Err, c.Say.T("There is no first page: visitors of / find nothing. Was another folder meant, the one that Hugo, Jekyll, Zola or Astro made?"))
		}
	})
}

// begins reports whether the folder has something to show at /, as far as can be told.
func (f *folder) begins(ctx context.Context, node *client.Client, site string) bool {
	var s api.Site
	if err := node.Get(ctx, client.Path("sites", site), &s); err != nil || s.Listing || s.RedirectTo != "" || s.Rules > 0 || f.in.Redirects != "" {
		return true
	}
	return len(f.in.Files) == 0 || slices.ContainsFunc(f.in.Files, func(file api.DeployFile) bool { return file.Path == s.Index })
}

// readFolder reads what is in a folder. A link that leads out of it is refused.
func readFolder(ctx context.Context, dir string, rules bool) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "the folder %s cannot be read: %w", dir, err)
	}
	f := &folder{root: root, byHash: map[string]string{}}
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		return f.take(path, d, rules)
	})
	if err != nil {
		return nil, errors.Join(errs.Newf(errs.KindOf(err), "the folder %s cannot be deployed: %w", dir, err), root.Close())
	}
	return f, nil
}

func (f *folder) take(at string, d fs.DirEntry, rules bool) error {
	if strings.HasPrefix(d.Name(), ".") && at != "." && at != ".well-known" {
		f.left++
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if !utf8.ValidString(at) {
		return errs.Newf(errs.Invalid, "the name %q is not UTF-8, so that no visitor could ask for it: give the file another", at)
	}
	if d.IsDir() {
		return f.noNode(at)
	}
	info, err := f.root.Stat(at)
	switch {
	case err != nil && d.Type()&fs.ModeSymlink != 0:
		return errs.Newf(errs.Invalid, "%s is a link that leads out of the folder, or nowhere", at)
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errs.Newf(errs.Invalid, "%s is no file", at)
	}
	if at == "_redirects" || at == "_headers" {
		return f.takeRules(at, rules)
	}
	hash, size, err := f.hash(at)
	if err != nil {
		return err
	}
	f.byHash[hash] = at
	f.in.Files = append(f.in.Files, api.DeployFile{Path: at, Hash: hash, Size: size})
	return nil
}

// noNode refuses the data folder of a node, whose keys nobody is to read.
func (f *folder) noNode(dir string) error {
	for _, name := range []string{"node.key", "root.key"} {
		if _, err := f.root.Stat(path.Join(dir, name)); err == nil {
			return errs.Newf(errs.Denied, "%s holds a node's data (%s), which is secret: deploy a folder of its own", filepath.Join(f.root.Name(), dir), name)
		}
	}
	return nil
}

func (f *folder) takeRules(path string, obey bool) error {
	if !obey {
		return nil
	}
	b, err := f.root.ReadFile(path)
	if path == "_redirects" {
		f.in.Redirects = string(b)
	} else {
		f.in.Headers = string(b)
	}
	return err
}

func (f *folder) hash(path string) (string, int64, error) {
	file, err := f.root.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	h := sha256.New()
	n, err := io.Copy(h, file)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// send sends what is missing, several files at once. The first failure ends it.
func (f *folder) send(ctx context.Context, c *call, node *client.Client, site string, begun *api.BegunDeployment) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bar := newBar(c.App)
	defer bar.stop()
	todo := make(chan string)
	var wg sync.WaitGroup
	for range deployers {
		wg.Go(func() {
			for hash := range todo {
				if err := f.sendOne(ctx, bar, node, site, begun.ID, hash); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, hash := range begun.Missing {
		info, err := f.root.Stat(f.byHash[hash])
		if err != nil {
			cancel(err)
			break
		}
		bar.Found(importer.Object{Size: info.Size()}, false)
	}
	for _, hash := range begun.Missing {
		select {
		case todo <- hash:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(todo)
	wg.Wait()
	return context.Cause(ctx)
}

func (f *folder) sendOne(ctx context.Context, bar *bar, node *client.Client, site, id, hash string) error {
	file, err := f.root.Open(f.byHash[hash])
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := node.BringFile(ctx, site, id, hash, &moved{file, bar}, info.Size()); err != nil {
		return err
	}
	bar.Copied(importer.Object{Size: info.Size()})
	return nil
}

// moved tells a bar what is read.
type moved struct {
	io.Reader
	bar *bar
}

func (m *moved) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	m.bar.Moved(int64(n))
	return n, err
}
