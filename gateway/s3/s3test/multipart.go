package s3test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
)

const minPart = 5 << 20

// begin begins an upload and returns the target of its parts up to the number.
func (e *env) begin(key string, headers ...string) (target, id string) {
	e.Helper()
	id = e.alice.do("POST", "/alpha/"+key+"?uploads", "", headers...).is(200).has("Bucket", "alpha", "Key", key).text("UploadId")
	return "/alpha/" + key + "?uploadId=" + id, id
}

func (e *env) part(target string, n int, body string, headers ...string) string {
	e.Helper()
	return e.alice.do("PUT", fmt.Sprintf("%s&partNumber=%d", target, n), body, headers...).is(200).header.Get("ETag")
}

// completion is the body that names parts: number, ETag, more XML.
func completion(parts ...any) string {
	var b strings.Builder
	b.WriteString(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	for i := 0; i+2 < len(parts); i += 3 {
		fmt.Fprintf(&b, "<Part><PartNumber>%v</PartNumber><ETag>%v</ETag>%v</Part>", parts[i], parts[i+1], parts[i+2])
	}
	return b.String() + "</CompleteMultipartUpload>"
}

func multiETag(bodies ...string) string {
	var all []byte
	for _, b := range bodies {
		sum := md5.Sum([]byte(b))
		all = append(all, sum[:]...)
	}
	sum := md5.Sum(all)
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:]), len(bodies))
}

func testParts(e *env) {
	a := e.alice
	one, two := strings.Repeat("1", minPart), strings.Repeat("22", 1000)
	target, id := e.begin("k", "Content-Type", "a/b", "x-amz-meta-m", "1")
	t2 := e.part(target, 5, two)
	e.part(target, 2, "replaced")
	t1 := e.part(target, 2, one)
	e.part(target, 9, "not used")
	a.do("GET", target, "").is(200).lists("PartNumber", "2", "5", "9").has("UploadId", id, "IsTruncated", "false", "StorageClass", "STANDARD")
	a.do("GET", target+"&max-parts=1&part-number-marker=2", "").is(200).lists("PartNumber", "5").
		has("NextPartNumberMarker", "5", "IsTruncated", "true", "MaxParts", "1")
	a.do("GET", "/alpha/k", "").is(404, "NoSuchKey")
	body := completion(2, t1, "", 5, t2, "")
	etag := multiETag(one, two)
	r := a.do("POST", target, body).is(200).has("ETag", etag, "Bucket", "alpha", "Key", "k")
	if !strings.HasSuffix(r.text("Location"), "/alpha/k") {
		e.Error(r.text("Location"))
	}
	a.do("GET", "/alpha/k", "").is(200).holds(one+two).wants("ETag", etag, "Content-Type", "a/b", "x-amz-meta-m", "1")
	a.do("POST", target, body).is(200).has("ETag", etag)
	a.do("GET", target, "").is(404, "NoSuchUpload")
	a.do("GET", "/alpha/k?partNumber=1", "").is(206).holds(one).wants("x-amz-mp-parts-count", "2")
	a.do("GET", "/alpha/k?partNumber=2", "").is(206).holds(two).wants("Content-Range", fmt.Sprintf("bytes %d-%d/%d", minPart, minPart+1999, minPart+2000))
	a.do("HEAD", "/alpha/k?partNumber=2", "").is(206).wants("Content-Length", "2000")
	a.do("GET", "/alpha/k?partNumber=3", "").is(416, "InvalidPartNumber").has("ActualPartCount", "2")
	a.do("GET", "/alpha/k", "", "Range", fmt.Sprintf("bytes=%d-%d", minPart-2, minPart+1)).is(206).holds("1122")

	target, _ = e.begin("k")
	t := e.part(target, 1, "new")
	a.do("POST", target, completion(1, t, ""), "If-None-Match", "*").is(412, "PreconditionFailed")
	a.do("POST", target, completion(1, t, ""), "If-Match", `"no"`).is(412, "PreconditionFailed")
	a.do("POST", target, completion(1, t, ""), "If-Match", etag).is(200)
	a.do("GET", "/alpha/k", "").is(200).holds("new")
	target, _ = e.begin("gone")
	e.part(target, 1, "x")
	a.do("DELETE", target, "").is(204)
	a.do("DELETE", target, "").is(404, "NoSuchUpload")
	a.do("PUT", target+"&partNumber=1", "x").is(404, "NoSuchUpload")
}

func testPartsRefused(e *env) {
	a := e.alice
	target, id := e.begin("k")
	t1 := e.part(target, 1, "small")
	t2 := e.part(target, 2, "small too")
	a.do("POST", target, completion(1, t1, "", 2, t2, "")).is(400, "EntityTooSmall")
	a.do("POST", target, completion(2, t2, "", 1, t1, "")).is(400, "InvalidPartOrder")
	a.do("POST", target, completion(1, t1, "", 1, t1, "")).is(400, "InvalidPartOrder")
	a.do("POST", target, completion(1, `"`+etagOf("other")+`"`, "")).is(400, "InvalidPart").has("UploadId", id)
	a.do("POST", target, completion(7, t1, "")).is(400, "InvalidPart")
	a.do("POST", target, completion(10001, t1, "")).is(400, "InvalidArgument")
	a.do("POST", target, completion(1, t1, ""), "x-amz-mp-object-size", "6").is(400, "InvalidRequest")
	a.do("POST", target, completion(1, t1, ""), "x-amz-mp-object-size", "x").is(400, "InvalidRequest")
	for _, bad := range []string{"", "<x/>", completion(), "<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", completion("x", t1, "")} {
		a.do("POST", target, bad).is(400, "MalformedXML")
	}
	a.do("POST", target, "<CompleteMultipartUpload>"+strings.Repeat("<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>", 10001)+
		"</CompleteMultipartUpload>").is(400, "MalformedXML")
	for _, n := range []string{"0", "10001", "x", "-1", ""} {
		a.do("PUT", target+"&partNumber="+n, "x").is(400, "InvalidArgument")
	}
	a.do("PUT", target, "x").is(405, "MethodNotAllowed")
	a.do("PUT", "/alpha/k?partNumber=1", "x").is(400, "InvalidArgument").has("ArgumentName", "partNumber", "ArgumentValue", "partNumber") // S3's own answer
	a.do("PUT", "/alpha/k?uploadId=nonsense&partNumber=1", "x").is(404, "NoSuchUpload").has("UploadId", "nonsense")
	a.do("PUT", "/alpha/other?uploadId="+id+"&partNumber=1", "x").is(404, "NoSuchUpload")
	a.do("GET", "/alpha/other?uploadId="+id, "").is(404, "NoSuchUpload")
	a.do("POST", "/alpha/other?uploadId="+id, completion(1, t1, "")).is(404, "NoSuchUpload")
	a.do("PUT", target+"&partNumber=1", "y", "Content-MD5", md5Of("x")).is(400, "BadDigest")
	a.do("POST", target, completion(1, t1, "")).is(200)
	a.do("GET", "/alpha/k", "").is(200).holds("small")
}

func testPartChecksums(e *env) {
	a := e.alice
	one, two := strings.Repeat("1", minPart), "two"
	element := func(body string) string { return "<ChecksumCRC32>" + crc32Of(body) + "</ChecksumCRC32>" }

	full, _ := e.begin("full", "x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", "FULL_OBJECT")
	t1 := e.part(full, 1, one, "x-amz-checksum-crc32", crc32Of(one))
	t2 := e.part(full, 2, two) // its checksum is worked out
	body := completion(1, t1, "", 2, t2, "")
	a.do("POST", full, body, "x-amz-checksum-crc32", crc32Of("other")).is(400, "BadDigest")
	a.do("POST", full, body, "x-amz-checksum-type", "COMPOSITE").is(400, "InvalidRequest")
	a.do("POST", full, body, "x-amz-checksum-crc32", crc32Of(one+two), "x-amz-checksum-type", "FULL_OBJECT", "x-amz-mp-object-size",
		fmt.Sprint(minPart+3)).is(200).has("ChecksumCRC32", crc32Of(one+two), "ChecksumType", "FULL_OBJECT")
	a.do("HEAD", "/alpha/full", "", "x-amz-checksum-mode", "ENABLED").is(200).wants("x-amz-checksum-crc32", crc32Of(one+two))

	comp, _ := e.begin("comp", "x-amz-checksum-algorithm", "CRC32")
	a.do("PUT", comp+"&partNumber=1", one).is(400, "InvalidRequest")
	a.do("PUT", comp+"&partNumber=1", one, "x-amz-checksum-sha256", sha256Of(one)).is(400, "InvalidRequest")
	t1 = e.part(comp, 1, one, "x-amz-checksum-crc32", crc32Of(one))
	t2 = e.part(comp, 2, two, "x-amz-checksum-crc32", crc32Of(two))
	a.do("GET", comp, "").is(200).has("ChecksumAlgorithm", "CRC32", "ChecksumType", "COMPOSITE").lists("ChecksumCRC32", crc32Of(one), crc32Of(two))
	a.do("POST", comp, completion(1, t1, "", 2, t2, "")).is(400, "InvalidRequest")
	a.do("POST", comp, completion(1, t1, element(one), 2, t2, element("other"))).is(400, "InvalidPart")
	sum := a.do("POST", comp, completion(1, t1, element(one), 2, t2, element(two))).is(200).has("ChecksumType", "COMPOSITE").text("ChecksumCRC32")
	if !strings.HasSuffix(sum, "-2") {
		e.Error(sum)
	}
	a.do("GET", "/alpha/comp", "", "x-amz-checksum-mode", "ENABLED").is(200).wants("x-amz-checksum-crc32", sum, "x-amz-checksum-type", "COMPOSITE")
	a.do("HEAD", "/alpha/comp?partNumber=2", "", "x-amz-checksum-mode", "ENABLED").is(206).wants("x-amz-checksum-crc32", crc32Of(two))

	a.do("POST", "/alpha/x?uploads", "", "x-amz-checksum-algorithm", "SHA256", "x-amz-checksum-type", "FULL_OBJECT").is(400, "InvalidRequest")
	a.do("POST", "/alpha/x?uploads", "", "x-amz-checksum-algorithm", "CRC64NVME", "x-amz-checksum-type", "COMPOSITE").is(400, "InvalidRequest")
	a.do("POST", "/alpha/x?uploads", "", "x-amz-checksum-algorithm", "MD6").is(400, "InvalidRequest")
	a.do("POST", "/alpha/x?uploads", "", "x-amz-checksum-algorithm", "CRC64NVME").is(200).wants("x-amz-checksum-type", "FULL_OBJECT")
}

func testPartCopy(e *env) {
	a := e.alice
	from := strings.Repeat("0123456789", 600000)
	a.do("PUT", "/alpha/from", from).is(200)
	etag := `"` + etagOf(from) + `"`
	target, _ := e.begin("k")
	copyPart := func(n, status int, headers ...string) *answer {
		e.Helper()
		return a.do("PUT", fmt.Sprintf("%s&partNumber=%d", target, n), "", append(headers, "x-amz-copy-source", "/alpha/from")...).is(status)
	}
	t1 := copyPart(1, 200).has("ETag", etag).text("ETag")
	t2 := copyPart(2, 200, "x-amz-copy-source-range", "bytes=5-14", "x-amz-copy-source-if-match", etag).has("ETag", `"`+etagOf("5678901234")+`"`).text("ETag")
	copyPart(3, 400, "x-amz-copy-source-range", "bytes=5-").is(400, "InvalidArgument")
	copyPart(3, 400, "x-amz-copy-source-range", "bytes=0-6000000").is(400, "InvalidArgument")
	copyPart(3, 412, "x-amz-copy-source-if-match", "other").is(412, "PreconditionFailed")
	a.do("DELETE", "/alpha/from", "").is(204)
	a.do("POST", target, completion(1, t1, "", 2, t2, "")).is(200).has("ETag", multiETag(from, "5678901234"))
	a.do("GET", "/alpha/k", "").is(200).holds(from + "5678901234")
}

func testUploads(e *env) {
	a := e.alice
	_, id1 := e.begin("a")
	_, id2 := e.begin("b/1", "x-amz-checksum-algorithm", "CRC32")
	_, id3 := e.begin("b/2")
	a.do("GET", "/alpha?uploads", "").is(200).lists("Key", "a", "b/1", "b/2").lists("UploadId", id1, id2, id3).has("ChecksumAlgorithm", "CRC32", "IsTruncated", "false")
	a.do("GET", "/alpha?uploads&delimiter=/", "").is(200).lists("Key", "a").lists("Prefix", "", "b/")
	a.do("GET", "/alpha?uploads&prefix=b/", "").is(200).lists("Key", "b/1", "b/2")
	r := a.do("GET", "/alpha?uploads&max-uploads=2", "").is(200).lists("Key", "a", "b/1").has("IsTruncated", "true")
	a.do("GET", "/alpha?uploads&key-marker="+esc(r.text("NextKeyMarker"))+"&upload-id-marker="+r.text("NextUploadIdMarker"), "").
		is(200).lists("UploadId", id3)
	a.do("GET", "/alpha?uploads&key-marker=a&upload-id-marker=x", "").is(400, "InvalidArgument")
	a.do("DELETE", "/alpha", "").is(204)
	a.do("GET", "/alpha?uploads", "").is(404, "NoSuchBucket")
}

func testAttributes(e *env) {
	a := e.alice
	a.do("PUT", "/alpha/k", "body", "x-amz-checksum-crc32", crc32Of("body")).is(200)
	a.do("GET", "/alpha/k?attributes", "", "x-amz-object-attributes", "ETag, Checksum,ObjectSize", "x-amz-object-attributes", "StorageClass,ObjectParts").
		is(200).has("ETag", etagOf("body"), "ChecksumCRC32", crc32Of("body"), "ChecksumType", "FULL_OBJECT", "ObjectSize", "4", "StorageClass", "STANDARD").
		lists("ObjectParts")
	a.do("GET", "/alpha/k?attributes", "").is(400, "InvalidRequest")
	a.do("GET", "/alpha/k?attributes", "", "x-amz-object-attributes", "Colour").is(400, "InvalidArgument")
	a.do("GET", "/alpha/none?attributes", "", "x-amz-object-attributes", "ETag").is(404, "NoSuchKey")

	one, two := strings.Repeat("1", minPart), "two"
	target, _ := e.begin("m", "x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", "FULL_OBJECT")
	t1 := e.part(target, 1, one, "x-amz-checksum-crc32", crc32Of(one))
	t2 := e.part(target, 2, two, "x-amz-checksum-crc32", crc32Of(two))
	a.do("POST", target, completion(1, t1, "", 2, t2, "")).is(200)
	a.do("GET", "/alpha/m?attributes", "", "x-amz-object-attributes", "ObjectParts").is(200).
		has("PartsCount", "2", "IsTruncated", "false").lists("PartNumber", "1", "2").lists("Size", fmt.Sprint(minPart), "3").lists("ETag")
	a.do("GET", "/alpha/m?attributes", "", "x-amz-object-attributes", "ObjectParts", "x-amz-max-parts", "1").is(200).
		has("IsTruncated", "true", "NextPartNumberMarker", "1").lists("PartNumber", "1")
	a.do("GET", "/alpha/m?attributes", "", "x-amz-object-attributes", "ObjectParts", "x-amz-part-number-marker", "1").is(200).lists("PartNumber", "2")
}
