package clients

import (
	"context"
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestEveryCallIsListed: the table of calls in docs/s3.md has every call that the SDK has, and no
// other but those that only browsers make.
func TestEveryCallIsListed(t *testing.T) {
	page, err := os.ReadFile("../../docs/s3.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z]\w+) \| (done|partly|refused) \|`).FindAllStringSubmatch(string(page), -1) {
		listed[m[1]] = true
	}
	if len(listed) < 100 {
		t.Fatalf("only %d calls are listed", len(listed))
	}
	// Calls of other endpoints, as the page says, and a client's own.
	elsewhere := map[string]bool{"ListDirectoryBuckets": true, "WriteGetObjectResponse": true}
	for _, browsers := range []string{"PostObject", "OptionsBucket", "OptionsObject"} {
		delete(listed, browsers)
	}
	client, within := reflect.TypeFor[*s3.Client](), reflect.TypeFor[context.Context]()
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() < 3 || m.Type.In(1) != within || elsewhere[m.Name] {
			continue
		}
		if !listed[m.Name] {
			t.Errorf("the table lacks %s", m.Name)
		}
		delete(listed, m.Name)
	}
	for name := range listed {
		t.Errorf("the SDK has no %s", name)
	}
}
