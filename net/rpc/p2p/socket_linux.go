package p2p

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes a socket takes beyond what is on its way.
const unsent = 64 << 10

// holdLittle has a connection's socket take few bytes that it cannot send yet, so that
// they wait here, where what is urgent overtakes.
func holdLittle(c net.Conn) {
	for range 8 {
		if s, ok := c.(syscall.Conn); ok {
			if rc, err := s.SyscallConn(); err == nil {
				_ = rc.Control(func(fd uintptr) {
					_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
				})
			}
			return
		}
		in, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return
		}
		c = in.NetConn()
	}
}
