package node

import (
	"context"
	"time"

	"rhizome/base/codec"
	"rhizome/gateway/admin/api"
)

// limitsKey holds how much of the line background work may use.
//
//	'n' 'b'  limitsRecord
var limitsKey = []byte("nb")

type limitsRecord struct {
	Hours   []hoursRecord `cbor:"1,keyasint,omitempty"`
	Default int64         `cbor:"2,keyasint,omitempty"` // bytes per second; 0: no limit
	Relay   int64         `cbor:"3,keyasint,omitempty"`
}

type hoursRecord struct {
	From string `cbor:"1,keyasint"` // 15:04, by the clock on this computer's wall
	To   string `cbor:"2,keyasint"`
	Rate int64  `cbor:"3,keyasint"`
}

// Limits implements admin.Cluster.
func (n *Node) Limits(context.Context) (api.Limits, error) {
	out := api.Limits{Background: []api.LimitHours{}}
	raw, known, err := n.rows.Find(limitsKey)
	if err != nil || !known {
		return out, err
	}
	var r limitsRecord
	if err := codec.Decode(raw, &r); err != nil {
		return out, err
	}
	out.Default, out.Relay = r.Default, r.Relay
	for _, h := range r.Hours {
		out.Background = append(out.Background, api.LimitHours{From: h.From, To: h.To, Rate: h.Rate})
	}
	return out, nil
}

// SetLimits implements admin.Cluster.
func (n *Node) SetLimits(_ context.Context, l api.Limits) error {
	r := limitsRecord{Default: l.Default, Relay: l.Relay}
	for _, h := range l.Background {
		r.Hours = append(r.Hours, hoursRecord{h.From, h.To, h.Rate})
	}
	if err := n.rows.Set(limitsKey, codec.Encode(&r)); err != nil {
		return err
	}
	select {
	case n.limited <- struct{}{}:
	default:
	}
	return nil
}

// keepLimits has the links go by the limits, at each full minute anew.
func (n *Node) keepLimits(ctx context.Context) error {
	for {
		l, err := n.Limits(ctx)
		if err != nil {
			return err
		}
		// The wall's time, in the zone of the machine: it is people's evenings that count.
		now := n.members.Clock().Now().Local()
		n.links.SetBackground(int(l.At(now)))
		n.links.SetRelay(int(l.Relay))
		if !n.awaitHour(ctx, len(l.Background) > 0, now) {
			return nil
		}
	}
}

// awaitHour waits until the limits may be others, false if ctx ended.
func (n *Node) awaitHour(ctx context.Context, hourly bool, now time.Time) bool {
	var minute <-chan time.Time
	if hourly {
		timer := time.NewTimer(time.Minute - time.Duration(now.Second())*time.Second)
		defer timer.Stop()
		minute = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-n.limited:
	case <-minute:
	}
	return true
}
