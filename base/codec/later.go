//go:build later

package codec

// laterField is what the release after this one knows and this one does not: a build with
// the tag "later" adds it to every record, and tests run it beside this release.
const laterField = uint64(9999)

// laterGeneration: it also knows records that this release refuses.
const laterGeneration = 1

func later(b []byte) []byte {
	var v any
	if err := dec.Unmarshal(b, &v); err != nil {
		panic("codec: " + err.Error()) // it was just encoded
	}
	grow(v)
	return must(enc.Marshal(v))
}

func laterRecord(b []byte) []byte { return append(b[:1:1], later(b[1:])...) }

// grow adds the field to each record in v: a map whose keys are all numbers.
func grow(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			grow(e)
		}
	case map[any]any:
		record := len(v) > 0
		for k, e := range v {
			_, number := k.(uint64)
			record = record && number
			grow(e)
		}
		if record {
			v[laterField] = "later"
		}
	}
}
