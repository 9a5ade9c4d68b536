package api

import "time"

// NewInvitation is POST /v1/invitations; its answer is an Invitation with its Text.
type NewInvitation struct {
	// Uses is how many machines may join, 1 to 100.
	Uses int `json:"uses"`
	// Seconds is how long it serves, a minute to 30 days.
	Seconds int64 `json:"seconds"`
	// Operator is the name of the member whose the machines that join will be: one who is
	// no administrator is made if there is none of that name. Empty: who invites.
	Operator string `json:"operator,omitempty"`
}

// Bounds of an invitation.
const (
	MaxUses              = 100
	MinInvitationSeconds = 60
	MaxInvitationSeconds = 30 * 24 * 3600
)

// Invitation lets machines join. GET /v1/invitations is a list of them, the newest
// first; DELETE /v1/invitations/{id} revokes one, by its ID or the beginning of it.
type Invitation struct {
	ID string `json:"id"`
	// Text is the invitation itself, a secret; it is told once, to who makes it.
	Text string `json:"text,omitempty"`
	// Near: it names no address of the Internet, so that it serves in this network alone. It is
	// told with Text.
	Near    bool      `json:"near,omitempty"`
	State   string    `json:"state"` // "open", "used", "expired", "revoked"
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Uses    int       `json:"uses"`
	// Operator is the name of the member whose the machines will be.
	Operator string `json:"operator,omitempty"`
	// Joined are the IDs of the nodes that joined by it.
	Joined []string `json:"joined"`
}

// InvitationOpen is the state of an invitation that still serves, InvitationUsed that of
// one by which as many joined as may.
const (
	InvitationOpen = "open"
	InvitationUsed = "used"
)
