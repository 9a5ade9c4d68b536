package policy

import "strings"

// MaxSize is how long a policy may be, in bytes.
const MaxSize = 20 << 10

// The versions of the language. The older has no variables.
const (
	oldVersion = "2008-10-17"
	newVersion = "2012-10-17"
)

// Where is what a policy is read for.
type Where struct {
	// Bucket is the name that the bucket has in the policy's resources.
	Bucket string
	// Resolve finds a principal other than "*": as it stands under AWS, or under
	// CanonicalUser if canonical. ok is false if there is none, or more than one.
	Resolve func(written string, canonical bool) (id Principal, ok bool, err error)
	// New says that the policy is being put. One that was put before an additional rule
	// came is read without it.
	New bool
}

// Policy is a policy that was understood. It is never changed.
type Policy struct {
	ID         string
	bucket     string
	statements []statement
}

type statement struct {
	sid           string
	allow         bool
	principals    principals
	notPrincipals bool
	actions       actionSet
	notActions    bool
	resources     []resource
	notResources  bool
	conditions    []condition
}

// Parse reads a policy. An error is MalformedPolicy, or Resolve's.
func Parse(doc []byte, in Where) (*Policy, error) {
	if len(doc) > MaxSize {
		return nil, fault(tooLong, "")
	}
	root, err := readJSON(doc)
	if err != nil {
		return nil, err
	}
	p, version := &Policy{bucket: in.Bucket}, oldVersion
	var statements any
	for _, f := range root {
		switch f.name {
		case "Version":
			version, _ = f.value.(string)
			if version != oldVersion && version != newVersion {
				return nil, fault(badVersion, "")
			}
		case "Id":
			if p.ID, err = aText(f); err != nil {
				return nil, err
			}
		case "Statement":
			statements = f.value
		default:
			return nil, fault(unknownField+" "+f.name, "")
		}
	}
	return p, p.readStatements(statements, in, version == newVersion)
}

func aText(f field) (string, error) {
	s, ok := f.value.(string)
	if !ok {
		return "", fault(badType, f.name)
	}
	return s, nil
}

func (p *Policy) readStatements(v any, in Where, vars bool) error {
	var all list
	switch v := v.(type) {
	case nil:
		return fault(missingStatement, "")
	case object:
		all = list{v}
	case list:
		all = v
	default:
		return fault(badType, "Statement")
	}
	if len(all) == 0 {
		return fault(emptyStatement, "")
	}
	seen := map[string]bool{}
	for _, v := range all {
		o, ok := v.(object)
		if !ok {
			return fault(badType, "Statement")
		}
		s, err := readStatement(o, in, vars)
		if err != nil {
			return err
		}
		if s.sid != "" && seen[s.sid] {
			return fault(duplicateSid, s.sid)
		}
		seen[s.sid] = true
		p.statements = append(p.statements, *s)
	}
	return nil
}

// reading is a statement that is being read.
type reading struct {
	statement
	in         Where
	vars       bool
	effect     string
	actionKind []int    // of every pattern
	written    []string // actions
	has        map[string]bool
}

func readStatement(o object, in Where, vars bool) (*statement, error) {
	r := &reading{in: in, vars: vars, has: map[string]bool{}}
	for _, f := range o {
		if err := r.take(f); err != nil {
			return nil, err
		}
		r.has[strings.TrimPrefix(f.name, "Not")] = true
	}
	for name, message := range map[string]string{"Effect": noEffect, "Principal": noPrincipal, "Action": noAction, "Resource": noResource} {
		if !r.has[name] {
			return nil, fault(message, "")
		}
	}
	return &r.statement, r.check()
}

func (r *reading) take(f field) (err error) {
	if strings.HasPrefix(f.name, "Not") && r.has[f.name[3:]] || r.has[f.name] {
		return fault(duplicateField+" "+f.name, "")
	}
	switch f.name {
	case "Sid":
		r.sid, err = aText(f)
	case "Effect":
		r.effect, err = aText(f)
		r.allow = r.effect == "Allow"
		if err == nil && !r.allow && r.effect != "Deny" {
			err = fault(badEffect+": "+r.effect, "")
		}
	case "Principal", "NotPrincipal":
		r.notPrincipals = f.name[0] == 'N'
		r.principals, err = readPrincipals(f.value, r.in)
	case "Action", "NotAction":
		r.notActions = f.name[0] == 'N'
		if r.written, err = texts(f.name, f.value); err == nil {
			r.actions, r.actionKind, err = readActions(r.written)
		}
	case "Resource", "NotResource":
		r.notResources = f.name[0] == 'N'
		r.resources, err = readResources(f, r.in.Bucket, r.vars)
	case "Condition":
		r.conditions, err = readConditions(f.value, r.vars)
	default:
		err = fault(unknownField+" "+f.name, "")
	}
	return err
}

// eachFits reports whether every action that the statement names has the key, of those that
// a pattern stands for one at least, as in AWS.
func (r *reading) eachFits(k key) bool {
	for _, w := range r.written {
		if set, _, err := readActions([]string{w}); err != nil || !k.fits(set) {
			return false
		}
	}
	return true
}

// check holds the elements of a statement against each other.
func (r *reading) check() error {
	for i := range r.conditions {
		k, _ := keyOf(r.conditions[i].name)
		if !r.notActions && !(k.fits(r.actions) && (!r.in.New || r.eachFits(k))) {
			return fault(keyNotFitting, r.conditions[i].name)
		}
	}
	if !r.notActions && !r.notResources {
		kinds := 0
		for _, t := range r.resources {
			kinds |= r.in.about(t.text)
		}
		for i, k := range r.actionKind {
			if k&kinds == 0 {
				return fault(actionNotFitting, r.written[i])
			}
		}
	}
	return nil
}
