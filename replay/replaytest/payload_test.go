package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// store keeps objects in memory.
type store struct{ objects sync.Map }

func (s *store) Put(_ context.Context, k offload.Key, object []byte) error {
	s.objects.Store(k, string(object))
	return nil
}

func (s *store) Get(_ context.Context, k offload.Key, _ int64) ([]byte, error) {
	o, _ := s.objects.Load(k)
	text, ok := o.(string)
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

var errLate = errors.New("the store does not answer")

// fickle is a transform that fails for now each so many calls.
type fickle struct {
	codec.Transform

	every int64
	calls *atomic.Int64
}

func (f fickle) fails() error {
	if f.calls.Add(1)%f.every == 0 {
		return codec.Transient(errLate)
	}
	return nil
}

func (f fickle) Apply(ctx context.Context, at codec.Stage, p []byte) ([]byte, bool, error) {
	if err := f.fails(); err != nil {
		return nil, false, err
	}
	return f.Transform.Apply(ctx, at, p)
}

func (f fickle) Revert(ctx context.Context, at codec.Stage, p []byte) ([]byte, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.Transform.Revert(ctx, at, p)
}

// chain is a codec of payloads that open at their place alone.
type chain struct {
	name string
	make func(k *seal.Key) codec.Codec
}

func chains() []chain {
	return []chain{
		{"sealed", func(k *seal.Key) codec.Codec {
			return codec.Chain(codec.JSON(), codec.Required(seal.New(seal.Static(k))))
		}},
		{"sealed and kept elsewhere", func(k *seal.Key) codec.Codec {
			return codec.Chain(codec.JSON(), codec.Required(seal.New(seal.Static(k))), offload.New(&store{}, offload.WithThreshold(0)))
		}},
		{"keys and stores that fail now and then", func(k *seal.Key) codec.Codec {
			calls := &atomic.Int64{}
			return codec.Chain(codec.JSON(), codec.Required(fickle{seal.New(seal.Static(k)), 7, calls}),
				fickle{offload.New(&store{}, offload.WithThreshold(0)), 5, calls})
		}},
	}
}

func newKey(tb testing.TB) *seal.Key {
	tb.Helper()
	k, err := seal.GenerateKey("k1")
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// Every payload is read where it was written, whatever operation it is of: a handler whose payloads open at their
// place alone comes to what it comes to without a codec.
func TestPayloadsOpenWhereTheyStand(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	for name, p := range corpus() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := replaytest.Run(t, replay.Handler(p.run, p.set...), 0, p.plain()...)
			for _, c := range chains() {
				set := append([]replay.HandlerOption{replay.WithCodec(c.make(k))}, p.set...)
				r := replaytest.Run(t, replay.Handler(p.run, set...), 0, p.plain()...)
				if r.Value != plain.Value || fmt.Sprint(r.Err) != fmt.Sprint(plain.Err) || r.Status != plain.Status {
					t.Errorf("%s: it is %s with %q, %v, want %s with %q, %v", c.name,
						r.Status, r.Value, r.Err, plain.Status, plain.Value, plain.Err)
				}
			}
		})
	}
}
