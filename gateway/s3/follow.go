package s3

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Follows says whether a link works that a key signed. New returns one.
type Follows interface {
	MayFollow(ctx context.Context, b *object.Bucket, k *account.Key, key, link string) bool
}

// MayFollow implements Follows: as a request is decided that follows the link now, from an
// address that nobody knows.
func (g *gateway) MayFollow(ctx context.Context, b *object.Bucket, k *account.Key, key, link string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return false
	}
	if strings.HasPrefix(link, "https:") {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13}
	}
	q := &request{g: g, r: r, ctx: ctx, key: key, scope: anObject, who: k, route: &route{Scope: anObject, Method: r.Method},
		auth: &sigv4.Auth{Kind: sigv4.Query, Time: g.clock.Now()}}
	return translated(q.may(b, k, reads, key, r.Header, "s3:GetObject")) != s3err.AccessDenied
}
