// Package lab is a network for tests: machines with addresses of their own, links that
// are slow, lossy, narrow or cut, and routers that translate addresses, all on one
// computer and out of reach of everything else.
//
// A Host is a network namespace; what it starts has no other network. A host on the
// backbone has the address 51.77.N.1 and one TUN device, whose other end this process
// holds: the Lab reads every packet, decides by the Path of that direction when and
// whether it arrives, and writes it to the other host's device. Hosts behind a Router
// share an Ethernet bridge, so that broadcast and multicast work among them, and one line
// to the backbone. There is no broadcast between homes, and no IPv6 but ::1.
//
// Links, lines and cuts may be changed at any time, from any goroutine. Delays are one
// way: a round trip takes the sum of both directions. Rates are in bytes per second, and
// bytes are those of IP packets, headers included. Chance comes from a seed, which a
// failing test prints; RHIZOME_SEED plays it again (packets that depend on the machine's
// speed still come when they come).
//
// Nothing outlives the test process, however it ends: namespaces have no names and live
// in threads of it, devices go with their namespaces, and what runs in a host is killed
// by the kernel when that host's thread ends. It needs root, /dev/net/tun, iproute2 and,
// for routers, nftables.
package lab
