package replicate

import (
	"context"
	"io"

	"golang.org/x/time/rate"

	"rhizome/model/remote"
)

// burst is how much is sent at once at most where a rate is kept.
const burst = 64 << 10

// limited returns what has bytes sent to a remote counted, and no faster than it may be.
func (r *Replicator) limited(rem *remote.Remote) func(context.Context, io.Reader) io.Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.limits[rem.Name]
	if l == nil || l.bytes != rem.Rate {
		l = &limit{bytes: rem.Rate}
		if rem.Rate > 0 {
			l.Limiter = rate.NewLimiter(rate.Limit(rem.Rate), burst)
		}
		r.limits[rem.Name] = l
	}
	return func(ctx context.Context, body io.Reader) io.Reader {
		return &paced{ctx, body, l.Limiter, r}
	}
}

// paced is a body that is sent at a rate.
type paced struct {
	ctx  context.Context
	body io.Reader
	rate *rate.Limiter
	r    *Replicator
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	if p.rate != nil && len(b) > burst {
		b = b[:burst]
	}
	n, err := p.body.Read(b)
	p.r.bytes.Add(int64(n))
	if p.rate != nil && n > 0 {
		if werr := p.rate.WaitN(p.ctx, n); werr != nil {
			return n, werr
		}
	}
	return n, err
}
