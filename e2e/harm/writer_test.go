package harm

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// content is what a key may hold: nothing, or the bytes that a seed and a size make.
type content struct {
	seed uint64
	size int
}

var nothing = content{}

func (c content) bytes() []byte { return harness.Random(c.seed, c.size) }

func (c content) String() string {
	if c == nothing {
		return "nothing"
	}
	return fmt.Sprintf("%d bytes of seed %d", c.size, c.seed)
}

// cell is what is known of a key: may holds the contents that would be right. After an
// acknowledged operation that is one; after one whose answer never came it is two.
type cell struct{ may []content }

// writer changes its own keys, one operation after the other, and remembers what was
// acknowledged.
type writer struct {
	prefix string
	rng    *rand.Rand
	cells  []cell
	serial uint64
	acked  int
}

const crashBucket = "/crash"

func newWriter(id, keys int, seed uint64) *writer {
	w := &writer{prefix: fmt.Sprintf("w%02d/", id), rng: rand.New(rand.NewPCG(seed, uint64(id))), serial: uint64(id+1) << 40}
	for range keys {
		w.cells = append(w.cells, cell{may: []content{nothing}})
	}
	return w
}

func (w *writer) path(i int) string { return fmt.Sprintf("%s/%skey%02d", crashBucket, w.prefix, i) }

// run works until a request gets no answer, which is when the node was killed.
func (w *writer) run(c *wire.Client) error {
	defer c.Close()
	for {
		answered, err := w.step(c)
		if err != nil || !answered {
			return err
		}
	}
}

// step does one operation. It reports whether an answer came; an answer that is not 2xx
// is an error.
func (w *writer) step(c *wire.Client) (answered bool, err error) {
	i := w.rng.IntN(len(w.cells))
	old := w.cells[i].may[0]
	next := nothing
	var do func() (bool, error)
	switch dice := w.rng.IntN(100); {
	case dice < 12:
		do = func() (bool, error) { return request(c, &wire.Request{Method: "DELETE", Path: w.path(i)}) }
	case dice < 16:
		next = w.fresh(5<<20 + 1 + w.rng.IntN(1<<20))
		do = func() (bool, error) { return w.multipart(c, w.path(i), next.bytes()) }
	default:
		next = w.fresh(w.size(dice))
		do = func() (bool, error) {
			return request(c, &wire.Request{Method: "PUT", Path: w.path(i), Body: next.bytes()})
		}
	}
	w.cells[i].may = []content{old, next}
	if answered, err = do(); answered && err == nil {
		w.cells[i].may = []content{next}
		w.acked++
	}
	return answered, err
}

// size picks a size: one that lies in a row, in a segment, or in a file of its own.
func (w *writer) size(dice int) int {
	switch {
	case dice < 60:
		return 1 + w.rng.IntN(16<<10)
	case dice < 90:
		return 16<<10 + w.rng.IntN(512<<10)
	}
	return 1<<20 + w.rng.IntN(2<<20)
}

func (w *writer) fresh(size int) content {
	w.serial++
	return content{seed: w.serial, size: size}
}

// request reports whether an answer came, and an error for one that is not 2xx.
func request(c *wire.Client, r *wire.Request) (bool, error) {
	resp, err := c.Do(r)
	if err != nil {
		return false, nil
	}
	if err := resp.Err(); err != nil {
		return true, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	return true, nil
}

// multipart uploads data in two parts, the second before the first.
func (w *writer) multipart(c *wire.Client, path string, data []byte) (bool, error) {
	begun, err := c.Do(&wire.Request{Method: "POST", Path: path, Query: "uploads"})
	if err != nil {
		return false, nil
	}
	if err := begun.Err(); err != nil {
		return true, err
	}
	id := wire.EscapeQuery(between(string(begun.Body), "<UploadId>", "</UploadId>"))
	const cut = 5 << 20
	var list strings.Builder
	list.WriteString("<CompleteMultipartUpload>")
	etags := map[int]string{}
	for _, n := range []int{2, 1} {
		part := data[:cut]
		if n == 2 {
			part = data[cut:]
		}
		resp, err := c.Do(&wire.Request{Method: "PUT", Path: path, Query: fmt.Sprintf("partNumber=%d&uploadId=%s", n, id), Body: part})
		if err != nil {
			return false, nil
		}
		if err := resp.Err(); err != nil {
			return true, err
		}
		etags[n] = resp.Header("etag")
	}
	for n := 1; n <= 2; n++ {
		fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n, etags[n])
	}
	list.WriteString("</CompleteMultipartUpload>")
	return request(c, &wire.Request{Method: "POST", Path: path, Query: "uploadId=" + id, Body: []byte(list.String())})
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// verify reads every key back. What it finds must be whole, and is from then on what the
// key holds.
func (w *writer) verify(c *wire.Client) error {
	defer c.Close()
	var faults []error
	for i := range w.cells {
		got, err := c.Do(&wire.Request{Method: "GET", Path: w.path(i)})
		if err != nil {
			return err
		}
		found, ok := match(w.cells[i].may, got)
		if !ok {
			faults = append(faults, fmt.Errorf("%s holds %d bytes (status %d %s), want %v", w.path(i), len(got.Body), got.Status, got.Code(), w.cells[i].may))
			continue
		}
		w.cells[i].may = []content{found}
	}
	return errors.Join(append(faults, w.verifyList(c))...)
}

// match says which of the contents an answer shows.
func match(may []content, got *wire.Response) (content, bool) {
	for _, m := range may {
		if m == nothing && got.Status == 404 || m != nothing && got.Status == 200 && bytes.Equal(got.Body, m.bytes()) {
			return m, true
		}
	}
	return nothing, false
}

// verifyList compares a listing with what the keys hold.
func (w *writer) verifyList(c *wire.Client) error {
	resp, err := c.Must(&wire.Request{Method: "GET", Path: crashBucket, Query: "list-type=2&prefix=" + wire.EscapeQuery(w.prefix)})
	if err != nil {
		return err
	}
	var faults []error
	for i, cell := range w.cells {
		key := strings.TrimPrefix(w.path(i), crashBucket+"/")
		listed := strings.Contains(string(resp.Body), "<Key>"+key+"</Key>")
		if listed != (cell.may[0] != nothing) {
			faults = append(faults, fmt.Errorf("%s: listed %v, but it holds %v", key, listed, cell.may[0]))
		}
	}
	return errors.Join(faults...)
}
