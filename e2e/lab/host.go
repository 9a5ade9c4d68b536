package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rhizome/e2e/harness"
)

// Host is one machine of the lab.
type Host struct {
	Name string
	IP   string // its own address

	lab   *Lab
	space *space
	port  *port // where its home meets the backbone
	dir   string
	procs []*Process // under the lab's lock
}

// Home returns a new machine that stands alone in its home, with an address that all
// others reach.
func (l *Lab) Home(name string) *Host {
	l.t.Helper()
	h, err := l.home(name)
	if err != nil {
		l.t.Fatalf("%s: %v", name, err)
	}
	return h
}

func (l *Lab) home(name string) (*Host, error) {
	h, err := l.host(name)
	if err != nil {
		return nil, err
	}
	return h, h.plug()
}

// host returns a machine that has no device but loopback.
func (l *Lab) host(name string) (*Host, error) {
	s, err := newSpace()
	if err != nil {
		return nil, err
	}
	h := &Host{Name: name, lab: l, space: s, dir: l.t.TempDir()}
	l.mu.Lock()
	l.hosts = append(l.hosts, h)
	other := l.named[name]
	l.named[name] = h
	l.mu.Unlock()
	if other != nil {
		return nil, fmt.Errorf("there is a host %s already", name)
	}
	return h, h.ip("link set lo up")
}

// plug gives the host a port and an address on the backbone.
func (h *Host) plug() (err error) {
	h.port, err = h.lab.plug(h.Name, h.space)
	if err != nil {
		return err
	}
	h.IP = fmt.Sprintf("51.77.%d.1", h.port.number)
	// The backbone has no IPv6, and the kernel's looking for it would count as traffic.
	if err := h.sysctl("ipv6/conf/"+tunName+"/disable_ipv6", "1"); err != nil {
		return err
	}
	return h.ip(
		fmt.Sprintf("link set %s mtu %d txqueuelen 5000 up", tunName, h.lab.mtu),
		fmt.Sprintf("addr add %s/32 dev %s", h.IP, tunName),
		fmt.Sprintf("route add 51.77.0.0/16 dev %s src %s", tunName, h.IP),
	)
}

// Renumber gives a host or a router on the backbone another address, as providers do over
// night. What a router forwards it still does; connections that it translated end.
func (h *Host) Renumber() error {
	old := h.IP
	parts := strings.Split(old, ".")
	last, err := strconv.Atoi(parts[3])
	if err != nil {
		return err
	}
	h.lab.mu.Lock()
	h.IP = fmt.Sprintf("%s.%d", strings.Join(parts[:3], "."), last+1)
	h.lab.mu.Unlock()
	return h.ip(
		fmt.Sprintf("addr add %s/32 dev %s", h.IP, tunName),
		fmt.Sprintf("route replace 51.77.0.0/16 dev %s src %s", tunName, h.IP),
		fmt.Sprintf("addr del %s/32 dev %s", old, tunName),
	)
}

// ip runs commands of iproute2 in the host.
func (h *Host) ip(commands ...string) error {
	return h.feed(strings.Join(commands, "\n")+"\n", "ip", "-batch", "-")
}

// sysctl sets a value below /proc/sys/net in the host.
func (h *Host) sysctl(name, value string) error {
	return h.space.do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) })
}

// feed runs a command in the host with an input.
func (h *Host) feed(input string, name string, args ...string) error {
	cmd := h.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := h.run(cmd); err != nil {
		return fmt.Errorf("%s: %w: %s: %s", name, err, out.String(), input)
	}
	return nil
}

// Dir is a folder of the host's own.
func (h *Host) Dir() string { return h.dir }

// Command returns a command for Start or Run, with an environment that holds nothing of
// the person who runs the test. It must not be started by other means.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	env := harness.Env(h.dir)
	for _, dir := range strings.Split(strings.TrimPrefix(env[0], "PATH="), ":") {
		if p := filepath.Join(dir, name); !strings.Contains(name, "/") && executable(p) {
			name = p
		}
	}
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = env, h.dir
	return cmd
}

func executable(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// Run runs a command to its end and returns all it wrote; the error holds it too.
func (h *Host) Run(name string, args ...string) (string, error) {
	cmd := h.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := h.run(cmd); err != nil {
		return out.String(), fmt.Errorf("%s: %s %s: %w\n%s", h.Name, name, strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

func (h *Host) run(cmd *exec.Cmd) error {
	p, err := h.Start(cmd)
	if err != nil {
		return err
	}
	return p.Wait()
}

// Dial connects from the host. The address is IP:port, or HOST:port with the name of a
// host of the lab.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	address, err := h.lab.resolve(address)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	err = h.space.visit(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens in the host.
func (h *Host) Listen(network, address string) (l net.Listener, err error) {
	err = h.space.visit(func() (err error) {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket listens for datagrams in the host.
func (h *Host) ListenPacket(network, address string) (c net.PacketConn, err error) {
	err = h.space.visit(func() (err error) {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}

// HTTPClient returns a client whose connections begin in the host. It keeps connections
// for later requests and sets no time limit; requests carry theirs in their context.
func (h *Host) HTTPClient() *http.Client {
	transport := &http.Transport{DialContext: h.Dial, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}
	h.lab.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// resolve replaces a host's name by its address.
func (l *Lab) resolve(address string) (string, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.named[name]; h != nil {
		name = h.IP
	}
	if net.ParseIP(name) == nil {
		return "", fmt.Errorf("%s is no address and no host of the lab", name)
	}
	return net.JoinHostPort(name, port), nil
}
