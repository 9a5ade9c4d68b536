package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"rhizome/base/errs"
)

// translate maps Pebble's errors to kinds.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pebble.ErrNotFound):
		return errs.NotFound
	case pebble.IsCorruptionError(err):
		return errs.Newf(errs.Corrupt, "the row store is damaged: %s", plain(err))
	case errors.Is(err, syscall.ENOSPC):
		return errs.Newf(errs.Full, "the disk of the row store is full: %w", err)
	case errors.Is(err, os.ErrPermission):
		return errs.Newf(errs.Denied, "the row store cannot be opened: %w", err)
	}
	return errs.Newf(errs.Internal, "row store: %w", err)
}

// heldHere is how Pebble says that this process holds a store open already; another
// process's hold is EAGAIN.
const heldHere = "lock held by current process"

// openError is translate for a store that does not open: what is neither held by
// another process nor closed to this one is damaged.
func openError(err error) error {
	known := translate(err)
	switch {
	case errs.KindOf(known) != errs.Internal:
		return known
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES), strings.HasPrefix(err.Error(), heldHere):
		return errs.Newf(errs.Conflict, "the row store is in use by another process: %w", err)
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENOMEM):
		return known
	}
	return errs.Newf(errs.Corrupt, "the row store is damaged: %s", plain(err))
}

// plain is the first line of what an error says: Pebble's errors about damage have a
// second one that says nothing to people, and print as pages of stack.
func plain(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

func counter(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func parseCounter(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, errs.Newf(errs.Corrupt, "a counter has %d bytes, not 8", len(b))
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// logger passes Pebble's words on. Pebble expects Fatalf not to return: the store
// can promise nothing more, so the goroutine that met it stays there while the
// owner stops the process.
type logger struct {
	log   *slog.Logger
	fatal func(error)
}

func (l logger) Infof(format string, args ...any) { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l logger) Errorf(format string, args ...any) {
	l.log.Warn(fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) {
	err := fatal(format, args)
	if l.fatal == nil {
		panic(err) // nobody was named who could stop the process in order
	}
	l.fatal(err)
	select {}
}

// fatal is what Pebble cannot go on after, with the kind of its cause.
func fatal(format string, args []any) error {
	for _, a := range args {
		if cause, ok := a.(error); ok {
			return translate(cause)
		}
	}
	return errs.Newf(errs.Internal, "row store: "+format, args...)
}

// rescue turns a panic into an error: Pebble 2.1 panics when it means to report
// that a file of values is damaged.
func rescue(err *error) {
	if r := recover(); r != nil {
		*err = errs.Newf(errs.Corrupt, "the row store is damaged: reading a value failed: %v", r)
	}
}

// corruption is Pebble's word for damage; unless it is handled Pebble ends the process.
func (o *Options) corruption(i pebble.DataCorruptionInfo) {
	o.Logger.Error("the row store is damaged", "file", i.Path, "error", plain(i.Details))
	if o.Damaged != nil {
		o.Damaged(errs.Newf(errs.Corrupt, "the row store is damaged in %s: %s", i.Path, plain(i.Details)))
	}
}
