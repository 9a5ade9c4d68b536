package admin

import (
	"errors"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/object"
)

// TestReportsToABucket are those that are written, not those that are switched off.
func TestReportsToABucket(t *testing.T) {
	to := ident.New()
	there := object.Destination{Bucket: to}
	for name, c := range map[string]struct {
		s    object.Settings
		want bool
	}{
		"none":           {object.Settings{}, false},
		"logs":           {object.Settings{Logging: &object.Logging{To: there}}, true},
		"logs elsewhere": {object.Settings{Logging: &object.Logging{To: object.Destination{Bucket: ident.New()}}}, false},
		"a list":         {object.Settings{Inventory: []object.Inventory{{Off: true, To: there}, {ID: "daily", To: there}}}, true},
		"a list, off":    {object.Settings{Inventory: []object.Inventory{{ID: "daily", Off: true, To: there}}}, false},
	} {
		from := &object.Bucket{ID: ident.New(), Names: []string{"photos"}, Settings: c.s}
		if err := reports(from, to); (err != nil) != c.want || err != nil && !errors.Is(err, errs.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
