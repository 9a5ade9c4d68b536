package accesslog

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"rhizome/base/ident"
	"rhizome/model/object"
)

// fields is a reader of lines that knows nothing of how they are written.
var fields = regexp.MustCompile(`"[^"]*"|\[[^\]]*\]|[^ ]+`)

func record() *Record {
	return &Record{Bucket: "garden", Time: time.Date(2026, 11, 22, 7, 8, 9, 0, time.FixedZone("", 3600)), Remote: "192.0.2.3", Requester: "arn:aws:iam::m:user/k",
		Request: "3E57427F3EXAMPLE", Operation: "REST.GET.OBJECT", Key: "a b/ü\"", Method: "GET", URI: "/garden/a%20b?x=1", Proto: "HTTP/1.1", Status: 200,
		Sent: 10, Size: 20, Took: 7 * time.Millisecond, Turn: 0, Referer: "http://x/a b", Agent: `me "and" you`, Version: "v", HostID: "h",
		Signature: "SigV4", Auth: "AuthHeader", Host: "s3.example.org", Cipher: "TLS_AES_128_GCM_SHA256", TLS: "TLSv1.3"}
}

func TestLine(t *testing.T) {
	got := string(record().appendLine(nil))
	const want = `garden [22/Nov/2026:06:08:09 +0000] 192.0.2.3 arn:aws:iam::m:user/k 3E57427F3EXAMPLE REST.GET.OBJECT a%20b/%C3%BC%22 ` +
		`"GET /garden/a%20b?x=1 HTTP/1.1" 200 - 10 20 7 0 "http://x/a%20b" "me %22and%22 you" v h SigV4 TLS_AES_128_GCM_SHA256 AuthHeader s3.example.org TLSv1.3 - - -` + "\n"
	if got != want {
		t.Errorf("the line is\n%swant\n%s", got, want)
	}
	nothing := string((&Record{Size: -1, Took: -1, Turn: -1}).appendLine(nil))
	if n := len(fields.FindAllString("owner "+strings.TrimSuffix(nothing, "\n"), -1)); n != 27 || strings.Trim(nothing[strings.Index(nothing, "]")+1:], "-\" \n") != "" {
		t.Errorf("%d fields of what is unknown: %s", n, nothing)
	}
}

func TestSecrets(t *testing.T) {
	const sig = "0123abcd"
	for uri, want := range map[string]string{
		"/b/k?versionId=1": "/b/k?versionId=1",
		"/b/k?X-Amz-Date=1&X-Amz-Signature=" + sig + "&x=y":                    "/b/k?X-Amz-Date=1&X-Amz-Signature=-&x=y",
		"/b/k?x%2damz%2Dsignature=" + sig:                                      "/b/k?x%2damz%2Dsignature=-",
		"/b/k?X-Amz-Security-Token=" + sig:                                     "/b/k?X-Amz-Security-Token=-",
		"/b/k?AWSAccessKeyId=a&Signature=" + sig:                               "/b/k?AWSAccessKeyId=a&Signature=-",
		"http://x/?to=http%3A%2F%2Fs3%2Fb%3FX-Amz-Signature%3D" + sig + "&a=b": "http://x/?to=-&a=b",
		"http://x/?to=http%253A%252F%252Fs3%253FX-Amz-Signature%253D" + sig:    "http://x/?to=-",
		"/b/k%3FX-Amz-Date=1&x-amz%2Dsignature=" + sig:                         "-",
		"/b/k%3fX-Amz-Signature%3D" + sig + "?x=y":                             "-?x=y",
		"/b/k?X-AMZ-SIGNATURE=" + sig + "&%58-amz-signature=" + sig:            "/b/k?X-AMZ-SIGNATURE=-&%58-amz-signature=-",
		"/b?list-type=2&prefix=signature":                                      "/b?list-type=2&prefix=signature",
	} {
		if got := withoutSecrets(uri); got != want {
			t.Errorf("%s is written as %s", uri, got)
		}
	}
}

// FuzzLine: whatever a client says is one line of 27 fields, without a signature.
func FuzzLine(f *testing.F) {
	f.Add("a b", "/x?X-Amz-Signature=q", "r", "agent", "k")
	f.Add("\n", "/\"?%", "\r", "\x00", "[a b] \"c")
	f.Fuzz(func(t *testing.T, key, uri, referer, agent, host string) {
		r := record()
		r.Key, r.URI, r.Referer, r.Agent, r.Host = key, uri, referer, agent, host
		line := string(r.appendLine([]byte("owner ")))
		if strings.Count(line, "\n") != 1 || line[len(line)-1] != '\n' {
			t.Fatalf("lines: %q", line)
		}
		n := 0
		for rest := line[:len(line)-1]; rest != ""; n++ {
			end := strings.IndexByte(rest, ' ')
			switch rest[0] {
			case '"':
				end = strings.IndexByte(rest[1:], '"') + 2
			case '[':
				if n == 2 {
					end = strings.IndexByte(rest, ']') + 1
				}
			}
			if end < 0 || end >= len(rest) {
				rest = ""
				continue
			}
			if rest[end] != ' ' {
				t.Fatalf("no space behind field %d: %q", n, line)
			}
			rest = rest[end+1:]
		}
		if n != 27 {
			t.Fatalf("%d fields: %q", n, line)
		}
		if _, after, ok := strings.Cut(strings.ToLower(line), "x-amz-signature="); ok && strings.Contains(uri, "?x-amz-signature=") && after[0] != '-' {
			t.Fatalf("a signature: %q", line)
		}
	})
}

func TestName(t *testing.T) {
	at := time.Date(2026, 11, 22, 23, 59, 58, 0, time.UTC)
	day := at.AddDate(0, 0, -1)
	from := Source{"owner", "eu-west-3", "garden"}
	to := object.Destination{Prefix: "p/"}
	for want, c := range map[string]object.Logging{
		"p/2026-11-22-23-59-58-U":                                   {To: to},
		"p/owner/eu-west-3/garden/2026/11/22/2026-11-22-23-59-58-U": {To: to, Partitioned: true},
		"p/owner/eu-west-3/garden/2026/11/21/2026-11-21-00-00-00-U": {To: to, Partitioned: true, ByEvent: true},
	} {
		if got := Name(&c, from, at, day, "U"); got != want {
			t.Errorf("the name is %s, want %s", got, want)
		}
	}
}

// FuzzFile: a name in the folder is read as it is written, or is none of ours.
func FuzzFile(f *testing.F) {
	id := ident.New()
	f.Add(id.String() + "-20261122.lines")
	f.Add(id.String() + "-20261122-1795000000-0123456789ABCDEF.sealed")
	f.Fuzz(func(t *testing.T, name string) {
		got, ok := readName(name)
		if ok && got.unique == "" && got.name()+openEnd != strings.ToLower(name[:len(name)-len(openEnd)])+openEnd {
			t.Errorf("%q is %+v", name, got)
		}
	})
}
