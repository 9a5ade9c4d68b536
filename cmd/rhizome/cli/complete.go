package cli

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// completeTime is how long a shell waits for the node when it completes a word.
const completeTime = 2 * time.Second

// completion lists the words that may stand for the first argument.
type completion func(context.Context, *client.Client) ([]string, error)

// completion is what completes a command's first argument: what it says, or what its usage line
// names there.
func (c command) completion() completion {
	_, args, _ := strings.Cut(c.use, " ")
	first, _, _ := strings.Cut(args, " ")
	switch {
	case c.complete != nil:
		return c.complete
	case first == "BUCKET":
		return completeBuckets
	case first == "BUCKET/KEY":
		return completeFolders
	case first == "KEY":
		return completeKeys
	case first == "DISK":
		return completeDisks
	}
	return nil
}

// completeBuckets are the names of the buckets.
func completeBuckets(ctx context.Context, node *client.Client) (out []string, err error) {
	var all []api.Bucket
	err = node.Get(ctx, client.Path("buckets"), &all)
	for _, b := range all {
		out = append(out, b.Names...)
		for _, names := range b.LocalNames {
			out = append(out, names...)
		}
	}
	return out, err
}

// completeFolders are the beginnings of objects' names, as far as the bucket.
func completeFolders(ctx context.Context, node *client.Client) ([]string, error) {
	out, err := completeBuckets(ctx, node)
	for i := range out {
		out[i] += "/"
	}
	return out, err
}

// completeKeys are the names of the keys, and the IDs of those that have none.
func completeKeys(ctx context.Context, node *client.Client) (out []string, err error) {
	var all []api.Key
	err = node.Get(ctx, client.Path("keys"), &all)
	for _, k := range all {
		out = append(out, cmp.Or(k.Name, k.ID))
	}
	return out, err
}

// completeDisks are the folders of the disks.
func completeDisks(ctx context.Context, node *client.Client) (out []string, err error) {
	var all []api.Disk
	err = node.Get(ctx, client.Path("disks"), &all)
	for _, d := range all {
		out = append(out, d.Path)
	}
	return out, err
}

// completer makes a completion one of cobra's. What fails completes nothing.
func (a *App) completer(words completion) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	if words == nil {
		return cobra.NoFileCompletions
	}
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		const nothing = cobra.ShellCompDirectiveNoFileComp
		if len(args) > 0 {
			return nil, nothing
		}
		node, err := (&call{App: a, cmd: cmd, args: args}).node()
		if err != nil {
			return nil, nothing
		}
		defer node.Close()
		ctx, cancel := context.WithTimeout(context.Background(), completeTime)
		defer cancel()
		all, err := words(ctx, node)
		if err != nil {
			return nil, nothing
		}
		var out []string
		for _, w := range all {
			if strings.HasPrefix(w, begun) {
				out = append(out, w)
			}
		}
		return out, nothing
	}
}

// completeNodes are the names and the short IDs of the nodes.
func completeNodes(ctx context.Context, node *client.Client) ([]string, error) {
	nodes, err := node.Nodes(ctx)
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name, n.Short)
	}
	return out, err
}

// completeInvitations are the beginnings of the IDs of the invitations.
func completeInvitations(ctx context.Context, node *client.Client) ([]string, error) {
	all, err := node.Invitations(ctx)
	var out []string
	for _, i := range all {
		out = append(out, i.ID[:min(8, len(i.ID))])
	}
	return out, err
}
