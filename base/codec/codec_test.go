package codec

import "testing"

type record struct {
	Text string            `cbor:"1,keyasint"`
	More map[string]string `cbor:"2,keyasint"`
}

// TestWhatWasWrittenComesBack: text that is not UTF-8 makes no record unreadable.
func TestWhatWasWrittenComesBack(t *testing.T) {
	in := record{"\xe9t\xe9", map[string]string{"\xff": "\xfe"}}
	var out record
	if err := Decode(Encode(in), &out); err != nil || out.Text != in.Text || out.More["\xff"] != "\xfe" {
		t.Fatal(out, err)
	}
}
