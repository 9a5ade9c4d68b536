package p2p_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"rhizome/base/ident"
	"rhizome/net/rpc"
	"rhizome/net/rpc/rpctest"
)

// receipt is a stream that reads as many bytes as its head has, not the end, and answers.
const receipt rpc.Method = 0x05f0

func registerReceipt(l rpctest.Node) {
	l.HandleStream(receipt, rpc.Members, func(_ context.Context, _ ident.NodeID, head []byte, st rpc.Stream) error {
		if _, err := io.ReadFull(st, head); err != nil {
			return err
		}
		_, err := st.Write([]byte("all is there"))
		return err
	})
}

// TestLastWords: what a handler wrote last arrives, though it left unread that the other
// side had ended: over QUIC, whose resets overtake bytes, and over TCP.
func TestLastWords(t *testing.T) {
	for _, way := range []string{"/quic-v1", "/tcp/"} {
		t.Run(strings.Trim(way, "/"), func(t *testing.T) { lastWords(t, way) })
	}
}

func lastWords(t *testing.T, way string) {
	g := rpctest.NewGuard(1, 2)
	a, b := start(t, 1, g, registerReceipt), start(t, 2, g, registerReceipt)
	var ways []string
	for _, at := range b.Addresses() {
		if strings.Contains(at, way) {
			ways = append(ways, at)
		}
	}
	if err := a.SetAddresses(b.Self(), ways); err != nil || len(ways) == 0 {
		t.Fatal(err, ways)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				if got, err := sendAll(t, a, b.Self()); err != nil || got != "all is there" {
					t.Error(i, got, err)
					return
				}
			}
		})
	}
}

// sendAll sends bytes, ends, and returns what is answered.
func sendAll(t *testing.T, from rpc.Links, to ident.NodeID) (string, error) {
	b := make([]byte, 20_000)
	s, err := from.Open(rpctest.Patient(t), to, rpc.Bulk, receipt, b)
	if err != nil {
		return "", err
	}
	defer s.Close()
	if _, err := s.Write(b); err != nil {
		return "", err
	}
	if err := s.CloseWrite(); err != nil {
		return "", err
	}
	got, err := io.ReadAll(s)
	return string(got), err
}
