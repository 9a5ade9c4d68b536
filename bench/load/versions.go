package load

import (
	"fmt"
	"io"
	"strings"

	"rhizome/bench/wire"
)

const (
	versioned = "/versions"
	// fewKeys is how many keys have few versions: what is put again would else be many soon.
	fewKeys     = deletions
	fewVersions = 10
	// overwritten is how many keys are put again and again.
	overwritten = 1000
	versionSize = 1 << 10
	// deletions is how many versions are deleted, one at a time.
	deletions = 100
)

// versions puts the same keys again and again, without and with versioning, and compares a
// key with few versions with one that has many. A store that is not ours is not asked: which
// of them keep versions, and how they are told to, differs.
func versions(r *runner, run *Run, plan Plan) error {
	if r.p.Foreign {
		return nil
	}
	data := newPool()
	over := func(in string) op {
		return func(c *wire.Client, n int) (int64, error) {
			_, err := c.Must(&wire.Request{Method: "PUT", Path: fmt.Sprintf("%s/over/%04d", in, n%overwritten), Body: data.body(n, versionSize)})
			return versionSize, err
		}
	}
	res, err := r.spread("PUT 1 KiB over", 16, lasting(plan.Span, 1<<30), over(bucket))
	if err := run.add(plan, res, err); err != nil {
		return err
	}
	if err := makeVersioned(r); err != nil {
		return err
	}
	res, err = r.spread("PUT 1 KiB over, versions", 16, lasting(plan.Span, 1<<30), over(versioned))
	if err := run.add(plan, res, err); err != nil {
		return err
	}
	few, many := newHistory(r, data, fewKeys, fewVersions), newHistory(r, data, 1, plan.Versions)
	for _, h := range []*history{few, many} {
		res, err := h.fill()
		if err := run.add(plan, res, err); err != nil {
			return err
		}
	}
	for _, p := range historyPhases {
		for _, h := range []*history{few, many} {
			stop := lasting(plan.Span/4, 1<<30)
			if p.name == "DELETE version" {
				stop = count(deletions)
			}
			res, err := r.spread(fmt.Sprintf("%s, key of %d", p.name, h.count), 1, stop, func(c *wire.Client, n int) (int64, error) { return p.do(h, c, n) })
			if err := run.add(plan, res, err); err != nil {
				return err
			}
		}
	}
	return nil
}

func makeVersioned(r *runner) error {
	c := &wire.Client{Target: r.p.Target()}
	defer c.Close()
	if _, err := c.Must(&wire.Request{Method: "PUT", Path: versioned}); err != nil {
		return err
	}
	_, err := c.Must(&wire.Request{Method: "PUT", Path: versioned, Query: "versioning",
		Body: []byte("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")})
	return err
}

// history is keys with so many versions each.
type history struct {
	r     *runner
	data  *pool
	count int
	ids   [][]string // of the oldest versions of each key, the oldest first
}

func newHistory(r *runner, data *pool, keys, count int) *history {
	return &history{r: r, data: data, count: count, ids: make([][]string, keys)}
}

var historyPhases = []struct {
	name string
	do   func(*history, *wire.Client, int) (int64, error)
}{
	{"GET", (*history).get}, {"HEAD", (*history).head}, {"LIST versions", (*history).list}, {"DELETE version", (*history).remove}, {"PUT", (*history).put},
}

// at is which key the nth operation is about.
func (h *history) at(n int) int { return n % len(h.ids) }

func (h *history) key(n int) string {
	return fmt.Sprintf("%s/of-%d-%d", versioned, h.count, h.at(n))
}

func (h *history) fill() (Result, error) {
	return h.r.spread(fmt.Sprintf("fill, key of %d", h.count), 1, count(h.count*len(h.ids)), h.put)
}

func (h *history) put(c *wire.Client, n int) (int64, error) {
	resp, err := c.Must(&wire.Request{Method: "PUT", Path: h.key(n), Body: h.data.body(n, versionSize)})
	if ids := &h.ids[h.at(n)]; err == nil && len(*ids)*len(h.ids) < deletions {
		*ids = append(*ids, resp.Header("x-amz-version-id"))
	}
	return versionSize, err
}

func (h *history) get(c *wire.Client, n int) (int64, error) {
	_, err := c.Must(&wire.Request{Method: "GET", Path: h.key(n), Sink: io.Discard})
	return versionSize, err
}

func (h *history) head(c *wire.Client, n int) (int64, error) {
	_, err := c.Must(&wire.Request{Method: "HEAD", Path: h.key(n)})
	return 0, err
}

// list reads a page of as many versions as a key with few has, from its newest on.
func (h *history) list(c *wire.Client, n int) (int64, error) {
	name := strings.TrimPrefix(h.key(n), versioned+"/")
	resp, err := c.Must(&wire.Request{Method: "GET", Path: versioned, Query: fmt.Sprintf("max-keys=%d&prefix=%s&versions=", fewVersions, name)})
	if err != nil {
		return 0, err
	}
	if seen := strings.Count(string(resp.Body), "<Version>"); seen < fewVersions-1 {
		return 0, fmt.Errorf("a list shows %d versions, want %d", seen, fewVersions)
	}
	return resp.Length, nil
}

// remove deletes one of the oldest versions.
func (h *history) remove(c *wire.Client, n int) (int64, error) {
	_, err := c.Must(&wire.Request{Method: "DELETE", Path: h.key(n), Query: "versionId=" + wire.EscapeQuery(h.ids[h.at(n)][n/len(h.ids)])})
	return 0, err
}
