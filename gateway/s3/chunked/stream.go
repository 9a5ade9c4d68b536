package chunked

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"strconv"

	"rhizome/gateway/s3/s3err"
)

// emptySHA is the SHA-256 of nothing, which stands in every chunk's string to sign.
const emptySHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func malformed(what string) error {
	return s3err.New(s3err.IncompleteBody).Because(errors.New("aws-chunked: " + what))
}

func (r *Reader) readStream(p []byte) (int, error) {
	if r.chunk == 0 {
		if err := r.nextChunk(); err != nil {
			return 0, err
		}
		if r.chunk == 0 {
			return 0, r.finish()
		}
	}
	if r.hash == nil || int64(len(p)) < r.chunk {
		n, err := r.buf.Read(p[:min(int64(len(p)), r.chunk)])
		r.take(p[:n])
		if err == nil && r.chunk == 0 {
			err = r.endChunk()
		} else if err != nil {
			err = broken(err)
		}
		return n, err
	}
	p = p[:r.chunk]
	if _, err := io.ReadFull(r.buf, p); err != nil {
		return 0, broken(err)
	}
	r.take(p)
	if err := r.endChunk(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// take accounts for bytes of the chunk.
func (r *Reader) take(p []byte) {
	r.chunk -= int64(len(p))
	r.left -= int64(len(p))
	if r.hash != nil {
		r.hash.Write(p)
	}
}

// nextChunk reads a chunk header, "SIZE[;chunk-signature=SIGNATURE]".
func (r *Reader) nextChunk() error {
	line, err := r.line(MaxHeader)
	if err != nil {
		return err
	}
	size, rest, ok := parseSize(line)
	if !ok {
		return malformed("a chunk's size is no hexadecimal number")
	}
	if size > r.left {
		return errLength()
	}
	if size > 0 && r.number > 0 && r.size < MinChunk {
		return s3err.New(s3err.InvalidChunkSizeError, s3err.Field{Name: "Chunk", Value: strconv.Itoa(r.number)},
			s3err.Field{Name: "BadChunkSize", Value: strconv.FormatInt(r.size, 10)})
	}
	r.chunk, r.size, r.number = size, size, r.number+1
	if r.hash == nil {
		return nil
	}
	sig, ok := bytes.CutPrefix(rest, []byte(";chunk-signature="))
	if !ok || copy(r.signature[:], sig) != len(sig) || len(sig) != len(r.signature) {
		return malformed("a chunk has no signature")
	}
	return nil
}

// parseSize splits the number off a chunk header.
func parseSize(line []byte) (size int64, rest []byte, ok bool) {
	i := 0
	for ; i < len(line) && line[i] != ';'; i++ {
		d := unhex(line[i])
		if d > 15 || size > 1<<58 {
			return 0, nil, false
		}
		size = size<<4 | int64(d)
	}
	return size, line[i:], i > 0
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// endChunk reads the line end behind a chunk's bytes and verifies its signature.
func (r *Reader) endChunk() error {
	end, err := r.buf.Peek(2)
	if err != nil {
		return broken(err)
	}
	if string(end) != "\r\n" {
		return malformed("a chunk is longer than its size says")
	}
	if _, err := r.buf.Discard(2); err != nil {
		return broken(err)
	}
	return r.verifyChunk()
}

func (r *Reader) verifyChunk() error {
	if r.hash == nil {
		return nil
	}
	var sum [32]byte
	r.hash.Sum(sum[:0])
	r.hash.Reset()
	return r.verify("AWS4-HMAC-SHA256-PAYLOAD", emptySHA+"\n", sum, r.signature[:])
}

// verify checks the next signature of the chain.
func (r *Reader) verify(algorithm, middle string, sum [32]byte, signature []byte) error {
	want := r.expected(algorithm, middle, sum)
	if subtle.ConstantTimeCompare([]byte(want), signature) != 1 {
		return s3err.New(s3err.SignatureDoesNotMatch,
			s3err.Field{Name: "StringToSign", Value: r.stringToSign(algorithm, middle, sum)},
			s3err.Field{Name: "SignatureProvided", Value: string(signature)})
	}
	r.previous = want
	return nil
}

// expected returns the signature that must come next in the chain.
func (r *Reader) expected(algorithm, middle string, sum [32]byte) string {
	mac := hmac.New(sha256.New, r.o.Chain.Key[:])
	mac.Write([]byte(r.stringToSign(algorithm, middle, sum)))
	return hex.EncodeToString(mac.Sum(nil))
}

func (r *Reader) stringToSign(algorithm, middle string, sum [32]byte) string {
	c := &r.o.Chain
	return algorithm + "\n" + c.Time + "\n" + c.Scope + "\n" + r.previous + "\n" + middle + hex.EncodeToString(sum[:])
}

// finish reads what follows the last chunk's header. io.EOF says that all was right.
func (r *Reader) finish() error {
	if r.o.Size >= 0 && r.left > 0 {
		return errLength()
	}
	if err := r.verifyChunk(); err != nil {
		return err
	}
	if err := r.readTrailers(); err != nil {
		return err
	}
	switch c, err := r.buf.ReadByte(); {
	case err == io.EOF:
		return io.EOF
	case err != nil:
		return broken(err)
	case c == '\r' || c == '\n':
		return r.blankRest()
	}
	return malformed("there are bytes behind its end")
}

// blankRest lets a few line ends pass that some clients put behind the end.
func (r *Reader) blankRest() error {
	for range 4 {
		switch c, err := r.buf.ReadByte(); {
		case err == io.EOF:
			return io.EOF
		case err != nil:
			return broken(err)
		case c != '\r' && c != '\n':
			return malformed("there are bytes behind its end")
		}
	}
	return malformed("there are bytes behind its end")
}

// line reads a line that ends in CR LF, and returns it without.
func (r *Reader) line(limit int) ([]byte, error) {
	line, err := r.buf.ReadSlice('\n')
	switch {
	case len(line) > limit || len(line) == r.buf.Size():
		return nil, malformed("a line is too long")
	case err != nil:
		return nil, broken(err)
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, malformed("a line does not end in CR LF")
	}
	return line, nil
}
