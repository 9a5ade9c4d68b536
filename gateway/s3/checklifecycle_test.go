package s3

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

const lifecycleJSON = `{"Rules":[
 {"ID":"logs","Filter":{"Prefix":"logs/"},"Status":"Enabled","Expiration":{"Days":30}},
 {"ID":"all","Filter":{},"Status":"Enabled","NoncurrentVersionExpiration":{"NoncurrentDays":90,"NewerNoncurrentVersions":3},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":7},"Expiration":{"ExpiredObjectDeleteMarker":true}},
 {"ID":"some","Filter":{"And":{"Prefix":"a","Tags":[{"Key":"k","Value":"v"},{"Key":"l","Value":""}],"ObjectSizeGreaterThan":10,"ObjectSizeLessThan":20}},"Status":"Disabled","Expiration":{"Date":"2030-01-01T00:00:00Z"}},
 {"ID":"tag","Filter":{"Tag":{"Key":"k","Value":"v"}},"Status":"Enabled","Expiration":{"Days":1}},
 {"ID":"bare","Prefix":"","Status":"Enabled","Expiration":{"Days":1}}],
 "TransitionDefaultMinimumObjectSize":"all_storage_classes_128K"}`

// TestLifecycleJSON: rules are what they are in XML, and what is shown is taken again.
func TestLifecycleJSON(t *testing.T) {
	rules, err := CheckLifecycle([]byte(lifecycleJSON))
	if err != nil || len(rules) != 5 {
		t.Fatal(rules, err)
	}
	if r := rules[1]; r.NoncurrentDays != 90 || r.Newer != 3 || r.AbortDays != 7 || !r.Markers {
		t.Errorf("%+v", r)
	}
	if r := rules[2]; !r.Off || r.Filter.Prefix != "a" || len(r.Filter.Tags) != 2 || *r.Filter.Over != 10 || *r.Filter.Under != 20 || r.Date == 0 {
		t.Errorf("%+v", r)
	}
	again, err := CheckLifecycle(LifecycleText(rules))
	if err != nil || !reflect.DeepEqual(again, rules) {
		t.Errorf("%s\nis\n%+v, not\n%+v: %v", LifecycleText(rules), again, rules, err)
	}
	for _, bad := range []string{"", "[]", "{}", `{"Rules":[]}`, `{"Rules":{}}`, lifecycleJSON + "{}", strings.Replace(lifecycleJSON, `"Days":30`, `"Days":0`, 1),
		strings.Replace(lifecycleJSON, `"Days":30`, `"Days":30,"Days":31`, 1), strings.Replace(lifecycleJSON, `"Enabled"`, `"On"`, 1), `{"Rules":[null]}`, `{"Rules":["x"]}`,
		strings.Replace(lifecycleJSON, `"Expiration":{"Days":30}`, `"Transitions":[{"Days":30,"StorageClass":"GLACIER"}]`, 1), strings.Repeat(`{"Rules":[`, 50)} {
		if _, err := CheckLifecycle([]byte(bad)); !errors.Is(err, ErrLifecycle) {
			t.Errorf("%.80s: %v", bad, err)
		}
	}
}

// FuzzLifecycleJSON: what is read is written, and read again as the same.
func FuzzLifecycleJSON(f *testing.F) {
	f.Add([]byte(lifecycleJSON))
	f.Add([]byte(`{"Rules":[{"Filter":{"Prefix":"é<"},"Status":"Enabled","Expiration":{"Date":"2030-01-01"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := CheckLifecycle(text)
		if err != nil {
			return
		}
		once := LifecycleText(rules)
		again, err := CheckLifecycle(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice := LifecycleText(again); !bytes.Equal(once, twice) {
			t.Errorf("%s\n%s", once, twice)
		}
	})
}
