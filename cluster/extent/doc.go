// Package extent keeps the bytes of objects: up to 64 MiB each, sealed, on the
// replicas of the extent ID's partition.
//
// # Frames
//
// A writer cuts plain bytes into frames of 1 MiB (the last may be shorter). Each
// frame is compressed with zstd when that saves at least an eighth, then sealed
// with AES-256-GCM under the extent's own random key, with the frame's number as
// nonce and the extent's ID and the frame's plain length as associated data; the
// disk floor checksums what it stores with BLAKE3, so that a replica scrubs
// without any key. Keys are never stored here: whoever references an extent keeps
// its key, wrapped.
//
// # Rows
//
// Table Extents, partition key = extent ID, sort key empty. The value holds the
// extent's length and its references. An extent lives while a reference is left;
// when the set becomes empty the row turns into a tombstone, which is final, and
// the bytes go.
//
// A reference has its own random ID and names the row that uses it and the highest
// ballot at which its writer may Accept that row. Whoever needs a higher ballot
// raises it first, which fails once the reference is dying or gone. A collector
// that finds a reference old enough to look at
//
//  1. marks it dying and takes the named ballot in that same update,
//  2. completes an identity update of the named row above that ballot, writing a
//     tombstone where the row is absent,
//  3. revives the reference if the row's chosen value uses it, else drops it.
//
// A reference that moved to another row meanwhile is no longer dying, and stays.
// A dropped reference never returns under its ID. No clock decides: age only says
// when to start.
//
// # Several nodes
//
// Every holder keeps the same stored bytes; the row's digest says which. A writer sends
// each frame to all holders at once and is acknowledged by a majority, of two by both
// unless one is away; it holds lagFrames frames at most and leaves out who is too slow.
// A reader takes frames from wherever they are whole. Mend brings each holder what its
// rows say and deletes only what every present holder has or what has no row by a
// majority's word. Times here are waits, never reasons to delete.
package extent
