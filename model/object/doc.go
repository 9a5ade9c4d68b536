// Package object keeps buckets, objects and uploads: rows in registers, bytes in
// extents.
//
// # Rows
//
//	table     partition key          sort key            value
//	Buckets   "b" + shard            bucket ID           bucketRecord
//	Aliases   global bucket name     ""                  aliasRecord
//	Objects   bucket ID + shard      object key          slot: the object's current version
//	Versions  bucket ID + shard      key, NUL, ^number   slot: a noncurrent version
//	Uploads   bucket ID + shard      key, NUL, hex ID    uploadRecord (NULs in the key escaped)
//	Outbox    bucket ID + shard      webhook, NUL, ID    outboxRecord
//	Dues      bucket ID + shard + destination, object key: dueRecord; no key: destRecord
//	Parts     upload ID              part number (2 B)   slot: the part's version
//
// A slot is what stands under one name: a version, or none, and the work that is
// still to be done for versions it replaced. A version's bytes are either inline in
// the row's blob, or a list of pieces of extents, which stands in the blob too or,
// when that is too long, in an extent of its own.
//
// # One commit point
//
// Registers are independent, so every operation has exactly one update that makes it
// true: of the object's row for PUT, DELETE, copy and completing an upload, of the
// upload's row for abort, of the bucket's row for making a bucket and for deleting
// one. What precedes it (extents, references) is harmless if it never comes; what must
// follow (dropping references of what was replaced) is written into the same row as
// pending work, is idempotent, and is struck out when done. The row stands on its
// replicas' work lists until then, so a crash forgets nothing.
//
// # Versions
//
// With versioning, what a write replaces or deletes gets a row in Versions, newest first.
// Every change of a key is committed in its Objects row all the same, deletions of single
// versions too; rows of versions are written by follow-up work alone, which type past notes
// and type keeper does. docs/design.md says why that is right.
//
// # Events
//
// In a bucket that tells of what happens a commit records its event in the row that it changes.
// Follow-up work writes it into the Outbox, a row for each webhook, and strikes it out
// then; whoever delivers it removes that row. So what was acknowledged is told at least once. The
// rules stand in the bucket's row; changing them fences the shards, as versioning does.
//
// # References
//
// Extents and completed uploads are holders: they live while a reference is left.
// The reference of a version carries the version's ID and names its row and the
// highest ballot at which its writer may Accept there (package extent has the rule
// and why it is safe). The writer takes its ballot before the first extent, and a
// commit that needs a higher one raises it in every holder first.
//
// An object that was uploaded in parts references one holder, its upload's row,
// whose parts reference the extents. So completing, copying and deleting it cost the
// same for two parts and for ten thousand.
//
// # Epochs
//
// Deleting a bucket must not lose a PUT that was acknowledged meanwhile, and
// completing an upload must not lose a part. Both fence: the deciding row moves to a
// state with a higher epoch, then the replicas of the dependent rows refuse Accepts
// that carry a lower one, and what stands there is read: in one message where
// something unseen must not be acknowledged later (a bucket), and with every row
// chosen anew where it must not be replaced (an upload's parts). Rows of a bucket or
// an upload that is gone are closed with EpochFinal. Whoever gives up reopens
// under the higher epoch, which lets new writers in and no late one, so a coordinator
// that comes back from the dead does no harm.
//
// # Keys
//
// Each bucket has a random key, sealed under the rhizome's root key in the bucket's
// row and, before that row exists, in the keyring (Config.Keyring). A version's key
// is derived from the bucket's key and the version ID; it seals inline bytes and the
// keys of the pieces. What was uploaded in parts has a data key of its own, sealed
// under the version's key, so that a copy seals one key again instead of all. What a client
// has encrypted under a key of its own (SSE-C) has a data key that only that opens: see
// type envelope.
package object
