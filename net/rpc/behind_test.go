package rpc

import "testing"

func TestBehind(t *testing.T) {
	ctx := Behind(t.Context())
	if ClassOf(ctx, Urgent) != Background || ClassOf(ctx, Bulk) != Background || ClassOf(ctx, Control) != Control || ClassOf(t.Context(), Urgent) != Urgent {
		t.Error("work that nobody waits for is not in the background, or other work is")
	}
}
