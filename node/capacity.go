package node

import (
	"rhizome/base/codec"
	"rhizome/cluster/layout"
)

// capacityKey holds what this node last told the layout of its capacity.
//
//	'n' 'c'  capacityMark
var capacityKey = []byte("nc")

// capacityMark tells a setting that was changed from one that the layout was told already, and
// a capacity that a person chose from one that this node found on its disks.
type capacityMark struct {
	Told int64 `cbor:"1,keyasint,omitempty"` // the setting; 0: there was none
	Own  int64 `cbor:"2,keyasint,omitempty"` // what the disks held, if the layout has that
}

// capacityMark returns the mark; nodes of before there were marks have none until they settled in.
func (n *Node) capacityMark() (m capacityMark, found bool, err error) {
	raw, found, err := n.rows.Find(capacityKey)
	if err == nil && found {
		err = codec.Decode(raw, &m)
	}
	return m, found, err
}

// wantsCapacity returns the capacity that this node wants of a layout, the mark to keep once it has
// it, and whether that is a change. The layout's stands, as a person may have changed it there,
// unless the setting is another than the last time.
func (n *Node) wantsCapacity(l *layout.Layout, me *layout.Node, joining bool) (int64, capacityMark, bool) {
	m, found, err := n.capacityMark()
	if err != nil || me.Witness {
		return 0, m, false
	}
	id, setting, offers := n.keys.id(), n.config.Capacity, n.offers()
	untold := me.Capacity == 0 && (joining || len(l.Nodes) == 1 || keeps(l, id)) // else it is a gateway, and stays one
	// Without a mark (a rebuild of the rows loses it) the layout is believed.
	changed := found && setting != m.Told && (setting > 0 || me.Capacity == m.Told)
	if offers > 0 && (untold || changed) && offers != me.Capacity {
		if setting > 0 {
			return offers, capacityMark{Told: setting}, true
		}
		return offers, capacityMark{Own: offers}, true
	}
	if setting == 0 && (!found || changed) {
		m.Own = me.Capacity
	}
	m.Told = setting
	return 0, m, false
}

// noteCapacity keeps what the layout was told, and the limit that follows.
func (n *Node) noteCapacity(m capacityMark) error {
	had, found, err := n.capacityMark()
	if err == nil && (!found || had != m) {
		err = n.rows.Set(capacityKey, codec.Encode(m))
	}
	if err == nil {
		n.adopting.Lock() // what comes meanwhile comes after
		defer n.adopting.Unlock()
		n.limitDisks(n.members.Layout())
	}
	return err
}

// limitDisks, under n.adopting, makes the capacity that the layout gives this node the limit of what lies on its
// disks, if a person chose it: by the setting, or later for the node that runs.
func (n *Node) limitDisks(l *layout.Layout) {
	m, found, err := n.capacityMark()
	limit := n.config.Capacity
	me := l.Node(n.keys.id())
	if err == nil && found && me != nil && me.Capacity > 0 && limit == m.Told && (limit > 0 || me.Capacity != m.Own) {
		limit = me.Capacity
	}
	n.disks.SetCapacity(limit)
}
