package policy

import "strconv"

// Question is one action of one caller on one thing, and what else counts.
type Question struct {
	// Action is a known action, such as "s3:GetObject".
	Action string
	// Key is the object's; "" if the action is on the bucket.
	Key string
	// Caller is nil for somebody without a key.
	Caller *Caller
	// Value returns what the request says for a condition key, given as in keys.go: in
	// lower case but for a tag's name; nothing if it says nothing. It is not asked for the
	// keys about the caller. Nil: the request says nothing at all.
	Value func(key string) []string
	// Begun: the action goes on with an upload, which was begun by another request. How the
	// object is made was decided there, and is not said again: conditions about it hold in
	// statements that allow, and statements that deny by them do not apply.
	Begun  bool
	Grants Grants
	Block  Block
}

// Grants is what the permission model says about the action.
type Grants struct {
	// Owner: the caller owns the bucket.
	Owner bool
	// Caller: the caller's key may do it. Anybody: everybody may.
	Caller, Anybody bool
	// Known: the caller's key has some right on the bucket.
	Known bool
	// Closed: the action is for keys only, whatever the policy says.
	Closed bool
}

// Block is what a public access block says of decisions; see "Blocking public access".
type Block struct {
	// IgnoreACLs: what anybody may do by the permission model does not count.
	IgnoreACLs bool
	// Restrict: a public policy allows nothing to keys without a right on the bucket,
	// nor to those without a key.
	Restrict bool
}

// Why is the reason of a decision.
type Why uint8

// The reasons.
const (
	Nobody     Why = iota // denied: nothing allows it
	Mends                 // allowed: the owner may always mend the policy
	Denied                // denied by a statement
	Granted               // allowed by the permission model
	Allowed               // allowed by a statement
	Restricted            // denied: a statement allows it, but the policy is public and this is blocked
	Unsigned              // denied: a statement allows it, but it is for keys only
)

// String says it in words.
func (w Why) String() string {
	return [...]string{"nothing allows it", "the owner may always mend the policy", "a statement denies it",
		"the bucket's grants allow it", "a statement allows it", "the public access block restricts the policy",
		"a key is needed"}[w]
}

// Decision is what came out.
type Decision struct {
	Allow bool
	Why   Why
	// Statement is the index of the one that decided, -1 if none did; Sid its name.
	Statement int
	Sid       string
}

// Decide says whether an action is allowed; p is nil for a bucket without a policy. In
// this order: the owner may mend the policy; a statement that denies counts; the
// permission model allows; a statement allows; else it is denied.
func Decide(p *Policy, q *Question) Decision {
	if q.Grants.Owner && mends(q.Action) {
		return Decision{true, Mends, -1, ""}
	}
	if i := p.find(q, false); i >= 0 {
		return Decision{false, Denied, i, p.statements[i].sid}
	}
	if q.Grants.Caller || q.Grants.Anybody && !q.Block.IgnoreACLs {
		return Decision{true, Granted, -1, ""}
	}
	i := p.find(q, true)
	switch {
	case i < 0:
		return Decision{false, Nobody, -1, ""}
	case q.Grants.Closed && q.Caller == nil:
		return Decision{false, Unsigned, i, p.statements[i].sid}
	case q.Block.Restrict && !(q.Caller != nil && q.Grants.Known) && p.Public():
		return Decision{false, Restricted, i, p.statements[i].sid}
	}
	return Decision{true, Allowed, i, p.statements[i].sid}
}

// Could reports whether a statement allows the action to the caller on something, under
// some condition.
func (p *Policy) Could(action string, c *Caller) bool {
	if p == nil {
		return false
	}
	for i := range p.statements {
		s := &p.statements[i]
		if s.allow && s.actions[action] != s.notActions && s.principals.has(c) != s.notPrincipals {
			return true
		}
	}
	return false
}

func mends(action string) bool {
	return action == "s3:GetBucketPolicy" || action == "s3:PutBucketPolicy" || action == "s3:DeleteBucketPolicy"
}

// find returns the first statement of that effect that the question meets, -1 if none.
func (p *Policy) find(q *Question, allow bool) int {
	if p == nil {
		return -1
	}
	resource := arnPrefix + p.bucket
	if q.Key != "" {
		resource += "/" + q.Key
	}
	for i := range p.statements {
		if s := &p.statements[i]; s.allow == allow && s.meets(q, resource) {
			return i
		}
	}
	return -1
}

func (s *statement) meets(q *Question, resource string) bool {
	if s.actions[q.Action] == s.notActions || s.principals.has(q.Caller) == s.notPrincipals ||
		s.allow && s.lacks(q) || !s.covers(q, resource) {
		return false
	}
	for i := range s.conditions {
		switch c := &s.conditions[i]; {
		case q.Begun && c.made && s.allow:
		case q.Begun && c.made, !c.holds(q):
			return false
		}
	}
	return true
}

// lacks reports whether a variable in the statement has no value.
func (s *statement) lacks(q *Question) bool {
	for i := range s.resources {
		if s.resources[i].lacks(q) {
			return true
		}
	}
	for i := range s.conditions {
		for _, t := range s.conditions[i].texts {
			if t.lacks(q) {
				return true
			}
		}
	}
	return false
}

// values returns what is known for a condition key.
func (q *Question) values(key string) []string {
	switch key {
	case "aws:principaltype", "aws:userid", "aws:username", "aws:principalaccount", "aws:principalarn":
		if q.Caller == nil {
			return nobodys(key)
		}
		return q.Caller.values(key)
	case "aws:principalisawsservice":
		return []string{strconv.FormatBool(q.Caller != nil && q.Caller.Service != "")}
	}
	if q.Value == nil {
		return nil
	}
	return q.Value(key)
}

func nobodys(key string) []string {
	switch key {
	case "aws:principaltype":
		return []string{"Anonymous"}
	case "aws:userid":
		return []string{"anonymous"}
	}
	return nil
}

func (c *Caller) values(key string) []string {
	switch {
	case c.Service == "":
	case key == "aws:principaltype":
		return []string{"Service"}
	default:
		return nil
	}
	switch key {
	case "aws:principaltype":
		return []string{"User"}
	case "aws:username":
		return []string{c.Key}
	case "aws:principalarn":
		return []string{"arn:aws:iam::" + c.Member + ":user/" + c.Key}
	}
	return []string{c.Member} // aws:userid, aws:principalaccount
}
