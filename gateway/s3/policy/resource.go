package policy

import "strings"

// arnPrefix begins the name of every bucket and object.
const arnPrefix = "arn:aws:s3:::"

// resource is a text that stands for buckets and objects.
type resource struct {
	text
	prefix string // with which everything begins that it stands for
}

// readResources reads Resource or NotResource: every text is "*", or names the bucket.
func readResources(f field, bucket string, vars bool) ([]resource, error) {
	written, err := texts(f.name, f.value)
	if err != nil {
		return nil, err
	}
	var out []resource
	for _, s := range written {
		name, ok := strings.CutPrefix(s, arnPrefix)
		name, _, _ = strings.Cut(name, "/")
		if s != "*" && (!ok || strings.Contains(name, "${") || !globOf(name, true).matches(bucket)) {
			return nil, fault(badResource, s)
		}
		t, err := readText(s, vars, true)
		if err != nil {
			return nil, err
		}
		out = append(out, resource{t, t.begins()})
	}
	return out, nil
}

// about says whether a resource stands for the bucket, for objects, or for both.
func (in Where) about(t text) int {
	kinds := 0
	if g, ok := t.fill(&Question{}); ok && g.matches(arnPrefix+in.Bucket) {
		kinds = onBucket
	}
	for _, p := range t {
		for _, r := range p.glob {
			if r == star || r == '/' {
				return kinds | onObject
			}
		}
	}
	return kinds
}

// covers reports whether the statement's resources stand for what the question is about.
func (s *statement) covers(q *Question, name string) bool {
	for i := range s.resources {
		t := &s.resources[i]
		if !strings.HasPrefix(name, t.prefix) {
			continue
		}
		if g, ok := t.fill(q); ok && g.matches(name) {
			return !s.notResources
		}
	}
	return s.notResources
}
