//go:build !linux

package p2p

import "net"

// holdLittle does nothing where the kernel is not known to help.
func holdLittle(net.Conn) {}
