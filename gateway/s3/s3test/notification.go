package s3test

import "strings"

const notifyDoc = `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<QueueConfiguration><Id>pictures</Id><Queue>arn:rhizome:webhook::album:</Queue><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:Delete</Event>
<Filter><S3Key><FilterRule><Name>Prefix</Name><Value>in/</Value></FilterRule><FilterRule><Name>suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter></QueueConfiguration>
<QueueConfiguration><Queue>arn:rhizome:webhook::album:</Queue><Event>s3:ObjectCreated:Copy</Event></QueueConfiguration></NotificationConfiguration>`

func testNotification(e *env) {
	const target = "/alpha?notification"
	a := e.alice
	a.do("GET", target, "").is(200).has("NotificationConfiguration", "")
	a.do("PUT", target, notifyDoc).is(200)
	e.bob.do("PUT", target, notifyDoc).is(403, "AccessDenied")
	e.bob.do("GET", target, "").is(403, "AccessDenied")
	a.do("GET", target, "").is(200).has("Id", "pictures").lists("Queue", "arn:rhizome:webhook::album:", "arn:rhizome:webhook::album:").
		lists("Event", "s3:ObjectCreated:*", "s3:ObjectRemoved:Delete", "s3:ObjectCreated:Copy").lists("Value", "in/", ".jpg").lists("Name", "Prefix", "Suffix")
	a.do("PUT", "/alpha/in/a.jpg", "x").is(200)
	for _, from := range []string{"webhook::album:", "s3:ObjectCreated:*", "<Name>Prefix<", "<Name>suffix<", "QueueConfiguration>", "<Event>s3:ObjectCreated:Copy</Event>"} {
		code := "InvalidArgument"
		to := map[string]string{"webhook::album:": "webhook::none:", "s3:ObjectCreated:*": "s3:ObjectRestore:*", "<Name>Prefix<": "<Name>infix<",
			"<Name>suffix<": "<Name>prefix<", "QueueConfiguration>": "TopicConfiguration>", "<Event>s3:ObjectCreated:Copy</Event>": ""}[from]
		if to == "" {
			code = "MalformedXML"
		}
		a.do("PUT", target, strings.ReplaceAll(notifyDoc, from, to)).is(400, code)
	}
	a.do("PUT", target, strings.ReplaceAll(notifyDoc, "arn:rhizome:webhook::album:", "arn:aws:sqs:eu-west-3:1:q")).is(400, "InvalidArgument")
	a.do("PUT", target, strings.ReplaceAll(notifyDoc, "<QueueConfiguration><Queue>", "<QueueConfiguration><Id>pictures</Id><Queue>")).is(400, "InvalidArgument")
	a.do("GET", target, "").is(200).has("Id", "pictures")
	// Who may change the rules, and has no webhook, keeps those that are there, and names no other.
	a.do("PUT", "/alpha?policy", policy(statement("Allow", `"`+e.bob.cred.AccessKey+`"`, "PutBucketNotification", "alpha", ""))).is(204)
	e.bob.do("PUT", target, notifyDoc).is(200)
	a.do("PUT", target, "<NotificationConfiguration/>").is(200)
	none := e.bob.do("PUT", target, strings.ReplaceAll(notifyDoc, "webhook::album:", "webhook::none:")).is(400, "InvalidArgument").text("Message")
	if other := e.bob.do("PUT", target, notifyDoc).is(400, "InvalidArgument").text("Message"); other != none {
		e.Errorf("somebody else's webhook can be told from none: %q, %q", other, none)
	}
	a.do("GET", target, "").is(200).has("NotificationConfiguration", "")
}
