package s3

import (
	"net/http/httptest"
	"reflect"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/model/object"
)

func FuzzWebsite(f *testing.F) {
	f.Add("<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument><RoutingRules><RoutingRule><Condition><KeyPrefixEquals>a</KeyPrefixEquals></Condition>" +
		"<Redirect><HostName>b</HostName></Redirect></RoutingRule></RoutingRules></WebsiteConfiguration>")
	f.Add("<WebsiteConfiguration><RedirectAllRequestsTo><HostName>b</HostName></RedirectAllRequestsTo></WebsiteConfiguration>")
	f.Fuzz(func(t *testing.T, text string) {
		root, err := parseXML([]byte(text), websiteRoot)
		if err != nil {
			return
		}
		s, err := readWebsite(root)
		if err != nil || len(s.Rules) == 0 {
			return
		}
		d := newDoc("RoutingRules")
		for i := range s.Rules {
			d.routingRule(&s.Rules[i])
		}
		d.end("RoutingRules")
		again, err := parseXML(d.b, "RoutingRules")
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readRoutingRules(again); err != nil || !reflect.DeepEqual(back, s.Rules) {
			t.Fatalf("%+v is written as %+v, %v", s.Rules, back, err)
		}
	})
}

// TestMayVisit: a site gives everybody the right to read, and a policy may deny it.
func TestMayVisit(t *testing.T) {
	g := New(Config{Clock: clock.System{}}).(Visits)
	b := &object.Bucket{ID: ident.New(), Names: []string{"blog"}}
	r := httptest.NewRequest("GET", "http://blog.example/secret/a", nil)
	r.RemoteAddr = "192.0.2.1:1"
	b.Settings.Block.IgnoreACLs = true // which is about grants
	if !g.MayVisit(r, b, "secret/a") {
		t.Error("without a policy")
	}
	b.Settings.Policy = &object.Policy{Bucket: "blog", Text: []byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::blog/secret/*"},
		{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::blog/near/*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}`)}
	for key, want := range map[string]bool{"secret/a": false, "secret": true, "near/a": false, "index.html": true} {
		if g.MayVisit(r, b, key) != want {
			t.Errorf("%s: %v", key, !want)
		}
	}
	r.RemoteAddr = "198.51.100.1:1"
	if !g.MayVisit(r, b, "near/a") {
		t.Error("from elsewhere")
	}
}
