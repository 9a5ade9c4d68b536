package cli

import (
	"context"
	"fmt"

	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func metricsCommand() command {
	return command{
		use:   "metrics",
		short: lang.M("Print the node's metrics, as Prometheus reads them"),
		long: lang.M("The same that rhizome up --metrics ADDR serves at /metrics. docs/metrics.md says what each means and has rules for alerts.\n" +
			"To be told of risks without Prometheus, see the settings risk-webhook and risk-command."),
		examples: []example{
			{lang.M("what is at risk, as numbers"), "rhizome metrics | grep rhizome_risk"},
			{lang.M("for the collector of text files of node_exporter"), "rhizome metrics > /var/lib/prometheus/node-exporter/rhizome.prom"},
		},
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var m api.Metrics
			if err := node.Get(ctx, client.Path("metrics"), &m); err != nil {
				return err
			}
			return c.show(m, func() { fmt.Fprint(c.Out, m.Text) })
		},
	}
}
