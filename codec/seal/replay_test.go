package seal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// planted begins all secrets of these tests.
const planted = "4111-secret"

// heap is a store in memory.
type heap struct{ objects sync.Map }

func (h *heap) Put(_ context.Context, k offload.Key, object []byte) error {
	h.objects.Store(k, string(object))
	return nil
}

func (h *heap) Get(_ context.Context, k offload.Key, _ int64) ([]byte, error) {
	o, _ := h.objects.Load(k)

	text, ok := o.(string)
	if !ok {
		return nil, fs.ErrNotExist
	}

	return []byte(text), nil
}

// cards is a handler whose operations return secrets.
func cards(ctx op.Context, n int) (int, error) {
	read := op.StepFunc("read-card", func(_ context.Context, i int) (string, error) {
		return fmt.Sprint(planted, i), nil
	})

	first, err := replay.Run(ctx, read(0))
	if err != nil {
		return 0, err
	}

	if err := replay.Exec(ctx, op.Wait("cool-off", time.Hour)); err != nil {
		return 0, err
	}

	many := make([]int, n)
	for i := range many {
		many[i] = i + 1
	}

	all, err := replay.Run(ctx, op.Map("read-cards", many, read))
	if err != nil {
		return 0, err
	}

	both, err := replay.Run(ctx, op.Group("both", func(ctx op.Context) (string, error) {
		last, err := replay.Run(ctx, read(len(many)))
		return last[:0] + first + strings.Join(all.Values(), ""), err
	}))

	return len(both), err
}

func TestExecutionsWithSealedPayloads(t *testing.T) {
	t.Parallel()

	k := newKey(t, "k1")

	tests := []struct {
		reason     string
		transforms func() []codec.Transform
		shows      bool
	}{
		{reason: "plain, so that the search is one", shows: true, transforms: func() []codec.Transform { return nil }},
		{reason: "sealed", transforms: func() []codec.Transform {
			return []codec.Transform{codec.Required(seal.New(seal.Static(k)))}
		}},
		{reason: "sealed and kept elsewhere", transforms: func() []codec.Transform {
			return []codec.Transform{
				codec.Required(seal.New(seal.Static(k))), codec.Required(offload.New(&heap{}, offload.WithThreshold(0))),
			}
		}},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			f := replay.Handler(cards, replay.WithCodec(codec.Chain(codec.JSON(), tt.transforms()...)))

			r := replaytest.Run(t, f, 3)
			if r.Err != nil || r.Value != 4*len(planted+"0") || r.Invocations < 2 {
				t.Fatalf("got %d, %v after %d invocations", r.Value, r.Err, r.Invocations)
			}

			var sent strings.Builder
			for _, c := range r.Calls {
				for _, u := range c.Updates {
					sent.Write(u.Payload.Bytes())
				}
			}

			for what, v := range map[string]any{"history": r.History, "operations": r.Operations, "calls": sent.String(), "logs": r.Logs} {
				text, err := json.Marshal(v)
				if shows := strings.Contains(string(text), planted); err != nil || shows != (tt.shows && what != "logs") {
					t.Errorf("%s show a secret: %v, %v, want %v: %.2000s", what, shows, err, tt.shows, text)
				}
			}

			replaytest.Explore(t, f, 3, replaytest.WithSchedules(20))
		})
	}
}

// A record of one operation that stands at another one, or in another execution, ends the
// execution.
func TestExecutionRefusesPayloadsOfAnother(t *testing.T) {
	t.Parallel()

	k := newKey(t, "k1")
	c := &swapping{Codec: codec.Chain(codec.JSON(), seal.New(seal.Static(k)))}
	f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
		read := op.StepFunc("read-card", func(_ context.Context, i int) (string, error) { return fmt.Sprint(planted, i), nil })

		first, err := replay.Run(ctx, read(0).Key("a"))
		if err != nil {
			return "", err
		}

		second, err := replay.Run(ctx, read(1).Key("b"))

		return first + second, err
	}, replay.WithCodec(c))

	r := replaytest.Run(t, f, 1)
	if e, ok := errors.AsType[*op.Error](r.Err); !ok || !strings.Contains(e.Error(), seal.ErrMoved.Error()) {
		t.Errorf("got %q, %v, want %v", r.Value, r.Err, seal.ErrMoved)
	}
}

// swapping records the payload of the first operation for all others, too.
type swapping struct {
	codec.Codec

	mu    sync.Mutex
	first []byte
}

func (s *swapping) Encode(ctx context.Context, m codec.Meta, v any) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.first != nil {
		return s.first, nil
	}

	p, err := s.Codec.Encode(ctx, m, v)
	s.first = p

	return p, err
}
