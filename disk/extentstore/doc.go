// Package extentstore keeps extents on disks: opaque frames with a descriptor, under
// an ID that is used once.
//
// # What it promises
//
//   - Writer.Commit returns when the frames, the descriptor and what is needed to
//     find them are durable. It does not lean on the row store for that.
//   - A frame is served only if it has the bytes that were written: each has a
//     checksum, and one that fails it is errs.Corrupt, never bytes.
//   - After a crash an extent is there whole or not at all.
//   - A file whose fsync failed gets no further bytes, and nothing that was written
//     to it since its last good fsync counts.
//   - Capacity and reserve hold: room is set aside before bytes are written, so
//     that writes fail with errs.Full while the file system still has room.
//
// # Where bytes lie
//
// A disk is a folder with an identity file, which says whose it is: that of another
// rhizome or node is refused, because what has no rows here is deleted by the floors
// above. It is locked while it is in use. An extent lies on one disk, chosen at
// random by free room. Up to SmallBytes it is a record in a segment file, where
// many writers share one fsync: the first to come writes and syncs for all that
// wait, without a timer. A larger one is a file of its own, made under tmp/ and
// renamed. Both describe themselves: a disk can be indexed anew from its files alone.
//
//	disk            identity: five lines of text
//	disk.lock       held by the process that uses the disk
//	tmp/ID          an extent being written
//	extents/AB/ID   an extent of its own; AB: first byte of the ID
//	segments/NUM    small extents
//
// # The index
//
// ID -> place is in the row store, under the first byte 'x', nothing per extent in
// memory. It is written lazily after the bytes are durable. What a crash took from
// it comes back when the store opens: each segment's row says up to which offset
// the index knows it, the rest is read from the segment; a file of its own has a
// path that follows from its ID. A deletion and the file it makes superfluous are
// one batch, so neither comes without the other.
//
// # Segments
//
// A segment takes records up to SegmentBytes, or until the process ends, and is
// then sealed. When under half of it is live, its live records are copied to an open
// segment with their checksums as they are, so that damage stays visible; then the
// index moves, then the file goes. A reader that has it open goes on; one that comes
// too late looks the extent up again.
package extentstore
