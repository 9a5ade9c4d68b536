// Package s3 is the S3 gateway: HTTP, XML and S3's rules in front of object.Service.
//
// It owns the wire: which request means which operation (the table in routes.go),
// who may do it (permit.go: the bucket's grants and its policy), what it looks like in bytes. It keeps nothing:
// every fact comes from the service, every decision is made per request.
//
// Rules. A request is refused before its body is asked for whenever its head alone
// says so. What this server does not do is refused with NotImplemented, never
// passed over: a write with a header, sub-resource or element that would change its
// meaning and is not known here does not happen. Reading a configuration that no
// bucket has answers as AWS does for a bucket that never had one. Every refusal is
// AWS's code, status and XML. Sizes are bytes, times UTC.
//
// Sources: Amazon S3 API Reference and User Guide as of November 2026; RFC 9110;
// RFC 2047 for metadata that is not ASCII.
package s3
