package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rhizome/gateway/admin/client"
)

// completeTime is how long a shell waits for the node when it completes a word.
const completeTime = 2 * time.Second

// completion lists the words that may stand for the first argument.
type completion func(context.Context, *client.Client) ([]string, error)

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
