package s3test

import (
	"strconv"
	"strings"
	"time"

	"rhizome/model/object"
)

const loggingDoc = `<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LoggingEnabled><TargetBucket>logs</TargetBucket>` +
	`<TargetPrefix>a/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>`

func testLogging(e *env) {
	const at = "/alpha?logging"
	a := e.alice
	a.do("PUT", at, loggingDoc).is(400, "InvalidTargetBucketForLogging")
	a.do("PUT", "/logs", "").is(200)
	a.do("PUT", at, loggingDoc).is(200)
	a.do("GET", at, "").is(200).has("TargetBucket", "logs").has("TargetPrefix", "a/")
	e.bob.do("PUT", at, loggingDoc).is(403, "AccessDenied")
	e.bob.do("GET", at, "").is(403, "AccessDenied")
	with := func(more string) string {
		return strings.ReplaceAll(loggingDoc, "</LoggingEnabled>", more+"</LoggingEnabled>")
	}
	format := func(f string) string { return with("<TargetObjectKeyFormat>" + f + "</TargetObjectKeyFormat>") }
	a.do("PUT", at, format("<PartitionedPrefix><PartitionDateSource>EventTime</PartitionDateSource></PartitionedPrefix>")).is(200)
	a.do("GET", at, "").is(200).has("PartitionDateSource", "EventTime")
	a.do("PUT", at, format("<SimplePrefix/>")).is(200)
	a.do("GET", at, "").is(200).has("SimplePrefix", "")
	a.do("PUT", at, format("<PartitionedPrefix><PartitionDateSource>Never</PartitionDateSource></PartitionedPrefix>")).is(400, "MalformedXML")
	a.do("PUT", at, format("<Other/>")).is(400, "MalformedXML")
	grant := func(who, what string) string {
		return with(`<TargetGrants><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>` + who +
			"</ID></Grantee><Permission>" + what + "</Permission></Grant></TargetGrants>")
	}
	owner := a.do("GET", "/", "").is(200).text("ID")
	a.do("PUT", at, grant(owner, "FULL_CONTROL")).is(200)
	a.do("PUT", at, grant(owner, "READ")).is(400, "AccessControlListNotSupported")
	a.do("PUT", at, grant("somebody", "FULL_CONTROL")).is(400, "AccessControlListNotSupported")
	a.do("PUT", at, strings.ReplaceAll(loggingDoc, "<TargetPrefix>a/</TargetPrefix>", "")).is(400, "MalformedXML")
	a.do("PUT", at, "<x/>").is(400, "MalformedXML")
	// Another's bucket has to allow it.
	e.bobs()
	to := strings.ReplaceAll(loggingDoc, ">logs<", ">bobs<")
	policy := func(effect, service, source string) {
		e.Helper()
		e.bob.do("PUT", "/bobs?policy", `{"Version":"2012-10-17","Statement":{"Effect":"`+effect+`","Principal":{"Service":"`+service+`"},"Action":"s3:PutObject",
			"Resource":"arn:aws:s3:::bobs/a/*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::`+source+`"}}}}`).is(204)
	}
	a.do("PUT", at, to).is(400, "InvalidTargetBucketForLogging")
	policy("Allow", "s3.amazonaws.com", "alpha")
	a.do("PUT", at, to).is(400, "InvalidTargetBucketForLogging")
	policy("Allow", "logging.s3.amazonaws.com", "beta")
	a.do("PUT", at, to).is(400, "InvalidTargetBucketForLogging")
	policy("Allow", "logging.s3.amazonaws.com", "al*")
	a.do("PUT", at, to).is(200)
	// A policy may speak of the time.
	timed := func(effect, condition, code string) {
		e.Helper()
		statement := func(effect, condition string) string {
			return `{"Effect":"` + effect + `","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::bobs/a/*","Condition":` + condition + `}`
		}
		all := statement("Allow", `{"Bool":{"aws:SecureTransport":"true"}}`)
		e.bob.do("PUT", "/bobs?policy", `{"Version":"2012-10-17","Statement":[`+all+`,`+statement(effect, condition)+`]}`).is(204)
		if code == "" {
			a.do("PUT", at, to).is(200)
		} else {
			a.do("PUT", at, to).is(400, code)
		}
	}
	past, future := e.clock.Now().AddDate(-1, 0, 0), e.clock.Now().AddDate(1, 0, 0)
	const refused = "InvalidTargetBucketForLogging"
	timed("Deny", `{"DateGreaterThan":{"aws:CurrentTime":"`+past.UTC().Format(time.RFC3339)+`"}}`, refused)
	timed("Deny", `{"DateGreaterThan":{"aws:CurrentTime":"`+future.UTC().Format(time.RFC3339)+`"}}`, "")
	timed("Deny", `{"NumericGreaterThan":{"aws:EpochTime":"`+strconv.FormatInt(past.Unix(), 10)+`"}}`, refused)
	timed("Deny", `{"NumericGreaterThan":{"aws:EpochTime":"`+strconv.FormatInt(future.Unix(), 10)+`"}}`, "")
	e.bob.do("PUT", "/bobs?policy", `{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::bobs/*"}}`).is(400, "MalformedPolicy")
	a.do("PUT", at, "<BucketLoggingStatus/>").is(200)
	a.do("GET", at, "").is(200).has("BucketLoggingStatus", "")
}

const inventoryDoc = `<InventoryConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Destination><S3BucketDestination><AccountId>123456789012</AccountId>` +
	`<Bucket>arn:aws:s3:::lists</Bucket><Format>CSV</Format><Prefix>p</Prefix><Encryption><SSE-S3/></Encryption></S3BucketDestination></Destination>` +
	`<IsEnabled>true</IsEnabled><Filter><Prefix>in/</Prefix></Filter><Id>one</Id><IncludedObjectVersions>All</IncludedObjectVersions>` +
	`<OptionalFields><Field>Size</Field><Field>ETag</Field></OptionalFields><Schedule><Frequency>Weekly</Frequency></Schedule></InventoryConfiguration>`

func testInventory(e *env) {
	const at = "/alpha?inventory&id=one"
	a := e.alice
	a.do("PUT", at, inventoryDoc).is(400, "InvalidS3DestinationBucket")
	a.do("PUT", "/lists", "").is(200)
	a.do("PUT", at, inventoryDoc).is(204)
	a.do("GET", at, "").is(200).has("Frequency", "Weekly").has("IncludedObjectVersions", "All").has("Bucket", "arn:aws:s3:::lists").
		has("AccountId", "123456789012").has("IsEnabled", "true").lists("Field", "Size", "ETag").lists("Prefix", "p", "in/")
	e.bob.do("PUT", at, inventoryDoc).is(403, "AccessDenied")
	a.do("PUT", "/alpha?inventory&id=two", strings.ReplaceAll(inventoryDoc, ">one<", ">two<")).is(204)
	a.do("PUT", "/alpha?inventory&id=two", inventoryDoc).is(400, "InvalidArgument")
	a.do("GET", "/alpha?inventory", "").is(200).lists("Id", "one", "two").has("IsTruncated", "false")
	for from, to := range map[string][2]string{
		"<Format>CSV": {"<Format>ORC", "NotImplemented"}, "Format>CSV</Format": {"Format>Parquet</Format", "NotImplemented"},
		"<Field>ETag": {"<Field>ReplicationStatus", "NotImplemented"}, ">ETag<": {">Colour<", "MalformedXML"}, "<Field>ETag</Field>": {"<Field>Size</Field>", "MalformedXML"},
		">All<": {">Some<", "MalformedXML"}, ">Weekly<": {">Hourly<", "MalformedXML"}, ">true<": {">yes<", "MalformedXML"},
		"arn:aws:s3:::lists": {"lists", "InvalidS3DestinationBucket"}, "<SSE-S3/>": {"<SSE-KMS><KeyId>k</KeyId></SSE-KMS>", "NotImplemented"},
		"<Id>one</Id>": {"", "MalformedXML"}, "<Filter><Prefix>in/</Prefix></Filter>": {"<Filter/>", "MalformedXML"},
	} {
		status := 400
		if to[1] == "NotImplemented" {
			status = 501
		}
		a.do("PUT", at, strings.ReplaceAll(inventoryDoc, from, to[0])).is(status, to[1])
	}
	e.bobs()
	other := strings.ReplaceAll(inventoryDoc, ":::lists", ":::bobs")
	a.do("PUT", at, other).is(403, "AccessDenied")
	e.bob.do("PUT", "/bobs?policy", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"s3:PutObject",
		"Resource":"arn:aws:s3:::bobs/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}}`).is(204)
	a.do("PUT", at, other).is(204)
	a.do("DELETE", at, "").is(204)
	a.do("DELETE", at, "").is(404, "NoSuchConfiguration")
	a.do("GET", at, "").is(404, "NoSuchConfiguration")
}

// bobs makes a bucket that is bob's alone.
func (e *env) bobs() {
	e.Helper()
	e.alice.do("PUT", "/bobs", "").is(200)
	e.allow("bobs", false, object.Access{Read: true, Write: true, Owner: true})
	b, err := e.service.Bucket(e.Context(), "bobs", nil)
	if err == nil {
		_, err = e.service.ChangeAccess(e.Context(), b.ID, e.alice.cred.AccessKey, func(object.Access) object.Access { return object.Access{Write: true} })
	}
	if err != nil {
		e.Fatal(err)
	}
}
