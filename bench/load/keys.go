package load

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"

	"rhizome/bench/store"
	"rhizome/bench/wire"
)

const (
	page = 1000
)

// keys fills a bucket with small objects, lists them all, and deletes them a page at a
// time.
func keys(r *runner, run *Run, plan Plan) error {
	data := newPool()
	name := func(n int) string { return fmt.Sprintf("keys/%08d", n*7919%plan.Keys) }
	before, err := store.Usage(r.p.Dir)
	if err != nil {
		return err
	}
	res, err := r.spread("fill", 16, count(plan.Keys), func(c *wire.Client, n int) (int64, error) {
		_, err := c.Must(&wire.Request{Method: "PUT", Path: bucket + "/" + name(n), Body: data.body(n, 1024)})
		return 1024, err
	})
	if err := run.add(plan, res, err); err != nil {
		return err
	}
	after, err := store.Usage(r.p.Dir)
	if err != nil {
		return err
	}
	run.PerSmall = (after - before) / int64(plan.Keys)
	if err := list(r, run, plan); err != nil {
		return err
	}
	res, err = r.spread("multi-delete 1000", 1, count(plan.Keys/page), func(c *wire.Client, n int) (int64, error) {
		return 0, deletePage(c, n*page)
	})
	return run.add(plan, res, err)
}

// list walks over all keys a page at a time.
func list(r *runner, run *Run, plan Plan) error {
	token, seen, more := "", 0, true
	res, err := r.spread("LIST 1000", 1, func(int) bool { return !more }, func(c *wire.Client, _ int) (int64, error) {
		query := "list-type=2&max-keys=1000&prefix=keys%2F"
		if token != "" {
			query += "&continuation-token=" + wire.EscapeQuery(token)
		}
		resp, err := c.Must(&wire.Request{Method: "GET", Path: bucket, Query: query})
		if err != nil {
			more = false
			return 0, err
		}
		text := string(resp.Body)
		seen += strings.Count(text, "<Key>")
		token = between(text, "<NextContinuationToken>", "</NextContinuationToken>")
		more = token != ""
		return resp.Length, nil
	})
	if err == nil && seen != plan.Keys {
		err = fmt.Errorf("LIST shows %d keys, want %d", seen, plan.Keys)
	}
	return run.add(plan, res, err)
}

// deletePage deletes a page of keys with one request.
func deletePage(c *wire.Client, first int) error {
	var b strings.Builder
	b.WriteString("<Delete><Quiet>true</Quiet>")
	for i := range page {
		fmt.Fprintf(&b, "<Object><Key>keys/%08d</Key></Object>", first+i)
	}
	b.WriteString("</Delete>")
	body := []byte(b.String())
	sum := md5.Sum(body)
	resp, err := c.Must(&wire.Request{Method: "POST", Path: bucket, Query: "delete", Body: body, PayloadHash: hash(body),
		Headers: []wire.Header{{Name: "Content-MD5", Value: base64.StdEncoding.EncodeToString(sum[:])}}})
	if err == nil && strings.Contains(string(resp.Body), "<Error>") {
		err = fmt.Errorf("multi-delete: %.300s", resp.Body)
	}
	return err
}
