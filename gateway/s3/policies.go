package s3

import (
	"sync"

	"rhizome/base/ident"
	"rhizome/gateway/s3/policy"
	"rhizome/model/object"
)

// maxPolicies is how many buckets' policies are remembered.
const maxPolicies = 1024

// policies remembers policies that were read, so that each is read once per change. Only
// the very record that was read counts. It is safe for concurrent use.
type policies struct {
	mu   sync.Mutex
	read map[ident.ID]readPolicy
}

type readPolicy struct {
	src *object.Policy
	p   *policy.Policy
}

func (c *policies) last(id ident.ID, src *object.Policy) *policy.Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.read[id]; r.src == src {
		return r.p
	}
	return nil
}

func (c *policies) keep(id ident.ID, src *object.Policy, p *policy.Policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read == nil {
		c.read = map[ident.ID]readPolicy{}
	}
	if _, ok := c.read[id]; !ok && len(c.read) >= maxPolicies {
		for other := range c.read { // in random order
			delete(c.read, other)
			break
		}
	}
	c.read[id] = readPolicy{src, p}
}
