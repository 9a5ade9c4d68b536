package codec

import (
	"encoding/binary"
	"math"
)

// Flat writes a record whose fields are numbers, truths and bytes, as Encode would, at a
// tenth of its cost. Fields come in ascending order, 1 to 23; one that is zero or empty
// is left out, like a field of Encode that has omitempty. Begin with NewFlat.
type Flat struct{ b []byte }

// NewFlat begins a record for which room is made.
func NewFlat(room int) Flat {
	return Flat{append(make([]byte, 0, room+2), Version, 0xA0)}
}

// Record returns the record.
func (f *Flat) Record() []byte { return laterRecord(f.b) }

// field begins the next field.
func (f *Flat) field(n byte) {
	f.b[1]++
	f.b = append(f.b, n)
}

// head appends the head of an item: its major type and its number in the shortest form.
func (f *Flat) head(major byte, n uint64) {
	switch {
	case n < 24:
		f.b = append(f.b, major<<5|byte(n))
	case n <= math.MaxUint8:
		f.b = append(f.b, major<<5|24, byte(n))
	case n <= math.MaxUint16:
		f.b = binary.BigEndian.AppendUint16(append(f.b, major<<5|25), uint16(n))
	case n <= math.MaxUint32:
		f.b = binary.BigEndian.AppendUint32(append(f.b, major<<5|26), uint32(n))
	default:
		f.b = binary.BigEndian.AppendUint64(append(f.b, major<<5|27), n)
	}
}

// Always writes a number even if it is zero.
func (f *Flat) Always(field byte, n uint64) {
	f.field(field)
	f.head(0, n)
}

// Uint writes a number.
func (f *Flat) Uint(field byte, n uint64) {
	if n != 0 {
		f.Always(field, n)
	}
}

// Int writes a number that may be negative.
func (f *Flat) Int(field byte, n int64) {
	switch {
	case n > 0:
		f.Always(field, uint64(n))
	case n < 0:
		f.field(field)
		f.head(1, uint64(-1-n))
	}
}

// Bool writes a truth.
func (f *Flat) Bool(field byte, is bool) {
	if is {
		f.field(field)
		f.b = append(f.b, 0xF5)
	}
}

// Bytes writes bytes.
func (f *Flat) Bytes(field byte, b []byte) {
	if len(b) > 0 {
		f.field(field)
		f.head(2, uint64(len(b)))
		f.b = append(f.b, b...)
	}
}

// FlatReader reads what Flat wrote. It knows the forms that Flat writes and no other: who
// finds it not Done reads the record with Decode, which knows all.
type FlatReader struct {
	b    []byte
	left int
	last byte
	bad  bool
}

// ReadFlat begins to read a record.
func ReadFlat(b []byte) FlatReader {
	if len(b) < 2 || b[0] != Version || b[1] < 0xA0 || b[1] > 0xA0+23 {
		return FlatReader{bad: true}
	}
	return FlatReader{b: b[2:], left: int(b[1] - 0xA0)}
}

// Next returns the number of the next field; 0 if there is none.
func (r *FlatReader) Next() byte {
	if r.bad || r.left == 0 {
		return 0
	}
	if len(r.b) == 0 || r.b[0] > 23 || r.b[0] <= r.last {
		r.bad = true
		return 0
	}
	r.last, r.b = r.b[0], r.b[1:]
	r.left--
	return r.last
}

// Unknown says that a field is not known.
func (r *FlatReader) Unknown() { r.bad = true }

// Done reports whether the whole record was read and understood.
func (r *FlatReader) Done() bool { return !r.bad && r.left == 0 && len(r.b) == 0 }

func (r *FlatReader) head(major byte) uint64 {
	if r.bad || len(r.b) == 0 || r.b[0]>>5 != major {
		r.bad = true
		return 0
	}
	low := r.b[0] & 31
	if low < 24 {
		r.b = r.b[1:]
		return uint64(low)
	}
	size := 1 << (low - 24)
	if low > 27 || len(r.b) < 1+size {
		r.bad = true
		return 0
	}
	var n uint64
	for _, c := range r.b[1 : 1+size] {
		n = n<<8 | uint64(c)
	}
	r.b = r.b[1+size:]
	return n
}

// Uint reads a number of at most most.
func (r *FlatReader) Uint(most uint64) uint64 {
	n := r.head(0)
	if n > most {
		r.bad = true
		return 0
	}
	return n
}

// Int reads a number that may be negative.
func (r *FlatReader) Int() int64 {
	major := byte(0)
	if len(r.b) > 0 && r.b[0]>>5 == 1 {
		major = 1
	}
	n := r.head(major)
	if n > math.MaxInt64 {
		r.bad = true
		return 0
	}
	if major == 1 {
		return -1 - int64(n)
	}
	return int64(n)
}

// Bool reads a truth.
func (r *FlatReader) Bool() bool {
	if r.bad || len(r.b) == 0 || r.b[0] != 0xF4 && r.b[0] != 0xF5 {
		r.bad = true
		return false
	}
	is := r.b[0] == 0xF5
	r.b = r.b[1:]
	return is
}

// Bytes reads bytes, which are a part of the record and not copied.
func (r *FlatReader) Bytes() []byte {
	n := r.head(2)
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}
