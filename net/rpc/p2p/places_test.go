package p2p

import (
	"slices"
	"testing"

	"rhizome/base/errs"
)

func TestPlacesThatPeopleSay(t *testing.T) {
	for text, want := range map[string][]string{
		"192.0.2.7:3901":              {"/ip4/192.0.2.7/tcp/3901", "/ip4/192.0.2.7/udp/3901/quic-v1"},
		"[2001:db8::7]:3901":          {"/ip6/2001:db8::7/tcp/3901", "/ip6/2001:db8::7/udp/3901/quic-v1"},
		"garden.example.org:3901":     {"/dns/garden.example.org/tcp/3901", "/dns/garden.example.org/udp/3901/quic-v1"},
		"/ip4/192.0.2.7/tcp/3901":     {"/ip4/192.0.2.7/tcp/3901"},
		"192.0.2.7":                   nil,
		"192.0.2.7:0":                 nil,
		"192.0.2.7:http":              nil,
		":3901":                       nil,
		"a/b:1":                       nil,
		"/ip4/nowhere":                nil,
		string(make([]byte, 300)):     nil,
		"[fe80::1%eth0/tcp/1]:3901/x": nil,
	} {
		got, err := PlacesOf(text)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) || err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzPlacesOf(f *testing.F) {
	f.Add("192.0.2.7:3901")
	f.Add("/ip4/192.0.2.7/tcp/3901")
	f.Add("[fe80::1%25eth0]:1")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := PlacesOf(text); (err == nil) != (len(got) > 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	})
}
