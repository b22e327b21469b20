package compress_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/codec/compress"
)

// now is a transform that now and then fails for now: each few calls, and never for one payload
// twice in a row.
type now struct {
	codec.Transform

	mu    sync.Mutex
	calls int
	last  string
}

func (n *now) fails(at codec.Stage, reading bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()

	place := fmt.Sprint(at, reading)
	if n.calls++; n.calls%6 != 0 || n.last == place {
		n.last = ""

		return nil
	}

	n.last = place

	return codec.Transient(errors.New("it does not answer"))
}

func (n *now) Apply(ctx context.Context, at codec.Stage, p []byte) ([]byte, bool, error) {
	if err := n.fails(at, false); err != nil {
		return nil, false, err
	}

	return n.Transform.Apply(ctx, at, p)
}

func (n *now) Revert(ctx context.Context, at codec.Stage, p []byte) ([]byte, error) {
	if err := n.fails(at, true); err != nil {
		return nil, err
	}

	return n.Transform.Revert(ctx, at, p)
}

// text is a result that compression makes shorter.
func text(n int) string { return strings.Repeat("payload "+strconv.Itoa(n)+", ", 200) }

// sale has payloads of each kind: results, those of branches, states, errors, and its own.
func sale(ctx op.Context, n int) (string, error) {
	first, err := replay.Run(ctx, op.Step("first", func(context.Context) (string, error) { return text(n), nil }))
	if err != nil {
		return "", err
	}

	all, err := replay.Run(ctx, op.Map("all", []int{1, 2, 3}, op.StepFunc("each", func(_ context.Context, i int) (string, error) {
		return text(i), nil
	})))
	if err != nil {
		return "", err
	}

	last, err := replay.Run(ctx, op.Step("again", func(ctx context.Context) (string, error) {
		if s, ok, err := op.StateFrom[string](ctx); ok || err != nil {
			return s, err
		}

		return "", retry.Again(text(4))
	}, op.WithRetry(retry.Fixed(time.Second))))
	if err != nil {
		return "", err
	}

	failed := replay.Exec(ctx, op.Do("refuse", func(context.Context) error { return retry.Permanent(errors.New(text(5))) }))

	return fmt.Sprint(len(first), len(all.Values()), len(last), len(failed.Error())), replay.Exec(ctx, op.Wait("pause", time.Minute))
}

// An execution whose payloads are compressed, sealed and kept elsewhere ends the same wherever
// it is interrupted, while keys and store fail now and then.
func TestExploreCompressedPayloads(t *testing.T) {
	t.Parallel()

	key, err := seal.GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}

	for name, smaller := range map[string]codec.Transform{
		"zstd": compress.Zstd(compress.WithThreshold(100)), "gzip": compress.Gzip(compress.WithThreshold(100)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			objects, err := filestore.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}

			chain := codec.Chain(codec.JSON(), smaller, &now{Transform: seal.New(seal.Static(key))},
				&now{Transform: offload.New(objects, offload.WithThreshold(0))})
			f := replay.Handler(sale, replay.WithCodec(chain), replay.WithErrorCodec(chain), replay.WithHandlerCodec(chain))
			replaytest.Explore(t, f, 1, replaytest.WithSchedules(draws.Count(10)))
		})
	}
}
