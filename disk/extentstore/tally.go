package extentstore

// SumSize is the length of a frame's checksum and of an extent's digest.
const SumSize = sumSize

// Sum returns a frame's checksum: the first half of its BLAKE3-256.
func Sum(frame []byte) [SumSize]byte { return sum(frame) }

// Tally adds up what identifies an extent's bytes, for who has frames and no disk. The
// zero Tally is that of an extent without frames.
type Tally struct{ table table }

// Add counts one more frame.
func (t *Tally) Add(length int, s [SumSize]byte) { t.table = t.table.add(length, s) }

// Frames returns how many there are, Bytes the sum of their stored bytes, Digest what
// Info calls Digest.
func (t *Tally) Frames() int           { return t.table.frames() }
func (t *Tally) Bytes() int64          { return t.table.bytes() }
func (t *Tally) Digest() [SumSize]byte { return sum(t.table) }

// Sum returns the checksum of frame i.
func (t *Tally) Sum(i int) [SumSize]byte { return t.table.sum(i) }
