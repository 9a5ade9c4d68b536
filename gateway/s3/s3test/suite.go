// Package s3test is the conformance suite of the S3 gateway: what a client sees over
// HTTP, whatever object service is behind it.
//
// Run it over every implementation. The suite owns the keys, the server and its
// clock; the implementation owns what is stored. Every test has a service of its
// own. All traffic is on the loopback interface.
package s3test

import (
	"context"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/s3"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Service is an object service whose rights can be set.
type Service interface {
	object.Service
	ChangeAccess(ctx context.Context, bucket ident.ID, key string, change func(object.Access) object.Access) (*object.Bucket, error)
}

// Accounted is a Service that keeps keys too. Those of the suite are then read from
// there, as a node does, so that what it begins ahead of time is taken.
type Accounted interface {
	Service
	Keys() *account.Store
}

// Run runs the whole suite; open returns an empty service for one test, whose time is c's.
func Run(t *testing.T, open func(t *testing.T, c clock.Clock) Service) {
	tests := []struct {
		name string
		run  func(*env)
	}{
		{"Buckets", testBuckets}, {"BucketPages", testBucketPages}, {"Configurations", testConfigurations},
		{"Rights", testRights}, {"Anonymous", testAnonymous}, {"Addressing", testAddressing},
		{"Policy", testPolicy}, {"PolicyConditions", testPolicyConditions}, {"PolicyPrincipals", testPolicyPrincipals},
		{"PolicyOfRequests", testPolicyOfRequests}, {"PolicyOfMany", testPolicyOfMany}, {"PolicyOfVersions", testPolicyOfVersions}, {"PublicAccessBlock", testPublicAccessBlock}, {"ACLs", testACLs},
		{"KeyExpiry", testKeyExpiry}, {"KeyRate", testKeyRate}, {"CORS", testCORS}, {"CORSRefused", testCORSRefused}, {"BucketTags", testBucketTags},
		{"ObjectTags", testObjectTags}, {"TagHeaders", testTagHeaders}, {"TagsOfVersions", testTagsOfVersions}, {"TagPolicies", testTagPolicies},
		{"LockedBucket", testLockedBucket}, {"Locks", testLocks}, {"Lifecycle", testLifecycle},
		{"Websites", testWebsites}, {"Publishing", testPublishing},
		{"Outrun", testOutrun}, {"OwnPrefix", testOwnPrefix}, {"PayloadPolicies", testPayloadPolicies}, {"VersionTaken", testVersionTaken},
		{"Notification", testNotification},
		{"Replication", testReplication},
		{"Notification", testNotification}, {"Logging", testLogging}, {"Inventory", testInventory},
		{"CustomerKeys", testCustomerKeys}, {"CustomerRefused", testCustomerRefused}, {"CustomerCopies", testCustomerCopies},
		{"CustomerParts", testCustomerParts}, {"CustomerVersions", testCustomerVersions},
		{"Objects", testObjects}, {"Metadata", testMetadata}, {"MetadataText", testMetadataText},
		{"ForeignText", testForeignText},
		{"Ranges", testRanges}, {"Overrides", testOverrides}, {"ReadConditions", testReadConditions},
		{"WriteConditions", testWriteConditions}, {"Creators", testCreators}, {"Counter", testCounter},
		{"Checksums", testChecksums}, {"Presigned", testPresigned},
		{"List", testList}, {"ListPages", testListPages}, {"ListArguments", testListArguments}, {"OddKeys", testOddKeys},
		{"ListVersions", testListVersions}, {"Versioning", testVersioning},
		{"Copy", testCopy}, {"CopyConditions", testCopyConditions},
		{"MultiDelete", testMultiDelete}, {"MultiDeleteRefused", testMultiDeleteRefused},
		{"Parts", testParts}, {"PartsRefused", testPartsRefused}, {"PartChecksums", testPartChecksums},
		{"PartCopy", testPartCopy}, {"Uploads", testUploads}, {"Attributes", testAttributes},
		{"PresignedCopy", testPresignedCopy}, {"HeaderValues", testHeaderValues}, {"IfRange", testIfRange},
		{"FormKeys", testFormKeys}, {"FormSigned", testFormSigned}, {"FormPlaces", testFormPlaces}, {"StalledBodies", testStalledBodies},
		{"Form", testForm}, {"NotImplemented", testNotImplemented}, {"Errors", testErrors},
		{"Expect", testExpect}, {"Bodies", testBodies}, {"Heads", testHeads},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := clock.NewManual(time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC))
			tt.run(newEnv(t, open(t, ticking{c}), c))
		})
	}
}

// env is one server with two keys: alice, who owns bucket "alpha", and bob.
type env struct {
	*testing.T
	service    Service
	keys       map[string]*account.Key
	accounts   *account.Store // nil: keys are all there is
	clock      *clock.Manual
	addr       string
	alice, bob *client
	nobody     *client
}

const domain = "s3.example.org"

// ticking is a clock that goes on a little whenever somebody looks at it.
type ticking struct{ *clock.Manual }

func (c ticking) Now() time.Time {
	c.Advance(time.Millisecond)
	return c.Manual.Now()
}

func newEnv(t *testing.T, s Service, c *clock.Manual) *env {
	e := &env{T: t, service: s, clock: c}
	e.keys = map[string]*account.Key{}
	for _, name := range []string{"alice", "bob"} {
		id := "RZ0123456789ABCDEF" + name
		e.keys[id] = &account.Key{ID: id, Name: name, Secret: "secret-of-" + name, CreateBuckets: name == "alice", Member: ident.New()}
	}
	if a, ok := s.(Accounted); ok {
		e.accounts = a.Keys()
		for _, k := range e.keys {
			if _, err := e.accounts.ImportKey(t.Context(), *k); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.serve(s3.Config{Objects: s})
	e.alice.do("PUT", "/alpha", "").is(200)
	return e
}

// serve runs a gateway, with what c says, and makes it the one that all clients talk to.
func (e *env) serve(c s3.Config) {
	c.Keys, c.People, c.Clock, c.Domains = e.key, people(e.keys), e.clock, []string{domain}
	c.Webhook = func(_ context.Context, name string, k *account.Key) error {
		if name != "album" || k.Name != "alice" {
			return errs.New(errs.NotFound, "there is no such webhook")
		}
		return nil
	}
	c.Remotes = func(_ context.Context, name string, _ ident.ID) error {
		if name != "off" {
			return errs.New(errs.NotFound, "there is no such remote")
		}
		return nil
	}
	h := s3.New(c)
	srv := httptest.NewUnstartedServer(h)
	srv.Config = s3.NewServer(h)
	srv.Start()
	e.Cleanup(srv.Close)
	e.addr = srv.Listener.Addr().String()
	e.alice = e.client("RZ0123456789ABCDEFalice")
	e.bob = e.client("RZ0123456789ABCDEFbob")
	e.nobody = e.client("")
}

func (e *env) key(ctx context.Context, id string) (*account.Key, error) {
	if e.accounts != nil {
		k, err := e.accounts.Key(ctx, id)
		if err != nil || k.CreateBuckets == e.keys[id].CreateBuckets {
			return k, err
		}
	}
	if k := e.keys[id]; k != nil {
		return k, nil
	}
	return nil, errs.New(errs.NotFound, "there is no such key")
}

// people are the keys with a member each, called as they are with a capital.
type people map[string]*account.Key

func (p people) Keys(context.Context) ([]*account.Key, error) {
	return slices.Collect(maps.Values(p)), nil
}

func (p people) Members(context.Context) (out []*account.Member, err error) {
	for _, k := range p {
		out = append(out, &account.Member{ID: k.Member, Name: strings.ToUpper(k.Name[:1]) + k.Name[1:]})
	}
	return out, nil
}

// allow gives bob rights on a bucket, or anybody.
func (e *env) allow(bucket string, anybody bool, a object.Access) {
	who := e.bob.cred.AccessKey
	if anybody {
		who = ""
	}
	b, err := e.service.Bucket(e.Context(), bucket, nil)
	if err == nil {
		_, err = e.service.ChangeAccess(e.Context(), b.ID, who, func(object.Access) object.Access { return a })
	}
	if err != nil {
		e.Fatal(err)
	}
}
