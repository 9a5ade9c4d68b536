package policy

import (
	"errors"
	"strings"
	"testing"

	"rhizome/gateway/s3/s3err"
)

const plain = `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::garden/*"`

// malformed are policies that are refused, and why.
var malformed = []struct{ doc, message string }{
	{``, notJSON},
	{`[]`, notJSON},
	{` {}`, notJSON},
	{`{"Statement":`, brokenJSON},
	{`{"Statement":[` + plain + `}]} x`, brokenJSON},
	{"{\"Id\":\"\xff\",\"Statement\":[" + plain + "}]}", notJSON},
	{`{}`, missingStatement},
	{`{"Statement":[]}`, emptyStatement},
	{`{"Statement":"x"}`, badType},
	{`{"Statement":["x"]}`, badType},
	{`{"Statement":[[[[[[[[[]]]]]]]]]}`, badType},
	{`{"Version":"2020-01-01","Statement":[` + plain + `}]}`, badVersion},
	{`{"Version":1,"Statement":[` + plain + `}]}`, badVersion},
	{`{"Version":"2012-10-17","Version":"2012-10-17","Statement":[` + plain + `}]}`, "Duplicate field Version"},
	{`{"Id":7,"Statement":[` + plain + `}]}`, badType},
	{`{"Extra":7,"Statement":[` + plain + `}]}`, "Unknown field Extra"},
	{`{"statement":[` + plain + `}]}`, "Unknown field statement"},
	{`{"Statement":[` + plain + `,"Extra":1}]}`, "Unknown field Extra"},
	{`{"Statement":[` + plain + `,"NotAction":"s3:GetObject"}]}`, "Duplicate field NotAction"},
	{`{"Statement":[` + plain + `,"Sid":"a"},` + plain + `,"Sid":"a"}]}`, duplicateSid},
	{`{"Statement":{"Principal":"*","Action":"s3:*","Resource":"*"}}`, noEffect},
	{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`, noPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Resource":"*"}}`, noAction},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*"}}`, noResource},
	{`{"Statement":{"Effect":"allow","Principal":"*","Action":"s3:*","Resource":"*"}}`, "Invalid effect: allow"},
	{`{"Statement":{"Effect":"Allow","Principal":"nobody","Action":"s3:*","Resource":"*"}}`, badPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":{},"Action":"s3:*","Resource":"*"}}`, badPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":{"Service":"x"},"Action":"s3:*","Resource":"*"}}`, badPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":{"AWS":"nobody"},"Action":"s3:*","Resource":"*"}}`, badPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::m1:user/*"},"Action":"s3:*","Resource":"*"}}`, badPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":{"CanonicalUser":"*"},"Action":"s3:*","Resource":"*"}}`, badPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":{"AWS":[]},"Action":"s3:*","Resource":"*"}}`, badPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":{"AWS":[1]},"Action":"s3:*","Resource":"*"}}`, badPrincipal},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:Nothing","Resource":"*"}}`, badAction},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:Nothing*","Resource":"*"}}`, badAction},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"ec2:*","Resource":"*"}}`, badAction},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"GetObject","Resource":"*"}}`, badAction},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":[],"Resource":"*"}}`, badAction},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"garden/*"}}`, badResource},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"}}`, badResource},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::${aws:username}/*"}}`, badResource},
	{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::garden/${aws:nothing}"}}`, "Invalid policy variable"},
	{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::garden/${aws:username"}}`, "Invalid policy variable"},
	{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::garden/${aws:username,x}"}}`, "Invalid policy variable"},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::garden"}}`, actionNotFitting},
	{`{"Statement":{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::garden/*"}}`, actionNotFitting},
	{`{"Statement":` + plain + `,"Condition":[]}}`, badType},
	{`{"Statement":` + plain + `,"Condition":{"StringEquals":"x"}}}`, badType},
	{`{"Statement":` + plain + `,"Condition":{"StringSame":{"aws:Referer":"x"}}}}`, "Invalid Condition type : StringSame"},
	{`{"Statement":` + plain + `,"Condition":{"NullIfExists":{"aws:Referer":"true"}}}}`, "Invalid Condition type : NullIfExists"},
	{`{"Statement":` + plain + `,"Condition":{"ForAnyValue:Null":{"aws:Referer":"true"}}}}`, "Invalid Condition type : ForAnyValue:Null"},
	{`{"Statement":` + plain + `,"Condition":{"ForAllValues:ForAnyValue:StringEquals":{"aws:Referer":"x"}}}}`, "Invalid Condition type : ForAllValues:ForAnyValue:StringEquals"},
	{`{"Statement":` + plain + `,"Condition":{"StringEquals":{"aws:Nothing":"x"}}}}`, badKey},
	{`{"Statement":` + plain + `,"Condition":{"StringEquals":{"s3:ExistingObjectTag/":"x"}}}}`, badKey},
	{`{"Statement":` + plain + `,"Condition":{"StringEquals":{"aws:Referer":"x","aws:referer":"y"}}}}`, "Duplicate field aws:referer"},
	{`{"Statement":` + plain + `,"Condition":{"IpAddress":{"aws:Referer":"10.0.0.1"}}}}`, badKey},
	{`{"Statement":` + plain + `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}}`, badAddress},
	{`{"Statement":` + plain + `,"Condition":{"Bool":{"aws:SecureTransport":"yes"}}}}`, badValue},
	{`{"Statement":` + plain + `,"Condition":{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}}}`, badValue},
	{`{"Statement":` + plain + `,"Condition":{"NumericLessThan":{"s3:signatureAge":"0x10"}}}}`, badValue},
	{`{"Statement":` + plain + `,"Condition":{"Null":{"aws:Referer":"maybe"}}}}`, badValue},
	{`{"Statement":` + plain + `,"Condition":{"StringEquals":{"aws:Referer":[]}}}}`, badValue},
	{`{"Statement":` + plain + `,"Condition":{"StringEquals":{"aws:Referer":{"a":"b"}}}}}`, badValue},
	{`{"Statement":` + plain + `,"Condition":{"StringEquals":{"s3:prefix":"a"}}}}`, keyNotFitting},
	{`{"Statement":` + strings.Replace(plain, "GetObject", "PutObject", 1) + `,"Condition":{"StringEquals":{"s3:RequestObjectTagKeys":"a"}}}}`, badKey},
	{`{"Id":"` + strings.Repeat("x", MaxSize) + `"}`, tooLong},
}

func TestMalformed(t *testing.T) {
	for _, m := range malformed {
		_, err := Parse([]byte(m.doc), here)
		var e *s3err.Error
		if !errors.As(err, &e) || e.Code != s3err.MalformedPolicy || e.Message != m.message {
			t.Errorf("%.200s\n\t%v, want %q", m.doc, err, m.message)
		}
	}
}

// TestResolve: what Resolve cannot find out is no fault of the policy's.
func TestResolve(t *testing.T) {
	broken := errors.New("broken")
	_, err := Parse([]byte(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"a"},"Action":"s3:*","Resource":"*"}}`),
		Where{Bucket: "garden", Resolve: func(string, bool) (Principal, bool, error) { return Principal{}, false, broken }})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

var alice, bob = &Caller{Key: "alice", Member: "m1"}, &Caller{Key: "bob", Member: "m2"}

func values(kv ...string) func(string) []string {
	return func(key string) []string {
		var out []string
		for i := 0; i < len(kv); i += 2 {
			if kv[i] == key {
				out = append(out, kv[i+1])
			}
		}
		return out
	}
}

// decisions are examples, most of them from AWS's pages, with what comes out.
var decisions = []struct {
	doc   string
	q     Question
	allow bool
	why   Why
}{
	{plain + `}`, Question{Action: "s3:GetObject", Key: "a/b"}, true, Allowed},
	{plain + `}`, Question{Action: "s3:GetObjectAcl", Key: "a/b"}, false, Nobody},
	{plain + `}`, Question{Action: "s3:ListBucket"}, false, Nobody},
	{plain + `}`, Question{Action: "s3:ListBucket", Grants: Grants{Caller: true}}, true, Granted},
	{plain + `}`, Question{Action: "s3:ListBucket", Grants: Grants{Anybody: true}}, true, Granted},
	{plain + `}`, Question{Action: "s3:ListBucket", Grants: Grants{Anybody: true}, Block: Block{IgnoreACLs: true}}, false, Nobody},
	{plain + `}`, Question{Action: "s3:GetObject", Key: "a", Block: Block{Restrict: true}}, false, Restricted},
	{plain + `}`, Question{Action: "s3:GetObject", Key: "a", Caller: bob, Block: Block{Restrict: true}}, false, Restricted},
	{plain + `}`, Question{Action: "s3:GetObject", Key: "a", Caller: bob, Grants: Grants{Known: true}, Block: Block{Restrict: true}}, true, Allowed},
	{`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`, Question{Action: "s3:PutBucketPolicy", Caller: alice, Grants: Grants{Owner: true, Caller: true}}, true, Mends},
	{`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`, Question{Action: "s3:DeleteBucketPolicy", Caller: alice, Grants: Grants{Owner: true, Caller: true}}, true, Mends},
	{`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`, Question{Action: "s3:DeleteBucket", Caller: alice, Grants: Grants{Owner: true, Caller: true}}, false, Denied},
	{`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"},` + plain + `}`, Question{Action: "s3:GetObject", Key: "a", Grants: Grants{Caller: true}}, false, Denied},
	{`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`, Question{Action: "s3:PutBucketPolicy", Grants: Grants{Closed: true}}, false, Unsigned},
	{`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`, Question{Action: "s3:PutBucketPolicy", Caller: bob, Grants: Grants{Closed: true}}, true, Allowed},
	// folders of one's own
	{`{"Effect":"Allow","Principal":"*","Action":"s3:*Object","Resource":"arn:aws:s3:::garden/home/${aws:username}/*"}`, Question{Action: "s3:PutObject", Key: "home/bob/x", Caller: bob}, true, Allowed},
	{`{"Effect":"Allow","Principal":"*","Action":"s3:*Object","Resource":"arn:aws:s3:::garden/home/${aws:username}/*"}`, Question{Action: "s3:PutObject", Key: "home/alice/x", Caller: bob}, false, Nobody},
	{`{"Effect":"Allow","Principal":"*","Action":"s3:*Object","Resource":"arn:aws:s3:::garden/home/${aws:username}/*"}`, Question{Action: "s3:PutObject", Key: "home/alice/x", Caller: &Caller{Key: "*", Member: "m3"}}, false, Nobody},
	{`{"Effect":"Allow","Principal":"*","Action":"s3:*Object","Resource":"arn:aws:s3:::garden/home/${aws:username}/*"}`, Question{Action: "s3:PutObject", Key: "home//x"}, false, Nobody},
	{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::m2:root"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::garden","Condition":{"StringEquals":{"s3:prefix":["","home/"]},"StringLike":{"s3:delimiter":"?"}}}`,
		Question{Action: "s3:ListBucket", Caller: bob, Value: values("s3:prefix", "home/", "s3:delimiter", "/")}, true, Allowed},
	{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::m2:root"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::garden","Condition":{"StringEquals":{"s3:prefix":["","home/"]},"StringLike":{"s3:delimiter":"?"}}}`,
		Question{Action: "s3:ListBucket", Caller: bob, Value: values("s3:prefix", "home/")}, false, Nobody},
	// HTTPS only: a request that does not say is denied
	{`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`, Question{Action: "s3:GetObject", Key: "a", Grants: Grants{Caller: true}, Value: values("aws:securetransport", "true")}, true, Granted},
	{`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"BoolIfExists":{"aws:SecureTransport":"false"}}}`, Question{Action: "s3:GetObject", Key: "a", Grants: Grants{Caller: true}}, false, Denied},
	// uploads without encryption
	{`{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::garden/*","Condition":{"Null":{"s3:x-amz-server-side-encryption":"true"}}}`, Question{Action: "s3:PutObject", Key: "a", Grants: Grants{Caller: true}}, false, Denied},
	{`{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::garden/*","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}}}`, Question{Action: "s3:PutObject", Key: "a", Grants: Grants{Caller: true}}, false, Denied},
	// tags
	{plain + `,"Condition":{"StringEquals":{"s3:ExistingObjectTag/Public":"yes"}}}`, Question{Action: "s3:GetObject", Key: "a", Value: values("s3:existingobjecttag/Public", "yes")}, true, Allowed},
	{plain + `,"Condition":{"StringEquals":{"s3:ExistingObjectTag/Public":"yes"}}}`, Question{Action: "s3:GetObject", Key: "a", Value: values("s3:existingobjecttag/public", "yes")}, false, Nobody},
	{`{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"*","Condition":{"ForAllValues:StringLike":{"s3:RequestObjectTagKeys":["a*","b"]}}}`, Question{Action: "s3:PutObject", Key: "a", Value: values("s3:requestobjecttagkeys", "b", "s3:requestobjecttagkeys", "ab")}, true, Allowed},
	{`{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"*","Condition":{"ForAllValues:StringLike":{"s3:RequestObjectTagKeys":["a*","b"]}}}`, Question{Action: "s3:PutObject", Key: "a", Value: values("s3:requestobjecttagkeys", "b", "s3:requestobjecttagkeys", "c")}, false, Nobody},
	{`{"Effect":"Deny","NotPrincipal":{"AWS":["alice"]},"Action":"s3:*","Resource":"*"}`, Question{Action: "s3:GetObject", Key: "a", Caller: alice, Grants: Grants{Caller: true}}, true, Granted},
	{`{"Effect":"Deny","NotPrincipal":{"AWS":["alice"]},"Action":"s3:*","Resource":"*"}`, Question{Action: "s3:GetObject", Key: "a", Caller: bob, Grants: Grants{Caller: true}}, false, Denied},
}

func TestDecide(t *testing.T) {
	for i, d := range decisions {
		doc := []byte(`{"Version":"2012-10-17","Statement":[` + d.doc + `]}`)
		p, err := Parse(doc, here)
		if err != nil {
			t.Errorf("%d: %s: %v", i, doc, err)
			continue
		}
		if got := Decide(p, &d.q); got.Allow != d.allow || got.Why != d.why {
			t.Errorf("%d: %s: %+v %v, want %v", i, doc, got, got.Why, d.why)
		}
		against(t, doc, p, &d.q)
	}
	if got := Decide(nil, &Question{Action: "s3:GetObject", Grants: Grants{Caller: true}}); !got.Allow || got.Why.String() == "" {
		t.Errorf("without a policy: %+v", got)
	}
}

func TestPublic(t *testing.T) {
	for condition, public := range map[string]bool{
		``: true,
		`,"Condition":{"IpAddress":{"aws:SourceIp":"192.168.0.0/16"}}`:                             false,
		`,"Condition":{"IpAddress":{"aws:SourceIp":["192.168.0.0/16","0.0.0.0/1"]}}`:               true,
		`,"Condition":{"IpAddressIfExists":{"aws:SourceIp":"192.168.0.0/16"}}`:                     true,
		`,"Condition":{"NotIpAddress":{"aws:SourceIp":"192.168.0.0/16"}}`:                          true,
		`,"Condition":{"StringEquals":{"aws:userid":"m1"}}`:                                        false,
		`,"Condition":{"StringLike":{"aws:userid":"m*"}}`:                                          true,
		`,"Condition":{"StringEquals":{"aws:userid":"anonymous"}}`:                                 true,
		`,"Condition":{"StringEquals":{"aws:Referer":"https://example.org/"}}`:                     true,
		`,"Condition":{"StringEquals":{"aws:Referer":"x"},"ArnLike":{"aws:PrincipalArn":"a:b:*"}}`: true,
	} {
		p, err := Parse([]byte(`{"Statement":[`+plain+condition+`}]}`), here)
		if err != nil || p.Public() != public {
			t.Errorf("%s: %v %v", condition, p.Public(), err)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		glob, s string
		want    bool
	}{{"", "", true}, {"*", "", true}, {"?", "", false}, {"a*b*c", "aXbYbc", true}, {"a*b*c", "aXbYb", false}, {"*a", "aab", false},
		{"?", "€", true}, {"??", "€", false}, {"*€", "a€", true}, {"**a**", "a", true}, {"a", "ab", false}} {
		if globOf(c.glob, true).matches(c.s) != c.want {
			t.Errorf("%q on %q is not %v", c.glob, c.s, c.want)
		}
	}
}

// TestNew: a policy that is put may be refused for what one that stands is read with.
func TestNew(t *testing.T) {
	const both = `{"Statement":{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:PutObject"],` +
		`"Resource":"arn:aws:s3:::garden/*","Condition":{"StringEquals":{"s3:x-amz-acl":"private"}}}}`
	stands, put := here, here
	put.New = true
	if _, err := Parse([]byte(both), stands); err != nil {
		t.Error(err)
	}
	var e *s3err.Error
	if _, err := Parse([]byte(both), put); !errors.As(err, &e) || e.Message != keyNotFitting {
		t.Errorf("%v", err)
	}
	if _, err := Parse([]byte(strings.Replace(both, `"s3:GetObject",`, "", 1)), put); err != nil {
		t.Error(err)
	}
}
