package s3test

import "strings"

const websiteDoc = `<WebsiteConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IndexDocument><Suffix>index.html</Suffix></IndexDocument>` +
	`<ErrorDocument><Key>404.html</Key></ErrorDocument><RoutingRules><RoutingRule><Condition><KeyPrefixEquals>docs/</KeyPrefixEquals>` +
	`<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition><Redirect><Protocol>https</Protocol><HostName>example.com</HostName>` +
	`<ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith><HttpRedirectCode>302</HttpRedirectCode></Redirect></RoutingRule>` +
	`<RoutingRule><Redirect><ReplaceKeyWith>new.html</ReplaceKeyWith></Redirect></RoutingRule></RoutingRules></WebsiteConfiguration>`

func testWebsites(e *env) {
	a := e.alice
	a.do("PUT", "/alpha/index.html", "home").is(200)
	a.do("GET", "/alpha?website", "").is(404, "NoSuchWebsiteConfiguration")
	a.do("DELETE", "/alpha?website", "").is(204)
	a.do("PUT", "/alpha?website", websiteDoc).is(200)
	a.do("GET", "/alpha?website", "").is(200).has("Suffix", "index.html").has("Key", "404.html").has("KeyPrefixEquals", "docs/").
		has("HttpErrorCodeReturnedEquals", "404").has("HttpRedirectCode", "302").lists("ReplaceKeyWith", "new.html")
	e.bob.do("GET", "/alpha?website", "").is(403, "AccessDenied")
	e.bob.do("PUT", "/alpha?website", websiteDoc).is(403, "AccessDenied")
	e.bob.do("DELETE", "/alpha?website", "").is(403, "AccessDenied")
	e.nobody.do("GET", "/alpha/index.html", "").is(403, "AccessDenied") // S3 is not opened by it
	a.do("PUT", "/alpha?website", `<WebsiteConfiguration><RedirectAllRequestsTo><HostName>example.net</HostName><Protocol>https</Protocol></RedirectAllRequestsTo></WebsiteConfiguration>`).is(200)
	a.do("GET", "/alpha?website", "").is(200).has("HostName", "example.net").has("Protocol", "https").lists("Suffix")
	for doc, code := range map[string]string{
		"<x/>":                    "MalformedXML",
		"<WebsiteConfiguration/>": "InvalidArgument",
		"<WebsiteConfiguration><ErrorDocument><Key>x</Key></ErrorDocument></WebsiteConfiguration>":                              "InvalidArgument",
		"<WebsiteConfiguration><IndexDocument><Suffix>a/b</Suffix></IndexDocument></WebsiteConfiguration>":                      "InvalidArgument",
		"<WebsiteConfiguration><IndexDocument><Suffix></Suffix></IndexDocument></WebsiteConfiguration>":                         "InvalidArgument",
		"<WebsiteConfiguration><IndexDocument><Other>a</Other></IndexDocument></WebsiteConfiguration>":                          "MalformedXML",
		"<WebsiteConfiguration><RedirectAllRequestsTo><Protocol>http</Protocol></RedirectAllRequestsTo></WebsiteConfiguration>": "MalformedXML",
		strings.Replace(websiteDoc, "<Protocol>https", "<Protocol>ftp", 1):                                                      "InvalidRequest",
		strings.Replace(websiteDoc, "example.com", "example.com/x y", 1):                                                        "InvalidRequest",
		strings.Replace(websiteDoc, "404.html", "", 1):                                                                          "InvalidArgument",
		strings.Replace(websiteDoc, "302", "306", 1):                                                                            "InvalidRequest",
		strings.Replace(websiteDoc, "302", "3xx", 1):                                                                            "MalformedXML",
		strings.Replace(websiteDoc, "404</Http", "418</Http", 1):                                                                "InvalidRequest",
		strings.Replace(websiteDoc, "404</Http", "4xx</Http", 1):                                                                "MalformedXML",
		strings.Replace(websiteDoc, "</KeyPrefixEquals>", strings.Repeat("a", 128<<10)+"</KeyPrefixEquals>", 1):                 "MaxMessageLengthExceeded",
		"<WebsiteConfiguration><IndexDocument><Suffix>a</Suffix></IndexDocument><RoutingRules><RoutingRule><Condition/>" +
			"<Redirect><ReplaceKeyWith>a</ReplaceKeyWith></Redirect></RoutingRule></RoutingRules></WebsiteConfiguration>": "MalformedXML",
		strings.Replace(websiteDoc, "302", "200", 1):                                                                                              "InvalidRequest",
		strings.Replace(websiteDoc, "404</Http", "200</Http", 1):                                                                                  "InvalidRequest",
		strings.Replace(websiteDoc, "<HttpRedirectCode>302</HttpRedirectCode>", "<ReplaceKeyWith>x</ReplaceKeyWith>", 1):                          "InvalidRequest",
		strings.Replace(websiteDoc, "<ErrorDocument>", "<RedirectAllRequestsTo><HostName>x</HostName></RedirectAllRequestsTo><ErrorDocument>", 1): "MalformedXML",
	} {
		if r := a.do("PUT", "/alpha?website", doc); r.status != 400 || r.code() != code {
			e.Errorf("%.2000s: %d %s, want %s", doc, r.status, r.code(), code)
		}
	}
	a.do("DELETE", "/alpha?website", "").is(204)
	a.do("GET", "/alpha?website", "").is(404, "NoSuchWebsiteConfiguration")
}
