package s3

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"

	"rhizome/base/errs"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// codes maps what the object service reports to S3's codes; the first match counts.
var codes = []struct {
	err  error
	code s3err.Code
}{
	{object.ErrNoSuchKey, s3err.NoSuchKey},
	{object.ErrNoSuchVersion, s3err.NoSuchVersion},
	{object.ErrMarker, s3err.MethodNotAllowed},
	{object.ErrNoSuchBucket, s3err.NoSuchBucket},
	{object.ErrNoSuchUpload, s3err.NoSuchUpload},
	{object.ErrBucketExists, s3err.BucketAlreadyExists},
	{object.ErrBucketOwned, s3err.BucketAlreadyOwnedByYou},
	{object.ErrBucketNotEmpty, s3err.BucketNotEmpty},
	{object.ErrBucketName, s3err.InvalidBucketName},
	{object.ErrPrecondition, s3err.PreconditionFailed},
	{object.ErrNotModified, s3err.NotModified},
	{object.ErrBusy, s3err.OperationAborted},
	{object.ErrInvalidPart, s3err.InvalidPart},
	{object.ErrPartOrder, s3err.InvalidPartOrder},
	{object.ErrPartTooSmall, s3err.EntityTooSmall},
	{object.ErrEntityTooLarge, s3err.EntityTooLarge},
	{object.ErrKeyTooLong, s3err.KeyTooLongError},
	{object.ErrMetadataTooLong, s3err.MetadataTooLarge},
	{object.ErrNotText, s3err.InvalidArgument},
	{object.ErrRange, s3err.InvalidRange},
	{object.ErrQuota, s3err.QuotaExceeded},
	{object.ErrShortBody, s3err.IncompleteBody},
}

// translate returns the S3 error that err is.
func translate(err error) *s3err.Error {
	if e := s3err.As(err); e != nil {
		return e
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return s3err.New(c.code).Because(err)
		}
	}
	if e := customerErrors(err); e != nil {
		return e
	}
	switch {
	case errors.Is(err, object.ErrLocked):
		return s3err.Newf(s3err.AccessDenied, "Access Denied because object protected by object lock.").Because(err)
	case errors.Is(err, object.ErrNoLock):
		return s3err.Newf(s3err.InvalidRequest, "Bucket is missing ObjectLockConfiguration").Because(err)
	case errors.Is(err, object.ErrLockPast):
		return s3err.Newf(s3err.InvalidArgument, "The retain until date must be in the future!").Because(err)
	case errors.Is(err, object.ErrLockState):
		return s3err.Newf(s3err.InvalidBucketState, "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration").Because(err)
	case errors.Is(err, object.ErrOlder): // who sets it is to know which node is in the way
		return s3err.Newf(s3err.InvalidBucketState, "%s", err.Error()).Because(err)
	case errors.Is(err, object.ErrVersionID):
		return s3err.Argument("versionId", "", "Invalid version id specified").Because(err)
	case errors.Is(err, object.ErrPartNumber):
		return partNumberError("").Because(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s3err.New(s3err.RequestTimeout).Because(err)
	}
	return ofKind(err)
}

// ofKind maps what has no entry of its own by its kind.
func ofKind(err error) *s3err.Error {
	switch errs.KindOf(err) {
	case errs.NotFound: // what has no name of its own is something of ours that should be here
		return s3err.New(s3err.InternalError).Because(err)
	case errs.Denied:
		return s3err.New(s3err.AccessDenied).Because(err)
	case errs.Exists, errs.Conflict:
		return s3err.New(s3err.OperationAborted).Because(err)
	case errs.Invalid:
		return s3err.New(s3err.InvalidRequest).Because(err) // what it says may be about parts of the store
	case errs.TooLarge:
		return s3err.New(s3err.EntityTooLarge).Because(err)
	case errs.Full:
		return s3err.New(s3err.InsufficientStorage).Because(err)
	case errs.Unavailable:
		return s3err.Newf(s3err.ServiceUnavailable, "Part of the store cannot be reached at the moment. Try again later; rhizome status says more.").Because(err)
	case errs.Corrupt:
		return s3err.Newf(s3err.InternalError, "The stored bytes are damaged, so they are not served.").Because(err)
	}
	return s3err.New(s3err.InternalError).Because(err)
}

func partNumberError(value string) *s3err.Error {
	return s3err.Argument("partNumber", value, "Part number must be an integer between 1 and 10000, inclusive.")
}

// fail answers with err. If the answer has begun already the connection is cut, so
// that no client takes a part for the whole.
func (q *request) fail(err error) {
	e := translate(err)
	q.logFailure(e, err)
	q.logged.code = e.Code
	if q.status != 0 {
		panic(http.ErrAbortHandler) // net/http knows it: the connection is cut, nothing is logged
	}
	q.findPage(e)
	q.leave()
	q.endBody()
	clear(q.w.Header())
	q.used = 0
	q.baseHeaders()
	var marker *object.MarkerError
	switch isMarker := errors.As(err, &marker); {
	case isMarker:
		q.markerHeaders(marker)
		q.sayBucket() // who replicates asks of keys that were deleted, too
	case e.Code == s3err.NoSuchKey:
		q.sayBucket()
	case e.Code == s3err.MethodNotAllowed:
		q.set("Allow", q.g.routes.allow(q.scope))
	case e.Code == s3err.SlowDown, e.Code == s3err.ServiceUnavailable:
		q.set("Retry-After", "1")
	}
	if q.r.Method == http.MethodHead || e.Status == http.StatusNotModified {
		q.reply(e.Status)
		return
	}
	d := docs.Get().(*doc)
	d.b = append(d.b[:0], xmlHead...)
	q.appendError(d, e)
	q.set("Content-Type", "application/xml")
	q.set("Content-Length", itoa(int64(len(d.b))))
	q.armWrite(len(d.b))
	q.reply(e.Status)
	_, _ = q.w.Write(d.b)
	d.free()
}

// appendError appends the Error element.
func (q *request) appendError(d *doc, e *s3err.Error) {
	d.begin("Error")
	d.text("Code", string(e.Code))
	d.text("Message", e.Message)
	for _, f := range e.Fields {
		d.text(f.Name, f.Value)
	}
	d.text("Resource", q.r.URL.Path)
	d.text("RequestId", q.id)
	d.text("HostId", hostID)
	d.end("Error")
}

// logFailure tells the operator of failures that are the server's.
func (q *request) logFailure(e *s3err.Error, err error) {
	if e.Status < 500 || e.Code == s3err.NotImplemented {
		return
	}
	level := slog.LevelError
	if errors.Is(err, context.Canceled) || e.Status == http.StatusServiceUnavailable {
		level = slog.LevelWarn
	}
	q.g.log.LogAttrs(q.ctx, level, "s3 request failed", slog.String("id", q.id), slog.String("method", q.r.Method),
		slog.String("bucket", q.bucketName), slog.String("key", q.key), slog.String("code", string(e.Code)),
		slog.String("error", err.Error()))
}
