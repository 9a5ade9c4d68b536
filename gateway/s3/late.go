package s3

import (
	"fmt"
	"net/http"
	"time"

	"rhizome/base/errs"
)

const (
	// patience is how long an operation may take before its answer is begun, and
	// interval how often a space follows, so that clients and proxies keep waiting.
	patience = 5 * time.Second
	interval = 5 * time.Second
)

// answerLate answers with the document that work appends to. If work takes long,
// 200 and white space are sent meanwhile, as S3 does, and an error then comes as
// the document. It returns only after work has.
func (q *request) answerLate(root string, work func(*doc) error) error {
	d := newDoc(root)
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- errs.Newf(errs.Internal, "panic: %s", fmt.Sprint(p))
			}
		}()
		done <- work(d)
	}()
	wait := time.NewTimer(patience)
	defer wait.Stop()
	for {
		select {
		case err := <-done:
			return q.finishLate(d, root, err)
		case <-wait.C:
			q.keepWaiting()
			wait.Reset(interval)
		}
	}
}

// keepWaiting sends something that means nothing.
func (q *request) keepWaiting() {
	q.armWrite(1)
	if q.status == 0 {
		q.set("Content-Type", "application/xml")
		q.reply(http.StatusOK)
		_, _ = q.w.Write([]byte(xmlHead))
	} else {
		_, _ = q.w.Write([]byte(" "))
	}
	_ = q.paced.rc.Flush()
}

func (q *request) finishLate(d *doc, root string, err error) error {
	if q.status == 0 {
		if err != nil {
			return err
		}
		q.versionHeader(q.late.made)
		q.some("x-amz-copy-source-version-id", q.late.from)
		q.encryptionHeaders(q.late.customer, q.late.key)
		return q.xml(http.StatusOK, d, root)
	}
	if err != nil {
		e := translate(err)
		q.logFailure(e, err)
		q.logged.code = e.Code
		d.b = append(d.b[:0], xmlHead...)
		q.appendError(d, e)
	} else {
		d.end(root)
	}
	q.armWrite(len(d.b))
	_, _ = q.w.Write(d.b[len(xmlHead):])
	d.free()
	return nil
}
