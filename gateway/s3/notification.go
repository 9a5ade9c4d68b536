package s3

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// S3 tells queues, topics and functions of AWS. Here a webhook is told, which the owner of
// a node registered under a name; it is written as a queue, whose ARN holds the name.
const (
	maxNotify  = 64 << 10 // bytes of the document
	notifyRoot = "NotificationConfiguration"
	arnBefore  = "arn:rhizome:webhook::"
	arnAfter   = ":"
)

func getNotification(q *request) error {
	d := newDoc(notifyRoot)
	for i := range q.bucket.Settings.Notify {
		d.notify(&q.bucket.Settings.Notify[i])
	}
	return q.xml(http.StatusOK, d, notifyRoot)
}

func (d *doc) notify(n *object.Notify) {
	const root = "QueueConfiguration"
	d.begin(root)
	d.text("Id", n.ID)
	d.text("Queue", arnBefore+n.Webhook+arnAfter)
	for _, e := range n.Events {
		d.text("Event", e)
	}
	if n.Prefix != "" || n.Suffix != "" {
		d.begin("Filter")
		d.begin("S3Key")
		d.nameRules("Prefix", n.Prefix)
		d.nameRules("Suffix", n.Suffix)
		d.end("S3Key")
		d.end("Filter")
	}
	d.end(root)
}

func (d *doc) nameRules(name, value string) {
	if value == "" {
		return
	}
	d.begin("FilterRule")
	d.text("Name", name)
	d.text("Value", value)
	d.end("FilterRule")
}

func putNotification(q *request) error {
	body, err := q.document(maxNotify, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, notifyRoot)
	if err != nil {
		return err
	}
	rules, err := readNotification(root)
	if err != nil {
		return err
	}
	for i := range rules {
		name := rules[i].Webhook
		if slices.ContainsFunc(q.bucket.Settings.Notify, func(n object.Notify) bool { return n.Webhook == name }) {
			continue // who may name it named it
		}
		if err := q.knowsWebhook(name); err != nil {
			return err
		}
	}
	return q.change(http.StatusOK, func(s *object.Settings) error {
		s.Notify = rules
		return nil
	})
}

// knowsWebhook refuses the name of no webhook, and of one that is not the caller's to name: the
// answers do not differ.
func (q *request) knowsWebhook(name string) error {
	err := error(errs.NotFound)
	if q.g.webhook != nil {
		err = q.g.webhook(q.ctx, name, q.who)
	}
	if errors.Is(err, errs.NotFound) {
		return noDestination()
	}
	return err
}

func noDestination() error {
	return s3err.Newf(s3err.InvalidArgument, "Unable to validate the following destination configurations: a queue is the ARN %sNAME%s of a webhook of yours that was made with rhizome webhook add.", arnBefore, arnAfter)
}

func readNotification(root *node) ([]object.Notify, error) {
	var out []object.Notify
	for _, n := range root.kids {
		switch n.name {
		case "QueueConfiguration":
		case "TopicConfiguration", "CloudFunctionConfiguration", "EventBridgeConfiguration":
			return nil, noDestination()
		default:
			return nil, malformed(nil)
		}
		r := object.Notify{}
		for _, k := range n.kids {
			if err := readNotify(&r, k); err != nil {
				return nil, err
			}
		}
		if r.Webhook == "" || len(r.Events) == 0 {
			return nil, malformed(nil)
		}
		if r.ID == "" {
			r.ID = ident.New().String()
		}
		for i := range out {
			if out[i].ID == r.ID {
				return nil, s3err.Newf(s3err.InvalidArgument, "Same ID used for multiple configurations. IDs must be unique")
			}
		}
		out = append(out, r)
	}
	if len(out) > maxRules {
		return nil, malformed(nil)
	}
	return out, nil
}

// readNotify reads one element of a rule.
func readNotify(r *object.Notify, k *node) error {
	v := strings.TrimSpace(k.text)
	switch k.name {
	case "Id":
		if len(v) > 255 || r.ID != "" {
			return malformed(nil)
		}
		r.ID = v
	case "Queue":
		name, ok := strings.CutPrefix(v, arnBefore)
		name, after := strings.CutSuffix(name, arnAfter)
		if r.Webhook != "" {
			return malformed(nil)
		}
		if !ok || !after || name == "" {
			return noDestination()
		}
		r.Webhook = name
	case "Event":
		if !object.EventPattern(v) {
			return s3err.Newf(s3err.InvalidArgument, "A specified event is not supported for notifications.")
		}
		r.Events = append(r.Events, v)
	case "Filter":
		return readNameRules(r, k)
	default:
		return malformed(nil)
	}
	return nil
}

func readNameRules(r *object.Notify, filter *node) error {
	for _, key := range filter.kids {
		if key.name != "S3Key" {
			return malformed(nil)
		}
		for _, rule := range key.kids {
			if rule.name != "FilterRule" {
				return malformed(nil)
			}
			name, value := "", ""
			for _, k := range rule.kids {
				switch k.name {
				case "Name":
					name = strings.ToLower(strings.TrimSpace(k.text))
				case "Value":
					value = k.text
				default:
					return malformed(nil)
				}
			}
			if err := setFilter(r, name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func setFilter(r *object.Notify, name, value string) error {
	to := map[string]*string{"prefix": &r.Prefix, "suffix": &r.Suffix}[name]
	switch {
	case to == nil:
		return s3err.Newf(s3err.InvalidArgument, "filter rule name must be either prefix or suffix")
	case *to != "":
		return s3err.Newf(s3err.InvalidArgument, "Cannot specify more than one %s rule in a filter.", name)
	case len(value) > object.MaxKey:
		return s3err.Newf(s3err.InvalidArgument, "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation")
	}
	*to = value
	return nil
}

// origin says who asks, for events; only a bucket that tells of any needs it, which may not
// be known yet.
func (q *request) origin() {
	if !q.route.Changes || q.bucket != nil && !q.guess.assumed && len(q.bucket.Settings.Notify)+len(q.bucket.Settings.Replicate) == 0 {
		return
	}
	host, _, err := net.SplitHostPort(q.r.RemoteAddr)
	if err != nil {
		host = ""
	}
	o := &object.Origin{Address: host, Request: q.id, Form: q.route.Need == form, Replica: q.isReplica()}
	if q.who != nil {
		o.Key = q.who.ID
	}
	q.ctx = object.WithOrigin(q.ctx, o)
}
