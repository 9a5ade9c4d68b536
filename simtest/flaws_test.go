package simtest

import (
	"net/http"

	"rhizome/base/vfs"
	"rhizome/cluster/register"
)

// flaw is something wrong with a rhizome that histories have to show. The zero value is
// none.
type flaw struct {
	name   string
	front  func(http.Handler) http.Handler
	peer   func(local *register.Replica, p register.Peer) register.Peer
	source func(register.Source) register.Source
	fs     func(vfs.FS) vfs.FS
}

func (f flaw) peers(local *register.Replica, p register.Peer) register.Peer {
	if f.peer == nil {
		return p
	}
	return f.peer(local, p)
}

func (f flaw) sources(s register.Source) register.Source {
	if f.source == nil {
		return s
	}
	return f.source(s)
}

func (f flaw) disk(fs vfs.FS) vfs.FS {
	if f.fs == nil {
		return fs
	}
	return f.fs(fs)
}
