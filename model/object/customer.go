package object

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"log/slog"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// What is encrypted with a key that its client brings with every request (S3: SSE-C).
var (
	// ErrKeyNeeded says that the bytes open only with the key that they were written with,
	// and none was given.
	ErrKeyNeeded = errs.New(errs.Invalid, "the object is encrypted with a key of its writer's, which has to be given")
	// ErrKeyWrong says that another key was given.
	ErrKeyWrong = errs.New(errs.Denied, "the object is encrypted with another key than the one given")
	// ErrKeyless says that a key was given for what is not encrypted with one.
	ErrKeyless = errs.New(errs.Invalid, "the object is not encrypted with a key of its writer's")
	// ErrUploadKey says that a part has a key and its upload has none, or the other way
	// round; ErrUploadKeyOther that it is another key.
	ErrUploadKey      = errs.New(errs.Invalid, "the parts of an upload are encrypted with its key, if it has one")
	ErrUploadKeyOther = errs.New(errs.Invalid, "the part comes with another key than the upload was begun with")
)

// CustomerKey is a key that a client brings. It is never stored, and shows nothing of
// itself where it is printed or logged.
type CustomerKey struct{ secret ident.Secret }

// NewCustomerKey returns the key of 32 bytes, or nil if they are not 32.
func NewCustomerKey(b []byte) *CustomerKey {
	k := new(CustomerKey)
	if len(b) != len(k.secret) {
		return nil
	}
	copy(k.secret[:], b)
	return k
}

// Is reports whether both are the same key, in constant time; nil is no key.
func (k *CustomerKey) Is(other *CustomerKey) bool {
	if k == nil || other == nil {
		return k == other
	}
	return subtle.ConstantTimeCompare(k.secret[:], other.secret[:]) == 1
}

// String implements fmt.Stringer.
func (*CustomerKey) String() string { return "(a customer's key)" }

// GoString implements fmt.GoStringer.
func (k *CustomerKey) GoString() string { return k.String() }

// LogValue implements slog.LogValuer.
func (k *CustomerKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// envelope is a data key that only a customer's key opens: byte 0 is 1; 32 bytes of random
// salt; 32 bytes that tell whether a key is the right one; the data key under AES-256-GCM,
// 48 bytes. Both keys that it takes are HKDF-SHA-256 (RFC 5869) of the customer's key and
// the salt, under different infos, so that neither the check nor the same key elsewhere
// says anything about the one that seals. It stands wherever a data key would in the clear
// and is sealed once more there, as that is: who has only the customer's key, or only the
// rhizome's, opens nothing. It is told from a data key by its length. A release that knows of
// none would take its first bytes for a key, so rows with one are of a generation that it refuses.
//
// Each version and each upload has a data key and a salt of its own. A copy by reference
// keeps the envelope, so it needs no key and opens with the source's: that is for copies under
// the same key, and for Restore. A copy to another key, or to none, writes the bytes anew. To
// wrap the data key again would be less work, and wrong: what the extents say of themselves
// on disk stays under the old key for as long as they live. So the key that was given up would
// go on opening the copy, a rebuild of lost rows would give it the old key back, and a part
// of a few bytes would carry the key of all the bytes beside them.
type envelope []byte

const (
	envelopeVersion = 1
	saltBytes       = 32
	checkBytes      = 32
	envelopeBytes   = 1 + saltBytes + checkBytes + len(ident.Secret{}) + tagBytes
	tagBytes        = 16
)

// wrap returns an envelope that only k opens.
func (k *CustomerKey) wrap(data ident.Secret) envelope {
	var salt [saltBytes]byte
	_, _ = rand.Read(salt[:])
	check, kek := k.derive(salt[:])
	e := append(make(envelope, 0, envelopeBytes), envelopeVersion)
	e = append(append(e, salt[:]...), check[:]...)
	return kek.AEAD().Seal(e, nonce(sealDataKey), data[:], nil) // the only one under that key
}

func (k *CustomerKey) derive(salt []byte) (check, kek ident.Secret) {
	out := func(s *ident.Secret, info string) {
		b, err := hkdf.Key(sha256.New, k.secret[:], salt, info, len(s))
		if err != nil {
			panic(err) // the lengths are constants
		}
		copy(s[:], b)
	}
	out(&check, "customer key check v1")
	out(&kek, "customer key wrap v1")
	return check, kek
}

// enveloped returns what was opened in the place of a data key as an envelope; nil if it is
// a data key.
func enveloped(inner []byte) envelope {
	if len(inner) != envelopeBytes || inner[0] != envelopeVersion {
		return nil
	}
	return envelope(inner)
}

// fits reports whether k opens e, ErrKeyNeeded or ErrKeyWrong if not.
func (e envelope) fits(k *CustomerKey) error {
	if k == nil {
		return ErrKeyNeeded
	}
	check, _ := k.derive(e[1 : 1+saltBytes])
	if subtle.ConstantTimeCompare(check[:], e[1+saltBytes:1+saltBytes+checkBytes]) != 1 {
		return ErrKeyWrong
	}
	return nil
}

// open returns the data key.
func (e envelope) open(k *CustomerKey) (data ident.Secret, err error) {
	if err := e.fits(k); err != nil {
		return data, err
	}
	_, kek := k.derive(e[1 : 1+saltBytes])
	plain, err := kek.AEAD().Open(nil, nonce(sealDataKey), e[1+saltBytes+checkBytes:], nil)
	if err != nil || copy(data[:], plain) != len(data) {
		return data, errs.Newf(errs.Corrupt, "a data key does not open: %w", err)
	}
	return data, nil
}

// customers reports whether the version is encrypted with a customer's key.
func (v *version) customers() bool { return len(v.Sealed) == envelopeBytes+tagBytes }

// customers is the same of an upload: its data key is sealed with a nonce in front.
func (r *uploadRecord) customers() bool { return len(r.Sealed) == 12+envelopeBytes+tagBytes }

// unlocks checks the key that a read came with; needed says that it must have the one that the
// version takes.
func (b *Bucket) unlocks(v *version, k *CustomerKey, needed bool) error {
	switch {
	case !v.customers():
		if k != nil {
			return ErrKeyless
		}
		return nil
	case k == nil && !needed:
		return nil
	case k == nil:
		return ErrKeyNeeded
	}
	inner, err := b.innerKey(v)
	if err != nil {
		return err
	}
	return enveloped(inner).fits(k)
}

// randomTag is the ETag of what is encrypted with a customer's key: an MD5 would tell who has
// no key which bytes these are.
func randomTag() string {
	id := ident.New()
	return hex.EncodeToString(id[:])
}

// randomTags replaces what the marks of parts say of their bytes.
func randomTags(parts []partMark) []partMark {
	out := make([]partMark, len(parts))
	for i, p := range parts {
		p.ETag = randomTag()
		out[i] = p
	}
	return out
}
