package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
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

// fickle is a transform that fails for now every few calls, and never for one payload twice in a
// row.
type fickle struct {
	codec.Transform

	every int64
	calls *atomic.Int64
	last  *sync.Map
}

func (f fickle) fails(ctx context.Context, at codec.Stage, reading bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the call was cut short: %w", err)
	}
	place := fmt.Sprint(at, reading)
	if _, again := f.last.LoadAndDelete(place); again || f.calls.Add(1)%f.every != 0 {
		return nil
	}
	f.last.Store(place, true)
	return codec.Transient(errLate)
}

func (f fickle) Apply(ctx context.Context, at codec.Stage, p []byte) ([]byte, bool, error) {
	if err := f.fails(ctx, at, false); err != nil {
		return nil, false, err
	}
	return f.Transform.Apply(ctx, at, p)
}

func (f fickle) Revert(ctx context.Context, at codec.Stage, p []byte) ([]byte, error) {
	if err := f.fails(ctx, at, true); err != nil {
		return nil, err
	}
	return f.Transform.Revert(ctx, at, p)
}

// chain is a codec of payloads that open at their place alone.
type chain struct {
	name string
	// make has plain payloads refused if strict.
	make func(k *seal.Key, strict bool) codec.Codec
}

func chains() []chain {
	sealing := func(k *seal.Key, strict bool) codec.Transform {
		if t := seal.New(seal.Static(k)); !strict {
			return t
		}
		return codec.Required(seal.New(seal.Static(k)))
	}
	return []chain{
		{"sealed", func(k *seal.Key, strict bool) codec.Codec { return codec.Chain(codec.JSON(), sealing(k, strict)) }},
		{"sealed and kept elsewhere", func(k *seal.Key, strict bool) codec.Codec {
			return codec.Chain(codec.JSON(), sealing(k, strict), offload.New(&store{}, offload.WithThreshold(0)))
		}},
		{"kept elsewhere", func(_ *seal.Key, strict bool) codec.Codec {
			t := offload.New(&store{}, offload.WithThreshold(0))
			if strict {
				t = codec.Required(t)
			}
			return codec.Chain(codec.JSON(), t)
		}},
		{"keys and stores that fail now and then", func(k *seal.Key, strict bool) codec.Codec {
			calls, last := &atomic.Int64{}, &sync.Map{}
			keys := codec.Transform(fickle{seal.New(seal.Static(k)), 7, calls, last})
			if strict {
				keys = codec.Required(keys)
			}
			return codec.Chain(codec.JSON(), keys, fickle{offload.New(&store{}, offload.WithThreshold(0)), 5, calls, last})
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

// timely are programs that have an effect else if a body, or a conversion, takes longer.
var timely = map[string]bool{"saga of branches": true, "polls for several ends": true, "two may win": true}

// Every payload is read where it was written, whatever operation it is of: a handler whose payloads
// open at their place alone ends as it does without a codec.
func TestPayloadsOpenWhereTheyStand(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	for name, p := range corpus() {
		if strings.Contains(name, "invoke") {
			continue // see TestPayloadsCrossExecutions
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := replaytest.Run(t, replay.Handler(p.run, p.set...), 1, p.plain()...)
			for i, c := range chains() {
				if i > 0 && strings.Contains(name, "large") && draws.Count(1) == 1 {
					break // they take long
				}
				payloads := c.make(k, len(p.opts) == 0) // what comes from outside is plain
				set := append([]replay.HandlerOption{
					replay.WithCodec(payloads), replay.WithErrorCodec(payloads), replay.WithHandlerCodec(c.make(k, false)),
				}, p.set...)
				r := replaytest.Run(t, replay.Handler(p.run, set...), 1, p.plain()...)
				same := r.Value == plain.Value && fmt.Sprint(r.Err) == fmt.Sprint(plain.Err) || timely[name]
				if r.Status != plain.Status || !same {
					t.Errorf("%s: it is %s with %q, %v, want %s with %q, %v", c.name,
						r.Status, r.Value, r.Err, plain.Status, plain.Value, plain.Err)
				}
			}
		})
	}
}

// bills is a function whose payloads pass c, and billing one that invokes it.
func bills(c codec.Codec) *replay.Function[int, string] {
	return replay.Handler(func(ctx op.Context, n int) (string, error) {
		if err := pause(ctx); err != nil {
			return "", err
		}
		if n > 4000 {
			return "", fmt.Errorf("the limit of 4111 is below %d: %w", n, errTooHigh)
		}
		v, err := replay.Run(ctx, add(n))
		return fmt.Sprint("bill over ", v), err
	}, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c), replay.WithErrors(declined))
}

var (
	errTooHigh = errors.New("too high")
	declined   = codec.Sentinel("declined", errTooHigh)
)

func billing(ctx op.Context, n int) (string, error) {
	small, err := replay.Run(ctx, op.Invoke[string]("small", "bills", n))
	if err != nil {
		return "", err
	}
	_, err = replay.Run(ctx, op.Invoke[string]("large", "bills", n+4000))
	if !errors.Is(err, errTooHigh) {
		return "", fmt.Errorf("want it declined, got %w", err)
	}
	many, failed := replay.Run(ctx, op.AllSettled("many",
		op.Invoke[string]("first", "bills", n+1), op.Invoke[string]("second", "bills", n+4001)))
	if failed != nil {
		return "", failed
	}
	again, failed := replay.Run(ctx, op.Retry("again", op.Invoke[string]("third", "bills", n+2), retry.Never()))
	return fmt.Sprint(small, "; ", err, "; ", many.Values(), many.Err(), "; ", again), failed
}

// Inputs, results and errors of functions that invoke each other open on the other side.
func TestPayloadsCrossExecutions(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	plain := replaytest.Run(t, replay.Handler(billing, replay.WithErrors(declined)), 1, replaytest.Host("bills", bills(nil)))
	if plain.Err != nil {
		t.Fatal(plain.Err)
	}
	for _, c := range chains() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			payloads := c.make(k, false)
			f := replay.Handler(billing, replay.WithErrors(declined), replay.WithCodec(payloads),
				replay.WithHandlerCodec(payloads), replay.WithErrorCodec(payloads))
			host := replaytest.Host("bills", bills(c.make(k, false)))
			if strings.Contains(c.name, "elsewhere") || strings.Contains(c.name, "stores") {
				host = replaytest.Host("bills", bills(payloads)) // they have one store
			}
			r := replaytest.Run(t, f, 1, host)
			if r.Err != nil || r.Value != plain.Value {
				t.Errorf("it ends as %q, %v, want %q", r.Value, r.Err, plain.Value)
			}
			replaytest.Explore(t, f, 1, host, replaytest.WithSchedules(10))
		})
	}
}

// Explore raises no alarm for handlers whose payloads are sealed, kept elsewhere, and now and then
// not to be had. PERDURE_CHECKS multiplies the programs; five times are all of them with each
// codec.
func TestExploreRaisesNoAlarmForPayloads(t *testing.T) {
	t.Parallel()
	programs := corpus()
	names := slices.Sorted(maps.Keys(programs))
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.Contains(name, "invoke") || timely[name] || draws.Count(1) == 1 && strings.Contains(name, "large")
	})
	k, all := newKey(t), chains()
	total := len(names) * len(all)
	most := min(draws.Count((total+4)/5), total)
	var schedules atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d of %d programs with a codec, %d schedules", most, total, schedules.Load())
	})
	for i := range most {
		n := i * total / most
		name, c := names[n%len(names)], all[n/len(names)%len(all)]
		t.Run(name+", "+c.name, func(t *testing.T) {
			t.Parallel()
			p := corpus()[name]
			payloads := c.make(k, len(p.opts) == 0)
			set := append([]replay.HandlerOption{
				replay.WithCodec(payloads), replay.WithErrorCodec(payloads), replay.WithHandlerCodec(c.make(k, false)),
			}, p.set...)
			report := replaytest.Explore(t, replay.Handler(p.run, set...), 1, append(p.opts, replaytest.WithSchedules(5))...)
			schedules.Add(int64(report.Singles + report.Pairs + report.Triples))
		})
	}
}
