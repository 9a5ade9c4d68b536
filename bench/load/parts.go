package load

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"rhizome/bench/wire"
)

const partSize = 16 << 20

// parts uploads a 512 MiB object and the plan's large one in parts, four at once, and
// reads the larger back whole.
func parts(r *runner, run *Run, plan Plan) error {
	data := newPool()
	for _, size := range []int{512 << 20, plan.Large} {
		name := fmt.Sprintf("multipart %d MiB", size>>20)
		if run.Result(name) != nil {
			continue
		}
		res, err := r.upload(name, data, bucket+"/large", size)
		if err := run.add(plan, res, err); err != nil {
			return err
		}
	}
	res, err := r.spread(fmt.Sprintf("GET %d MiB", plan.Large>>20), 1, count(2), func(c *wire.Client, _ int) (int64, error) {
		resp, err := c.Must(&wire.Request{Method: "GET", Path: bucket + "/large", Sink: io.Discard})
		if err != nil {
			return 0, err
		}
		return resp.Length, nil
	})
	return run.add(plan, res, err)
}

// upload uploads one object; the time counts from the first byte to the completion.
func (r *runner) upload(name string, data *pool, path string, size int) (Result, error) {
	c := &wire.Client{Target: r.p.Target()}
	defer c.Close()
	begun, err := c.Must(&wire.Request{Method: "POST", Path: path, Query: "uploads"})
	if err != nil {
		return Result{}, err
	}
	id := wire.EscapeQuery(between(string(begun.Body), "<UploadId>", "</UploadId>"))
	n := size / partSize
	etags := make([]string, n)
	var left atomic.Int64
	left.Store(int64(n))
	return r.spread(name, 4, count(n), func(c *wire.Client, i int) (int64, error) {
		resp, err := c.Must(&wire.Request{Method: "PUT", Path: path, Query: fmt.Sprintf("partNumber=%d&uploadId=%s", i+1, id), Body: data.body(i, partSize)})
		if err != nil {
			return 0, err
		}
		etags[i] = resp.Header("etag")
		if left.Add(-1) > 0 {
			return partSize, nil
		}
		var list strings.Builder
		list.WriteString("<CompleteMultipartUpload>")
		for i, etag := range etags {
			fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, etag)
		}
		list.WriteString("</CompleteMultipartUpload>")
		_, err = c.Must(&wire.Request{Method: "POST", Path: path, Query: "uploadId=" + id, Body: []byte(list.String())})
		return partSize, err
	})
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}
