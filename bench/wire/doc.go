// Package wire is a small S3 client for tests and for load: it writes requests by hand
// over connections that stay open, so that it costs little beside the server under test
// and so that a test can see and shape every byte.
//
// A Conn serves one request at a time and belongs to one goroutine. Nothing is retried
// and nothing is hidden: a connection that broke stays broken, and whether an answer
// came is told apart from what it said. Signatures are AWS Signature Version 4 in the
// Authorization header; the payload hash is the caller's (UNSIGNED-PAYLOAD if empty).
package wire
