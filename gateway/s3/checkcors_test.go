package s3

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"rhizome/base/errs"
)

// TestCheckCORS: what is written is what was read, and what is wrong is said.
func TestCheckCORS(t *testing.T) {
	const rule = "<CORSRule><ID>a</ID><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://*.example.org</AllowedOrigin>" +
		"<AllowedHeader>x-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule>"
	rules, err := CheckCORS([]byte("<CORSConfiguration>" + rule + "</CORSConfiguration>"))
	if err != nil || len(rules) != 1 || rules[0].MaxAge != 60 {
		t.Fatalf("%+v %v", rules, err)
	}
	text := CORSText(rules)
	again, err := CheckCORS(text)
	if err != nil || !reflect.DeepEqual(again, rules) || !strings.Contains(string(text), rule) {
		t.Errorf("%s: %+v %v", text, again, err)
	}
	for _, bad := range []string{"", "{}", "<CORSConfiguration/>", "<Other>" + rule + "</Other>",
		"<CORSConfiguration>" + strings.Replace(rule, "GET", "PATCH", 1) + "</CORSConfiguration>",
		"<CORSConfiguration>" + rule + strings.Repeat(" ", maxCORS) + "</CORSConfiguration>"} {
		if _, err := CheckCORS([]byte(bad)); !errors.Is(err, ErrCORS) || errs.KindOf(err) != errs.Invalid {
			t.Errorf("%.80q: %v", bad, err)
		}
	}
}
