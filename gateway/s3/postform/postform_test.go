package postform

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

const (
	exampleKey    = "AKIAIOSFODNN7EXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// examplePolicy is the policy of the Amazon S3 API Reference, "Example: Browser-Based
// Upload using HTTP POST", with its line ends.
var examplePolicy = strings.ReplaceAll(`{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}`, "\n", "\r\n")

var exampleTime = time.Date(2015, 12, 30, 11, 59, 59, 0, time.UTC)

type field struct{ name, value string }

func exampleFields() []field {
	return []field{
		{"key", "user/user1/${filename}"},
		{"acl", "public-read"},
		{"success_action_redirect", "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
		{"Content-Type", "image/jpeg"},
		{"x-amz-meta-uuid", "14365123651274"},
		{"x-amz-server-side-encryption", "AES256"},
		{"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
		{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
		{"X-Amz-Date", "20151229T000000Z"},
		{"x-amz-meta-tag", ""},
		{"Policy", base64.StdEncoding.EncodeToString([]byte(examplePolicy))},
		{"X-Amz-Signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"},
	}
}

// encode makes the body of a form and its Content-Type.
func encode(t testing.TB, fields []field, filename, data string) (string, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		if err := w.WriteField(f.name, f.value); err != nil {
			t.Fatal(err)
		}
	}
	p, err := w.CreateFormFile("file", filename)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(p, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestPublishedExample(t *testing.T) {
	body, kind := encode(t, exampleFields(), "a b.jpg", "some bytes")
	f, err := Parse(iotest.OneByteReader(strings.NewReader(body)), kind)
	if err != nil {
		t.Fatal(err)
	}
	v := sigv4.New("")
	a, err := f.Auth(v, exampleTime)
	if err != nil || a.Kind != sigv4.Form || a.AccessKey != exampleKey {
		t.Fatalf("%+v %v", a, err)
	}
	if err := v.Check(a, exampleSecret); err != nil {
		t.Fatal(err)
	}
	if err := v.Check(a, "x"); !errors.Is(err, s3err.SignatureDoesNotMatch) {
		t.Fatal(err)
	}
	if err := f.Authorize("sigv4examplebucket", exampleTime); err != nil {
		t.Fatal(err)
	}
	if key, err := f.Key(); key != "user/user1/a b.jpg" || err != nil {
		t.Errorf("%q %v", key, err)
	}
	if got, err := io.ReadAll(f.File); string(got) != "some bytes" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	h := f.Header()
	if len(h) != 5 || h.Get("Content-Type") != "image/jpeg" || h.Get("X-Amz-Acl") != "public-read" || h.Get("X-Amz-Meta-Uuid") != "14365123651274" {
		t.Errorf("%v", h)
	}
	s := f.Success("b", "k &", "e")
	if s.Status != 303 || s.Redirect != "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html?bucket=b&key=k+%26&etag=%22e%22" {
		t.Errorf("%+v", s)
	}
}

func TestParseRefusals(t *testing.T) {
	file := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ndata\r\n--b--\r\n"
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	many := ""
	for i := range MaxFields + 1 {
		many += part("f"+strconv.Itoa(i), "")
	}
	const form = "multipart/form-data; boundary=b"
	for _, c := range []struct {
		name, kind, body string
		code             s3err.Code
	}{
		{"sound", form, part("key", "k") + file, ""},
		{"preamble", form, "hello\r\n" + file, ""},
		{"no type", "", file, s3err.RequestIsNotMultiPartContent},
		{"another type", "application/x-www-form-urlencoded", file, s3err.RequestIsNotMultiPartContent},
		{"multipart/mixed", "multipart/mixed; boundary=b", file, s3err.RequestIsNotMultiPartContent},
		{"no boundary", "multipart/form-data", file, s3err.MalformedPOSTRequest},
		{"long boundary", "multipart/form-data; boundary=" + strings.Repeat("b", 200), file, s3err.MalformedPOSTRequest},
		{"no file", form, part("key", "k") + "--b--\r\n", s3err.IncorrectNumberOfFilesInPostRequest},
		{"empty", form, "", s3err.IncompleteBody},
		{"cut", form, part("key", "k"), s3err.IncompleteBody},
		{"cut in a field", form, part("key", "kkkk")[:52], s3err.IncompleteBody},
		{"no name", form, "--b\r\n\r\nx\r\n" + file, s3err.MalformedPOSTRequest},
		{"twice", form, part("key", "k") + part("Key", "k") + file, s3err.InvalidArgument},
		{"field at the limit", form, part("key", strings.Repeat("k", MaxFieldBytes-3)) + file, ""},
		{"large field", form, part("key", strings.Repeat("k", MaxFieldBytes-2)) + file, s3err.MaxPostPreDataLengthExceeded},
		{"endless field", form, part("key", strings.Repeat("k", 1<<20)) + file, s3err.MaxPostPreDataLengthExceeded},
		{"large fields", form, part("a", strings.Repeat("k", 12000)) + part("b", strings.Repeat("k", 12000)) + file, s3err.MaxPostPreDataLengthExceeded},
		{"many fields", form, many + file, s3err.MaxPostPreDataLengthExceeded},
		{"endless preamble", form, strings.Repeat("x\r\n", 1<<17) + file, s3err.MaxPostPreDataLengthExceeded},
		{"endless header", form, "--b\r\nA: " + strings.Repeat("x", 1<<18) + "\r\n\r\n" + file, s3err.MaxPostPreDataLengthExceeded},
		{"line end in a header", form, part("x-amz-meta-a", "1\r\nSet-Cookie: x") + file, s3err.InvalidArgument},
		{"no token", form, part("x-amz-meta-a b", "1") + file, s3err.InvalidArgument},
		{"long filename", form, strings.Replace(file, `"f"`, `"`+strings.Repeat("f", 2000)+`"`, 1), s3err.MalformedPOSTRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse(strings.NewReader(c.body), c.kind)
			if c.code != "" {
				if !errors.Is(err, c.code) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(f.File); string(got) != "data" || err != nil {
				t.Errorf("%q %v", got, err)
			}
		})
	}
}

func TestFilename(t *testing.T) {
	for in, want := range map[string]string{"a.txt": "a.txt", `C:\\dir\\a.txt`: "a.txt", "dir/a.txt": "a.txt"} {
		body := "--b\r\nContent-Disposition: form-data; name=key\r\n\r\nx/${filename}/${filename}\r\n" +
			"--b\r\nContent-Disposition: form-data; name=file; filename=\"" + in + "\"\r\n\r\n\r\n--b--"
		f, err := Parse(strings.NewReader(body), "multipart/form-data; boundary=b")
		if err != nil || f.Filename != want || f.Fields["key"] != "x/"+want+"/"+want {
			t.Errorf("%q: %+v %v", in, f, err)
		}
	}
}

// A file that ends with its connection is not whole.
func TestFileCut(t *testing.T) {
	body, kind := encode(t, nil, "f", strings.Repeat("x", 100000))
	for _, cut := range []int{1000, 50000, len(body) - 70} {
		f, err := Parse(strings.NewReader(body[:cut]), kind)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(f.File); !errors.Is(err, s3err.IncompleteBody) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

func TestPolicy(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	const expires = `"expiration":"2030-01-01T00:00:01Z"`
	bare := func(conditions string) string { return "{" + expires + `,"conditions":[` + conditions + "]}" }
	policy := func(conditions string) string {
		return bare(strings.TrimSuffix(`{"bucket":"bucket"},`+conditions, ","))
	}
	for _, c := range []struct {
		name, policy, fields string // fields: name=value;…
		code                 s3err.Code
		words                string
	}{
		{"empty", policy(""), "", "", ""},
		{"expired", `{"expiration":"2030-01-01T00:00:00Z","conditions":[]}`, "", s3err.AccessDenied, "Policy expired"},
		{"no expiry", `{"conditions":[]}`, "", s3err.InvalidPolicyDocument, "missing expiration"},
		{"expiry malformed", `{"expiration":"tomorrow","conditions":[]}`, "", s3err.InvalidPolicyDocument, "'expiration' value"},
		{"no conditions", "{" + expires + "}", "", s3err.InvalidPolicyDocument, "missing conditions"},
		{"no JSON", "x", "", s3err.InvalidPolicyDocument, "Invalid JSON"},
		{"two documents", policy("") + "{}", "", s3err.InvalidPolicyDocument, "Invalid JSON"},
		{"unknown member", "{" + expires + `,"conditions":[],"x":1}`, "", s3err.InvalidPolicyDocument, `Unexpected: "x"`},
		{"exact", policy(`{"key":"a"}`), "key=a", "", ""},
		{"exact, not", policy(`{"key":"a"}`), "key=b", s3err.AccessDenied, `Policy Condition failed: ["eq", "$key", "a"]`},
		{"exact, case", policy(`{"KEY":"a"}`), "key=a", "", ""},
		{"exact, two", policy(`{"key":"a","acl":"b"}`), "key=a", s3err.InvalidPolicyDocument, "Simple-Condition"},
		{"exact, number", policy(`{"key":1}`), "key=1", s3err.InvalidPolicyDocument, "Simple-Condition"},
		{"eq", policy(`["EQ","$Key","a"]`), "key=a", "", ""},
		{"eq, not", policy(`["eq","$key","a"]`), "key=ab", s3err.AccessDenied, "failed"},
		{"eq, absent", policy(`["eq","$x-amz-meta-a","a"]`), "", s3err.AccessDenied, "failed"},
		{"starts-with", policy(`["starts-with","$key","a/"]`), "key=a/b", "", ""},
		{"starts-with, not", policy(`["starts-with","$key","a/"]`), "key=b/a/", s3err.AccessDenied, "failed"},
		{"starts-with anything", policy(`["starts-with","$key",""]`), "key=b", "", ""},
		{"content types", policy(`["starts-with","$Content-Type","image/"]`), "content-type=image/png, image/gif", "", ""},
		{"content types, not", policy(`["starts-with","$Content-Type","image/"]`), "content-type=image/png,text/html", s3err.AccessDenied, "failed"},
		{"bucket", bare(`{"bucket":"bucket"}`), "", "", ""},
		{"bucket in a list", bare(`["eq","$bucket","bucket"]`), "", "", ""},
		{"no bucket", bare(`{"key":"a"}`), "key=a", s3err.AccessDenied, "Extra input fields: bucket"},
		{"any bucket, said so", bare(`["starts-with","$bucket",""]`), "", "", ""},
		{"another bucket", policy(`{"bucket":"other"}`), "bucket=other", s3err.AccessDenied, "failed"},
		{"extra field", policy(`{"key":"a"}`), "key=a;acl=b", s3err.AccessDenied, "Extra input fields: acl"},
		{"extra signing field", policy(""), "x-amz-date=1", s3err.AccessDenied, "Extra input fields: x-amz-date"},
		{"ignored fields", policy(""), "x-ignore-a=1;x-amz-signature=1", "", ""},
		{"no dollar", policy(`["eq","key","a"]`), "key=a", s3err.AccessDenied, "Policy Condition failed"},
		{"unknown operator", policy(`["ends-with","$key","a"]`), "key=a", s3err.InvalidPolicyDocument, "Invalid Condition"},
		{"two in a list", policy(`["eq","$key"]`), "key=a", s3err.InvalidPolicyDocument, "Invalid eq: wrong number"},
		{"an empty list", policy(`[]`), "key=a", s3err.InvalidPolicyDocument, "missing operation"},
		{"a string", policy(`"key"`), "key=a", s3err.InvalidPolicyDocument, "must be a List or Object"},
		{"null", policy(`null`), "", s3err.InvalidPolicyDocument, "must be a List or Object"},
		{"conditions no list", "{" + expires + `,"conditions":{}}`, "", s3err.InvalidPolicyDocument, "must be a List"},
		{"range", policy(`["content-length-range",4,4]`), "", "", ""},
		{"range in words", policy(`["content-length-range","4","4"]`), "", "", ""},
		{"range reversed", policy(`["content-length-range",5,4]`), "", s3err.InvalidPolicyDocument, "content-length-range"},
		{"range negative", policy(`["content-length-range",-1,4]`), "", s3err.InvalidPolicyDocument, "Invalid JSON"},
		{"range fraction", policy(`["content-length-range",1.5,4]`), "", s3err.InvalidPolicyDocument, "Invalid JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := []field{{"policy", base64.StdEncoding.EncodeToString([]byte(c.policy))}}
			for one := range strings.SplitSeq(c.fields, ";") {
				if name, value, ok := strings.Cut(one, "="); ok {
					fields = append(fields, field{name, value})
				}
			}
			body, kind := encode(t, fields, "f", "data")
			f, err := Parse(strings.NewReader(body), kind)
			if err == nil {
				err = f.Authorize("bucket", now)
			}
			if c.code == "" && err != nil || c.code != "" && (!errors.Is(err, c.code) || !strings.Contains(err.Error(), c.words)) {
				t.Errorf("%v", err)
			}
		})
	}
	f := &Form{Fields: map[string]string{"policy": "!"}}
	if err := f.Authorize("bucket", now); !errors.Is(err, s3err.InvalidPolicyDocument) {
		t.Error(err)
	}
}

func TestLengthRange(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		conditions string
		code       s3err.Code
		field      s3err.Field
	}{
		{`["content-length-range",10,10]`, "", s3err.Field{}},
		{`["content-length-range",0,9]`, s3err.EntityTooLarge, s3err.Field{Name: "MaxSizeAllowed", Value: "9"}},
		{`["content-length-range",11,20]`, s3err.EntityTooSmall, s3err.Field{Name: "MinSizeAllowed", Value: "11"}},
		{`["content-length-range",0,99],["content-length-range",0,5]`, s3err.EntityTooLarge, s3err.Field{Name: "MaxSizeAllowed", Value: "5"}},
	} {
		doc := `{"expiration":"2031-01-01T00:00:00Z","conditions":[{"bucket":"bucket"},` + c.conditions + `]}`
		body, kind := encode(t, []field{{"policy", base64.StdEncoding.EncodeToString([]byte(doc))}}, "f", "0123456789")
		f, err := Parse(strings.NewReader(body), kind)
		if err == nil {
			err = f.Authorize("bucket", now)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(iotest.OneByteReader(f.File))
		if c.code == "" {
			if err != nil || string(got) != "0123456789" {
				t.Errorf("%s: %q %v", c.conditions, got, err)
			}
			continue
		}
		if !errors.Is(err, c.code) || s3err.As(err).Fields[1] != c.field {
			t.Errorf("%s: %v", c.conditions, err)
		}
	}
}

func TestSuccess(t *testing.T) {
	for _, c := range []struct {
		redirect, status string
		want             Success
	}{
		{"", "", Success{Status: 204}},
		{"", "200", Success{Status: 200}},
		{"", "201", Success{Status: 201}},
		{"", "204", Success{Status: 204}},
		{"", "404", Success{Status: 204}},
		{"https://h/p?a=1", "201", Success{303, "https://h/p?a=1&bucket=b&key=k&etag=%22e%22"}},
		{"javascript:alert(1)", "201", Success{Status: 201}},
		{"/relative", "", Success{Status: 204}},
		{"http://%zz", "", Success{Status: 204}},
	} {
		f := &Form{Fields: map[string]string{"success_action_redirect": c.redirect, "success_action_status": c.status}}
		if got := f.Success("b", "k", "e"); got != c.want {
			t.Errorf("%q %q: %+v", c.redirect, c.status, got)
		}
	}
}

func TestAuthRefusals(t *testing.T) {
	v := sigv4.New("")
	for _, c := range []struct {
		name, value string // "": removed
		code        s3err.Code
	}{
		{"policy", "", s3err.InvalidArgument},
		{"x-amz-signature", "", s3err.InvalidArgument},
		{"x-amz-algorithm", "AWS4", s3err.InvalidArgument},
		{"x-amz-credential", "x", s3err.InvalidArgument},
		{"x-amz-date", "20151230T000000Z", s3err.InvalidArgument},
		{"x-amz-date", "2015", s3err.InvalidArgument},
		{"x-amz-security-token", "t", s3err.InvalidToken},
		{"awsaccesskeyid", "k", s3err.InvalidRequest},
	} {
		f := &Form{Fields: map[string]string{}}
		for _, e := range exampleFields() {
			f.Fields[strings.ToLower(e.name)] = e.value
		}
		if delete(f.Fields, c.name); c.value != "" {
			f.Fields[c.name] = c.value
		}
		if _, err := f.Auth(v, exampleTime); !errors.Is(err, c.code) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
	f := &Form{Fields: map[string]string{"key": "k"}}
	if a, err := f.Auth(v, exampleTime); err != nil || a.Kind != sigv4.Anonymous {
		t.Errorf("%+v %v", a, err)
	}
	f.Fields["key"] = ""
	if _, err := f.Key(); !errors.Is(err, s3err.UserKeyMustBeSpecified) {
		t.Error(err)
	}
}

// FuzzForm parses arbitrary forms: within the limits, S3 errors only.
func FuzzForm(f *testing.F) {
	body, kind := encode(f, exampleFields(), "f", "data")
	_, boundary, _ := strings.Cut(kind, "boundary=")
	f.Add(strings.ReplaceAll(body, boundary, "b"), "multipart/form-data; boundary=b")
	f.Add("--b\r\n\r\n--b--", "multipart/form-data; boundary=\"b\"")
	f.Fuzz(func(t *testing.T, body, kind string) {
		form, err := Parse(strings.NewReader(body), kind)
		if err != nil {
			if s3err.As(err) == nil {
				t.Fatalf("not an S3 error: %v", err)
			}
			return
		}
		if len(form.Fields) > MaxFields {
			t.Fatalf("%d fields", len(form.Fields))
		}
		for name := range form.Header() {
			if http.CanonicalHeaderKey(name) != name {
				t.Fatalf("header %q", name)
			}
		}
		n, err := io.Copy(io.Discard, form.File)
		if err != nil && s3err.As(err) == nil || n > int64(len(body)) {
			t.Fatalf("%d bytes, %v", n, err)
		}
		form.Success("b", "k", "e")
		if err := form.Authorize("b", exampleTime); err != nil && s3err.As(err) == nil {
			t.Fatalf("not an S3 error: %v", err)
		}
	})
}

func FuzzPolicy(f *testing.F) {
	f.Add(examplePolicy)
	f.Add(`{"expiration":"2030-01-01T00:00:01Z","conditions":[["content-length-range",1,"2"],{"a":"b"},null]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		p, err := parsePolicy(base64.StdEncoding.EncodeToString([]byte(doc)))
		if err != nil {
			if s3err.As(err) == nil {
				t.Fatalf("not an S3 error: %v", err)
			}
			return
		}
		for _, c := range p.conditions {
			if c.op == lengthRange && (c.min < 0 || c.max < c.min) {
				t.Fatalf("%+v", c)
			}
			c.holds("x")
		}
	})
}

func BenchmarkFile(b *testing.B) {
	const size = 16 << 20
	body, kind := encode(b, exampleFields(), "f", strings.Repeat("x", size))
	b.SetBytes(size)
	p := make([]byte, 1<<20)
	for b.Loop() {
		f, err := Parse(strings.NewReader(body), kind)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, f.File, p); err != nil {
			b.Fatal(err)
		}
	}
}
