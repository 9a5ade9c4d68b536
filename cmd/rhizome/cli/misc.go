package cli

import (
	"context"
	"fmt"
	"runtime"

	"rhizome/base/errs"
	"rhizome/base/lang"
)

func versionCommand() command {
	return command{
		use:      "version",
		short:    lang.M("Show the version of this program"),
		examples: []example{{lang.M("show the version"), "rhizome version"}},
		run: func(_ context.Context, c *call) error {
			v := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return c.show(v, func() { fmt.Fprintf(c.Out, "rhizome %s (%s, %s)\n", v.Version, v.Go, v.Platform) })
		},
	}
}

func completionCommand() command {
	return command{
		use:   "completion bash|zsh|fish",
		short: lang.M("Print a script that completes commands in your shell"),
		long:  lang.M("For bash the package bash-completion has to be installed. Make the folder that the script goes into first, if it is not there: mkdir -p. It works in shells that are opened from then on."),
		examples: []example{
			{lang.M("bash, for this user"), "rhizome completion bash > ~/.local/share/bash-completion/completions/rhizome"},
			{lang.M("zsh"), "rhizome completion zsh > \"${fpath[1]}/_rhizome\""},
			{lang.M("fish"), "rhizome completion fish > ~/.config/fish/completions/rhizome.fish"},
		},
		min: 1, max: 1,
		run: func(_ context.Context, c *call) error {
			root := c.cmd.Root()
			switch c.args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.Out, true)
			case "zsh":
				return root.GenZshCompletion(c.Out)
			case "fish":
				return root.GenFishCompletion(c.Out, true)
			}
			return usageError{errs.Newf(errs.Invalid, "%q is not one of: %s", c.args[0], "bash, zsh, fish")}
		},
	}
}
