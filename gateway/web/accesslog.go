package web

import (
	"net"
	"net/http"
	"time"

	"rhizome/model/accesslog"
	"rhizome/model/object"
)

// Logs takes a line about every visit of a bucket that wants it. It answers at once.
type Logs interface {
	Note(b *object.Bucket, r *accesslog.Record)
}

// errorCodes are S3's names of what visitors are answered.
var errorCodes = map[int]string{http.StatusForbidden: "AccessDenied", http.StatusNotFound: "NoSuchKey", http.StatusMethodNotAllowed: "MethodNotAllowed",
	http.StatusRequestedRangeNotSatisfiable: "InvalidRange", http.StatusPreconditionFailed: "PreconditionFailed",
	http.StatusServiceUnavailable: "ServiceUnavailable", http.StatusInternalServerError: "InternalError"}

// note tells the logs of a visit that ends.
func (v *visit) note() {
	if v.s.c.Logs == nil || v.at == nil || v.at.Settings.Logging == nil {
		return
	}
	took := time.Since(v.began) // a stopwatch
	r := &accesslog.Record{
		Bucket: v.at.Name(), Time: v.s.c.Clock.Now().Add(-took), Operation: "WEBSITE." + v.r.Method + ".OBJECT", Key: v.key,
		Method: v.r.Method, URI: v.r.RequestURI, Proto: v.r.Proto, Status: v.w.status, Error: errorCodes[v.w.status],
		Sent: v.w.bytes, Size: -1, Took: took, Turn: -1,
		Referer: v.r.Header.Get("Referer"), Agent: v.r.Header.Get("User-Agent"), HostID: "rhizome", Host: v.r.Host,
	}
	if !v.w.first.IsZero() {
		r.Turn = v.w.first.Sub(v.began)
	}
	if v.r.Method == http.MethodHead {
		r.Sent = 0
	}
	if host, _, err := net.SplitHostPort(v.r.RemoteAddr); err == nil {
		r.Remote = host
	}
	r.TLS, r.Cipher = accesslog.TLSWords(v.r.TLS)
	v.s.c.Logs.Note(v.at, r)
}
