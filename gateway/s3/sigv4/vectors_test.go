package sigv4

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"rhizome/gateway/s3/s3err"
)

const (
	exampleKey    = "AKIAIOSFODNN7EXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	emptySHA      = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

var exampleTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)

func lookupExample(_ context.Context, key string) (string, error) {
	if key != exampleKey {
		return "", UnknownKey(key)
	}
	return exampleSecret, nil
}

// request builds a request as net/http's server does.
func request(t testing.TB, method, uri, host string, headers ...string) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: method, URL: u, Host: host, Header: http.Header{}, RequestURI: uri}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func exampleAuth(signed, signature string) string {
	return "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" +
		signed + ",Signature=" + signature
}

// The examples of the Amazon S3 API Reference, "Signature Calculations for the
// Authorization Header" and "Using Query Parameters".
func TestPublishedExamples(t *testing.T) {
	const host = "examplebucket.s3.amazonaws.com"
	for name, r := range map[string]*http.Request{
		"get object": request(t, "GET", "/test.txt", host, "Range", "bytes=0-9",
			"X-Amz-Content-Sha256", emptySHA, "X-Amz-Date", "20130524T000000Z",
			"Authorization", exampleAuth("host;range;x-amz-content-sha256;x-amz-date",
				"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")),
		"put object": request(t, "PUT", "/test%24file.text", host, "Date", "Fri, 24 May 2013 00:00:00 GMT",
			"X-Amz-Content-Sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			"X-Amz-Date", "20130524T000000Z", "X-Amz-Storage-Class", "REDUCED_REDUNDANCY",
			"Authorization", exampleAuth("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
				"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")),
		"get lifecycle": request(t, "GET", "/?lifecycle", host,
			"X-Amz-Content-Sha256", emptySHA, "X-Amz-Date", "20130524T000000Z",
			"Authorization", exampleAuth("host;x-amz-content-sha256;x-amz-date",
				"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")),
		"list objects": request(t, "GET", "/?max-keys=2&prefix=J", host,
			"X-Amz-Content-Sha256", emptySHA, "X-Amz-Date", "20130524T000000Z",
			"Authorization", exampleAuth("host;x-amz-content-sha256;x-amz-date",
				"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")),
		"presigned": request(t, "GET", "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"+
			"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"+
			"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"+
			"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", host),
		"chunked": request(t, "PUT", "/examplebucket/chunkObject.txt", "s3.amazonaws.com",
			"Content-Encoding", "aws-chunked", "Content-Length", "66824",
			"X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Date", "20130524T000000Z",
			"X-Amz-Decoded-Content-Length", "66560", "X-Amz-Storage-Class", "REDUCED_REDUNDANCY",
			"Authorization", exampleAuth("content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"+
				"x-amz-decoded-content-length;x-amz-storage-class",
				"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")),
		"chunked with trailer": request(t, "PUT", "/examplebucket/chunkObject.txt", "s3.amazonaws.com",
			"Content-Encoding", "aws-chunked",
			"X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "X-Amz-Date", "20130524T000000Z",
			"X-Amz-Decoded-Content-Length", "66560", "X-Amz-Storage-Class", "REDUCED_REDUNDANCY",
			"X-Amz-Trailer", "x-amz-checksum-crc32c",
			"Authorization", exampleAuth("content-encoding;host;x-amz-content-sha256;x-amz-date;"+
				"x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
				"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")),
	} {
		t.Run(name, func(t *testing.T) {
			v := New("")
			for range 2 { // the second time with a cached key
				if _, err := v.verify(r, exampleTime, lookupExample); err != nil {
					t.Fatalf("%v %+v", err, s3err.As(err).Fields)
				}
			}
			a, _ := v.Parse(r, exampleTime)
			if err := v.Check(a, "another secret"); !errors.Is(err, s3err.SignatureDoesNotMatch) {
				t.Fatalf("wrong secret: %v", err)
			}
			r.Method += "X"
			if _, err := v.verify(r, exampleTime, lookupExample); !errors.Is(err, s3err.SignatureDoesNotMatch) {
				t.Fatalf("another method: %v", err)
			}
		})
	}
}
