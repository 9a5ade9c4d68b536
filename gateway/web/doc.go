// Package web is the web server: it answers visitors of sites by the Host header, on every
// node.
//
// It owns HTTP alone; what a name leads to, redirects, deployments and passwords are
// package site's, objects package object's. It keeps nothing but copies in memory.
//
// Rules. Every answer rests on rows that were read after its request came: of the host, of
// the bucket with the site's record, and of the object, side by side, which is one round
// trip. Bytes may come from memory: they are remembered under the random ID of the
// object's version, or under their SHA-256 for deployments, and so are compressed
// ones. A site with a deployment is answered by it alone.
//
// GET, HEAD and OPTIONS are all. A site is public through this server, and by that nobody may do more
// through S3; a bucket's policy that denies s3:GetObject to everybody, and
// RestrictPublicBuckets, hold here too. Paths with empty, "." or ".." segments, control
// characters or backslashes, and all below .rhizome/, lead nowhere.
//
// Limits: 16 KiB of headers, 10 seconds for them, a minute of silence between requests, 30 seconds
// and 4 KiB per second for each part of an answer, 1,024 requests at once, 64 of them of one address
// (IPv6: one /64), 16 ranges; 1 MiB for what is compressed or remembered. Machines of the own network are
// not counted, for a proxy is one: it says in X-Forwarded-For whose request it is.
//
// Sources: RFC 9110 (HTTP), RFC 9111 (caching), RFC 8878 (zstd), RFC 7932 (brotli), the Fetch
// standard (CORS), AWS's description of website endpoints (November 2026).
package web
