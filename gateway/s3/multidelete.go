package s3

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"rhizome/model/object"
)

const (
	// maxDeletes is how many keys one request may name.
	maxDeletes = 1000
	// deleters is how many of them are deleted at once.
	deleters = 250
)

// doomed is one key of a multi-delete and what came of it.
type doomed struct {
	key     string
	version string
	cond    object.Conditions
	gone    *object.Deleted
	err     error
}

func deleteObjects(q *request) error {
	body, err := q.document(maxDocument, true)
	if err != nil {
		return err
	}
	root, err := parseXML(body, "Delete")
	if err != nil {
		return err
	}
	list, quiet, err := readDelete(root)
	if err != nil {
		return err
	}
	if err := q.certain(list); err != nil {
		return err
	}
	for i := range list {
		if d := &list[i]; d.err == nil {
			d.err = q.mayAt(q.bucket, q.who, writes, object.Get{Key: d.key, Version: d.version}, q.r.Header, versioned(d.version, "s3:DeleteObject", "s3:DeleteObjectVersion"))
		}
	}
	q.deleteAll(list)
	q.logged.batch = list
	const name = "DeleteResult"
	d := newDoc(name)
	for i := range list {
		list[i].append(d, quiet)
	}
	return q.xml(http.StatusOK, d, name)
}

// certain confirms an assumption, while the promises of the first deletions are asked for.
func (q *request) certain(list []doomed) error {
	if !q.guess.assumed {
		return nil
	}
	for _, d := range list[:min(deleters, len(list))] {
		if d.err == nil {
			q.guess.ahead.Change(q.bucket, d.key)
		}
	}
	_, err := q.confirm(q.ctx)
	return err
}

func readDelete(root *node) (list []doomed, quiet bool, err error) {
	for _, n := range root.kids {
		switch n.name {
		case "Quiet":
			quiet = strings.TrimSpace(n.text) == "true"
		case "Object":
			d, err := readDoomed(n)
			if err != nil {
				return nil, false, err
			}
			list = append(list, d)
		default:
			return nil, false, malformed(nil)
		}
	}
	if len(list) == 0 || len(list) > maxDeletes {
		return nil, false, malformed(nil)
	}
	return list, quiet, nil
}

func readDoomed(n *node) (doomed, error) {
	var d doomed
	for _, k := range n.kids {
		switch k.name {
		case "Key":
			d.key = k.text
		case "ETag":
			d.cond.IfMatch = etags([]string{k.text})
			if len(d.cond.IfMatch) != 1 {
				return d, malformed(nil)
			}
		case "VersionId":
			d.version = k.text
		case "LastModifiedTime", "Size":
			d.err = notImplemented("The element " + k.name + " is not implemented.")
		default:
			return d, malformed(nil)
		}
	}
	if d.key == "" {
		return d, malformed(nil)
	}
	if d.err == nil {
		d.err = checkKey(d.key)
	}
	return d, nil
}

// deleteAll deletes what is to be deleted, several at a time, so that their commits
// share their fsyncs.
func (q *request) deleteAll(list []doomed) {
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(list) {
				return
			}
			if d := &list[i]; d.err == nil {
				d.gone, d.err = q.remove(d.key, d.version, d.cond)
				d.err = refusedWrite(d.err, d.cond, d.key)
			}
		}
	}
	var wg sync.WaitGroup
	for range min(deleters, len(list)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

func (t *doomed) append(d *doc, quiet bool) {
	switch {
	case t.err != nil:
		e := translate(t.err)
		d.begin("Error")
		d.text("Key", t.key)
		d.some("VersionId", t.version)
		d.text("Code", string(e.Code))
		d.text("Message", e.Message)
		d.end("Error")
	case !quiet:
		d.begin("Deleted")
		d.text("Key", t.key)
		d.some("VersionId", t.version)
		if t.gone.Marker {
			d.bool("DeleteMarker", true)
			d.text("DeleteMarkerVersionId", t.gone.VersionID)
		}
		d.end("Deleted")
	}
}
