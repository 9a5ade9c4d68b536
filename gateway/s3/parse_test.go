package s3

import (
	"runtime"
	"strings"
	"testing"
)

// hostile are documents that are made to cost more than they are long.
func hostile() []string {
	long := strings.Repeat("y", 256<<10)
	return []string{
		"<Delete><Quiet>" + long + strings.Repeat("x<?a?>", 4<<10) + "</Quiet></Delete>",
		"<Delete><Quiet>" + long + strings.Repeat("x<!-- -->", 4<<10) + "</Quiet></Delete>",
		"<Delete>" + long + strings.Repeat("<Quiet/>x", 4<<10) + "</Delete>",
		"<Delete>" + strings.Repeat("x<!---->", 4<<10) + "</Delete>",
		"<Delete><Quiet>" + strings.Repeat("x<![CDATA[y]]>", 4<<10) + "</Quiet></Delete>",
		strings.Repeat("<!---->", maxNodes+1) + "<Delete/>",
		"<Delete" + strings.Repeat(` a="b"`, 4<<10) + "/>",
	}
}

// TestHostileXML: what a document costs is in proportion to its length. Bytes that were
// allocated are the measure: they do not depend on how fast the machine is.
func TestHostileXML(t *testing.T) {
	for i, doc := range hostile() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parseXML([]byte(doc), "Delete")
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 200*uint64(len(doc)) {
			t.Errorf("document %d of %d bytes cost %d (%v)", i, len(doc), spent, err)
		}
	}
}

func TestXMLText(t *testing.T) {
	for doc, want := range map[string]string{
		"<Delete><Quiet> a<!-- -->b<![CDATA[<c>]]>&amp; </Quiet></Delete>":                " ab<c>& ",
		"<?xml version=\"1.0\"?>\n<Delete>\n  <Quiet>x</Quiet>\n  <Object/>\n</Delete>\n": "x",
		"<Delete><Quiet>gone<a/>too</Quiet></Delete>":                                     "",
	} {
		n, err := parseXML([]byte(doc), "Delete")
		if err != nil {
			t.Fatal(doc, err)
		}
		if got, ok := n.child("Quiet"); !ok || got != want || n.text != "" {
			t.Errorf("%q: %q %v, want %q", doc, got, ok, want)
		}
	}
	for _, doc := range []string{"", "x<Delete/>", "<Delete/>x", "<Delete/><Delete/>", "<Other/>", "<Delete><?php x?></Delete>", "<Delete>",
		"<!DOCTYPE a><Delete/>", "<Delete><a><a><a><a><a><a/></a></a></a></a></a></Delete>",
		"<Delete><Quiet>" + strings.Repeat("x", maxText+1) + "</Quiet></Delete>"} {
		if _, err := parseXML([]byte(doc), "Delete"); err == nil {
			t.Errorf("%.40q was taken", doc)
		}
	}
}
