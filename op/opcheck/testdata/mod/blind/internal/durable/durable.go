// Package durable has helpers that several services share.
package durable

import (
	"fmt"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Each runs what b makes of each item, one after the other.
func Each[In, Out any](ctx op.Context, items []In, b op.Builder[In, Out]) ([]Out, error) {
	out := make([]Out, 0, len(items))
	for i, it := range items {
		v, err := replay.Run(ctx, b(it))
		if err != nil {
			return out, fmt.Errorf("item %d: %w", i, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// Session is a scope with the name of what it works on.
type Session struct {
	ctx     op.Context
	Subject string
}

// Open opens a session.
func Open(ctx op.Context, subject string) *Session { return &Session{ctx: ctx, Subject: subject} }

// Do runs a step without a result.
func (s *Session) Do(o op.Op[op.None]) error {
	if err := replay.Exec(s.ctx, o); err != nil {
		return fmt.Errorf("%s: %w", s.Subject, err)
	}
	return nil
}
