package sigv4

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rhizome/gateway/s3/s3err"
)

// signedGet is a request that verifies.
func signedGet(t testing.TB) *http.Request {
	t.Helper()
	r := request(t, "GET", "/b/k?x=1", "host", "X-Amz-Meta-A", "1")
	if err := Sign(r, Credentials{AccessKey: exampleKey, Secret: exampleSecret}, emptySHA, exampleTime); err != nil {
		t.Fatal(err)
	}
	return r
}

func presignedGet(t testing.TB) *http.Request {
	t.Helper()
	r := request(t, "GET", "/b/k?x=1", "host")
	u, err := Presign(r, Credentials{AccessKey: exampleKey, Secret: exampleSecret}, exampleTime, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return request(t, "GET", u, "host")
}

func TestRefusals(t *testing.T) {
	auth := func(old, with string) func(*http.Request) {
		return func(r *http.Request) {
			h := r.Header.Get("Authorization")
			if n := strings.Replace(h, old, with, 1); n != h {
				r.Header.Set("Authorization", n)
				return
			}
			panic("nothing to replace: " + old)
		}
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	none := func(*http.Request) {}
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		after  time.Duration
		code   s3err.Code
		words  string
	}{
		{"sound", none, 0, "", ""},
		{"late", none, 15 * time.Minute, "", ""},
		{"early", none, -15 * time.Minute, "", ""},
		{"too late", none, 15*time.Minute + time.Second, s3err.RequestTimeTooSkewed, ""},
		{"too early", none, -15*time.Minute - time.Second, s3err.RequestTimeTooSkewed, ""},
		{"too late, wrong key", auth(exampleKey, "other"), time.Hour, s3err.InvalidAccessKeyId, ""},
		{"too late, wrong signature", header("X-Amz-Meta-A", "2"), time.Hour, s3err.SignatureDoesNotMatch, ""},
		{"header changed", header("X-Amz-Meta-A", "2"), 0, s3err.SignatureDoesNotMatch, ""},
		{"header removed", func(r *http.Request) { r.Header.Del("X-Amz-Meta-A") }, 0, s3err.SignatureDoesNotMatch, ""},
		{"header doubled", func(r *http.Request) { r.Header.Add("X-Amz-Meta-A", "1") }, 0, s3err.SignatureDoesNotMatch, ""},
		{"host changed", func(r *http.Request) { r.Host = "other" }, 0, s3err.SignatureDoesNotMatch, ""},
		{"hash changed", header("X-Amz-Content-Sha256", UnsignedPayload), 0, s3err.SignatureDoesNotMatch, ""},
		{"hash malformed", header("X-Amz-Content-Sha256", "abc"), 0, s3err.InvalidArgument, "x-amz-content-sha256 must be"},
		{"hash missing", func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }, 0, s3err.InvalidRequest, "Missing required header"},
		{"hash doubled", func(r *http.Request) { r.Header.Add("X-Amz-Content-Sha256", emptySHA) }, 0, s3err.InvalidArgument, "once"},
		{"ecdsa", header("X-Amz-Content-Sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), 0, s3err.NotImplemented, ""},
		{"date missing", func(r *http.Request) { r.Header.Del("X-Amz-Date") }, 0, s3err.AccessDenied, "valid Date"},
		{"date malformed", header("X-Amz-Date", "20130524T000060Z"), 0, s3err.AccessDenied, "valid Date"},
		{"date not real", header("X-Amz-Date", "20130230T000000Z"), 0, s3err.AccessDenied, "valid Date"},
		{"date doubled", func(r *http.Request) { r.Header.Add("X-Amz-Date", "x") }, 0, s3err.InvalidArgument, "once"},
		{"unsigned header", header("X-Amz-Acl", "private"), 0, s3err.AccessDenied, "not signed"},
		{"token", header("X-Amz-Security-Token", "x"), 0, s3err.InvalidToken, ""},
		{"version 2", header("Authorization", "AWS key:signature"), 0, s3err.InvalidRequest, "AWS4-HMAC-SHA256"},
		{"ecdsa signature", auth("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), 0, s3err.InvalidRequest, "not supported"},
		{"basic", header("Authorization", "Basic x"), 0, s3err.InvalidArgument, "Unsupported Authorization Type"},
		{"two headers", func(r *http.Request) { r.Header.Add("Authorization", "x") }, 0, s3err.InvalidArgument, "Only one auth"},
		{"two mechanisms", func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Signature=1" }, 0, s3err.InvalidArgument, "Only one auth"},
		{"unknown key", auth(exampleKey, "other"), 0, s3err.InvalidAccessKeyId, ""},
		{"empty key", auth(exampleKey, ""), 0, s3err.AuthorizationHeaderMalformed, "non-empty Access Key"},
		{"long key", auth(exampleKey, strings.Repeat("k", 200)), 0, s3err.AuthorizationHeaderMalformed, "longer"},
		{"short credential", auth("/aws4_request", ""), 0, s3err.AuthorizationHeaderMalformed, "mal-formed"},
		{"terminal", auth("aws4_request", "aws5_request"), 0, s3err.AuthorizationHeaderMalformed, "terminal"},
		{"service", auth("/s3/", "/ec2/"), 0, s3err.AuthorizationHeaderMalformed, "belongs to"},
		{"region", auth("us-east-1", "eu-west-3"), 0, s3err.SignatureDoesNotMatch, ""},
		{"no region", auth("us-east-1", ""), 0, s3err.AuthorizationHeaderMalformed, "expecting 'us-east-1'"},
		{"scope date", auth("20130524", "20130525"), 0, s3err.AuthorizationHeaderMalformed, "Invalid credential date. Date is not the same as X-Amz-Date."},
		{"scope date format", auth("20130524", "2013-05-24"), 0, s3err.AuthorizationHeaderMalformed, "format"},
		{"no signature", auth(", Signature=", ", Nothing="), 0, s3err.AuthorizationHeaderMalformed, ""},
		{"twice", auth("Credential=", "Signature=a,Credential="), 0, s3err.AuthorizationHeaderMalformed, "twice"},
		{"only a scheme", header("Authorization", "AWS4-HMAC-SHA256"), 0, s3err.InvalidArgument, "one and only one"},
		{"nothing in it", header("Authorization", "AWS4-HMAC-SHA256 "), 0, s3err.AuthorizationHeaderMalformed, "three components"},
		{"a component without a value", auth("Signature=", "Signature-"), 0, s3err.AuthorizationHeaderMalformed, "is malformed"},
		{"another component", auth("Signature=", "Sign="), 0, s3err.AuthorizationHeaderMalformed, "missing Signature"},
		{"long credential", auth("us-east-1/s3/aws4_request", "us-east-1/s3/aws4_request/more/still"), 0, s3err.AuthorizationHeaderMalformed, "mal-formed"},
		{"host not signed", auth("host;", ""), 0, s3err.AccessDenied, "not signed"},
		{"query changed", func(r *http.Request) { r.URL.RawQuery = "x=2" }, 0, s3err.SignatureDoesNotMatch, ""},
		{"query malformed", func(r *http.Request) { r.URL.RawQuery = "x=%2" }, 0, s3err.InvalidURI, ""},
		{"path changed", func(r *http.Request) { r.URL.Path = "/b/k/" }, 0, s3err.SignatureDoesNotMatch, ""},
		{"signature in capitals", func(r *http.Request) {
			h, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", h+"Signature="+strings.ToUpper(s))
		}, 0, s3err.SignatureDoesNotMatch, ""},
		{"short signature", func(r *http.Request) {
			h := r.Header.Get("Authorization")
			r.Header.Set("Authorization", h[:len(h)-1])
		}, 0, s3err.SignatureDoesNotMatch, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := signedGet(t)
			c.change(r)
			_, err := New("").verify(r, exampleTime.Add(c.after), lookupExample)
			checkError(t, err, c.code, c.words)
		})
	}
}

func checkError(t *testing.T, err error, code s3err.Code, words string) {
	t.Helper()
	if code == "" && err == nil {
		return
	}
	if !errors.Is(err, code) || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %s %q", err, code, words)
	}
	if err != nil && strings.Contains(err.Error(), exampleSecret) {
		t.Error("the error tells the secret")
	}
}

func TestPresignedRefusals(t *testing.T) {
	query := func(old, with string) func(*http.Request) {
		return func(r *http.Request) {
			n := strings.Replace(r.URL.RawQuery, old, with, 1)
			if n == r.URL.RawQuery {
				panic("nothing to replace: " + old)
			}
			r.URL.RawQuery = n
		}
	}
	none := func(*http.Request) {}
	const code = s3err.AuthorizationQueryParametersError
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		after  time.Duration
		code   s3err.Code
		words  string
	}{
		{"sound", none, 0, "", ""},
		{"last moment", none, time.Hour, "", ""},
		{"expired", none, time.Hour + time.Second, s3err.AccessDenied, "expired"},
		{"a little early", none, -MaxSkew, "", ""},
		{"not yet", none, -MaxSkew - time.Second, s3err.AccessDenied, "not valid yet"},
		{"no expiry", query("&X-Amz-Expires=3600", ""), 0, code, "requires"},
		{"expiry no number", query("Expires=3600", "Expires=1h"), 0, code, "number"},
		{"expiry negative", query("Expires=3600", "Expires=-1"), 0, code, "non-negative"},
		{"expiry a week", query("Expires=3600", "Expires=604800"), 0, s3err.SignatureDoesNotMatch, ""},
		{"expiry over a week", query("Expires=3600", "Expires=604801"), 0, code, "less than a week"},
		{"expiry huge", query("Expires=3600", "Expires=9223372036854775807"), 0, code, "less than a week"},
		{"algorithm", query("AWS4-HMAC", "AWS5-HMAC"), 0, code, "only supports"},
		{"date", query("T000000Z", "T0000Z"), 0, code, "ISO8601"},
		{"credential date", query("%2F20130524%2F", "%2F20130525%2F"), 0, code, `Invalid credential date "20130525". This date is not the same as X-Amz-Date: "20130524".`},
		{"service", query("%2Fs3%2F", "%2Fec2%2F"), 0, code, "belongs to"},
		{"twice", query("X-Amz-Expires=3600", "X-Amz-Expires=3600&X-Amz-Expires=3600"), 0, code, "once"},
		{"twice, encoded", query("X-Amz-Signature=", "X%2DAmz-Signature=1&X-Amz-Signature="), 0, code, "once"},
		{"parameter added", query("x=1", "x=1&acl"), 0, s3err.SignatureDoesNotMatch, ""},
		{"token", query("x=1", "x=1&X-Amz-Security-Token=t"), 0, s3err.InvalidToken, ""},
		{"version 2", func(r *http.Request) { r.URL.RawQuery = "AWSAccessKeyId=k&Signature=s&Expires=1" }, 0,
			s3err.InvalidRequest, "AWS4-HMAC-SHA256"},
		{"unsigned header", func(r *http.Request) { r.Header.Set("X-Amz-Acl", "private") }, 0, s3err.AccessDenied, "not signed"},
		{"another hash", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", emptySHA) }, 0, s3err.SignatureDoesNotMatch, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := presignedGet(t)
			c.change(r)
			_, err := New("").verify(r, exampleTime.Add(c.after), lookupExample)
			checkError(t, err, c.code, c.words)
		})
	}
}

// S3 takes the names of the parameters in any case.
func TestQueryNamesInAnyCase(t *testing.T) {
	r := presignedGet(t)
	want := canonical{r: r, query: strings.ReplaceAll(r.URL.RawQuery, "X-Amz-", "x-amz-"), presigned: true, signed: "host", hash: UnsignedPayload}
	a := Auth{Scope: Credentials{}.scope(exampleTime), stamp: exampleTime.Format(timeFormat)}
	s, err := a.sign(want, exampleSecret)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.RawQuery = want.query[:strings.Index(want.query, "x-amz-Signature")] + "x-amz-signature=" + s
	if _, err := New("").verify(r, exampleTime, lookupExample); err != nil {
		t.Fatal(err)
	}
}

func TestZeroExpiry(t *testing.T) {
	a := &Auth{Time: exampleTime}
	checkError(t, a.lifetime("0", exampleTime), s3err.AccessDenied, "expired")
}

func TestTrimmed(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", "  a  b\tc \t d\t": "a b\tc d", "\t": "", "a\t\tb": "a b"} {
		if got := string(appendTrimmed([]byte("x:"), in)); got != "x:"+want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestConcurrent(t *testing.T) {
	v, r, q := New(""), signedGet(t), presignedGet(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				for _, r := range []*http.Request{r, q} {
					if _, err := v.verify(r, exampleTime, lookupExample); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestStrictRegion(t *testing.T) {
	if _, err := New("us-east-1").verify(signedGet(t), exampleTime, lookupExample); err != nil {
		t.Fatal(err)
	}
	_, err := New("home").verify(signedGet(t), exampleTime, lookupExample)
	checkError(t, err, s3err.AuthorizationHeaderMalformed, "the region 'us-east-1' is wrong; expecting 'home'")
	if f := s3err.As(err).Fields; len(f) != 1 || f[0] != (s3err.Field{Name: "Region", Value: "home"}) {
		t.Errorf("fields: %v", f)
	}
	_, err = New("home").verify(presignedGet(t), exampleTime, lookupExample)
	checkError(t, err, s3err.AuthorizationQueryParametersError, "expecting 'home'")
}

func TestAnonymous(t *testing.T) {
	v := New("")
	a, err := v.verify(request(t, "GET", "/b/k?x=1", "host"), exampleTime, nil)
	if err != nil || a.Kind != Anonymous || a.Payload.Mode != Unsigned {
		t.Fatalf("%+v %v", a, err)
	}
	_, err = v.Parse(request(t, "PUT", "/b/k", "host", "X-Amz-Content-Sha256", streamSigned), exampleTime)
	checkError(t, err, s3err.InvalidRequest, "Anonymous requests")
}

// A mismatch shows what was signed here, in AWS's elements and order.
func TestMismatchFields(t *testing.T) {
	r := signedGet(t)
	r.Header.Set("X-Amz-Meta-A", "2")
	_, err := New("").verify(r, exampleTime, lookupExample)
	e := s3err.As(err)
	if e == nil || e.Status != http.StatusForbidden {
		t.Fatal(err)
	}
	var names []string
	for _, f := range e.Fields {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "AWSAccessKeyId StringToSign SignatureProvided StringToSignBytes CanonicalRequest CanonicalRequestBytes" {
		t.Error(got)
	}
	want := "GET\n/b/k\nx=1\nhost:host\nx-amz-content-sha256:" + emptySHA + "\nx-amz-date:20130524T000000Z\nx-amz-meta-a:2\n\n" +
		"host;x-amz-content-sha256;x-amz-date;x-amz-meta-a\n" + emptySHA
	if e.Fields[4].Value != want {
		t.Errorf("%q", e.Fields[4].Value)
	}
}

// A key whose secret changed must not verify with the old one's derived key.
func TestChangedSecret(t *testing.T) {
	v := New("")
	r := signedGet(t)
	a, err := v.verify(r, exampleTime, lookupExample)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Check(a, "new"); !errors.Is(err, s3err.SignatureDoesNotMatch) {
		t.Fatal(err)
	}
	if err := v.Check(a, exampleSecret); err != nil {
		t.Fatal(err)
	}
}

func TestKeyCacheIsBounded(t *testing.T) {
	var c keyCache
	for i := range 10 * cacheSize {
		c.put(strings.Repeat("k", i%1000+1), "s", Scope{Region: strings.Repeat("r", i/1000)}, [32]byte{})
	}
	if n := len(c.young) + len(c.old); n > 2*cacheSize {
		t.Errorf("%d keys", n)
	}
}

func TestHoist(t *testing.T) {
	r := presignedGet(t)
	r.URL.RawQuery += "&x-amz-checksum-crc32=AAAAAA%3D%3D&X-Amz-Acl=private&y=2"
	r.Header.Set("X-Amz-Acl", "kept")
	(&Auth{Kind: Query}).Hoist(r)
	if len(r.Header) != 2 || r.Header.Get("X-Amz-Acl") != "kept" || r.Header.Get("X-Amz-Checksum-Crc32") != "AAAAAA==" {
		t.Errorf("%v", r.Header)
	}
}
