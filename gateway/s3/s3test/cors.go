package s3test

import "strings"

const corsDoc = `<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<CORSRule><ID>shop</ID><AllowedMethod>PUT</AllowedMethod><AllowedMethod>POST</AllowedMethod><AllowedOrigin>https://*.garden.example</AllowedOrigin>
<AllowedHeader>Content-Type</AllowedHeader><AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-request-id</ExposeHeader>
<MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>
<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>`

const page = "https://www.garden.example"

func testCORS(e *env) {
	a, n := e.alice, e.nobody
	a.do("PUT", "/alpha/k", "text").is(200)
	ask := func(target, origin, method, headers string) *answer {
		e.Helper()
		h := []string{"Origin", origin, "Access-Control-Request-Method", method}
		if headers != "" {
			h = append(h, "Access-Control-Request-Headers", headers)
		}
		return n.do("OPTIONS", target, "", h...)
	}
	ask("/alpha/k", page, "PUT", "").is(403, "AccessForbidden").has("Message", "CORSResponse: CORS is not enabled for this bucket.")
	ask("/missing/k", page, "PUT", "").is(404, "NoSuchBucket")
	a.do("PUT", "/alpha?cors", corsDoc).is(200)
	a.do("GET", "/alpha?cors", "").is(200).lists("AllowedMethod", "PUT", "POST", "GET").lists("AllowedOrigin", "https://*.garden.example", "*").
		lists("MaxAgeSeconds", "3000").has("ID", "shop").lists("ExposeHeader", "ETag", "x-amz-request-id")
	e.bob.do("GET", "/alpha?cors", "").is(403, "AccessDenied")
	e.bob.do("PUT", "/alpha?cors", corsDoc).is(403, "AccessDenied")

	ask("/alpha/k", page, "PUT", "content-type, X-Amz-Date").is(200).holds("").wants("Access-Control-Allow-Origin", page,
		"Access-Control-Allow-Methods", "PUT, POST", "Access-Control-Allow-Headers", "content-type, x-amz-date", "Access-Control-Max-Age", "3000",
		"Access-Control-Allow-Credentials", "true", "Access-Control-Expose-Headers", "ETag, x-amz-request-id",
		"Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
	ask("/alpha", page, "POST", "").is(200)
	ask("/alpha/k", "https://other.example", "GET", "").is(200).wants("Access-Control-Allow-Origin", "*", "Access-Control-Allow-Credentials", "", "Access-Control-Max-Age", "")
	ask("/alpha/k", page, "PUT", "authorization").is(403, "AccessForbidden")
	ask("/alpha/k", page, "DELETE", "").is(403, "AccessForbidden")
	ask("/alpha/k", "https://garden.example", "PUT", "").is(403, "AccessForbidden")
	ask("/alpha/k", page, "PUT", strings.Repeat("x-amz-a,", 200)).is(403, "AccessForbidden")
	ask("/alpha/k", page, "PATCH", "").is(400, "BadRequest")
	n.do("OPTIONS", "/alpha/k", "", "Access-Control-Request-Method", "GET").is(400, "BadRequest")

	a.do("GET", "/alpha/k", "", "Origin", page).is(200).holds("text").wants("Access-Control-Allow-Origin", "*", "Access-Control-Allow-Methods", "GET")
	a.do("GET", "/alpha/k", "").is(200).wants("Access-Control-Allow-Origin", "", "Vary", "")
	a.do("PUT", "/alpha/k", "new", "Origin", page).is(200).wants("Access-Control-Allow-Origin", page, "Access-Control-Expose-Headers", "ETag, x-amz-request-id")
	a.do("PUT", "/alpha/k", "new", "Origin", "https://other.example").is(200).wants("Access-Control-Allow-Origin", "")
	a.do("HEAD", "/alpha/k", "", "Origin", page).is(200).wants("Access-Control-Allow-Origin", "")
	a.do("GET", "/alpha/none", "", "Origin", page).is(404, "NoSuchKey").wants("Access-Control-Allow-Origin", "*")
	n.do("PUT", "/alpha/k", "x", "Origin", page).is(403, "AccessDenied").wants("Access-Control-Allow-Origin", page)
	wrong := *a
	wrong.cred.Secret = "another"
	wrong.do("PUT", "/alpha/k", "x", "Origin", page).is(403, "SignatureDoesNotMatch").wants("Access-Control-Allow-Origin", page)

	a.do("DELETE", "/alpha?cors", "").is(204)
	a.do("GET", "/alpha?cors", "").is(404, "NoSuchCORSConfiguration")
	a.do("GET", "/alpha/k", "", "Origin", page).is(200).wants("Access-Control-Allow-Origin", "")
}

func testCORSRefused(e *env) {
	rule := func(s string) string {
		return "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>" + s + "</CORSRule></CORSConfiguration>"
	}
	for doc, code := range map[string]string{
		"":                           "MalformedXML",
		"<CORSConfiguration/>":       "MalformedXML",
		rule("<Other>a</Other>"):     "MalformedXML",
		rule("<ID>a</ID><ID>b</ID>"): "MalformedXML",
		rule("<ID>" + strings.Repeat("a", 256) + "</ID>"):                                                "MalformedXML",
		rule("<MaxAgeSeconds>-1</MaxAgeSeconds>"):                                                        "MalformedXML",
		rule("<AllowedOrigin>a b</AllowedOrigin>"):                                                       "MalformedXML",
		rule("<AllowedMethod>PATCH</AllowedMethod>"):                                                     "InvalidRequest",
		rule("<AllowedOrigin>https://*.*</AllowedOrigin>"):                                               "InvalidRequest",
		rule("<AllowedHeader>*a*</AllowedHeader>"):                                                       "InvalidRequest",
		rule("<ExposeHeader>x-*</ExposeHeader>"):                                                         "InvalidRequest",
		"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>": "MalformedXML",
		"<CORSConfiguration>" + strings.Repeat("<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>", 101) + "</CORSConfiguration>": "MalformedXML",
		rule(strings.Repeat(" ", 64<<10)): "MaxMessageLengthExceeded",
	} {
		if r := e.alice.do("PUT", "/alpha?cors", doc); r.status != 400 || r.code() != code {
			e.Errorf("%.200s: %d %s, want %s", doc, r.status, r.code(), code)
		}
	}
	e.alice.do("GET", "/alpha?cors", "").is(404, "NoSuchCORSConfiguration")
}
