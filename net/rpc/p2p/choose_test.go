package p2p

import (
	"slices"
	"strings"
	"testing"
)

// TestChoose: of many addresses those are taken that others can use, one of each host first.
func TestChoose(t *testing.T) {
	both := func(hosts ...string) (out []string) {
		for _, h := range hosts {
			kind := "/ip4/"
			if strings.Contains(h, ":") {
				kind = "/ip6/"
			}
			out = append(out, kind+h+"/tcp/3901", kind+h+"/udp/3901/quic-v1")
		}
		return out
	}
	said, err := PlacesOf("garden.example.org:4000")
	if err != nil {
		t.Fatal(err)
	}
	vpn, err := PlacesOf("10.8.0.1:3901")
	if err != nil {
		t.Fatal(err)
	}
	circuit := "/ip4/203.0.113.7/tcp/3901/p2p/12D3KooWLRPJAA5o6d6f6v6XyzHZgE5rB3YYYwvVgUrmb7NSh6zd/p2p-circuit"
	for name, c := range map[string]struct {
		said, found []string
		most        int
		want        string
	}{
		"cable, Wi-Fi and the Internet": {nil, both("10.0.0.5", "10.0.1.6", "93.184.216.34", "2a01:e0a::1"), 4, "93.184.216.34 2a01:e0a::1 10.0.0.5 10.0.1.6"},
		"inner networks":                {nil, both("172.17.0.1", "192.168.122.1", "100.64.3.4", "169.254.1.1", "fe80::1", "192.168.1.7", "193.2.3.4"), 4, "193.2.3.4 192.168.1.7 193.2.3.4 192.168.1.7"},
		"inner networks alone":          {nil, both("172.17.0.1"), 4, "172.17.0.1 172.17.0.1"},
		"many of the Internet":          {nil, both("2a01:e0a::1", "2a01:e0a::2", "2a01:e0a::3", "2a01:e0a::4", "192.168.1.7"), 4, "2a01:e0a::1 192.168.1.7 2a01:e0a::2 2a01:e0a::3"},
		"what a person says":            {slices.Concat(said, vpn), both("192.168.1.7", "192.168.1.8"), 4, "garden.example.org 192.168.1.7 10.8.0.1 192.168.1.8"},
		"said and found":                {vpn, both("10.8.0.1"), 4, "10.8.0.1 10.8.0.1"},
		"through others":                {nil, append([]string{circuit}, both("172.17.0.1", "192.168.1.7")...), 3, "192.168.1.7 192.168.1.7 203.0.113.7"},
		"nothing":                       {nil, nil, 4, ""},
	} {
		var hosts []string
		for _, a := range Choose(c.said, c.found, c.most) {
			hosts = append(hosts, strings.Split(a, "/")[2])
		}
		if got := strings.Join(hosts, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
