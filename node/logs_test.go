package node

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLogsOfThreeHomes: whichever node is asked, the request is in the log, once.
func TestLogsOfThreeHomes(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	key := a.key(t)
	b := h.join(a, "brest")
	c := h.join(a, "nice")
	h.settled(3)
	all := []*home{a, b, c}
	for _, name := range []string{"/garden", "/logs"} {
		a.wants(t, key, 200, "PUT", name, nil)
	}
	a.wants(t, key, 200, "PUT", "/garden?logging", []byte("<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix>p/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>"))
	var want []string
	for _, x := range all {
		x.wants(t, key, 200, "PUT", "/garden/"+x.config.Home, []byte("hello"))
		x.wants(t, key, 404, "GET", "/garden/none-"+x.config.Home, nil)
		want = append(want, "REST.GET.OBJECT none-"+x.config.Home+" 404", "REST.PUT.OBJECT "+x.config.Home+" 200")
	}
	garden, err := b.objects.Bucket(t.Context(), "garden", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if err := x.logs.Deliver(t.Context(), garden.ID); err != nil {
			t.Fatalf("%s: %v", x.config.Home, err)
		}
		if s := x.logs.State(garden.ID); s.Written < 2 || s.Waiting != 0 || s.Dropped != 0 {
			t.Errorf("%s: %+v", x.config.Home, s)
		}
	}
	var got []string
	list := c.wants(t, key, 200, "GET", "/logs?list-type=2", nil)
	for _, m := range regexp.MustCompile(`<Key>([^<]*)</Key>`).FindAllStringSubmatch(list, -1) {
		for _, line := range strings.Split(strings.TrimSpace(b.wants(t, key, 200, "GET", "/logs/"+m[1], nil)), "\n") {
			f := regexp.MustCompile(`"[^"]*"|\[[^\]]*\]|[^ ]+`).FindAllString(line, -1)
			if len(f) != 27 {
				t.Fatalf("%d fields: %s", len(f), line)
			}
			if strings.HasSuffix(f[6], ".OBJECT") {
				got = append(got, f[6]+" "+f[7]+" "+f[9])
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
}
