package lab

import (
	"fmt"
	"testing"
	"time"
)

// forwarded is a home behind a box in which a person forwarded the port of the nodes.
func forwarded(t *testing.T, box *Router, name string) *Host {
	t.Helper()
	h := box.Attach(name)
	for _, protocol := range []string{"tcp", "udp"} {
		must(t, box.Forward(protocol, peerPort, h, peerPort))
	}
	return h
}

// TestForwardedPort: a home whose port a person forwarded in the router, and said so, is
// joined from outside by a home that nobody can call. They find each other again after both
// were away, also under another public address once that was said.
func TestForwardedPort(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	box, carrier := l.Router("box", Masquerade), l.Router("carrier", Symmetric)
	r := l.nobody()
	paris, err := r.Join(forwarded(t, box, "paris"), "--public", box.IP)
	must(t, err)
	lyon, err := r.Join(carrier.Attach("lyon"))
	must(t, err)
	must(t, r.founded())
	makeBucket(t, paris, "family")
	between(t, paris, lyon, "a")
	again := func() {
		t.Helper()
		for _, n := range r.Nodes {
			must(t, n.Up())
		}
		must(t, r.Settled(2*time.Minute))
	}
	stop := func() {
		t.Helper()
		for _, n := range r.Nodes {
			must(t, n.Stop())
		}
	}
	stop()
	again()
	between(t, lyon, paris, "bb")

	must(t, paris.Stop())
	must(t, box.Renumber())
	paris.Flags = []string{"--public", box.IP}
	must(t, paris.Up())
	_, err = lyon.CLI("node", "address", "paris", fmt.Sprintf("%s:%d", box.IP, peerPort))
	must(t, err)
	must(t, r.Settled(2*time.Minute))
	between(t, paris, lyon, "ccc")
	stop()
	again()
	between(t, lyon, paris, "dddd")
}

// TestNewAddressWhileItRuns: the public address of a home changes while it runs, so that
// where people said it is found is wrong, then that of one behind a carrier. With one home
// left that all can call, each is back in full without anybody's doing.
func TestNewAddressWhileItRuns(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	box, carrier := l.Router("box", Masquerade), l.Router("carrier", Symmetric)
	r := l.nobody()
	lille, err := r.Join(l.Home("lille"))
	must(t, err)
	paris, err := r.Join(forwarded(t, box, "paris"), "--public", box.IP)
	must(t, err)
	lyon, err := r.Join(carrier.Attach("lyon"))
	must(t, err)
	must(t, r.founded())
	makeBucket(t, lille, "family")
	between(t, paris, lyon, "a")
	for i, moved := range []*Router{box, carrier} {
		began := time.Now()
		must(t, moved.Renumber())
		between(t, lille, paris, fmt.Sprint("there", i))
		between(t, paris, lyon, fmt.Sprint("here", i))
		must(t, r.Settled(2*time.Minute))
		t.Logf("change %d: all is well after %v", i, time.Since(began).Round(time.Millisecond))
	}
}
