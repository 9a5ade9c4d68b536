package metrics

import (
	"context"

	"rhizome/gateway/admin/api"
)

// look reads what there is to know at present.
func (m *Metrics) look(ctx context.Context, g *gauges) error {
	src := m.config.Source
	facts(g, src.MetricFacts())
	nodes, err := src.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		ofNode(g, n)
	}
	l, err := src.Layout(ctx)
	if err != nil {
		return err
	}
	ofLayout(g, l)
	disks, err := src.Disks(ctx)
	if err != nil {
		return err
	}
	for _, d := range disks {
		ofDisk(g, d)
	}
	reasons, err := m.config.Reasons(ctx)
	if err != nil {
		return err
	}
	risks(g, reasons)
	return nil
}

func facts(g *gauges, f Facts) {
	g.set("build_info", "The program's version; always 1.", 1, label{"version", f.Version})
	g.set("start_time_seconds", "When the node started, in Unix time.", float64(f.Started.UnixMilli())/1000)
	g.set("rows_bytes", "What the row store occupies on disk.", float64(f.RowsBytes))
	g.set("fetched_bytes", "Bytes fetched from other homes to mend this node since it started.", float64(f.Fetched))
	g.set("mended_extents", "Extents mended on this node since it started.", float64(f.Mended))
	g.set("events_waiting", "Events that webhooks were not told of yet, of those that this node keeps; each home counts its own copy.", float64(f.EventsWaiting))
	g.set("events_told", "Events that this node told webhooks of since it started.", float64(f.EventsTold))
	g.set("events_failed", "Attempts of this node to tell a webhook that failed since it started.", float64(f.EventsFailed))
	g.set("replication_waiting", "Keys that other stores are to be sent, of those that this node keeps; each home counts its own copy.", float64(f.DuesWaiting))
	g.set("replication_sent", "Keys that this node sent to other stores, or deleted there, since it started.", float64(f.DuesSent))
	g.set("replication_sent_bytes", "Bytes that this node sent to other stores since it started.", float64(f.DuesBytes))
	g.set("replication_failed", "Attempts of this node to send a key to another store that failed since it started.", float64(f.DuesFailed))
	g.set("log_lines_written", "Lines about requests that this node wrote into buckets since it started.", float64(f.LogsWritten))
	g.set("log_lines_dropped", "Lines about requests that this node gave up since it started.", float64(f.LogsDropped))
	g.set("log_bytes_waiting", "Bytes of lines about requests that are in no bucket yet.", float64(f.LogsWaiting))
	g.set("log_buckets_failing", "Buckets whose log of requests this node could not write the last time.", float64(f.LogsFailing))
	g.set("clock_agreed", "1 if most nodes agree on a time; 0 in one home alone, which has nobody to agree with.", yes(f.Agreed))
	g.set("clock_skew_seconds", "How far this node's clock is ahead of the time that most nodes agree on; 0 if they do not.", f.Skew.Seconds())
}

// shortID is how many digits of a node's ID its label has, as people see it.
const shortID = 8

func ofNode(g *gauges, n api.Node) {
	labels := []label{{"home", n.Home}, {"node", n.ID[:min(shortID, len(n.ID))]}}
	set := func(name, help string, value float64) { g.set("node_"+name, help, value, labels...) }
	h := n.Health
	set("up", "1 if the node answers, 0 if it is away.", yes(n.Up))
	set("partitions", "Slices of the data that the node keeps by the layout.", float64(n.Partitions))
	set("capacity_bytes", "What the layout counts with.", float64(n.Capacity))
	set("used_bytes", "What objects need of the node's disks, as it last said.", float64(n.Used))
	set("free_bytes", "Room on the node's disks, as it last said.", float64(n.Free))
	set("partitions_left", "Slices whose rows the node still takes over.", float64(h.PartitionsLeft))
	set("extents_left", "Extents that the node still has to fetch or mend.", float64(h.ExtentsLeft))
	set("bytes_left", "Bytes that the node still has to fetch.", float64(h.BytesLeft))
	set("mending_bytes_per_second", "How fast the node fetches them.", float64(h.Rate))
	set("damaged", "Extents in use of which the node found no whole copy anywhere.", float64(h.Damaged))
	set("disks_lost", "Disks of the node that cannot be used.", float64(h.DisksLost))
	set("full", "1 if the node takes no more bytes.", yes(h.Full))
	if n.Up && !n.This {
		set("round_trip_seconds", "Time from this node to that one and back.", n.RTT/1000)
	}
}

func ofLayout(g *gauges, l api.Layout) {
	g.set("layout_version", "The version of the layout.", float64(l.Version))
	g.set("replicas_wanted", "Copies of everything that are wanted.", float64(l.Replicas))
	g.set("replicas", "Copies of everything that the layout has room for.", float64(l.Effective))
	g.set("usable_bytes", "Bytes of objects that fit in all, each kept as often as there are copies.", float64(l.Usable))
	part := func(state string, n int) {
		g.set("partitions", "Slices of the data by how they stand: all of them (total), those that cannot be written at present (stopped), those of them that cannot be read either (silent), those of them that only wait until rows are taken over (waiting), those that stop after the loss of one more home (fragile), or do so until rows are taken over (moving), those whose bytes nobody has who is up (unreadable), or only one home (lone).",
			float64(n), label{"state", state})
	}
	part("total", l.Partitions)
	part("stopped", l.Stand.Stopped)
	part("silent", l.Stand.Silent)
	part("waiting", l.Stand.Waiting)
	part("fragile", l.Stand.Fragile)
	part("moving", l.Stand.Moving)
	part("unreadable", l.Stand.Unreadable)
	part("lone", l.Stand.Lone)
	moving := api.LayoutMoves{}
	if l.Moving != nil {
		moving = *l.Moving
	}
	g.set("moving_bytes_left", "Bytes that all nodes that are up still have to fetch.", float64(moving.BytesLeft))
	g.set("moving_partitions_left", "Slices whose rows they still take over.", float64(moving.PartitionsLeft))
}

func ofDisk(g *gauges, d api.Disk) {
	set := func(name, help string, value float64) { g.set("disk_"+name, help, value, label{"disk", d.Path}) }
	set("usable", "1 if the disk of this node can be used.", yes(d.State != api.DiskLost))
	set("used_bytes", "What is occupied or set aside on the disk.", float64(d.Used))
	set("free_bytes", "Room for objects on the disk.", float64(d.Free))
}

// risks tells which kinds of risk there are; each kind has a value, so that rules see
// when it is over.
func risks(g *gauges, reasons []api.Reason) {
	count := map[string]int{}
	for _, r := range reasons {
		count[r.Kind]++
	}
	for _, kind := range api.RiskKinds() {
		g.set("risk", "How many things are at risk, by kind, as rhizome status says them.", float64(count[kind]), label{"kind", kind})
	}
}
