package codec

import (
	"encoding/binary"
	"math"
)

// Flat goes over the fields of a record that are numbers, truths and bytes: it writes
// them as Encode would, or reads them, at a tenth of the cost. A record names its fields
// once, in ascending order, 1 to 23, for both. One that is zero or empty is left out,
// like a field of Encode that has omitempty. Begin with WriteFlat or ReadFlat.
//
// It reads the forms that it writes and no other, nor fields that it is not asked for: who
// finds it not Done reads the record with Decode, which knows all.
type Flat struct {
	b    []byte // what is written, or left to read
	left int    // fields to read
	read bool
	bad  bool // what is read is not of that form
}

// WriteFlat begins a record for which room is made.
func WriteFlat(room int) Flat {
	return Flat{b: append(make([]byte, 0, room+2), Version, 0xA0)}
}

// Record returns the record that was written.
func (f *Flat) Record() []byte { return laterRecord(f.b) }

// ReadFlat begins to read a record.
func ReadFlat(b []byte) Flat {
	if len(b) < 2 || b[0] != Version || b[1] < 0xA0 || b[1] > 0xA0+23 {
		return Flat{read: true, bad: true}
	}
	return Flat{b: b[2:], left: int(b[1] - 0xA0), read: true}
}

// Done reports whether the whole record was read and understood.
func (f *Flat) Done() bool { return !f.bad && f.left == 0 && len(f.b) == 0 }

// FlatAlways is a number that is written even if it is zero.
func FlatAlways[T ~uint8 | ~uint64](f *Flat, field byte, v *T) {
	if !f.read {
		f.field(field)
		f.head(0, uint64(*v))
	} else if f.at(field) {
		n := f.readHead(0)
		*v = T(n)
		f.bad = f.bad || uint64(*v) != n
	}
}

// FlatUint is a number.
func FlatUint[T ~uint8 | ~uint64](f *Flat, field byte, v *T) {
	if f.read || *v != 0 {
		FlatAlways(f, field, v)
	}
}

// Int is a number that may be negative.
func (f *Flat) Int(field byte, v *int64) {
	switch {
	case f.read && f.at(field):
		*v = f.readInt()
	case f.read:
	case *v > 0:
		f.field(field)
		f.head(0, uint64(*v))
	case *v < 0:
		f.field(field)
		f.head(1, uint64(-1-*v))
	}
}

// Bool is a truth.
func (f *Flat) Bool(field byte, v *bool) {
	if !f.read && *v {
		f.field(field)
		f.b = append(f.b, 0xF5)
	}
	if f.read && f.at(field) {
		if len(f.b) == 0 || f.b[0] != 0xF4 && f.b[0] != 0xF5 {
			f.bad = true
			return
		}
		*v, f.b = f.b[0] == 0xF5, f.b[1:]
	}
}

// Bytes are bytes. Those that are read are a part of the record and not copied.
func (f *Flat) Bytes(field byte, v *[]byte) {
	if !f.read && len(*v) > 0 {
		f.field(field)
		f.head(2, uint64(len(*v)))
		f.b = append(f.b, *v...)
	}
	if f.read && f.at(field) {
		n := f.readHead(2)
		if f.bad || n > uint64(len(f.b)) {
			f.bad = true
			return
		}
		*v, f.b = f.b[:n:n], f.b[n:]
	}
}

// field begins the next field that is written.
func (f *Flat) field(n byte) {
	f.b[1]++
	f.b = append(f.b, n)
}

// head writes the head of an item: its major type and its number in the shortest form.
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

// at goes on to the value of a field if that comes next.
func (f *Flat) at(n byte) bool {
	if f.bad || f.left == 0 || len(f.b) == 0 || f.b[0] != n {
		return false
	}
	f.b = f.b[1:]
	f.left--
	return true
}

func (f *Flat) readHead(major byte) uint64 {
	if f.bad || len(f.b) == 0 || f.b[0]>>5 != major {
		f.bad = true
		return 0
	}
	low := f.b[0] & 31
	if low < 24 {
		f.b = f.b[1:]
		return uint64(low)
	}
	size := 1 << (low - 24)
	if low > 27 || len(f.b) < 1+size {
		f.bad = true
		return 0
	}
	var n uint64
	for _, c := range f.b[1 : 1+size] {
		n = n<<8 | uint64(c)
	}
	f.b = f.b[1+size:]
	return n
}

func (f *Flat) readInt() int64 {
	major := byte(0)
	if len(f.b) > 0 && f.b[0]>>5 == 1 {
		major = 1
	}
	n := f.readHead(major)
	if n > math.MaxInt64 {
		f.bad = true
		return 0
	}
	if major == 1 {
		return -1 - int64(n)
	}
	return int64(n)
}
