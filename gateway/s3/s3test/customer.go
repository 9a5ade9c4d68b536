package s3test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"
)

const (
	sse       = "x-amz-server-side-encryption"
	ssec      = sse + "-customer-"
	ssecOf    = "x-amz-copy-source-server-side-encryption-customer-"
	plainSSEC = "The encryption parameters are not applicable to this object."
)

// keyed are the headers of a customer's key, which is one letter 32 times.
func keyed(prefix, letter string) []string {
	key := strings.Repeat(letter, 32)
	sum := md5.Sum([]byte(key))
	return []string{prefix + "algorithm", "AES256", prefix + "key", base64.StdEncoding.EncodeToString([]byte(key)),
		prefix + "key-MD5", base64.StdEncoding.EncodeToString(sum[:])}
}

func with(headers []string, more ...string) []string {
	return append(append([]string{}, headers...), more...)
}

// testCustomerKeys is SSE-C of single objects.
func testCustomerKeys(e *env) {
	a, k := e.alice, keyed(ssec, "a")
	for name, text := range map[string]string{"small": "some text", "big": strings.Repeat("0123456789", 200_000), "empty": ""} {
		at := "/alpha/" + name
		r := a.do("PUT", at, text, k...).is(200).wants(ssec+"algorithm", "AES256", ssec+"key-MD5", k[5], sse, "")
		if tag := r.header.Get("ETag"); tag == `"`+etagOf(text)+`"` || len(tag) != 34 {
			e.Errorf("the ETag is %s", tag)
		}
		a.do("GET", at, "", k...).is(200).holds(text).wants(ssec+"algorithm", "AES256", ssec+"key-MD5", k[5], sse, "", "ETag", r.header.Get("ETag"))
		a.do("GET", at, "", k[:4]...).is(200).holds(text) // the MD5 is not needed
		a.do("HEAD", at, "", k...).is(200).wants("Content-Length", fmt.Sprint(len(text)))
		a.do("GET", at, "").is(400, "InvalidRequest")
		a.do("HEAD", at, "").is(400)
		a.do("GET", at+"?partNumber=1", "").is(400, "InvalidRequest")
		a.do("GET", at, "", "If-None-Match", r.header.Get("ETag")).is(400, "InvalidRequest")
		a.do("GET", at+"?attributes", "", "x-amz-object-attributes", "ETag").is(400, "InvalidRequest")
		a.do("GET", at+"?attributes", "", with(k, "x-amz-object-attributes", "ObjectSize")...).is(200).has("ObjectSize", fmt.Sprint(len(text)))
		a.do("GET", at, "", keyed(ssec, "b")...).is(403, "AccessDenied")
		a.do("HEAD", at, "", keyed(ssec, "b")...).is(403)
		a.do("PUT", at+"?tagging", "<Tagging><TagSet><Tag><Key>x</Key><Value>y</Value></Tag></TagSet></Tagging>").is(200)
		a.do("GET", at, "", k...).is(200).holds(text)
	}
	a.do("GET", "/alpha/big", "", with(k, "Range", "bytes=1000003-1000006")...).is(206).holds("3456")
	a.do("PUT", "/alpha/plain", "x").is(200)
	a.do("GET", "/alpha/plain", "", k...).is(400, "InvalidRequest").has("Message", plainSSEC)
	a.do("DELETE", "/alpha/big", "").is(204)
	a.do("GET", "/alpha/big", "", k...).is(404, "NoSuchKey")
}

// testCustomerRefused is what keys are refused for.
func testCustomerRefused(e *env) {
	a, k := e.alice, keyed(ssec, "a")
	a.do("PUT", "/alpha/k", "x", k...).is(200)
	short := base64.StdEncoding.EncodeToString([]byte("1234567890"))
	sum := md5.Sum([]byte("1234567890"))
	shortSum := base64.StdEncoding.EncodeToString(sum[:])
	for _, method := range []string{"PUT", "GET"} {
		for _, bad := range []struct {
			headers []string
			code    string
		}{
			{k[:2], "InvalidArgument"}, {k[2:4], "InvalidArgument"}, {k[4:], "InvalidArgument"}, {k[2:], "InvalidArgument"},
			{with(k[:2], k[4:]...), "InvalidArgument"},
			{with(k[2:], ssec+"algorithm", "AES128"), "InvalidEncryptionAlgorithmError"},
			{with(k[:4], ssec+"key-MD5", shortSum), "InvalidArgument"},
			{with(k[:4], ssec+"key-MD5", "?"), "InvalidArgument"},
			{with(k[:2], ssec+"key", "?!", ssec+"key-MD5", k[5]), "InvalidArgument"},
		} {
			if r := a.do(method, "/alpha/k", "", bad.headers...).is(400, bad.code); strings.Contains(r.body, k[3]) {
				e.Errorf("the answer tells the key: %s", r.body)
			}
		}
	}
	a.do("PUT", "/alpha/k", "", k[:4]...).is(400, "InvalidArgument") // what is written says the MD5
	a.do("PUT", "/alpha/k", "", with(k[:2], ssec+"key", short, ssec+"key-MD5", shortSum)...).is(400, "InvalidArgument")
	a.do("GET", "/alpha/k", "", with(k[:2], ssec+"key", short, ssec+"key-MD5", shortSum)...).is(403, "AccessDenied")
	a.do("PUT", "/alpha/k", "", with(k, sse, "AES256")...).is(400, "InvalidArgument").has("ArgumentName", sse)
	for _, method := range []string{"PUT", "GET"} { // the proxy says that the client came over plain HTTP
		a.do(method, "/alpha/k", "", with(k, "X-Forwarded-Proto", "http")...).is(400, "InvalidRequest")
		a.do(method, "/alpha/k", "x", with(k, "X-Forwarded-Proto", "https")...).is(200)
	}
	a.do("DELETE", "/alpha/k", "", k...).is(501, "NotImplemented")
	a.do("GET", "/alpha/k", "", k...).is(200).holds("x")
}

// testCustomerCopies copies from and to keys.
func testCustomerCopies(e *env) {
	a, k, b, from := e.alice, keyed(ssec, "a"), keyed(ssec, "b"), keyed(ssecOf, "a")
	for name, text := range map[string]string{"small": "some text", "big": strings.Repeat("0123456789", 200_000), "empty": ""} {
		at, source := "/alpha/"+name, []string{"x-amz-copy-source", "/alpha/" + name}
		a.do("PUT", at, text, k...).is(200)
		a.do("PUT", "/alpha/c", "", source...).is(400, "InvalidRequest")
		a.do("PUT", "/alpha/c", "", with(source, keyed(ssecOf, "b")...)...).is(403, "AccessDenied")
		a.do("PUT", "/alpha/c", "", with(source, k...)...).is(400, "InvalidRequest")
		r := a.do("PUT", "/alpha/c", "", with(with(source, from...), k...)...).is(200).wants(ssec+"algorithm", "AES256", ssec+"key-MD5", k[5], sse, "")
		a.do("GET", "/alpha/c", "", k...).is(200).holds(text).wants("ETag", `"`+strings.Trim(r.text("ETag"), `"`)+`"`)
		a.do("PUT", "/alpha/c", "", with(with(source, from...), b...)...).is(200)
		a.do("GET", "/alpha/c", "", b...).is(200).holds(text)
		a.do("GET", "/alpha/c", "", k...).is(403, "AccessDenied")
		a.do("PUT", "/alpha/c", "", with(source, from...)...).is(200).wants(sse, "AES256", ssec+"algorithm", "")
		a.do("GET", "/alpha/c", "").is(200).holds(text).wants("ETag", `"`+etagOf(text)+`"`)
		a.do("PUT", "/alpha/d", "", with([]string{"x-amz-copy-source", "/alpha/c"}, b...)...).is(200)
		a.do("GET", "/alpha/d", "", b...).is(200).holds(text)
		a.do("GET", "/alpha/d", "").is(400, "InvalidRequest")
		a.do("PUT", "/alpha/d", "", with([]string{"x-amz-copy-source", "/alpha/c"}, from...)...).is(400, "InvalidRequest")
		a.do("PUT", at, "", with(with(source, from...), b...)...).is(200) // to itself, under another key
		a.do("GET", at, "", b...).is(200).holds(text)
	}
}

// testCustomerParts is SSE-C of uploads in parts.
func testCustomerParts(e *env) {
	a, k, b := e.alice, keyed(ssec, "a"), keyed(ssec, "b")
	first, last := strings.Repeat("abcdefgh", 5<<17), "the end"
	a.do("PUT", "/alpha/src", first+last, k...).is(200)
	id := a.do("POST", "/alpha/m?uploads", "", k...).is(200).wants(ssec+"algorithm", "AES256", ssec+"key-MD5", k[5], sse, "").text("UploadId")
	at := func(n int) string { return fmt.Sprintf("/alpha/m?partNumber=%d&uploadId=%s", n, id) }
	a.do("PUT", at(1), first).is(400, "InvalidRequest")
	a.do("PUT", at(1), first, b...).is(400, "InvalidRequest")
	one := a.do("PUT", at(1), first, k...).is(200).wants(ssec+"key-MD5", k[5]).header.Get("ETag")
	if one == `"`+etagOf(first)+`"` {
		e.Error("a part's ETag is its MD5")
	}
	copied := []string{"x-amz-copy-source", "/alpha/src", "x-amz-copy-source-range", fmt.Sprintf("bytes=%d-%d", len(first), len(first)+len(last)-1)}
	a.do("PUT", at(2), "", with(copied, k...)...).is(400, "InvalidRequest")
	a.do("PUT", at(2), "", with(copied, keyed(ssecOf, "a")...)...).is(400, "InvalidRequest")
	two := a.do("PUT", at(2), "", with(with(copied, keyed(ssecOf, "a")...), k...)...).is(200).wants(ssec+"key-MD5", k[5]).text("ETag")
	a.do("GET", "/alpha/m?uploadId="+id, "").is(200).lists("Size", fmt.Sprint(len(first)), fmt.Sprint(len(last)))
	a.do("GET", "/alpha/m?uploadId="+id, "", k...).is(200)
	done := fmt.Sprintf("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part><Part><PartNumber>2</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", one, two)
	a.do("POST", "/alpha/m?uploadId="+id, done, b...).is(400, "InvalidRequest")
	a.do("POST", "/alpha/m?uploadId="+id, done).is(200)
	a.do("GET", "/alpha/m", "").is(400, "InvalidRequest")
	a.do("GET", "/alpha/m", "", b...).is(403, "AccessDenied")
	a.do("GET", "/alpha/m", "", k...).is(200).holds(first + last)
	a.do("GET", "/alpha/m?partNumber=2", "", k...).is(206).holds(last)
	a.do("GET", "/alpha/m", "", with(k, "Range", "bytes=-3")...).is(206).holds("end")
	a.do("PUT", "/alpha/n", "", with(with([]string{"x-amz-copy-source", "/alpha/m"}, keyed(ssecOf, "a")...), b...)...).is(200)
	a.do("GET", "/alpha/n", "", b...).is(200).holds(first + last)
	a.do("PUT", "/alpha/n", "", with([]string{"x-amz-copy-source", "/alpha/m"}, keyed(ssecOf, "a")...)...).is(200)
	a.do("GET", "/alpha/n", "").is(200).holds(first + last)

	id = a.do("POST", "/alpha/m?uploads", "").is(200).text("UploadId")
	a.do("PUT", at(1), first, k...).is(400, "InvalidRequest")
	a.do("PUT", at(1), "", with(with(copied, keyed(ssecOf, "a")...), k...)...).is(400, "InvalidRequest")
	one = a.do("PUT", at(1), "", with(copied, keyed(ssecOf, "a")...)...).is(200).text("ETag")
	done = fmt.Sprintf("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", one)
	a.do("POST", "/alpha/m?uploadId="+id, done, k...).is(400, "InvalidRequest")
	a.do("POST", "/alpha/m?uploadId="+id, done).is(200)
	a.do("GET", "/alpha/m", "").is(200).holds(last)
}

// testCustomerVersions has every version under a key of its own, and policies and the bucket's
// configuration say who may use keys.
func testCustomerVersions(e *env) {
	a := e.alice
	a.do("PUT", "/alpha?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>").is(200)
	ids := map[string]string{}
	for _, l := range []string{"a", "b", ""} {
		var k []string
		if l != "" {
			k = keyed(ssec, l)
		}
		ids[l] = a.do("PUT", "/alpha/k", "text of "+l, k...).is(200).header.Get("x-amz-version-id")
	}
	a.do("GET", "/alpha/k", "").is(200).holds("text of ")
	a.do("GET", "/alpha/k?versionId="+ids["a"], "").is(400, "InvalidRequest")
	a.do("GET", "/alpha/k?versionId="+ids["a"], "", keyed(ssec, "b")...).is(403, "AccessDenied")
	for _, l := range []string{"a", "b"} {
		a.do("GET", "/alpha/k?versionId="+ids[l], "", keyed(ssec, l)...).is(200).holds("text of " + l)
		a.do("PUT", "/alpha/c", "", with(with([]string{"x-amz-copy-source", "/alpha/k?versionId=" + ids[l]}, keyed(ssecOf, l)...), keyed(ssec, l)...)...).is(200)
		a.do("GET", "/alpha/c", "", keyed(ssec, l)...).is(200).holds("text of " + l)
	}
	a.do("DELETE", "/alpha/k?versionId="+ids[""], "").is(204)
	a.do("GET", "/alpha/k", "", keyed(ssec, "b")...).is(200).holds("text of b")

	const encryption = "<ServerSideEncryptionConfiguration><Rule><BlockedEncryptionTypes><EncryptionType>%s</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>"
	a.do("GET", "/alpha?encryption", "").is(200).has("EncryptionType", "NONE", "SSEAlgorithm", "AES256")
	a.do("PUT", "/alpha?encryption", fmt.Sprintf(encryption, "SSE-X")).is(400, "MalformedXML")
	id := a.do("POST", "/alpha/m?uploads", "", keyed(ssec, "a")...).is(200).text("UploadId")
	a.do("PUT", "/alpha?encryption", fmt.Sprintf(encryption, "SSE-C")).is(200)
	a.do("GET", "/alpha?encryption", "").is(200).has("EncryptionType", "SSE-C")
	a.do("PUT", "/alpha/k", "x", keyed(ssec, "a")...).is(403, "AccessDenied")
	a.do("POST", "/alpha/k?uploads", "", keyed(ssec, "a")...).is(403, "AccessDenied")
	a.do("PUT", "/alpha/m?partNumber=1&uploadId="+id, "x", keyed(ssec, "a")...).is(403, "AccessDenied")
	a.do("PUT", "/alpha/k", "", with([]string{"x-amz-copy-source", "/alpha/k"}, with(keyed(ssecOf, "b"), keyed(ssec, "a")...)...)...).is(403, "AccessDenied")
	a.do("GET", "/alpha/k", "", keyed(ssec, "b")...).is(200).holds("text of b")
	a.do("PUT", "/alpha/k", "x").is(200)
	a.do("DELETE", "/alpha?encryption", "").is(204)
	a.do("GET", "/alpha?encryption", "").is(200).has("EncryptionType", "SSE-C")
	a.do("PUT", "/alpha?encryption", fmt.Sprintf(encryption, "NONE")).is(200)

	a.do("PUT", "/alpha?policy", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::alpha/*",`+
		`"Condition":{"Null":{"s3:x-amz-server-side-encryption-customer-algorithm":"true"}}}]}`).is(204)
	a.do("PUT", "/alpha/k", "x").is(403, "AccessDenied")
	a.do("PUT", "/alpha/k", "x", keyed(ssec, "a")...).is(200)
	a.do("POST", "/alpha/k?uploads", "").is(403, "AccessDenied")
	a.do("POST", "/alpha/k?uploads", "", keyed(ssec, "a")...).is(200)
}
