package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/s3"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Whoever uses a node's socket acts as the member who runs that node. An administrator
// may change everything; another operator the own nodes, buckets, keys and webhooks, and see what there
// is: names, sizes and settings of all buckets, but no secret of others. This keeps people from
// mistakes and quarrels; it is no fence against a changed program, for every node holds
// the rhizome's key.
//
//	'n' 'a'  whether the operator is an administrator, as last seen, one byte: rights
//	         must not hang on rows that are away when a lost node is to be taken out
var rightsKey = []byte("na")

// operator returns the member who runs this node; zero: the administrators.
func (n *Node) operator() ident.ID {
	if me := n.members.Layout().Node(n.keys.id()); me != nil {
		return me.Operator
	}
	return ident.ID{}
}

// mayAll refuses what only administrators may do.
func (n *Node) mayAll(ctx context.Context) error {
	admin, err := n.isAdmin(ctx)
	if err == nil && !admin {
		err = errs.New(errs.Denied, "only an administrator may do this: ask one, or use a node that an administrator runs")
	}
	return err
}

// mayChange refuses a change of the layout that the operator of this node may not make.
func (n *Node) mayChange(ctx context.Context, c api.LayoutChange) error {
	if c.Kind == api.ChangeReplicas || c.Kind == api.ChangeOperator {
		return n.mayAll(ctx)
	}
	id, err := nodeID(c.Node)
	if err != nil {
		return err
	}
	if node := n.members.Layout().Node(id); node == nil || !node.Operator.IsZero() && node.Operator == n.operator() {
		return nil // of what is not there, the change itself says so
	}
	admin, err := n.isAdmin(ctx)
	if err == nil && !admin {
		err = errs.New(errs.Denied, "that node is somebody else's: only who runs it, or an administrator, may do this")
	}
	return err
}

// mayOwn refuses who may do nothing with a bucket as its owner.
func (n *Node) mayOwn(ctx context.Context, b *object.Bucket) error {
	return n.mayBy(ctx, b, func(a object.Access) bool { return a.Owner })
}

// mayWrite refuses who may not put objects into a bucket: neither its owner, nor, where no policy
// says otherwise, somebody one of whose keys may write.
func (n *Node) mayWrite(ctx context.Context, b *object.Bucket) error {
	return n.mayBy(ctx, b, func(a object.Access) bool { return a.Owner || a.Write && b.Settings.Policy == nil })
}

// mayBy refuses who is no administrator, and has no key with a right that is enough.
func (n *Node) mayBy(ctx context.Context, b *object.Bucket, enough func(object.Access) bool) error {
	admin, err := n.isAdmin(ctx)
	if err != nil || admin {
		return err
	}
	for id, a := range b.Grants {
		if !enough(a) {
			continue
		}
		k, err := n.accounts.Key(ctx, id)
		if err == nil && k.Member == n.operator() {
			return nil
		}
		if err != nil && !errors.Is(err, errs.NotFound) {
			return err
		}
	}
	return errs.New(errs.Denied, "that is somebody else's: only its owner, or an administrator, may do this")
}

// mayUse refuses whose key it is not.
func (n *Node) mayUse(ctx context.Context, k *account.Key) error {
	admin, err := n.isAdmin(ctx)
	if err == nil && !admin && k.Member != n.operator() {
		err = errs.New(errs.Denied, "that is somebody else's: only its owner, or an administrator, may do this")
	}
	return err
}

// mayFollow is S3's word on a link that k signed; before there is anybody to ask it works.
func (n *Node) mayFollow(ctx context.Context, b *object.Bucket, k *account.Key, key, link string) bool {
	if front := n.front.Load(); front != nil {
		if f, ok := (*front).(s3.Follows); ok {
			return f.MayFollow(ctx, b, k, key, link)
		}
	}
	return true
}

func (n *Node) isAdmin(ctx context.Context) (bool, error) {
	id := n.operator()
	if id.IsZero() {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, namesPatience)
	defer cancel()
	m, err := n.accounts.Member(ctx, id)
	switch {
	case err == nil:
		return m.Admin, n.keepRights(m.Admin)
	case errors.Is(err, errs.NotFound):
		return false, nil
	case !errors.Is(err, errs.Unavailable):
		return false, err
	}
	last, known, lerr := n.rows.Find(rightsKey)
	if lerr == nil && !known {
		lerr = err
	}
	return len(last) == 1 && last[0] == 1, lerr
}

func (n *Node) keepRights(admin bool) error {
	last, known, err := n.rows.Find(rightsKey)
	now := []byte{0}
	if admin {
		now[0] = 1
	}
	if err != nil || known && string(last) == string(now) {
		return err
	}
	return n.rows.Set(rightsKey, now)
}

// invited returns whose the machines of an invitation will be. Whoever is let in has the
// key of the whole rhizome, so inviting is for administrators, for the own machines too.
func (n *Node) invited(ctx context.Context, name string) (ident.ID, error) {
	if err := n.mayAll(ctx); err != nil || name == "" {
		return n.member, err
	}
	m, err := n.memberNamed(ctx, name)
	if err != nil {
		return ident.ID{}, err
	}
	return m.ID, nil
}

// namesPatience is how long names of members are waited for: a list of nodes without
// them is better than none.
const namesPatience = 2 * time.Second

// memberNamed finds a member, or makes one. The first member is found by the name that it
// was given in any language, for each person reads it in the own.
func (n *Node) memberNamed(ctx context.Context, name string) (*account.Member, error) {
	if said := lang.InEach(firstMemberName); slices.Contains(said, name) {
		all, err := n.accounts.Members(ctx)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(all, func(m *account.Member) bool { return slices.Contains(said, m.Name) }); i >= 0 {
			name = all[i].Name
		}
	}
	return n.accounts.MemberNamed(ctx, name)
}

// firstMemberName is what the first member is called until there is another name.
const firstMemberName = "first member"

// names returns what members are called, as far as that can be read now. Under the zero ID
// stands who runs the nodes that no layout gives to anybody: the first administrator.
func (n *Node) names(ctx context.Context) map[ident.ID]string {
	ctx, cancel := context.WithTimeout(ctx, namesPatience)
	defer cancel()
	out := map[ident.ID]string{}
	all, _ := n.accounts.Members(ctx)
	slices.SortFunc(all, func(a, b *account.Member) int { return a.Created.Compare(b.Created) })
	for _, m := range all {
		out[m.ID] = m.Name
		if _, known := out[ident.ID{}]; m.Admin && !known {
			out[ident.ID{}] = m.Name
		}
	}
	return out
}
