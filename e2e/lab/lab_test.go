package lab

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve answers each connection to the host's port 7 with f, until the test ends.
func serve(t testing.TB, h *Host, f func(net.Conn)) {
	t.Helper()
	l, err := h.Listen("tcp", ":7")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// call connects from one host to another's port 7.
func call(t testing.TB, from, to *Host, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return from.Dial(ctx, "tcp", to.IP+":7")
}

// reaches reports whether from can call to.
func reaches(t testing.TB, from, to *Host) bool {
	c, err := call(t, from, to, 2*time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// roundTrip measures the fastest of some echoes on one connection.
func roundTrip(t testing.TB, from, to *Host) time.Duration {
	t.Helper()
	c, err := call(t, from, to, 10*time.Second)
	must(t, err)
	defer c.Close()
	best := time.Hour
	line := bufio.NewReader(c)
	for range 5 {
		began := time.Now()
		_, err := fmt.Fprintln(c, "hello")
		must(t, err)
		_, err = line.ReadString('\n')
		must(t, err)
		best = min(best, time.Since(began))
	}
	return best
}

func TestHostsReachEachOther(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris := l.Home("lyon"), l.Home("paris")
	serve(t, paris, echo)
	if !reaches(t, lyon, paris) {
		t.Error("lyon does not reach paris")
	}
	out, err := lyon.Run("ip", "-brief", "address")
	must(t, err)
	if !strings.Contains(out, lyon.IP+"/32") || strings.Contains(out, "eth0") {
		t.Errorf("lyon's devices: %s", out)
	}
	if out, err := lyon.Run("ip", "route", "get", "192.0.2.1"); err == nil {
		t.Errorf("lyon has a way out of the lab: %s", out)
	}
}

func TestHTTPByName(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris := l.Home("lyon"), l.Home("paris")
	listener, err := paris.Listen("tcp", ":80")
	must(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RemoteAddr)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	resp, err := lyon.HTTPClient().Get("http://paris/")
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(string(body), lyon.IP+":") {
		t.Errorf("paris was called by %q, %v; want %s", body, err, lyon.IP)
	}
	if _, err := lyon.HTTPClient().Get("http://localhost.invalid/"); err == nil {
		t.Error("a name that is no host of the lab was resolved")
	}
}

// TestRoundTripIsTheSumOfDelays: never faster than the settings say; changes hold at once.
func TestRoundTripIsTheSumOfDelays(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris := l.Home("lyon"), l.Home("paris")
	serve(t, paris, echo)
	direct := roundTrip(t, lyon, paris)
	l.Link(lyon, paris).Set(Path{Delay: 60 * time.Millisecond, Jitter: 10 * time.Millisecond})
	slow := roundTrip(t, lyon, paris)
	l.Way(paris, lyon).Set(Path{Delay: 10 * time.Millisecond})
	uneven := roundTrip(t, lyon, paris)
	t.Logf("direct %v, 2 x 60 ± 10 ms %v, 60 ± 10 there and 10 back %v", direct, slow, uneven)
	if slow < 100*time.Millisecond || uneven < 60*time.Millisecond || direct > slow || uneven > slow {
		t.Error("want 100 ms or more, then 60 or more, and direct < uneven < slow")
	}
}

// TestLossIsMadeGood: packets are lost both ways, and TCP brings everything all the same.
func TestLossIsMadeGood(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris := l.Home("lyon"), l.Home("paris")
	l.SetAll(Path{Loss: 0.05, Delay: time.Millisecond})
	transfer(t, lyon, paris, 2<<20)
	harness.Eventually(t, 10*time.Second, "some packets were lost, and all others delivered", func() bool {
		s := l.Way(lyon, paris).Stats()
		return s.Lost.Packets > 0 && s.Delivered.Packets+s.Lost.Packets == s.Sent.Packets
	})
}

// transfer sends random bytes over TCP, which must arrive whole.
func transfer(t testing.TB, from, to *Host, size int) {
	t.Helper()
	sums := make(chan [32]byte, 1)
	l, err := to.Listen("tcp", ":9")
	must(t, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b, _ := io.ReadAll(c)
		sums <- sha256.Sum256(b)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := from.Dial(ctx, "tcp", to.IP+":9")
	must(t, err)
	defer c.Close()
	body := harness.Random(uint64(size), size)
	_, err = c.Write(body)
	must(t, err)
	must(t, c.(*net.TCPConn).CloseWrite())
	select {
	case got := <-sums:
		if got != sha256.Sum256(body) {
			t.Error("what arrived is not what was sent")
		}
	case <-time.After(50 * time.Second):
		t.Fatal("the transfer did not end")
	}
}

// TestRateOrdersTransfers: of two transfers begun together the one on the wider line ends
// first, and neither is faster than its line.
func TestRateOrdersTransfers(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris, lille := l.Home("lyon"), l.Home("paris"), l.Home("lille")
	const size = 1 << 20
	l.Way(lyon, paris).Set(Path{Rate: 4 << 20})
	l.SetLine(lille, 0, 1<<20)
	began := time.Now()
	ended := make(chan string, 2)
	for _, to := range []*Host{paris, lille} {
		go func() {
			transfer(t, lyon, to, size)
			ended <- to.Name
		}()
	}
	if first := <-ended; first != "paris" {
		t.Errorf("%s was first; its line has a quarter of the other's rate", first)
	}
	<-ended
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("1 MiB took %v on a line of 1 MiB/s", took)
	}
}

// TestQueueIsBounded: a burst of datagrams larger than the queue loses what does not fit.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris := l.Home("lyon"), l.Home("paris")
	l.Way(lyon, paris).Set(Path{Rate: 100_000, Queue: 20_000})
	got := datagrams(t, lyon, paris, 100, 1000)
	s := l.Way(lyon, paris).Stats()
	if s.Full.Packets < 50 || len(got) < 15 || len(got) > 50 {
		t.Errorf("%d datagrams of 100 arrived: %v", len(got), s)
	}
}

// datagrams sends numbered datagrams and returns the numbers that arrived, in the order
// in which they did.
func datagrams(t testing.TB, from, to *Host, count, size int) (arrived []int) {
	t.Helper()
	in, err := to.ListenPacket("udp4", ":9")
	must(t, err)
	defer in.Close()
	out, err := from.Dial(t.Context(), "udp4", to.IP+":9")
	must(t, err)
	defer out.Close()
	for i := range count {
		_, err := fmt.Fprintf(out, "%0*d", size, i)
		must(t, err)
	}
	buf := make([]byte, size)
	for len(arrived) < count {
		must(t, in.SetReadDeadline(time.Now().Add(time.Second)))
		if _, _, err := in.ReadFrom(buf); err != nil {
			break
		}
		var i int
		_, err := fmt.Sscan(strings.TrimLeft(string(buf), "0")+" ", &i)
		if err != nil {
			i = 0 // it was all zeros
		}
		arrived = append(arrived, i)
	}
	return arrived
}

func inversions(numbers []int) (n int) {
	for i := 1; i < len(numbers); i++ {
		if numbers[i] < numbers[i-1] {
			n++
		}
	}
	return n
}

// TestOrder: jitter keeps the order, reordering does not, and both bring everything.
func TestOrder(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris := l.Home("lyon"), l.Home("paris")
	l.SetAll(Path{Delay: 20 * time.Millisecond, Jitter: 15 * time.Millisecond})
	got := datagrams(t, lyon, paris, 200, 100)
	if len(got) != 200 || inversions(got) != 0 {
		t.Errorf("with jitter: %d of 200 arrived, %d out of order", len(got), inversions(got))
	}
	l.SetAll(Path{Delay: 20 * time.Millisecond, Reorder: 0.2})
	got = datagrams(t, lyon, paris, 200, 100)
	if len(got) != 200 || inversions(got) == 0 {
		t.Errorf("with reordering: %d of 200 arrived, %d out of order", len(got), inversions(got))
	}
}

// TestCuts: a cut is one way, isolation both; what was cut is whole after Heal.
func TestCuts(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris, lille := l.Home("lyon"), l.Home("paris"), l.Home("lille")
	hosts := []*Host{lyon, paris, lille}
	for _, h := range hosts {
		serve(t, h, echo)
	}
	l.Cut(lyon, paris)
	before := l.Link(lyon, paris).There.Stats()
	if got := datagrams(t, paris, lyon, 3, 100); len(got) != 3 {
		t.Errorf("%d of 3 datagrams arrived against the cut", len(got))
	}
	if got := datagrams(t, lyon, paris, 3, 100); len(got) != 0 {
		t.Errorf("%d of 3 datagrams passed the cut", len(got))
	}
	if s := l.Way(lyon, paris).Stats().Since(before); s.Cut.Packets < 3 || s.Delivered.Packets != 0 {
		t.Errorf("on the cut way: %v", s)
	}
	if reaches(t, lyon, paris) || reaches(t, paris, lyon) || !reaches(t, lyon, lille) {
		t.Error("with one way cut no connection is made, and others are untouched")
	}
	l.Heal()
	l.Isolate(lille)
	if reaches(t, lyon, lille) || reaches(t, lille, paris) || !reaches(t, paris, lyon) {
		t.Error("lille is not isolated, or others are")
	}
	l.Heal()
	l.Partition([]*Host{lyon}, []*Host{paris, lille})
	if reaches(t, lyon, paris) || reaches(t, lille, lyon) || !reaches(t, paris, lille) {
		t.Error("lyon is not parted from the others, or they are")
	}
	l.Heal()
	for _, a := range hosts {
		for _, b := range hosts {
			if !reaches(t, a, b) {
				t.Errorf("after Heal %s does not reach %s", a.Name, b.Name)
			}
		}
	}
}

// TestConnectionSurvivesACut: TCP goes on after the cut where it was.
func TestConnectionSurvivesACut(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris := l.Home("lyon"), l.Home("paris")
	serve(t, paris, echo)
	c, err := call(t, lyon, paris, time.Second)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	l.Isolate(paris)
	_, err = io.WriteString(c, "still there?")
	must(t, err)
	harness.Eventually(t, 10*time.Second, "packets are cut", func() bool { return l.Way(lyon, paris).Stats().Cut.Packets > 1 })
	l.Heal()
	buf := make([]byte, 12)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "still there?" {
		t.Errorf("after the cut: %q, %v", buf, err)
	}
}

// TestSilenceIsSilent: a lab in which nobody speaks carries nothing, so that what idle
// programs send can be counted.
func TestSilenceIsSilent(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon, paris := l.Home("lyon"), l.Home("paris")
	serve(t, paris, echo)
	roundTrip(t, lyon, paris)
	var out, in Stats
	harness.Eventually(t, 10*time.Second, "the last packets are through", func() bool {
		o, i := l.Traffic(lyon)
		same := o == out && i == in
		out, in = o, i
		return same && o.Sent == o.Delivered && o.Sent.Packets > 5 && i.Sent.Packets > 5
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stray != 0 {
		t.Errorf("%d packets to nobody", l.stray)
	}
}
