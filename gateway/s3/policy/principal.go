package policy

import (
	"slices"
	"strings"
)

// Principal is what a written principal stands for. One of the two is set.
type Principal struct {
	Key    string // an access key ID
	Member string // a member's ID: all its keys
	// Service is one of Services.
	Service string
}

// Services are what writes reports, as AWS names them.
var Services = []string{"logging.s3.amazonaws.com", "s3.amazonaws.com"}

// Caller is who asks, by a valid signature.
type Caller struct {
	Key    string // the access key ID
	Member string // the ID of the member whose key it is
	// Service is a service that acts for itself, and the other two are empty.
	Service string
}

// principals is what Principal or NotPrincipal says.
type principals struct {
	anybody bool
	list    []Principal
}

func readPrincipals(v any, in Where) (principals, error) {
	switch v.(type) {
	case string, list: // AWS takes "*" alone here; what else there is can only be meant so
		v = object{{"AWS", v}}
	}
	o, ok := v.(object)
	if !ok || len(o) == 0 {
		return principals{}, fault(badPrincipal, "")
	}
	var out principals
	for _, f := range o {
		if f.name != "AWS" && f.name != "CanonicalUser" && f.name != "Service" {
			return out, fault(badPrincipal, f.name)
		}
		written, err := texts(f.name, f.value)
		if err != nil {
			return out, fault(badPrincipal, f.name)
		}
		for _, s := range written {
			if f.name == "Service" {
				if !slices.Contains(Services, s) {
					return out, fault(badPrincipal, s)
				}
				out.list = append(out.list, Principal{Service: s})
				continue
			}
			if err := out.add(s, f.name == "CanonicalUser", in); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func (p *principals) add(s string, canonical bool, in Where) error {
	if s == "*" && !canonical {
		p.anybody = true
		return nil
	}
	if strings.ContainsAny(s, "*?") {
		return fault(badPrincipal, s) // as in AWS, a part of a name is none
	}
	id, ok, err := in.Resolve(s, canonical)
	if err != nil {
		return err
	}
	if !ok || id == (Principal{}) {
		return fault(badPrincipal, s)
	}
	p.list = append(p.list, id)
	return nil
}

// has reports whether the caller is among the principals; nil is somebody without a key.
func (p *principals) has(c *Caller) bool {
	if p.anybody || c == nil {
		return p.anybody
	}
	for _, id := range p.list {
		if id.Key != "" && id.Key == c.Key || id.Member != "" && id.Member == c.Member || id.Service != "" && id.Service == c.Service {
			return true
		}
	}
	return false
}
