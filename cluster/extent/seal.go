package extent

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"github.com/klauspost/compress/zstd"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

const (
	// FrameSize is the number of plain bytes in every frame but the last.
	FrameSize = 1 << 20
	// MaxLength is the largest number of plain bytes of one extent.
	MaxLength = 64 << 20
	// KeySize is the length of an extent's key.
	KeySize = 32
)

const (
	frameVersion = 1
	headLen      = 2
	tagLen       = 16
	overhead     = headLen + tagLen

	packNone = 0
	packZstd = 1
)

// codecs compress and decompress for all writers and readers of a store. zstd's
// fastest level: a home machine's processor is scarcer than its disk.
type codecs struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodecs() (*codecs, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(FrameSize), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, errs.Newf(errs.Internal, "zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(2*FrameSize),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, errs.Newf(errs.Internal, "zstd: %w", err)
	}
	return &codecs{enc, dec}, nil
}

// sealer seals and opens the frames of one extent.
type sealer struct {
	id   ident.ID
	aead cipher.AEAD
}

func newSealer(id ident.ID, key []byte) (*sealer, error) {
	if len(key) != KeySize {
		return nil, errs.Newf(errs.Invalid, "an extent's key has %d bytes, not %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errs.Newf(errs.Internal, "AES: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, errs.Newf(errs.Internal, "AES-GCM: %w", err)
	}
	return &sealer{id, aead}, nil
}

// place says which frame of its extent one is; both ends know it without storing it.
type place struct {
	number int
	plain  int // length in plain bytes
	last   bool
}

// places of an extent of that many plain bytes.
func frameCount(length int64) int { return int((length + FrameSize - 1) / FrameSize) }

func placeOf(i int, length int64) place {
	return place{i, int(min(FrameSize, length-int64(i)*FrameSize)), i == frameCount(length)-1}
}

func (p place) nonce() (n [12]byte) {
	binary.BigEndian.PutUint32(n[8:], uint32(p.number))
	return n
}

// bind returns the associated data: what a frame is, so that it counts nowhere else.
func (s *sealer) bind(p place, head []byte) []byte {
	b := make([]byte, 0, 16+headLen+9)
	b = append(append(b, s.id[:]...), head[:headLen]...)
	b = binary.BigEndian.AppendUint32(b, uint32(p.number))
	b = binary.BigEndian.AppendUint32(b, uint32(p.plain))
	if p.last {
		return append(b, 1)
	}
	return append(b, 0)
}

// seal turns the frame in buf, whose plain bytes begin at headLen, into its stored
// form. The result lies in buf or in spare, which is used if compression pays; both
// have room for a frame and its overhead.
func (s *sealer) seal(c *codecs, buf, spare []byte, p place) []byte {
	plain := buf[headLen : headLen+p.plain]
	out := buf[:headLen+p.plain]
	out[0], out[1] = frameVersion, packNone
	if packed, ok := c.pack(plain, spare); ok {
		out = packed
		out[0], out[1] = frameVersion, packZstd
	}
	nonce := p.nonce()
	body := out[headLen:]
	sealed := s.aead.Seal(body[:0], nonce[:], body, s.bind(p, out))
	return out[:headLen+len(sealed)]
}

// pack compresses plain behind headLen free bytes of spare if that saves an eighth.
func (c *codecs) pack(plain, spare []byte) ([]byte, bool) {
	if len(plain) < 64 || spare == nil || !c.promising(plain, spare) {
		return nil, false
	}
	out := c.enc.EncodeAll(plain, spare[:headLen])
	return out, len(out)-headLen <= len(plain)-len(plain)/8
}

// promising compresses three samples of a long frame to see whether the whole is
// worth trying: a few microseconds against some hundred.
func (c *codecs) promising(plain, spare []byte) bool {
	if len(plain) < 16<<10 {
		return true
	}
	sample := min(len(plain)/32, 4<<10)
	got := 0
	for _, at := range []int{0, len(plain)/2 - sample, len(plain) - sample} {
		got += len(c.enc.EncodeAll(plain[at:at+sample], spare[:0]))
	}
	return got <= 3*sample-3*sample/16
}

// open turns a stored frame into its plain bytes, which lie in stored or in spare.
// It fails with errs.Corrupt for anything but what seal made for that place.
func (s *sealer) open(c *codecs, stored, spare []byte, p place) ([]byte, error) {
	if len(stored) < overhead || stored[0] != frameVersion {
		return nil, errs.Newf(errs.Corrupt, "frame %d of extent %s has a form that this program does not know", p.number, s.id)
	}
	nonce := p.nonce()
	body := stored[headLen:]
	plain, err := s.aead.Open(body[:0], nonce[:], body, s.bind(p, stored))
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "frame %d of extent %s is damaged, or its key is another", p.number, s.id)
	}
	if stored[1] == packZstd {
		plain, err = c.dec.DecodeAll(plain, spare[:0:p.plain])
	}
	if err != nil || len(plain) != p.plain || stored[1] > packZstd {
		return nil, errs.Newf(errs.Corrupt, "frame %d of extent %s does not unpack", p.number, s.id)
	}
	return plain, nil
}
