package register

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
)

// naive is what a Scan of everything shows, by the words of its documentation.
func naive(live map[Row]string, s Scan) (out []Entry) {
	var rows []Row
	for r := range live {
		if r.Table == s.Table && slices.Contains(s.Parts, r.Part) && strings.HasPrefix(r.Sort, s.Prefix) && (r.Sort > s.After || s.After == "") {
			rows = append(rows, r)
		}
	}
	sort.Slice(rows, func(i, j int) bool {
		a, b := rows[i], rows[j]
		return a.Sort < b.Sort || a.Sort == b.Sort && a.Part < b.Part
	})
	for _, r := range rows {
		group := ""
		if s.Delimiter != "" {
			if i := strings.Index(r.Sort[len(s.Prefix):], s.Delimiter); i >= 0 {
				group = r.Sort[:len(s.Prefix)+i+len(s.Delimiter)]
			}
		}
		if group != "" && (group == s.After && s.After != "" || len(out) > 0 && out[len(out)-1].Group == group) {
			continue
		}
		out = append(out, Entry{Row: r, Group: group, Value: text(live[r])})
	}
	return out
}

func show(es []Entry) string {
	var b strings.Builder
	for _, e := range es {
		fmt.Fprintf(&b, "%q/%q[%q]=%s ", e.Row.Part, e.Row.Sort, e.Group, data(e.Value))
	}
	return b.String()
}

// fill writes random rows, deletes some and hides some. With three replicas, one is
// away now and then.
func fill(t *testing.T, c *cluster, rng *rand.Rand, parts []string) map[Row]string {
	ctx, live := ctxFor(t), make(map[Row]string)
	letters := []string{"a", "b", "/", "c", "\xff", "\x00"}
	for i := range 400 {
		var key strings.Builder
		for range rng.IntN(5) {
			key.WriteString(letters[rng.IntN(len(letters))])
		}
		row := Row{1, parts[rng.IntN(len(parts))], key.String()}
		if len(c.nodes) > 1 && i%20 == 0 {
			away := rng.IntN(len(c.nodes) + 1)
			for k := range c.nodes {
				c.set(k, func(n *node) { n.down = k == away })
			}
		}
		ch, v := put(text(fmt.Sprint(i))), fmt.Sprint(i)
		switch rng.IntN(5) {
		case 0:
			ch, v = remove(), ""
		case 1:
			ch, v = put(&Value{Data: []byte("hidden"), Hidden: true}), ""
		}
		_, err := c.store(0).Update(ctx, row, ch)
		check(t, err)
		if delete(live, row); v != "" {
			live[row] = v
		}
	}
	for k := range c.nodes {
		c.set(k, func(n *node) { n.down = false })
	}
	return live
}

func TestScanAgainstNaive(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		rng := rand.New(rand.NewPCG(1, 2))
		parts := []string{"p", "q", "", "pp"}
		live := fill(t, c, rng, parts)
		ctx := ctxFor(t)
		for range 300 {
			s := Scan{Table: 1, Limit: 1 + rng.IntN(7)}
			s.Parts = parts[rng.IntN(2) : 2+rng.IntN(3)]
			s.Prefix = []string{"", "a", "a/", "b", "\xff"}[rng.IntN(5)]
			s.Delimiter = []string{"", "/", "c", "/a"}[rng.IntN(4)]
			s.After = []string{"", "", "a", "a/", "a/b", "\xff\xff", "b\x00"}[rng.IntN(7)]
			want := naive(live, s)
			var got []Entry
			for q := s; ; {
				page, err := c.store(rng.IntN(len(c.nodes))).Scan(ctx, q)
				check(t, err)
				if got = append(got, page.Entries...); !page.More {
					break
				}
				if page.After == q.After {
					t.Fatalf("%+v goes on from %q after %q", s, page.After, q.After)
				}
				q.After = page.After
			}
			if show(got) != show(want) {
				t.Fatalf("%+v\n got %s\nwant %s", s, show(got), show(want))
			}
		}
	})
}

func TestPageEndsNowhereBetweenEqualKeys(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ctx := ctxFor(t)
		parts := []string{"a", "b", "c"}
		for _, p := range parts {
			_, err := c.store(0).Update(ctx, Row{1, p, "k"}, put(text(p)))
			check(t, err)
		}
		page, err := c.store(0).Scan(ctx, Scan{Table: 1, Parts: parts, Limit: 1})
		check(t, err)
		if len(page.Entries) != 3 || page.More {
			t.Fatalf("%d entries, more %v", len(page.Entries), page.More)
		}
	})
}
