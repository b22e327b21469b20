package payloads_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// moving records what it has written first for all that it is to write after that.
type moving struct {
	codec.Codec

	mu    sync.Mutex
	first []byte
}

// Encode implements [codec.Codec].
func (m *moving) Encode(ctx context.Context, at codec.Meta, v any) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first != nil {
		return m.first, nil
	}
	p, err := m.Codec.Encode(ctx, at, v)
	m.first = p
	return p, err
}

// TestMovedPayloadsAreRefused: a payload that was sealed, or is kept elsewhere, is not read at
// another operation, nor in another execution. Without either it is, so that the test is one.
func TestMovedPayloadsAreRefused(t *testing.T) {
	t.Parallel()
	both := func(ctx op.Context, _ int) (string, error) {
		a, err := replay.Run(ctx, step("a", "of a"))
		if err != nil {
			return "", err
		}
		b, err := replay.Run(ctx, step("b", "of b"))
		return short(a, b), err
	}
	alone := func(ctx op.Context, _ int) (string, error) { return replay.Run(ctx, step("a", "of a")) }
	open := map[string]bool{"JSON": true, "zstd": true, "gzip": true}
	for name, make := range codecs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain := codec.Chain(codec.JSON(), make(t, nil)...)
			for reason, run := range map[string]func() error{
				"to another operation": func() error {
					return replaytest.Run(t, replay.Handler(both, replay.WithCodec(&moving{Codec: chain})), 1).Err
				},
				"to another execution": func() error {
					m := &moving{Codec: chain}
					if r := replaytest.Run(t, replay.Handler(alone, replay.WithCodec(m)), 1, replaytest.WithFunctionName("one")); r.Err != nil {
						t.Fatal(r.Err)
					}
					return replaytest.Run(t, replay.Handler(alone, replay.WithCodec(m)), 1, replaytest.WithFunctionName("two")).Err
				},
			} {
				err := run()
				if refused := err != nil && strings.Contains(err.Error(), "for another place"); refused == open[name] || err != nil && !refused {
					t.Errorf("%s: %v", reason, err)
				}
			}
		})
	}
}
