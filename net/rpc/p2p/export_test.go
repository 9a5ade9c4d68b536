package p2p

// Unused returns how many bytes may be sent, may come and may be relayed at once, of what is
// limited. A limit of 1 byte a second gives back as good as nothing meanwhile.
func (h *Host) Unused() (sent, came, relayed int) {
	return int(h.background.Tokens()), int(h.coming.Tokens()), int(h.relayed.Tokens())
}
