package node

import (
	"log/slog"
	"net"
	"net/http"

	"golang.org/x/net/netutil"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/s3"
	"rhizome/gateway/web"
	"rhizome/model/object"
	"rhizome/model/site"
	"rhizome/net/gather"
)

// maxVisitors is how many connections the web server holds at once; more wait.
const maxVisitors = 4096

// listenWeb opens the web address. If nobody chose it and its port is in use, a free one is
// taken: sites are not what a node must not start without.
func (n *Node) listenWeb() (err error) {
	c := n.config
	if c.Web == "" {
		return nil
	}
	n.webs, err = net.Listen("tcp", c.Web)
	if err != nil && !c.WebSet {
		if host, _, serr := net.SplitHostPort(c.Web); serr == nil {
			n.webs, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
		}
	}
	if err != nil {
		return errs.Newf(errs.Invalid, "web sites cannot be served on %s: %w; choose another address with --web", c.Web, err)
	}
	n.onClose(func() error { return closeOnce(n.webs) })
	return nil
}

// Web says where web sites are served; nil: nowhere.
func (n *Node) Web() *api.Endpoint {
	if n.webs == nil {
		return nil
	}
	at := n.webs.Addr().String()
	host, port, err := net.SplitHostPort(at)
	reach := at
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		reach = net.JoinHostPort(ownAddress(), port)
	}
	return &api.Endpoint{Address: at, URL: "http://" + reach, Domains: n.config.WebDomains}
}

// openSites builds the sites, above the buckets.
func (n *Node) openSites() {
	n.sites = site.New(site.Config{Registers: n.regs, Buckets: n.objects, Clock: n.members.Clock(), Agreed: n.agreed, Domains: n.config.WebDomains, Node: n.keys.id()})
	n.objects.Gone = n.sites.Gone
}

// visitors returns the web server. May is S3's word on what a bucket's policy denies.
func (n *Node) visitors(front http.Handler) *web.Server {
	c := web.Config{Live: web.Source{Sites: n.sites, Objects: n.objects}, Stale: n.staleSites(), Clock: n.members.Clock(), Logger: n.config.Logger, Logs: n.logs}
	if v, ok := front.(s3.Visits); ok {
		c.May = v.MayVisit
	}
	return web.New(c)
}

// staleSites answers from what this home has by itself.
func (n *Node) staleSites() web.Source {
	last := register.LastOnly{Replica: n.replica}
	oc := n.objects.Config
	oc.Registers = last
	objects := object.New(oc)
	return web.Source{Sites: staleCount{site.New(site.Config{Registers: last, Buckets: objects, Clock: n.members.Clock(), Domains: n.config.WebDomains, Node: n.keys.id()}), n.sites}, Objects: objects}
}

// staleCount has visits of sites that are read from this home counted with the others.
type staleCount struct {
	*site.Store
	all *site.Store
}

// Visited implements web.Sites.
func (s staleCount) Visited(bucket ident.ID, v site.Visit) { s.all.Visited(bucket, v) }

// webServices are what serves sites and counts visits.
func (n *Node) webServices(front http.Handler) []service {
	out := []service{{"visits", n.sites.Run}}
	if n.webs == nil {
		return out
	}
	w := n.visitors(front)
	n.webRest.Store(&w)
	srv := web.NewServer(n.requests.count(w))
	srv.ErrorLog = slog.NewLogLogger(n.config.Logger.Handler(), slog.LevelDebug)
	return append(out, service{"web", serve(srv, netutil.LimitListener(gather.Listener(n.webs), maxVisitors), n.config.Logger)})
}
