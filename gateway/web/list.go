package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"rhizome/base/lang"
	"rhizome/model/object"
)

// listed is one row of a folder's page.
type listed struct {
	Name, Link, Size, Time, Changed string
}

// pageOf is how many names a folder's page has, askedOf where a policy is asked about each, which
// may read its row.
const (
	pageOf  = 500
	askedOf = 100
)

// list shows what is in a folder, if the site wants that; else missing is why not. in lists the
// folder's names after one, so many at most.
func (v *visit) list(missing error, in func(after string, limit int) (*object.Listed, error)) error {
	if !v.site.Site.Listing {
		return missing
	}
	if err := v.may(v.key); err != nil {
		return err
	}
	rows := pageOf
	if v.at.Settings.Policy != nil {
		rows = askedOf
	}
	l, err := in(v.r.URL.Query().Get("after"), rows)
	if err != nil {
		return err
	}
	say := lang.FromHeader(v.r.Header.Get("Accept-Language"))
	shown := v.rows(l, say)
	if len(shown) == 0 && v.key != "" && !l.More {
		return missing
	}
	more := ""
	if l.More {
		more = "?" + url.Values{"after": {l.Next}}.Encode()
	}
	v.protect()
	v.keeping()
	v.w.Header().Add("Vary", "Accept-Language")
	return v.show("list.html", http.StatusOK, map[string]any{"Lang": string(say.Language()), "Title": say.T("Contents of %s", v.host+"/"+v.key),
		"Name": say.T("Name"), "Size": say.T("Size"), "Changed": say.T("Changed"), "Up": v.key != "", "Rows": shown,
		"More": more, "MoreText": say.T("More")})
}

// inBucket lists the folder that the path stands for in the bucket itself.
func (v *visit) inBucket(after string, limit int) (*object.Listed, error) {
	return v.from.Objects.List(v.ctx, v.at, object.List{Prefix: v.key, Delimiter: "/", After: after, Limit: limit})
}

func (v *visit) rows(l *object.Listed, say lang.Printer) (out []listed) {
	for _, p := range l.Prefixes {
		if p != object.OwnPrefix {
			name := strings.TrimPrefix(p, v.key)
			out = append(out, listed{Name: name, Link: link(name)})
		}
	}
	for i := range l.Objects {
		o := &l.Objects[i]
		name := strings.TrimPrefix(o.Key, v.key)
		if name == "" || v.at.Settings.Policy != nil && v.may(o.Key) != nil {
			continue
		}
		out = append(out, listed{Name: name, Link: link(name), Size: say.Bytes(o.Size), Time: o.Modified.UTC().Format(time.RFC3339),
			Changed: say.Time(o.Modified, time.UTC)})
	}
	return out
}

// link is a relative link to a name, which may hold a colon.
func link(name string) string { return "./" + (&url.URL{Path: name}).EscapedPath() }
