package s3

import (
	"reflect"
	"testing"
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
