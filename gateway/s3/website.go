package s3

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"rhizome/base/ident"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// Sites is what is told of web sites. A site's record is in the bucket's settings.
type Sites interface {
	// OwnNames lets the bucket's own names lead to the site, as far as they can.
	OwnNames(ctx context.Context, b *object.Bucket) (*object.Bucket, error)
	// Gone frees the names of a site that is none any more.
	Gone(ctx context.Context, id ident.ID, s object.Settings) error
}

// Visits says what a bucket's policy lets visitors of its web site read. New returns one.
type Visits interface {
	MayVisit(r *http.Request, b *object.Bucket, key string) bool
}

const (
	websiteRoot = "WebsiteConfiguration"
	maxWebRules = 50        // as AWS has it
	maxWebsite  = 128 << 10 // bytes of the document
)

func websiteRoutes() []route {
	return []route{
		{Scope: bucket, Method: http.MethodGet, Sub: "website", Action: "GetBucketWebsite", Need: known, IAM: []string{"s3:GetBucketWebsite"}, serve: getWebsite},
		{Scope: bucket, Method: http.MethodPut, Sub: "website", Action: "PutBucketWebsite", Need: owns, IAM: []string{"s3:PutBucketWebsite"}, Changes: true, serve: putWebsite},
		{Scope: bucket, Method: http.MethodDelete, Sub: "website", Action: "DeleteBucketWebsite", Need: owns, IAM: []string{"s3:DeleteBucketWebsite"}, Changes: true, serve: deleteWebsite},
	}
}

// MayVisit implements Visits: the site gives everybody the right to read, and the policy may
// deny it.
func (g *gateway) MayVisit(r *http.Request, b *object.Bucket, key string) bool {
	public := *b
	public.Anonymous.Read, public.Settings.Block = true, object.Block{}
	q := &request{g: g, r: r, ctx: r.Context(), key: key, scope: anObject, route: &route{Scope: anObject, Method: r.Method}}
	return q.may(&public, nil, reads, key, r.Header, "s3:GetObject") == nil
}

func getWebsite(q *request) error {
	t := q.bucket.Settings.Site
	if t == nil {
		return s3err.New(s3err.NoSuchWebsiteConfiguration, s3err.Field{Name: "BucketName", Value: q.bucketName})
	}
	d := newDoc(websiteRoot)
	if t.RedirectAll != nil {
		d.begin("RedirectAllRequestsTo")
		d.text("HostName", t.RedirectAll.Host)
		d.some("Protocol", t.RedirectAll.Protocol)
		d.end("RedirectAllRequestsTo")
	}
	if t.Index != "" && t.RedirectAll == nil {
		d.begin("IndexDocument")
		d.text("Suffix", t.Index)
		d.end("IndexDocument")
	}
	if t.Error != "" {
		d.begin("ErrorDocument")
		d.text("Key", t.Error)
		d.end("ErrorDocument")
	}
	if len(t.Rules) > 0 {
		d.begin("RoutingRules")
		for i := range t.Rules {
			d.routingRule(&t.Rules[i])
		}
		d.end("RoutingRules")
	}
	return q.xml(http.StatusOK, d, websiteRoot)
}

func (d *doc) routingRule(r *object.SiteRule) {
	d.begin("RoutingRule")
	if r.Prefix != "" || r.Status != 0 {
		d.begin("Condition")
		d.some("KeyPrefixEquals", r.Prefix)
		if r.Status != 0 {
			d.int("HttpErrorCodeReturnedEquals", int64(r.Status))
		}
		d.end("Condition")
	}
	d.begin("Redirect")
	d.some("Protocol", r.To.Protocol)
	d.some("HostName", r.To.Host)
	if r.To.Prefix != nil {
		d.text("ReplaceKeyPrefixWith", *r.To.Prefix)
	}
	if r.To.Key != nil {
		d.text("ReplaceKeyWith", *r.To.Key)
	}
	if r.To.Status != 0 {
		d.int("HttpRedirectCode", int64(r.To.Status))
	}
	d.end("Redirect")
	d.end("RoutingRule")
}

func putWebsite(q *request) error {
	body, err := q.document(maxWebsite, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, websiteRoot)
	if err != nil {
		return err
	}
	said, err := readWebsite(root)
	if err != nil {
		return err
	}
	if err := q.mayPublish(); err != nil {
		return err
	}
	b, err := q.g.objects.ChangeSettings(q.ctx, q.bucket, func(s *object.Settings) error {
		site := object.Site{}
		if s.Site != nil {
			site = *s.Site
		} else if s.Block.BlockPolicy {
			return s3err.New(s3err.AccessDenied)
		}
		site.Index, site.Error, site.RedirectAll, site.Rules = said.Index, said.Error, said.RedirectAll, said.Rules
		s.Site = &site
		return nil
	})
	if err == nil && q.g.sites != nil {
		_, err = q.g.sites.OwnNames(q.ctx, b)
	}
	if err != nil {
		return err
	}
	q.reply(http.StatusOK)
	return nil
}

// mayPublish refuses to make a site of a bucket who may not publish it. On AWS a web site shows
// only what a policy opens, here all that none denies: so it takes what a policy takes.
func (q *request) mayPublish() error {
	if q.bucket.Settings.Site != nil {
		return nil
	}
	return q.may(q.bucket, q.who, owns, "", q.r.Header, "s3:PutBucketPolicy")
}

func deleteWebsite(q *request) error {
	var had object.Settings
	_, err := q.g.objects.ChangeSettings(q.ctx, q.bucket, func(s *object.Settings) error {
		had, s.Site = *s, nil
		return nil
	})
	if err == nil && q.g.sites != nil {
		err = q.g.sites.Gone(q.ctx, q.bucket.ID, had)
	}
	if err != nil {
		return err
	}
	q.reply(http.StatusNoContent)
	return nil
}

func readWebsite(root *node) (s object.Site, err error) {
	index, page := false, false
	for _, n := range root.kids {
		switch n.name {
		case "RedirectAllRequestsTo":
			s.RedirectAll, err = readAllTo(n)
		case "IndexDocument":
			index = true
			s.Index, err = onlyText(n, "Suffix")
		case "ErrorDocument":
			page = true
			s.Error, err = onlyText(n, "Key")
		case "RoutingRules":
			s.Rules, err = readRoutingRules(n)
		default:
			err = malformed(nil)
		}
		if err != nil {
			return s, err
		}
	}
	switch {
	case s.RedirectAll != nil && len(root.kids) > 1:
		return s, malformed(nil)
	case s.RedirectAll == nil && !index:
		return s, webArgument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty", "IndexDocument", "null")
	case index && (s.Index == "" || len(s.Index) > object.MaxKey || strings.Contains(s.Index, "/")):
		return s, webArgument("The IndexDocument Suffix is not well formed", "IndexDocument", s.Index)
	case page && s.Error == "", len(s.Error) > object.MaxKey:
		return s, webArgument("The ErrorDocument Key is not well formed", "ErrorDocument", s.Error)
	}
	return s, nil
}

func webArgument(message, name, value string) error {
	return s3err.Newf(s3err.InvalidArgument, "%s", message).With("ArgumentName", name).With("ArgumentValue", value)
}

func invalidSite(format string, args ...any) error {
	return s3err.Newf(s3err.InvalidRequest, format, args...)
}

// onlyText reads an element with one element in it.
func onlyText(n *node, name string) (string, error) {
	v, ok := n.child(name)
	if !ok || len(n.kids) != 1 {
		return "", malformed(nil)
	}
	return strings.TrimSpace(v), nil
}

func readAllTo(n *node) (*object.SiteTarget, error) {
	t := &object.SiteTarget{}
	for _, k := range n.kids {
		switch v := strings.TrimSpace(k.text); k.name {
		case "HostName":
			t.Host = v
		case "Protocol":
			t.Protocol = v
		default:
			return nil, malformed(nil)
		}
	}
	if t.Host == "" {
		return nil, malformed(nil)
	}
	return t, checkTarget(t)
}

// checkTarget refuses what could not stand in a Location.
func checkTarget(t *object.SiteTarget) error {
	if t.Protocol != "" && t.Protocol != "http" && t.Protocol != "https" {
		return invalidSite("Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.")
	}
	for i := range len(t.Host) {
		if c := t.Host[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != ':' {
			return invalidSite("The HostName %q is no host name.", t.Host)
		}
	}
	return nil
}

func readRoutingRules(n *node) ([]object.SiteRule, error) {
	if len(n.kids) > maxWebRules {
		return nil, invalidSite("%d routing rules provided, the number of routing rules in a website configuration is limited to %d.", len(n.kids), maxWebRules)
	}
	out := make([]object.SiteRule, 0, len(n.kids))
	for _, k := range n.kids {
		r, err := readRoutingRule(k)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func readRoutingRule(n *node) (r object.SiteRule, err error) {
	redirects := false
	for _, k := range n.kids {
		switch {
		case n.name != "RoutingRule":
			err = malformed(nil)
		case k.name == "Condition":
			err = readCondition(&r, k)
		case k.name == "Redirect":
			redirects = true
			err = readRedirect(&r.To, k)
		default:
			err = malformed(nil)
		}
		if err != nil {
			return r, err
		}
	}
	if !redirects {
		return r, malformed(nil)
	}
	return r, nil
}

func readCondition(r *object.SiteRule, n *node) error {
	if len(n.kids) == 0 {
		return malformed(nil)
	}
	for _, k := range n.kids {
		switch k.name {
		case "KeyPrefixEquals":
			r.Prefix = k.text
		case "HttpErrorCodeReturnedEquals":
			code, err := strconv.Atoi(strings.TrimSpace(k.text))
			switch {
			case err != nil:
				return malformed(err)
			case (code < 400 || code > 417) && (code < 500 || code > 505): // those that S3 knows
				return invalidSite("The provided HTTP error code (%d) is not valid. Valid codes are 4XX or 5XX.", code)
			}
			r.Status = code
		default:
			return malformed(nil)
		}
	}
	return nil
}

// redirects reports whether an answer with that status leads elsewhere.
func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusUseProxy, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func readRedirect(t *object.SiteTarget, n *node) error {
	if len(n.kids) == 0 {
		return malformed(nil)
	}
	for _, k := range n.kids {
		text := k.text
		switch v := strings.TrimSpace(text); k.name {
		case "Protocol":
			t.Protocol = v
		case "HostName":
			t.Host = v
		case "ReplaceKeyPrefixWith":
			t.Prefix = &text
		case "ReplaceKeyWith":
			t.Key = &text
		case "HttpRedirectCode":
			code, err := strconv.Atoi(v)
			switch {
			case err != nil:
				return malformed(err)
			case !redirects(code):
				return invalidSite("The provided HTTP redirect code (%d) is not valid. Valid codes are 3XX except 300.", code)
			}
			t.Status = code
		default:
			return malformed(nil)
		}
	}
	if t.Key != nil && t.Prefix != nil {
		return invalidSite("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
	}
	return checkTarget(t)
}
