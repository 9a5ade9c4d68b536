package rpc

import "context"

type behind struct{}

// Behind returns a context for work that no person waits for: calls of class Urgent or Bulk
// that are made on its behalf are Background, and count in no node as load that such work
// gives way to.
func Behind(ctx context.Context) context.Context { return context.WithValue(ctx, behind{}, true) }

// ClassOf returns the class of a call under a context that would be c.
func ClassOf(ctx context.Context, c Class) Class {
	if c != Control && ctx.Value(behind{}) != nil {
		return Background
	}
	return c
}
