// Package accesslog writes down who asked what of a bucket, in another bucket, in the format
// of S3's server access logs.
//
// It owns the lines (record.go), the names of the objects that they go into (name.go), and the
// files in which they wait (spool.go). Gateways tell a Log of every request of a bucket that
// wants it; telling takes no time to speak of, and fails nobody.
//
// # What may be relied on
//
// Best effort, as in S3. A line is in memory for a second at most and then in a file of the
// data folder, which nobody syncs: a process that dies loses a second of lines, a power cut what
// the machine had not written yet. A file becomes an object under a name that it has from
// then on, and is removed once the object is there; so after a crash it is written again, not
// twice. Lines are in the order in which answers ended, of one node each object. What this
// package writes is never a request, so it makes no lines.
//
// Lines wait while the target cannot be written: it is gone, forbids it, or has no room.
// They are dropped, and counted, when more than MaxWaiting bytes of a bucket or MaxAll in all
// wait, when they waited for MaxAge, and when nobody wants them any more.
//
// # Secrets
//
// A signature in a query (and a security token) is never written: neither in the request's
// address nor in the page that it names as where it came from.
//
// Sources: Amazon S3 User Guide, "Amazon S3 server access log format", "Logging requests with
// server access logging", November 2026.
package accesslog
