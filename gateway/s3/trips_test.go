package s3

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
)

// oneTrip is a round trip between homes. All else takes no time.
const oneTrip = 100 * time.Millisecond

// trip is a client of homes that are a round trip from each other.
type trip struct {
	*testing.T
	homes  *objecttest.Homes
	fronts []http.Handler
	key    *account.Key // owns the buckets
	at     int          // the home or gateway that is asked
}

// onATrip runs f in virtual time on three and on five homes, through one of them and
// through a gateway that keeps nothing. The bucket "family" is there, and known.
func onATrip(t *testing.T, f func(*trip)) {
	for _, homes := range []int{3, 5} {
		for _, at := range []int{0, homes} {
			t.Run(fmt.Sprintf("%d of %d", at, homes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					x := newTrip(t, homes, at)
					f(x)
					synctest.Wait()
				})
			})
		}
	}
}

func newTrip(t *testing.T, homes, at int) *trip {
	x := &trip{T: t, homes: objecttest.OpenHomes(t, homes, 1, oneTrip/2), at: at}
	for _, h := range x.homes.All {
		x.fronts = append(x.fronts, New(Config{Objects: h.Objects, Keys: h.Accounts.Key, Clock: h.Clock}))
	}
	var err error
	x.key, err = x.homes.All[0].Accounts.ImportKey(t.Context(), account.Key{ID: "owner", Secret: "a-secret-of-one", CreateBuckets: true})
	x.must(err)
	x.through(1).want(200, "PUT", "/family", nil)
	for i := range x.fronts {
		x.through(i).want(200, "HEAD", "/family", nil)
	}
	return x
}

func (x *trip) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// through returns a client of another home.
func (x *trip) through(i int) *trip {
	y := *x
	y.at = i
	return &y
}

// as returns a client with another key.
func (x *trip) as(k *account.Key) *trip {
	y := *x
	y.key = k
	return &y
}

func (x *trip) do(method, target string, body []byte, header ...string) *httptest.ResponseRecorder {
	x.Helper()
	r := httptest.NewRequestWithContext(x.Context(), method, target, bytes.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	x.must(sigv4.Sign(r, sigv4.Credentials{AccessKey: x.key.ID, Secret: x.key.Secret}, "UNSIGNED-PAYLOAD", time.Now()))
	w := httptest.NewRecorder()
	x.fronts[x.at].ServeHTTP(w, r)
	return w
}

// want is do with a status that must come.
func (x *trip) want(status int, method, target string, body []byte, header ...string) string {
	x.Helper()
	w := x.do(method, target, body, header...)
	if w.Code != status {
		x.Fatalf("%s %s through %d: %d %s, want %d", method, target, x.at, w.Code, w.Body, status)
	}
	return w.Body.String()
}

// in is want with the number of sequential round trips that it must take.
func (x *trip) in(trips, status int, method, target string, body []byte, header ...string) string {
	x.Helper()
	synctest.Wait()
	began := time.Now()
	out := x.want(status, method, target, body, header...)
	if took := time.Since(began); took != time.Duration(trips)*oneTrip {
		x.Errorf("%s %s took %v, want %d round trips", method, target, took, trips)
	}
	// What goes on behind the answer has ended.
	<-time.After(20 * oneTrip)
	return out
}

var mebibyte = bytes.Repeat([]byte("0123456789abcdef"), 1<<16)

func TestTripsOfReads(t *testing.T) {
	onATrip(t, func(x *trip) {
		x.through(1).want(200, "PUT", "/family/a", []byte("hello"))
		<-time.After(oneTrip)
		if got := x.in(1, 200, "GET", "/family/a", nil); got != "hello" {
			x.Errorf("%q", got)
		}
		x.in(1, 206, "GET", "/family/a", nil, "Range", "bytes=1-2")
		x.in(1, 412, "GET", "/family/a", nil, "If-Match", `"x"`)
		x.in(1, 200, "HEAD", "/family/a", nil)
		x.through(1).want(200, "PUT", "/family/big", mebibyte)
		<-time.After(20 * oneTrip)
		switch n := len(x.fronts) - 1; {
		case x.at == n: // the bytes are elsewhere
			x.in(2, 200, "GET", "/family/big", nil)
		case n == 3:
			x.in(1, 200, "GET", "/family/big", nil)
		}
		x.in(1, 404, "GET", "/family/none", nil)
		x.in(1, 200, "HEAD", "/family", nil)
		for _, list := range []string{"", "?list-type=2", "?list-type=2&fetch-owner=true&prefix=a&delimiter=/", "?versions"} {
			if got := x.in(1, 200, "GET", "/family"+list, nil); !strings.Contains(got, "<Key>a</Key>") {
				x.Errorf("%s: %s", list, got)
			}
		}
		x.in(1, 200, "GET", "/family?uploads", nil)
		if got := x.in(1, 200, "GET", "/", nil); !strings.Contains(got, "<Name>family</Name>") {
			x.Error(got)
		}
	})
}

// TestTripsOfStrangers: who may only read sees the owner's name in a listing, which is
// a row more.
func TestTripsOfStrangers(t *testing.T) {
	onATrip(t, func(x *trip) {
		guest := x.as(x.grant("guest", object.Access{Read: true}))
		guest.want(200, "HEAD", "/family", nil)
		guest.in(1, 200, "GET", "/family", nil)
		guest.in(1, 404, "GET", "/family/none", nil)
		guest.in(1, 403, "PUT", "/family/none", nil)
		guest.in(1, 403, "DELETE", "/family/none", nil)
	})
}

func (x *trip) grant(id string, a object.Access) *account.Key {
	x.Helper()
	o := x.homes.All[1]
	k, err := o.Accounts.ImportKey(x.Context(), account.Key{ID: id, Secret: "another-secret"})
	if err != nil {
		k, err = o.Accounts.Key(x.Context(), id)
	}
	x.must(err)
	b, err := o.Objects.Bucket(x.Context(), "family", nil)
	x.must(err)
	_, err = o.Objects.ChangeAccess(x.Context(), b.ID, id, func(object.Access) object.Access { return a })
	x.must(err)
	return k
}

func TestTripsOfWrites(t *testing.T) {
	onATrip(t, func(x *trip) {
		x.in(2, 200, "PUT", "/family/a", []byte("hello"))
		x.in(2, 200, "PUT", "/family/a", []byte("hello again"))
		x.in(2, 200, "PUT", "/family/a", nil, "If-Match", "*")
		x.in(1, 412, "PUT", "/family/a", []byte("no"), "If-None-Match", "*")
		x.in(2, 204, "DELETE", "/family/a", nil)
		x.in(1, 204, "DELETE", "/family/a", nil)
		x.in(2, 200, "PUT", "/family/b", mebibyte)
		x.in(2, 200, "PUT", "/family/b", mebibyte)
		x.in(2, 200, "PUT", "/family/b", mebibyte, "If-Match", "*")
		x.in(2, 204, "DELETE", "/family/b", nil)
	})
}

// TestTripsOfVersions: keeping versions costs no round trip.
func TestTripsOfVersions(t *testing.T) {
	onATrip(t, func(x *trip) {
		x.want(200, "PUT", "/family?versioning", []byte("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"))
		x.want(200, "HEAD", "/family", nil)
		version := func(method string, body []byte) string {
			x.Helper()
			synctest.Wait()
			began := time.Now()
			w := x.do(method, "/family/a", body)
			if took := time.Since(began); took != 2*oneTrip || w.Code >= 300 {
				x.Errorf("%s took %v: %d %s", method, took, w.Code, w.Body)
			}
			<-time.After(20 * oneTrip)
			return strings.Join(w.Header()[strings.ToLower("X-Amz-Version-Id")], "") // as it is written, not as Go would
		}
		one := version("PUT", []byte("one"))
		two := version("PUT", mebibyte)
		three := version("PUT", []byte("three"))
		marker := version("DELETE", nil)
		x.in(1, 404, "GET", "/family/a", nil)
		x.in(1, 200, "HEAD", "/family/a?versionId="+two, nil)
		if got := x.in(1, 200, "GET", "/family/a?versionId="+one, nil); got != "one" {
			x.Error(got)
		}
		x.must(x.homes.All[1].Objects.CleanUp(x.Context())) // they get rows of their own
		x.in(1, 200, "HEAD", "/family/a?versionId="+two, nil)
		x.in(2, 200, "GET", "/family?versions", nil)
		x.in(1, 200, "GET", "/family", nil)
		x.in(2, 204, "DELETE", "/family/a?versionId="+two, nil)
		x.want(204, "DELETE", "/family/a?versionId="+marker, nil)
		if got := x.in(1, 200, "GET", "/family/a", nil); got != "three" {
			x.Error(got)
		}
		x.in(2, 200, "PUT", "/family/a", []byte("four"))
		x.in(2, 404, "GET", "/family/a?versionId="+two, nil) // it might have moved meanwhile
		x.in(1, 200, "GET", "/family/a?versionId="+three, nil)
	})
}

func TestTripsUnderAQuota(t *testing.T) {
	onATrip(t, func(x *trip) {
		b, err := x.homes.All[1].Objects.Bucket(x.Context(), "family", nil)
		x.must(err)
		_, err = x.homes.All[1].Objects.ChangeQuota(x.Context(), b.ID, func(object.Quota) object.Quota { return object.Quota{Bytes: 3 << 20} })
		x.must(err)
		x.want(200, "HEAD", "/family", nil)
		x.in(2, 200, "PUT", "/family/a", []byte("hello"))
		x.in(2, 200, "PUT", "/family/b", mebibyte)
		if w := x.do("PUT", "/family/c", bytes.Repeat(mebibyte, 3)); w.Code == 200 {
			x.Error("the quota does not hold")
		}
	})
}

// TestTripsUnderAPolicy: the policy comes with the bucket's row, so it costs no trip.
func TestTripsUnderAPolicy(t *testing.T) {
	onATrip(t, func(x *trip) {
		x.through(1).want(200, "PUT", "/family/pub/a", []byte("hello"))
		guest := x.as(x.grant("guest", object.Access{Write: true}))
		x.through(1).want(204, "PUT", "/family?policy", []byte(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"AWS":"guest"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::family/pub/*"},
			{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam:::user/guest"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::family/pub/*"}]}`))
		guest.want(200, "HEAD", "/family/pub/a", nil)
		if got := guest.in(1, 200, "GET", "/family/pub/a", nil); got != "hello" {
			x.Errorf("%q", got)
		}
		guest.in(1, 403, "GET", "/family/pub/none", nil)
		guest.in(1, 403, "GET", "/family/b", nil)
		guest.in(1, 403, "PUT", "/family/pub/a", []byte("no"))
		guest.in(2, 200, "PUT", "/family/b", []byte("yes"))
		guest.in(2, 204, "DELETE", "/family/b", nil)
		x.in(1, 200, "GET", "/family/pub/a", nil)
		x.in(3, 204, "DELETE", "/family?policy", nil)
		guest.in(1, 403, "GET", "/family/pub/a", nil)
	})
}

func TestTripsOfManyDeletions(t *testing.T) {
	onATrip(t, func(x *trip) {
		var doc strings.Builder
		for i := range 20 {
			x.want(200, "PUT", fmt.Sprint("/family/", i), []byte("x"))
			fmt.Fprintf(&doc, "<Object><Key>%d</Key></Object>", i)
		}
		<-time.After(oneTrip)
		got := x.in(2, 200, "POST", "/family?delete", []byte("<Delete>"+doc.String()+"</Delete>"), "X-Amz-Checksum-Crc32",
			crc("<Delete>"+doc.String()+"</Delete>"))
		if strings.Count(got, "<Deleted>") != 20 {
			x.Error(got)
		}
	})
}

func TestTripsOfUploads(t *testing.T) {
	onATrip(t, func(x *trip) {
		var made struct{ UploadId string }
		x.must(xml.Unmarshal([]byte(x.in(2, 200, "POST", "/family/big?uploads", nil)), &made))
		at := "/family/big?uploadId=" + made.UploadId
		five := bytes.Repeat(mebibyte, 5)
		x.in(2, 200, "PUT", at+"&partNumber=1", five)
		x.in(2, 200, "PUT", at+"&partNumber=1", five)
		x.in(1, 200, "GET", at, nil)
		etag := etagOf(x.do("PUT", at+"&partNumber=2", []byte("end")).Header())
		first := etagOf(x.do("PUT", at+"&partNumber=1", five).Header())
		<-time.After(20 * oneTrip)
		doc := fmt.Sprintf("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part><Part><PartNumber>2</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", first, etag)
		x.in(completeTrips, 200, "POST", at, []byte(doc))
		x.in(1, 404, "GET", at, nil)
		if got := x.want(200, "GET", "/family/big", nil); got != string(five)+"end" {
			x.Errorf("%d bytes", len(got))
		}
		x.in(copyTrips, 200, "PUT", "/family/copy", nil, copySource, "/family/big")
		x.want(200, "PUT", "/family/small", []byte("x"))
		<-time.After(20 * oneTrip)
		x.in(3, 200, "PUT", "/family/copy", nil, copySource, "/family/small")
		x.must(xml.Unmarshal([]byte(x.want(200, "POST", "/family/big?uploads", nil)), &made))
		x.in(2, 204, "DELETE", "/family/big?uploadId="+made.UploadId, nil)
	})
}

const (
	// completeTrips: the rows are read; the upload is taken (2), its parts are closed (1),
	// chosen anew (2) and read (1), the object is committed (1) and that is confirmed (1).
	completeTrips = 9
	copyTrips     = 4 // reading, the reference (2), the commit
)

// TestFirstRequests: a node that knows nothing yet asks in the order in which it learns.
func TestFirstRequests(t *testing.T) {
	onATrip(t, func(x *trip) {
		y := newTripOver(x)
		y.want(404, "GET", "/family/none", nil)
		y.in(1, 404, "GET", "/family/none", nil)
	})
}

// newTripOver is a client of a front that was started anew.
func newTripOver(x *trip) *trip {
	h := x.homes.All[x.at]
	fresh := object.New(h.Objects.Config)
	y := *x
	y.fronts = append([]http.Handler{}, x.fronts...)
	y.fronts[x.at] = New(Config{Objects: fresh, Keys: account.New(h.Regs, fresh.Root, h.Clock).Key, Clock: h.Clock})
	return &y
}

// TestRevocationHoldsAtOnce: what was taken away through one home is refused through
// every other, whatever they remember, and nothing is left of what was sent.
func TestRevocationHoldsAtOnce(t *testing.T) {
	onATrip(t, func(x *trip) {
		all := object.Access{Read: true, Write: true}
		x.want(200, "PUT", "/family/kept", []byte("kept"))
		guest := x.as(x.grant("guest", all))
		attempts := func(code string) {
			x.Helper()
			for i := range x.fronts {
				g := guest.through(i)
				for _, try := range []func() string{
					func() string { return g.want(403, "GET", "/family/kept", nil) },
					func() string { return g.want(403, "GET", "/family", nil) },
					func() string { return g.want(403, "PUT", "/family/kept", []byte("changed")) },
					func() string { return g.want(403, "PUT", "/family/kept", []byte("changed"), "If-None-Match", "*") },
					func() string { return g.want(403, "PUT", "/family/kept", mebibyte) },
					func() string { return g.want(403, "PUT", "/family/kept", mebibyte, "If-None-Match", "*") },
					func() string {
						return g.want(403, "PUT", "/family/kept", []byte("x"), "Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")
					},
					func() string { return g.want(403, "DELETE", "/family/kept", nil) },
					func() string {
						return g.want(403, "POST", "/family?delete", []byte("<Delete><Object><Key>kept</Key></Object></Delete>"),
							"X-Amz-Checksum-Crc32", crc("<Delete><Object><Key>kept</Key></Object></Delete>"))
					},
				} {
					if got := try(); !strings.Contains(got, code) {
						x.Errorf("%s, want %s", got, code)
					}
				}
			}
			if got := x.want(200, "GET", "/family/kept", nil); got != "kept" {
				x.Errorf("%q", got)
			}
		}
		warm := func() {
			for i := range x.fronts {
				g := guest.through(i)
				g.want(200, "GET", "/family/kept", nil)
				g.want(200, "PUT", "/family/own", mebibyte)
			}
		}
		warm()
		x.grant("guest", object.Access{})
		attempts("AccessDenied")
		x.grant("guest", all)
		warm()
		x.must(x.homes.All[1].Accounts.DeleteKey(x.Context(), "guest"))
		attempts("InvalidAccessKeyId")
	})
}

// TestABucketMadeAnew: what a node remembers of a name and of a bucket leads nobody astray.
func TestABucketMadeAnew(t *testing.T) {
	onATrip(t, func(x *trip) {
		other := x.through(1)
		x.want(200, "PUT", "/family/a", []byte("old"))
		unseen := func() {
			other.want(204, "DELETE", "/family/a", nil)
			other.want(204, "DELETE", "/family", nil)
			other.want(200, "PUT", "/family", nil)
		}
		anew := func() {
			other.want(204, "DELETE", "/family/a", nil)
			other.want(204, "DELETE", "/family", nil)
			x.want(404, "GET", "/family/a", nil)
			x.want(404, "PUT", "/family/a", []byte("nowhere"))
			x.want(404, "PUT", "/family/a", mebibyte)
			x.want(404, "DELETE", "/family/a", nil)
			other.want(200, "PUT", "/family", nil)
		}
		anew()
		x.want(200, "PUT", "/family/a", []byte("new"))
		if got := other.want(200, "GET", "/family/a", nil); got != "new" {
			x.Errorf("%q", got)
		}
		unseen()
		x.want(200, "PUT", "/family/a", []byte("newer"))
		if got := other.want(200, "GET", "/family/a", nil); got != "newer" {
			x.Errorf("%q", got)
		}
		unseen()
		x.want(404, "GET", "/family/a", nil)
		x.want(200, "PUT", "/family/a", nil)
		unseen()
		if w := x.do("PUT", "/family/a", mebibyte); w.Code != 503 {
			x.Errorf("bytes for a bucket that is gone: %d %s", w.Code, w.Body)
		}
		x.want(404, "GET", "/family/a", nil)
		x.want(200, "PUT", "/family/a", mebibyte)
		if got := other.want(200, "GET", "/family/a", nil); got != string(mebibyte) {
			x.Errorf("%d bytes", len(got))
		}
		anew()
		if got := x.want(200, "GET", "/family", nil); strings.Contains(got, "<Key>") {
			x.Error(got)
		}
		x.want(204, "DELETE", "/family/a", nil)
	})
}

// TestALocalNameThatMoved: names local to a key are of its row, and change with it.
func TestALocalNameThatMoved(t *testing.T) {
	onATrip(t, func(x *trip) {
		o := x.homes.All[1]
		one, err := o.Objects.Bucket(x.Context(), "family", nil)
		x.must(err)
		x.through(1).want(200, "PUT", "/friends", nil)
		two, err := o.Objects.Bucket(x.Context(), "friends", nil)
		x.must(err)
		k, err := o.Accounts.Key(x.Context(), x.key.ID)
		x.must(err)
		name := func(from, to *object.Bucket) {
			if from != nil {
				_, err := o.Objects.Unalias(x.Context(), from, "mine", k)
				x.must(err)
			}
			_, err = o.Objects.Alias(x.Context(), to, "mine", k)
			x.must(err)
		}
		name(nil, one)
		x.want(200, "PUT", "/mine/a", []byte("one"))
		x.in(1, 200, "GET", "/mine/a", nil)
		x.in(2, 200, "PUT", "/mine/a", []byte("one"))
		name(one, two)
		x.want(404, "GET", "/mine/a", nil)
		x.want(200, "PUT", "/mine/a", []byte("two"))
		if got := x.want(200, "GET", "/friends/a", nil) + x.want(200, "GET", "/family/a", nil); got != "twoone" {
			x.Errorf("%q", got)
		}
	})
}

// TestADeadHomeDelaysNobody: with one of three homes away, cut off without a word, reads
// and writes take as many round trips as before.
func TestADeadHomeDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTrip(t, 3, 0)
		for _, h := range []int{0, 1, 3} {
			x.homes.Cut(h, 2)
			x.homes.Cut(2, h)
		}
		for i := range 3 {
			x.in(2, 200, "PUT", "/family/a", []byte("hello"))
			x.in(1, 200, "GET", "/family/a", nil)
			x.in(1, 200, "GET", "/family", nil)
			if i > 0 { // the links are known to be down by now
				x.in(2, 200, "PUT", "/family/b", mebibyte)
			}
			x.in(2, 204, "DELETE", "/family/a", nil)
			<-time.After(10 * time.Second)
		}
	})
}

func crc(s string) string {
	return base64Std(string(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s)))))
}

// etagOf returns an answer's ETag, which is spelled as S3 does and not as Go would.
func etagOf(h http.Header) string {
	for name, values := range h {
		if strings.EqualFold(name, "ETag") {
			return values[0]
		}
	}
	return ""
}
