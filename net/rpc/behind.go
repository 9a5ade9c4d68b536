package rpc

import "context"

type instead struct{}

// Behind returns a context for work that no person waits for: calls of class Urgent or Bulk
// that are made on its behalf are Background, and count in no node as load that such work
// gives way to.
func Behind(ctx context.Context) context.Context {
	return context.WithValue(ctx, instead{}, Background)
}

// Aside returns a context for what a person, or a program that watches for one, asks about
// the node: calls of class Urgent that are made on its behalf are Control. They come
// through at once, however narrow the bandwidth for Background is, and are no load either:
// to look how repair gets on must not slow it.
func Aside(ctx context.Context) context.Context { return context.WithValue(ctx, instead{}, Control) }

// ClassOf returns the class of a call under a context that would be c.
func ClassOf(ctx context.Context, c Class) Class {
	switch of, _ := ctx.Value(instead{}).(Class); {
	case ctx.Value(instead{}) == nil, c == Control, of == Control && c != Urgent:
		return c
	default:
		return of
	}
}
