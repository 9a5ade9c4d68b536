package decree

import (
	"reflect"
	"testing"
)

// FuzzAcceptor: any bytes give an acceptor that keeps its promises, or an error.
func FuzzAcceptor(f *testing.F) {
	var a Acceptor
	f.Add(a.Encode())
	a.Prepare(Ballot{Round: 3, Node: 1, Attempt: 9})
	f.Add(a.Encode())
	a.Accept(Ballot{Round: 4}, []byte("value"))
	f.Add(a.Encode())
	a.Accepted = Ballot{Round: 5}
	f.Add(a.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := DecodeAcceptor(b)
		if err != nil {
			return
		}
		if again, err := DecodeAcceptor(a.Encode()); err != nil || !reflect.DeepEqual(again, a) {
			t.Fatal("it did not come back as it was", err)
		}
		was := a.Promised
		if answer, _ := a.Accept(Ballot{Round: 1}, []byte("other")); answer.Beat.IsZero() && (Ballot{Round: 1}).Less(was) {
			t.Fatal("a promise was broken")
		}
	})
}
