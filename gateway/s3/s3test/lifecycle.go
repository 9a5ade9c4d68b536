package s3test

import (
	"fmt"
	"strings"
)

func lifecycle(rules ...string) string {
	return "<LifecycleConfiguration><Rule>" + strings.Join(rules, "</Rule><Rule>") + "</Rule></LifecycleConfiguration>"
}

func testLifecycle(e *env) {
	a := e.alice
	a.do("GET", "/alpha?lifecycle", "").is(404, "NoSuchLifecycleConfiguration")
	const on, days = "<Status>Enabled</Status>", "<Expiration><Days>3</Days></Expiration>"
	full := lifecycle("<ID>logs</ID><Filter><Prefix>logs/</Prefix></Filter>"+on+days,
		"<ID>all of it</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>t</Key><Value>1</Value></Tag><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>"+
			"<ObjectSizeLessThan>500</ObjectSizeLessThan></And></Filter><Status>Disabled</Status><Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>"+
			"<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays><NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
		"<Prefix>old/</Prefix>"+on+"<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>"+
			"<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>")
	e.bob.do("PUT", "/alpha?lifecycle", full).is(403, "AccessDenied")
	a.do("PUT", "/alpha?lifecycle", full).is(200)
	a.do("GET", "/alpha?lifecycle", "").is(200).lists("Prefix", "logs/", "a/", "old/").lists("Days", "3").lists("Status", "Enabled", "Disabled", "Enabled").
		has("Date", "2030-01-01T00:00:00.000Z", "NoncurrentDays", "7", "NewerNoncurrentVersions", "3", "DaysAfterInitiation", "1",
			"ExpiredObjectDeleteMarker", "true", "ObjectSizeGreaterThan", "5", "ObjectSizeLessThan", "500", "Value", "1", "ID", "logs")
	when := e.clock.Now().Add(4 * day).Truncate(day).Format("Mon, 02 Jan 2006 15:04:05 GMT")
	want := fmt.Sprintf(`expiry-date="%s", rule-id="logs"`, when)
	a.do("PUT", "/alpha/logs/x", "x").is(200).wants("x-amz-expiration", want)
	a.do("GET", "/alpha/logs/x", "").is(200).wants("x-amz-expiration", want)
	a.do("HEAD", "/alpha/logs/x", "").is(200).wants("x-amz-expiration", want)
	a.do("PUT", "/alpha/other", "x").is(200).wants("x-amz-expiration", "")
	filter := "<Filter/>" + on
	for rule, code := range map[string]string{
		"":                          "MalformedXML",
		filter:                      "InvalidRequest",
		on + days:                   "MalformedXML",
		"<Filter/>" + days:          "MalformedXML",
		filter + days + days:        "MalformedXML",
		filter + days + "<X/>":      "MalformedXML",
		filter + "<Prefix/>" + days: "MalformedXML",
		"<Filter/><Status>enabled</Status>" + days:                                                                                 "MalformedXML",
		filter + "<Expiration><Days>0</Days></Expiration>":                                                                         "InvalidArgument",
		filter + "<Expiration><Days>x</Days></Expiration>":                                                                         "MalformedXML",
		filter + "<Expiration/>":                                                                                                   "MalformedXML",
		filter + "<Expiration><Date>2030-01-01T10:00:00Z</Date></Expiration>":                                                      "InvalidArgument",
		filter + "<Expiration><Date>soon</Date></Expiration>":                                                                      "MalformedXML",
		filter + "<Expiration><Days>1</Days><Date>2030-01-01</Date></Expiration>":                                                  "MalformedXML",
		filter + "<NoncurrentVersionExpiration><NewerNoncurrentVersions>1</NewerNoncurrentVersions></NoncurrentVersionExpiration>": "MalformedXML",
		filter + "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>101</NewerNoncurrentVersions></NoncurrentVersionExpiration>":                    "InvalidArgument",
		filter + "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>":                                                                                            "InvalidStorageClass",
		filter + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>0</DaysAfterInitiation></AbortIncompleteMultipartUpload>":                                                          "InvalidArgument",
		"<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>" + on + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>": "InvalidRequest",
		"<Filter><ObjectSizeLessThan>9</ObjectSizeLessThan></Filter>" + on + "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>":                       "InvalidRequest",
		"<Filter><And><Prefix>a</Prefix></And></Filter>" + on + days:                                                                                                                      "MalformedXML",
		"<Filter><Prefix>a</Prefix><ObjectSizeLessThan>9</ObjectSizeLessThan></Filter>" + on + days:                                                                                       "MalformedXML",
		"<Filter><And><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>" + on + days:                                              "InvalidRequest",
		"<ID>" + strings.Repeat("i", 256) + "</ID>" + filter + days:                                                                                                                       "InvalidArgument",
		"<ID>i</ID>" + filter + days + "</Rule><Rule><ID>i</ID>" + filter + days:                                                                                                          "InvalidArgument",
		filter + days + strings.Repeat("</Rule><Rule>"+filter+days, 1000):                                                                                                                 "MalformedXML",
	} {
		if r := a.do("PUT", "/alpha?lifecycle", lifecycle(rule)); r.status != 400 || r.code() != code {
			e.Errorf("%.300s: %d %s, want %s", rule, r.status, r.code(), code)
		}
	}
	a.do("PUT", "/alpha?lifecycle", "<LifecycleConfiguration/>").is(400, "MalformedXML")
	a.do("GET", "/alpha?lifecycle", "").is(200).has("ID", "logs")
	a.do("DELETE", "/alpha?lifecycle", "").is(204)
	a.do("DELETE", "/alpha?lifecycle", "").is(204)
	a.do("GET", "/alpha?lifecycle", "").is(404, "NoSuchLifecycleConfiguration")
}
