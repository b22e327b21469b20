package replay_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// slowError is a registered error whose conversion waits for a gate, as one that asks a service for
// a key would.
type slowError struct{ gate *gate }

func (e *slowError) Error() string { return "slow" }

func (e *slowError) MarshalJSON() ([]byte, error) { e.gate.pass(); return []byte(`{}`), nil }

func (e *slowError) UnmarshalJSON([]byte) error {
	e.gate = theGate
	e.gate.pass()
	return nil
}

// gate lets pass who comes once it is open. It notes whether one has waited too long.
type gate struct {
	open chan struct{}
	once sync.Once

	mu   sync.Mutex
	late bool
}

// theGate is that of the errors that are read back: a decoder is given nothing to find it by.
var theGate *gate

func (g *gate) pass() {
	if g == nil {
		return
	}
	select {
	case <-g.open:
	case <-time.After(2 * time.Second): // no deadlock in a test that fails
		g.mu.Lock()
		g.late = true
		g.mu.Unlock()
	}
}

func (g *gate) lift() { g.once.Do(func() { close(g.open) }) }

// TestConversionsRunBesideOtherBranches: while an error or a state of one branch is converted by
// code of the user's, which may take time, another branch goes on.
func TestConversionsRunBesideOtherBranches(t *testing.T) { //nolint:paralleltest // theGate is one
	known := op.WithErrors(codec.ErrorType[*slowError]("Slow"))
	fails := func(g *gate, o ...op.StepOption) op.Op[int] {
		return op.Step("fails", func(context.Context) (int, error) { return 0, &slowError{g} }, append(o, known)...)
	}
	tests := []struct {
		reason string
		branch func(g *gate) op.Op[int]
		decode bool // not what writes the error waits, but what reads it
	}{
		{"the error of a step that is not retried", func(g *gate) op.Op[int] { return fails(g, op.WithRetry(retry.Never())) }, false},
		{"the error of an attempt", func(g *gate) op.Op[int] {
			return fails(g, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(2))))
		}, false},
		{"the error of a group", func(g *gate) op.Op[int] {
			return op.Group("fails", func(op.Context) (int, error) { return 0, &slowError{g} }, known)
		}, false},
		{"the error of a step that is read back", func(*gate) op.Op[int] { return fails(nil, op.WithRetry(retry.Never())) }, true},
		{"a state for the next attempt, with a codec that asks for a key", func(*gate) op.Op[int] {
			return op.Step("fails", func(context.Context) (int, error) { return 0, retry.Again(1) },
				op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(2))))
		}, false},
	}
	for _, tt := range tests { //nolint:paralleltest // see above
		t.Run(tt.reason, func(t *testing.T) {
			g := &gate{open: make(chan struct{})}
			if theGate = nil; tt.decode {
				theGate = g
			}
			other := op.Group("other", func(ctx op.Context) (int, error) {
				if _, err := replay.Run(ctx, op.Step("first", func(context.Context) (int, error) { return 1, nil })); err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Step("second", func(context.Context) (int, error) { g.lift(); return 2, nil }))
			})
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
				b, err := replay.Run(ctx, op.Parallel("both", []op.Op[int]{tt.branch(g), other}, op.WithCompletion(op.AllCompleted())))
				return len(b.Items), err
			}, replay.WithLogHandler(slog.DiscardHandler), replay.WithCodec(slowCodec{codec.JSON(), g})), "null")
			if end(e) != "SUCCEEDED 2" {
				t.Errorf("ended as %s", end(e))
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.late {
				t.Error("the other branch stood still during the conversion")
			}
		})
	}
}

// slowCodec is JSON, written as slowly as a key can be had.
type slowCodec struct {
	codec.Codec

	gate *gate
}

func (c slowCodec) Encode(ctx context.Context, m codec.Meta, v any) ([]byte, error) {
	if m.Part == codec.PartState {
		c.gate.pass()
	}
	return c.Codec.Encode(ctx, m, v)
}
