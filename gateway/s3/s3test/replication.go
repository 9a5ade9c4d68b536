package s3test

import "strings"

const replicationDoc = `<ReplicationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Role>arn:aws:iam::1:role/x</Role>
<Rule><ID>all</ID><Priority>1</Priority><Filter><Prefix>in/</Prefix></Filter><Status>Enabled</Status><ExistingObjectReplication><Status>Enabled</Status></ExistingObjectReplication>
<Destination><Bucket>arn:rhizome:remote::off:copy</Bucket><StorageClass>STANDARD</StorageClass></Destination><DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication></Rule>
<Rule><Priority>2</Priority><Filter><And><Prefix>x/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><Status>Disabled</Status>
<Destination><Bucket>arn:rhizome:remote::off:copy</Bucket></Destination><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication></Rule></ReplicationConfiguration>`

const oldReplicationDoc = `<ReplicationConfiguration><Role>r</Role><Rule><Prefix>a/</Prefix><Status>Enabled</Status><Destination><Bucket>arn:rhizome:remote::off:copy</Bucket></Destination></Rule>` +
	`<Rule><Prefix>b/</Prefix><Status>Enabled</Status><Destination><Bucket>arn:rhizome:remote::off:copy</Bucket></Destination></Rule></ReplicationConfiguration>`

func testReplication(e *env) {
	const target = "/alpha?replication"
	a := e.alice
	a.do("GET", target, "").is(404, "ReplicationConfigurationNotFoundError")
	a.do("PUT", target, replicationDoc).is(200)
	e.bob.do("PUT", target, replicationDoc).is(403, "AccessDenied")
	e.bob.do("DELETE", target, "").is(403, "AccessDenied")
	a.do("GET", target, "").is(200).has("Role", "arn:aws:iam::1:role/x").has("ID", "all").lists("Bucket", "arn:rhizome:remote::off:copy", "arn:rhizome:remote::off:copy").
		lists("Priority", "1", "2").lists("Prefix", "in/", "x/").lists("Key", "k")
	for from, to := range map[string][2]string{
		"remote::off:copy":                       {"remote::none:copy", "InvalidRequest"},
		"arn:rhizome:remote::off:copy":           {"arn:aws:s3:::copy", "InvalidRequest"},
		"<StorageClass>STANDARD</StorageClass>":  {"<StorageClass>GLACIER</StorageClass>", "InvalidStorageClass"},
		"<Priority>2</Priority>":                 {"<Priority>1</Priority>", "InvalidRequest"},
		"<Priority>1</Priority>":                 {"", "InvalidRequest"},
		"<Status>Disabled</Status>\n":            {"<Status>Off</Status>", "MalformedXML"},
		"<Filter><Prefix>in/</Prefix></Filter>":  {"<Filter><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter>", "MalformedXML"},
		"<Rule><Priority>2</Priority>":           {"<Rule><ID>all</ID><Priority>2</Priority>", "InvalidArgument"},
		"<Role>arn:aws:iam::1:role/x</Role>":     {"<Roll/>", "MalformedXML"},
		"<And><Prefix>x/</Prefix>":               {"<And><Prefix>x/</Prefix><Prefix>y</Prefix>", "MalformedXML"},
		"<Filter><Prefix>in/</Prefix></Filter><": {"<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><", "InvalidRequest"},
	} {
		a.do("PUT", target, strings.ReplaceAll(replicationDoc, from, to[0])).is(400, to[1])
	}
	a.do("PUT", target, strings.ReplaceAll(replicationDoc, "<StorageClass>STANDARD</StorageClass>", "<Account>1</Account>")).is(501, "NotImplemented")
	a.do("GET", target, "").is(200).has("ID", "all")
	a.do("PUT", "/alpha/in/a", "x").is(200)
	a.do("PUT", "/alpha/in/r", "x", "X-Rhizome-Replica", "1").is(200)
	a.do("HEAD", "/alpha/in/r", "").is(200).wants("x-amz-replication-status", "REPLICA")
	testMayReplicate(e)
	a.do("PUT", "/alpha/in/c", "", "x-amz-copy-source", "/alpha/in/r").is(200)
	a.do("PUT", target, oldReplicationDoc).is(200)
	a.do("GET", target, "").is(200).lists("Prefix", "a/", "b/").lists("DeleteMarkerReplication")
	a.do("PUT", target, strings.ReplaceAll(oldReplicationDoc, "b/", "a/b")).is(400, "InvalidRequest")
	a.do("DELETE", target, "").is(204)
	a.do("GET", target, "").is(404, "ReplicationConfigurationNotFoundError")
}

// testMayReplicate: only who may replicate says that what he writes is a replica; others write as anybody
// does. Who may is told which bucket it is, also where there is no object.
func testMayReplicate(e *env) {
	a, b, bob := e.alice, e.bob, `"`+e.bob.cred.AccessKey+`"`
	const head = "X-Rhizome-Replica"
	write := statement("Allow", bob, "PutObject GetObject DeleteObject", "alpha/*", "")
	marked := func(want bool) {
		e.Helper()
		b.do("PUT", "/alpha/in/b", "x", head, "1").is(200)
		if got := b.do("HEAD", "/alpha/in/b", "").is(200).header.Get("x-amz-replication-status"); got == "REPLICA" != want {
			e.Errorf("the status is %q; a replica: %v", got, want)
		}
	}
	a.do("PUT", "/alpha?policy", policy(write)).is(204)
	marked(false)
	a.do("PUT", "/alpha?policy", policy(write, statement("Allow", bob, "ReplicateObject", "alpha/*", ""))).is(204)
	marked(true)
	a.do("PUT", "/alpha?policy", policy(write, statement("Allow", bob, "ReplicateObject", "alpha/other/*", ""))).is(204)
	marked(false)
	if id := a.do("HEAD", "/alpha/in/none", "", head, "1").is(404).header.Get("X-Rhizome-Bucket"); id == "" {
		e.Error("it is not said which bucket it is")
	}
	a.do("PUT", "/alpha?versioning", versioningOn).is(200)
	a.do("PUT", "/alpha/in/gone", "x").is(200)
	a.do("DELETE", "/alpha/in/gone", "").is(204)
	if id := a.do("HEAD", "/alpha/in/gone", "", head, "1").is(404).header.Get("X-Rhizome-Bucket"); id == "" {
		e.Error("of a key that was deleted nobody is told which bucket it is")
	}
	if id := a.do("HEAD", "/alpha/in/b", "").is(200).header.Get("X-Rhizome-Bucket"); id != "" {
		e.Error("it is said which bucket it is")
	}
	if id := e.nobody.do("HEAD", "/alpha/in/b", "", head, "1").is(403).header.Get("X-Rhizome-Bucket"); id != "" {
		e.Error("a stranger is told which bucket it is")
	}
	a.do("DELETE", "/alpha?policy", "").is(204)
}
