package lab

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// sawFrom makes the host tell each caller the address that it sees him under.
func sawFrom(t testing.TB, h *Host) {
	t.Helper()
	serve(t, h, func(c net.Conn) { fmt.Fprintln(c, c.RemoteAddr()) })
}

// seen returns the address under which from appears at to.
func seen(t testing.TB, from, to *Host) string {
	t.Helper()
	c, err := call(t, from, to, 5*time.Second)
	must(t, err)
	defer c.Close()
	var address string
	must(t, c.SetDeadline(time.Now().Add(5*time.Second)))
	_, err = fmt.Fscanln(c, &address)
	must(t, err)
	return address
}

func TestBoxLetsOutAndKeepsOut(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	paris := l.Home("paris")
	box := l.Router("box", Masquerade)
	nas, other := box.Attach("nas"), box.Attach("other")
	sawFrom(t, paris)
	sawFrom(t, nas)
	if got := seen(t, nas, paris); !strings.HasPrefix(got, box.IP+":") {
		t.Errorf("paris sees nas as %s, want %s", got, box.IP)
	}
	if got := seen(t, other, nas); !strings.HasPrefix(got, other.IP+":") {
		t.Errorf("nas sees its neighbour as %s", got)
	}
	if reaches(t, paris, nas) || reaches(t, paris, box.Host) {
		t.Error("somebody got in who was not asked")
	}
	must(t, box.Forward("tcp", 7, nas, 7))
	if got := seen(t, paris, box.Host); !strings.HasPrefix(got, paris.IP+":") {
		t.Errorf("through the forwarded port nas sees paris as %s", got)
	}
	l.Isolate(nas)
	if reaches(t, nas, paris) || !reaches(t, other, nas) {
		t.Error("a home that is cut off keeps its LAN, and nothing else")
	}
}

func TestCarrierBehindCarrier(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	paris := l.Home("paris")
	carrier := l.Router("carrier", Symmetric)
	box := carrier.Router("box", Masquerade)
	nas := box.Attach("nas")
	sawFrom(t, paris)
	sawFrom(t, nas)
	l.Link(nas, paris).Set(Path{Delay: 20 * time.Millisecond})
	if got := seen(t, nas, paris); !strings.HasPrefix(got, carrier.IP+":") {
		t.Errorf("paris sees nas as %s, want %s", got, carrier.IP)
	}
	if reaches(t, paris, nas) || reaches(t, paris, box.Host) || reaches(t, paris, carrier.Host) {
		t.Error("somebody got in who was not asked")
	}
}

// holePunch has two hosts send to each other's address as a third saw it, and reports
// whether they hear each other.
func holePunch(t *testing.T, nat NAT) bool {
	l := New(t, Options{})
	meet := l.Home("meet")
	eye, err := meet.ListenPacket("udp4", ":5000")
	must(t, err)
	defer eye.Close()
	var conns [2]net.PacketConn
	var seen [2]net.Addr
	for i := range conns {
		h := l.Router(fmt.Sprint("box", i), nat).Attach(fmt.Sprint("nas", i))
		conns[i], err = h.ListenPacket("udp4", ":4000")
		must(t, err)
		defer conns[i].Close()
		_, err = conns[i].WriteTo([]byte("me"), &net.UDPAddr{IP: net.ParseIP(meet.IP), Port: 5000})
		must(t, err)
		must(t, eye.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, seen[i], err = eye.ReadFrom(make([]byte, 10))
		must(t, err)
	}
	heard := 0
	for range 3 {
		for i := range conns {
			_, err := conns[i].WriteTo([]byte("you"), seen[1-i])
			must(t, err)
		}
		for i := range conns {
			must(t, conns[i].SetReadDeadline(time.Now().Add(200*time.Millisecond)))
			if _, _, err := conns[i].ReadFrom(make([]byte, 10)); err == nil {
				heard++
			}
		}
	}
	return heard > 1
}

// TestHolePunching: works between usual boxes, not between symmetric ones.
func TestHolePunching(t *testing.T) {
	t.Parallel()
	if !holePunch(t, Masquerade) {
		t.Error("two usual boxes: no hole")
	}
	if holePunch(t, Symmetric) {
		t.Error("two symmetric boxes: a hole")
	}
}

// TestLANHearsBroadcast: hosts of one home hear each other's broadcast and multicast,
// those of other homes do not.
func TestLANHearsBroadcast(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	router := l.Router("router", Routed)
	a, b, far := router.Attach("a"), router.Attach("b"), l.Home("far")
	sawFrom(t, b)
	if got := seen(t, far, b); !strings.HasPrefix(got, far.IP+":") {
		t.Errorf("without translation b sees far as %s", got)
	}
	group := "239.77.0.1:9000"
	listen := func(h *Host) (c net.PacketConn) {
		must(t, h.space.visit(func() (err error) {
			addr, _ := net.ResolveUDPAddr("udp4", group)
			dev, err := net.InterfaceByName(map[bool]string{true: tunName, false: outsideName}[h == far])
			must(t, err)
			c, err = net.ListenMulticastUDP("udp4", dev, addr)
			return err
		}))
		return c
	}
	near, away := listen(b), listen(far)
	defer near.Close()
	defer away.Close()
	for _, to := range []string{group, "255.255.255.255:9000", router.subnet + ".255:9000"} {
		c, err := a.Dial(t.Context(), "udp4", to)
		must(t, err)
		_, err = c.Write([]byte("here"))
		must(t, err)
		c.Close()
		must(t, near.SetReadDeadline(time.Now().Add(5*time.Second)))
		if _, _, err := near.ReadFrom(make([]byte, 10)); err != nil {
			t.Errorf("b does not hear what a sends to %s: %v", to, err)
		}
	}
	must(t, away.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	if _, _, err := away.ReadFrom(make([]byte, 10)); err == nil {
		t.Error("another home hears a's broadcast")
	}
}

// TestRenumber: behind a box that has another public address new connections come from it,
// old ones end, and what is forwarded still is.
func TestRenumber(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	paris := l.Home("paris")
	box := l.Router("box", Masquerade)
	nas := box.Attach("nas")
	serve(t, paris, echo)
	c, err := call(t, nas, paris, 10*time.Second)
	must(t, err)
	defer c.Close()
	answers := func() bool {
		_ = c.SetDeadline(time.Now().Add(2 * time.Second))
		_, err := fmt.Fprint(c, "hello")
		if err == nil {
			_, err = io.ReadFull(c, make([]byte, 5))
		}
		return err == nil
	}
	if !answers() {
		t.Error("a connection does not answer")
	}
	old := box.IP
	must(t, box.Forward("tcp", 7, nas, 7))
	must(t, box.Renumber())
	if answers() {
		t.Error("a connection from the old address goes on")
	}
	sawFrom(t, nas)
	if got := seen(t, paris, box.Host); box.IP == old || !strings.HasPrefix(got, paris.IP+":") {
		t.Errorf("%s, which was %s, forwards what comes from %s", box.IP, old, got)
	}
}
