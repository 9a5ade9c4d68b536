package s3test

import (
	"fmt"
	"strings"
)

// tagging writes a document of tags: name, value, name, value.
func tagging(kv ...string) string {
	s := "<Tagging><TagSet>"
	for i := 0; i < len(kv); i += 2 {
		s += "<Tag><Key>" + kv[i] + "</Key><Value>" + kv[i+1] + "</Value></Tag>"
	}
	return s + "</TagSet></Tagging>"
}

func testBucketTags(e *env) {
	a := e.alice
	a.do("PUT", "/alpha?tagging", tagging("team", "jardin été", "a:b/c", "")).is(204)
	a.do("GET", "/alpha?tagging", "").is(200).lists("Key", "team", "a:b/c").lists("Value", "jardin été", "")
	e.bob.do("PUT", "/alpha?tagging", tagging("a", "b")).is(403, "AccessDenied")
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	for doc, code := range map[string]string{
		"":           "MalformedXML",
		"<Tagging/>": "MalformedXML",
		"<Tagging><TagSet><X/></TagSet></Tagging>":                    "MalformedXML",
		"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>": "MalformedXML",
		tagging("a", "1", "a", "2"):                                   "InvalidTag",
		tagging("", "1"):                                              "InvalidTag",
		tagging(strings.Repeat("é", 129), ""):                         "InvalidTag",
		tagging("a", strings.Repeat("é", 257)):                        "InvalidTag",
		tagging("aws:a", "1"):                                         "InvalidTag",
		tagging("a!", "1"):                                            "InvalidTag",
		tagging("a", "1\n2"):                                          "InvalidTag",
		tagging(many...):                                              "BadRequest",
	} {
		if r := a.do("PUT", "/alpha?tagging", doc); r.status != 400 || r.code() != code {
			e.Errorf("%.200s: %d %s, want %s", doc, r.status, r.code(), code)
		}
	}
	a.do("GET", "/alpha?tagging", "").is(200).lists("Key", "team", "a:b/c")
	a.do("PUT", "/alpha?tagging", tagging(many[:100]...)).is(204)
	a.do("PUT", "/alpha?tagging", tagging(strings.Repeat("é", 128), strings.Repeat("é", 256))).is(204)
	a.do("DELETE", "/alpha?tagging", "").is(204)
	a.do("GET", "/alpha?tagging", "").is(404, "NoSuchTagSet")
}
