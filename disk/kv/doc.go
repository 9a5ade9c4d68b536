// Package kv is the ordered store for rows: byte keys to byte values, atomic
// batches, on a vfs that tests can crash. It wraps Pebble, a log-structured merge
// tree in Go, and adds the two things registers need of a disk:
//
//   - Commit is durable when it returns, and concurrent commits share one fsync.
//   - What a reader saw is durable before it is told to anybody: Pebble shows a
//     batch before its log is synced, so Barrier waits for every Commit that began
//     before the call. A value that was read can then never be taken back by a
//     power cut, unless it was committed lazily: what CommitLazily writes is durable
//     with the next Commit only.
//
// Keys are namespaced by their first byte; every package that keeps rows here owns
// one or more first bytes, listed in docs/formats.md.
//
// Errors: a missing key is errs.NotFound, damage that Pebble's checksums find is
// errs.Corrupt, a full disk errs.Full.
package kv
