package node

import (
	"context"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/account"
)

// The first member and the first key are made at the first start, and a person is told
// of the key. A mark in the row store stands from before the member is made until the
// key was told: a start that is cut short anywhere between is simply repeated.
//
//	'n' 'w'  empty
//	'n' 'm'  the member whose node this is, 16 bytes
var (
	firstMark = []byte("nw")
	memberKey = []byte("nm")
)

// firstKeyFile holds the first key when there was no terminal to show it on.
const firstKeyFile = "first-key.txt"

// welcome makes the first member and the first key where there are none, or finds
// those that nobody was told of. A node that knows its member asks no other for it: the
// others may be away.
func (n *Node) welcome(ctx context.Context) error {
	untold, err := n.untold()
	if err != nil {
		return err
	}
	known, err := n.knownMember()
	if err != nil || known && !untold {
		return err
	}
	members, err := n.accounts.Members(ctx)
	if err != nil {
		return err
	}
	if len(members) > 0 {
		n.member = members[0].ID
	} else if err := n.firstMember(ctx); err != nil {
		return err
	}
	if err := n.keepMember(); err != nil {
		return err
	}
	if len(members) > 0 && !untold {
		return nil
	}
	n.first, err = n.firstKey(ctx)
	return err
}

// knownMember finds out whose node this is, as far as that is known here.
func (n *Node) knownMember() (bool, error) {
	if id := n.operator(); !id.IsZero() {
		n.member = id
		return true, nil
	}
	raw, known, err := n.rows.Find(memberKey)
	if known {
		n.member, err = ident.FromKey(string(raw))
	}
	return known, err
}

func (n *Node) keepMember() error {
	return n.rows.Set(memberKey, n.member[:])
}

func (n *Node) untold() (bool, error) {
	_, untold, err := n.rows.Find(firstMark)
	return untold, err
}

func (n *Node) firstMember(ctx context.Context) error {
	if err := n.rows.Set(firstMark, nil); err != nil {
		return err
	}
	m, err := n.accounts.CreateMember(ctx, n.config.Member, true)
	if err != nil {
		return err
	}
	n.member = m.ID
	return nil
}

// firstKey returns the oldest key, and makes it if there is none.
func (n *Node) firstKey(ctx context.Context) (*account.Key, error) {
	keys, err := n.accounts.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return n.accounts.CreateKey(ctx, n.config.KeyName, n.member, true)
	}
	first := keys[0]
	for _, k := range keys[1:] {
		if k.Created.Before(first.Created) {
			first = k
		}
	}
	return first, nil
}

// FirstKey is the first key if nobody was told of it yet, else nil. Whoever told
// somebody says so with Told, or keeps the key with KeepFirstKey.
func (n *Node) FirstKey() *account.Key { return n.first }

// Told notes durably that somebody knows the first key.
func (n *Node) Told() error {
	return n.rows.Delete(firstMark)
}

// KeepFirstKey writes a text with the first key into the data folder, for its owner
// alone, and says where. It is durable when it returns, and the key counts as told.
func (n *Node) KeepFirstKey(text string) (path string, err error) {
	path = n.folder.at(firstKeyFile)
	if err := writeDurably(path, []byte(text)); err != nil {
		return "", errs.Newf(errs.Internal, "the first key cannot be kept: %w", err)
	}
	return path, n.Told()
}
