package policy

import "net/netip"

// Public reports whether the policy makes the bucket public, as AWS defines it: a
// statement allows something to everybody, or to all but some, and no condition ties it
// to fixed addresses or callers.
func (p *Policy) Public() bool {
	if p == nil {
		return false
	}
	for i := range p.statements {
		s := &p.statements[i]
		if s.allow && (s.principals.anybody || s.notPrincipals) && !s.tied() {
			return true
		}
	}
	return false
}

// tied reports whether a condition limits a statement to fixed addresses or callers.
func (s *statement) tied() bool {
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.null || c.negate || c.ifExists || c.set == forAll {
			continue
		}
		switch c.name {
		case "aws:sourceip":
			if c.narrow() {
				return true
			}
		case "aws:userid", "aws:username", "aws:principalarn", "aws:principalaccount":
			if c.constant() {
				return true
			}
		}
	}
	return false
}

// narrow reports whether every network is small enough: AWS's bounds.
func (c *condition) narrow() bool {
	if c.read == nil {
		return c.constant() // compared as text
	}
	for _, v := range c.values {
		n, ok := v.(netip.Prefix)
		if !ok || n.Addr().Is4() && n.Bits() < 8 || n.Addr().Is6() && n.Bits() < 32 {
			return false
		}
	}
	return true
}

// constant reports whether every text is fixed. "anonymous" is everybody's user ID.
func (c *condition) constant() bool {
	for _, t := range c.texts {
		if !t.constant() {
			return false
		}
		if g, _ := t.fill(&Question{}); c.name == "aws:userid" && c.text(g, "anonymous") {
			return false
		}
	}
	return true
}
