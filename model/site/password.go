package site

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"rhizome/base/errs"
)

// How a password is made expensive to guess: argon2id as OWASP has it, with MiB in place of
// its 19,456 KiB.
const (
	argonTime   = 2
	argonMemory = 19 << 10 // KiB
	argonKey    = 32
	argonSalt   = 16
	minPassword = 4
	maxPassword = 1024
)

// HashPassword returns what is kept of a password: $argon2id$..., as others write it.
func HashPassword(password string) (string, error) {
	if len(password) < minPassword || len(password) > maxPassword {
		return "", errs.Newf(errs.Invalid, "a password has %d to %d bytes", minPassword, maxPassword)
	}
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // it never fails
	sum := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, 1, argonKey)
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, argonMemory, argonTime, enc(salt), enc(sum)), nil
}

// CheckPassword reports whether a password is the one of which hash was kept. It takes some
// 20 MiB of memory and tens of milliseconds: its caller bounds how many run.
func CheckPassword(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || len(password) > maxPassword {
		return false
	}
	var memory, rounds uint32
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &memory, &rounds); err != nil || memory > 1<<18 || rounds < 1 || rounds > 16 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || err2 != nil || len(want) != argonKey {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, rounds, memory, 1, argonKey)
	return subtle.ConstantTimeCompare(got, want) == 1
}
