package admin

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// checkChange refuses a change that makes no sense whatever the layout is.
func checkChange(c api.LayoutChange) error {
	if (c.Node == "") != (c.Kind == api.ChangeReplicas) {
		return errs.New(errs.Invalid, "say which node is meant")
	}
	if c.Lost && c.Kind != api.ChangeRemove {
		return errs.New(errs.Invalid, "only a node that is removed can be lost")
	}
	switch c.Kind {
	case api.ChangeDrain, api.ChangeUndrain, api.ChangeRemove, api.ChangeWitness:
		return nil
	case api.ChangeCapacity:
		if c.Capacity < 0 || c.Capacity > 0 && c.Capacity < api.LeastCapacity {
			return errs.Newf(errs.Invalid, "a node's capacity is at least %d MB, or 0 to keep nothing there", api.LeastCapacity/1_000_000)
		}
		return nil
	case api.ChangeZone:
		return checkHome(c.Zone)
	case api.ChangeOperator:
		if c.Operator == "" || len(c.Operator) > 128 {
			return errs.New(errs.Invalid, "a member's name has 1 to 128 bytes")
		}
		return nil
	case api.ChangeReplicas:
		return checkReplicas(c.Replicas, c.Zones)
	}
	return errs.Newf(errs.Invalid, "the node does not know the change %q: is the program newer than the node?", c.Kind)
}

func checkHome(name string) error {
	bad := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if name == "" || len(name) > 128 || !utf8.ValidString(name) || strings.TrimSpace(name) != name || bad {
		return errs.New(errs.Invalid, "a home needs a name of 1 to 128 bytes that can be printed, without spaces around it")
	}
	return nil
}

func checkReplicas(replicas, zones int) error {
	if replicas < 1 || replicas > api.MaxReplicas || replicas%2 == 0 {
		return errs.Newf(errs.Invalid, "there can be 1, 3, 5 or 7 copies, not %d: an even number would be no safer than one less", replicas)
	}
	if zones < 0 || zones > replicas {
		return errs.Newf(errs.Invalid, "%d copies cannot be in %d homes", replicas, zones)
	}
	return nil
}

// checkLimits refuses hours that cannot be read or that contradict each other.
func checkLimits(l api.Limits) error {
	if l.Default < 0 || l.Relay < 0 {
		return errs.New(errs.Invalid, "a limit cannot be less than 0, which is none")
	}
	if len(l.Background) > api.MaxLimitHours {
		return errs.Newf(errs.Invalid, "there can be %d limits by the hour, not %d", api.MaxLimitHours, len(l.Background))
	}
	for i, h := range l.Background {
		if _, _, ok := h.Minutes(); !ok {
			return errs.Newf(errs.Invalid, "%s-%s are no hours of the day: write them as 08:00-23:00", h.From, h.To)
		}
		if h.Rate < 0 {
			return errs.New(errs.Invalid, "a limit cannot be less than 0, which is none")
		}
		for _, other := range l.Background[:i] {
			if h.Overlap(other) {
				return errs.Newf(errs.Invalid, "two limits hold at the same time: %s-%s and %s-%s", other.From, other.To, h.From, h.To)
			}
		}
	}
	return nil
}
