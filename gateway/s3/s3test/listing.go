package s3test

import (
	"fmt"
	"slices"
	"strings"
)

func (e *env) put(keys ...string) {
	e.Helper()
	for _, k := range keys {
		e.alice.do("PUT", "/alpha/"+pathEscape(k), k).is(200)
	}
}

// pathEscape writes a key so that it reaches the server byte for byte.
func pathEscape(key string) string {
	var b strings.Builder
	for i := range len(key) {
		fmt.Fprintf(&b, "%%%02X", key[i])
	}
	return b.String()
}

func testList(e *env) {
	e.put("a/1", "a/2", "b", "c/d/1", "c/d/2", "e")
	a := e.alice
	r := a.do("GET", "/alpha?list-type=2", "").is(200).lists("Key", "a/1", "a/2", "b", "c/d/1", "c/d/2", "e").
		has("Name", "alpha", "KeyCount", "6", "MaxKeys", "1000", "IsTruncated", "false").lists("Owner").lists("NextContinuationToken")
	if r.texts("ETag")[2] != `"`+etagOf("b")+`"` || r.texts("Size")[2] != "1" || r.text("StorageClass") != "STANDARD" {
		e.Error(r.body)
	}
	a.do("GET", "/alpha?list-type=2&delimiter=/", "").is(200).lists("Key", "b", "e").lists("Prefix", "", "a/", "c/").has("KeyCount", "4")
	a.do("GET", "/alpha?list-type=2&prefix=a/", "").is(200).lists("Key", "a/1", "a/2").has("Prefix", "a/")
	a.do("GET", "/alpha?list-type=2&prefix=c&delimiter=/", "").is(200).lists("Key").lists("Prefix", "c", "c/")
	a.do("GET", "/alpha?list-type=2&start-after=a/2", "").is(200).lists("Key", "b", "c/d/1", "c/d/2", "e").has("StartAfter", "a/2")
	a.do("GET", "/alpha?list-type=2&fetch-owner=true&max-keys=1", "").is(200).lists("ID", a.do("GET", "/", "").text("ID"))
	a.do("GET", "/alpha?list-type=2&max-keys=0", "").is(200).lists("Key").has("IsTruncated", "false", "KeyCount", "0", "MaxKeys", "0")
	a.do("GET", "/alpha?list-type=2&max-keys=5000", "").is(200).has("MaxKeys", "1000")
	a.do("GET", "/alpha?list-type=2&prefix=none", "").is(200).lists("Key")
	a.do("GET", "/alpha?list-type=2&delimiter=d/", "").is(200).lists("Prefix", "", "c/d/").lists("Key", "a/1", "a/2", "b", "e")

	r = a.do("GET", "/alpha?marker=b&max-keys=1", "").is(200).lists("Key", "c/d/1").has("Marker", "b", "IsTruncated", "true").lists("NextMarker")
	if len(r.texts("Owner")) != 1 {
		e.Error("version 1 shows the owner", r.body)
	}
	a.do("GET", "/alpha?delimiter=/&max-keys=1", "").is(200).has("NextMarker", "a/").lists("Prefix", "", "a/")
	a.do("GET", "/alpha?delimiter=/&max-keys=1&marker=a/", "").is(200).lists("Key", "b").has("NextMarker", "b")
}

func testListPages(e *env) {
	var keys []string
	for i := range 57 {
		keys = append(keys, fmt.Sprintf("dir-%d/%d", i%7, i))
	}
	e.put(keys...)
	slices.Sort(keys)
	for _, delimiter := range []string{"", "/"} {
		for _, size := range []int{1, 2, 10, 57, 58} {
			want := keys
			if delimiter != "" {
				want = []string{"dir-0/", "dir-1/", "dir-2/", "dir-3/", "dir-4/", "dir-5/", "dir-6/"}
			}
			base := fmt.Sprintf("/alpha?delimiter=%s&max-keys=%d", delimiter, size)
			if got := e.walk(base+"&list-type=2", "NextContinuationToken", "continuation-token"); !slices.Equal(got, want) {
				e.Errorf("delimiter %q, pages of %d: %q", delimiter, size, got)
			}
			marker := "NextMarker"
			if delimiter == "" {
				marker = "Key"
			}
			if got := e.walk(base, marker, "marker"); !slices.Equal(got, want) {
				e.Errorf("version 1, delimiter %q, pages of %d: %q", delimiter, size, got)
			}
		}
	}
}

// walk reads all pages of a listing.
func (e *env) walk(target, next, param string) []string {
	var all []string
	at := ""
	for range 1000 {
		r := e.alice.do("GET", target+at, "").is(200)
		all = append(all, r.texts("Key")...)
		all = append(all, r.texts("Prefix")[1:]...)
		if r.text("IsTruncated") != "true" {
			return all
		}
		tokens := r.texts(next)
		at = "&" + param + "=" + esc(tokens[len(tokens)-1])
	}
	e.Fatal("the listing does not end")
	return nil
}

func testListArguments(e *env) {
	for query, name := range map[string]string{
		"list-type=2&max-keys=-1": "max-keys", "list-type=2&max-keys=x": "max-keys", "max-keys=99999999999": "max-keys",
		"list-type=3": "list-type", "encoding-type=base64": "encoding-type", "list-type=2&continuation-token=": "continuation-token",
		"list-type=2&continuation-token=%21": "continuation-token",
	} {
		e.alice.do("GET", "/alpha?"+query, "").is(400, "InvalidArgument").has("ArgumentName", name)
	}
	e.nobody.do("GET", "/alpha?prefix=%ff", "").is(400, "InvalidURI")
	e.nobody.do("GET", "/alpha?prefix=%zz", "").is(400, "InvalidURI")
	e.alice.do("GET", "/alpha?"+strings.Repeat("a=b&", 100), "").is(400, "InvalidRequest")
}

// oddKeys are keys that something along the way might change.
var oddKeys = []string{"a/../up", "./here", "a//b", "//", "dir/", "a b", "a+b", "100%", "%2e%2e", "é", "日本", "<&>\"'", "a\tb", "a\nb", "a\rb",
	"\x01", "\x00", "a\\b", "?x=y", "#frag", " lead", "trail ", "~", "😀", "\ufffe", "a?versions", "."}

func testOddKeys(e *env) {
	e.put(oddKeys...)
	for _, k := range oddKeys {
		e.alice.do("GET", "/alpha/"+pathEscape(k), "").is(200).holds(k)
	}
	for _, k := range []string{"..", "../up", "a/../../up", "./..", "//../x"} { // as AWS: they climb above the bucket
		e.alice.do("PUT", "/alpha/"+pathEscape(k), "x").is(400, "BadRequest")
		e.alice.do("POST", "/alpha/"+pathEscape(k)+"?uploads", "").is(400, "BadRequest")
	}
	want := slices.Sorted(slices.Values(oddKeys))
	r := e.alice.do("GET", "/alpha?list-type=2&encoding-type=url", "").is(200).has("EncodingType", "url")
	var got []string
	for _, k := range r.texts("Key") {
		got = append(got, unescape(k))
	}
	if !slices.Equal(got, want) {
		e.Errorf("keys are %q", got)
	}
	plain := e.alice.do("GET", "/alpha?list-type=2&prefix=%3C", "").is(200)
	if !strings.Contains(plain.body, "<Key>&lt;&amp;&gt;&quot;&apos;</Key>") {
		e.Error(plain.body)
	}
	if r := e.alice.do("GET", "/alpha?list-type=2&prefix=%01", "").is(200); !strings.Contains(r.body, "<Key>&#x1;</Key>") {
		e.Error(r.body)
	}
	for _, k := range oddKeys {
		e.alice.do("DELETE", "/alpha/"+pathEscape(k), "").is(204)
	}
	e.alice.do("GET", "/alpha?list-type=2", "").is(200).lists("Key")
	e.alice.do("PUT", "/alpha/%ff", "x").is(400, "InvalidURI")
}

func testListVersions(e *env) {
	e.put("a", "b", "c/d")
	e.alice.do("GET", "/alpha?versions", "").is(200).lists("Key", "a", "b", "c/d").lists("VersionId", "null", "null", "null").
		lists("IsLatest", "true", "true", "true")
	e.alice.do("GET", "/alpha?versions&max-keys=1&key-marker=a", "").is(200).lists("Key", "b").has("NextKeyMarker", "b", "IsTruncated", "true")
}
