package s3

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"rhizome/base/ident"
	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
	"rhizome/model/object"
)

// request is one request on its way through the gateway. One goroutine owns it.
type request struct {
	g      *gateway
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context
	id     string
	status int  // 0 until the answer has begun
	placed bool // it has one of the slots

	bucketName, key string
	scope           scope
	query           query
	route           *route

	auth     *sigv4.Auth
	unsigned error        // why there is no auth
	admitted bool         // it counts among its key's
	who      *account.Key // nil: anonymous
	bucket   *object.Bucket
	guess    guess
	// judged is the object whose tags a policy was asked about, as it was then; empty if there
	// was none, nil if it was not asked.
	judged *object.Head
	// customer is the key that what is written comes with.
	customer customer

	// late is what the headers of an answer name that may be too late for it.
	late struct {
		made, from string
		customer   bool
		key        customer
	}

	logged logged
	sum    *checksum.Body // of the body, once one is read
	paced  paced
	values [20]string // the values of the answer's headers
	used   int
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{g: g, w: w, r: r, ctx: r.Context(), id: newID()}
	q.baseHeaders()
	if g.logs != nil {
		q.watch()
		defer q.note()
	}
	if g.meter != nil {
		g.meter.Begun()
		defer q.measured(time.Now()) // a stopwatch
	}
	q.pace()
	defer q.endBody()
	defer q.endSum()
	select {
	case g.slots <- struct{}{}:
		q.placed = true
		defer q.leave()
	default:
		q.fail(s3err.New(s3err.SlowDown))
		return
	}
	err := g.closed()
	if err == nil {
		err = q.run()
	}
	if err != nil {
		q.fail(err)
	}
	if g.log.Enabled(q.ctx, slog.LevelDebug) {
		g.log.LogAttrs(q.ctx, slog.LevelDebug, "s3 request", slog.String("id", q.id), slog.String("method", r.Method),
			slog.String("bucket", q.bucketName), slog.String("key", q.key), slog.Int("status", q.status))
	}
}

// measured tells the meter of a request that ends.
func (q *request) measured(began time.Time) {
	name := ""
	if q.route != nil {
		name = q.route.Action
	}
	q.g.meter.Ended(name, q.status, time.Since(began)) // a stopwatch
}

// leave gives the request's place to another. What is left is to answer a client that
// may take its time, and to read what it still sends.
func (q *request) leave() {
	if q.placed {
		q.placed = false
		<-q.g.slots
	}
}

// endSum gives the body's place among the sums back.
func (q *request) endSum() {
	if q.sum != nil {
		q.sum.Close()
	}
}

// run takes a request from its head to its operation.
func (q *request) run() (err error) {
	if err = q.tooLong(); err != nil {
		return err
	}
	if q.bucketName, q.key, err = q.g.target(q.r); err != nil {
		return err
	}
	switch {
	case q.key != "":
		q.scope = anObject
	case q.bucketName != "":
		q.scope = bucket
	}
	if q.query, err = parseQuery(q.r.URL.RawQuery); err != nil {
		return err
	}
	if q.route, err = q.g.routes.find(q.scope, q.r, q.query); err != nil {
		return err
	}
	if err := q.misplaced(); err != nil {
		return err
	}
	allowed := q.foresee()
	defer q.guess.ahead.Close()
	if allowed && q.route.early {
		return q.assume()
	}
	if err = q.authorize(); err != nil {
		return err
	}
	return q.hide(q.perform())
}

// perform carries out the operation.
func (q *request) perform() error {
	if q.route.Changes {
		if err := q.checkParams(); err != nil {
			return err
		}
		if err := q.checkHeaders(); err != nil {
			return err
		}
	}
	q.origin()
	return q.route.serve(q)
}

// newID makes the ID of a request: 16 hexadecimal digits.
func newID() string {
	id := ident.New()
	var b [16]byte
	for i := range b {
		b[i] = upperHex[id[i]&15]
	}
	return string(b[:])
}

const hostID = "rhizome"

func (q *request) baseHeaders() {
	q.set("Server", "Rhizome")
	q.set("x-amz-request-id", q.id)
	q.set("x-amz-id-2", hostID)
}

// set sets a header of the answer under exactly this name.
func (q *request) set(name, value string) {
	if q.used == len(q.values) {
		q.w.Header()[name] = []string{value}
		return
	}
	q.values[q.used] = value
	q.w.Header()[name] = q.values[q.used : q.used+1 : q.used+1]
	q.used++
}

// some sets a header unless the value is empty.
func (q *request) some(name, value string) {
	if value != "" {
		q.set(name, value)
	}
}

// reply begins an answer without a body, or one that the caller writes.
func (q *request) reply(status int) {
	q.status = status
	q.shareWithPage()
	q.w.WriteHeader(status)
}

// xml answers with a document, which it frees.
func (q *request) xml(status int, d *doc, root string) error {
	d.end(root)
	q.set("Content-Type", "application/xml")
	q.set("Content-Length", itoa(int64(len(d.b))))
	q.armWrite(len(d.b))
	q.reply(status)
	_, _ = q.w.Write(d.b) // a client that is gone needs no answer
	d.free()
	return nil
}
