package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/quota"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// refusalNotes notes the calls that the service refuses as wrong.
type refusalNotes struct {
	checkpoint.Client

	mu   sync.Mutex
	errs []error
}

func (r *refusalNotes) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	out, err := r.Client.Checkpoint(ctx, in)
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs = append(r.errs, err)
	}
	return out, err
}

// near returns a number about a limit, or far from it.
func near(rng *rand.Rand, limit int) int {
	switch rng.Intn(5) {
	case 0:
		return rng.Intn(20)
	case 1:
		return limit*2 + rng.Intn(limit)
	}
	return max(limit-3+rng.Intn(7), 0)
}

// nearDuration returns a time about a bound, or any.
func nearDuration(rng *rand.Rand) time.Duration {
	switch rng.Intn(4) {
	case 0:
		return time.Duration(rng.Uint64())
	case 1:
		return limits.Duration + time.Duration(rng.Intn(5)-2)*time.Second
	case 2:
		return time.Duration(rng.Intn(3)) * time.Second / 2
	}
	return math.MaxInt64 - time.Duration(rng.Intn(3))
}

// edge makes operations whose names, sizes and times are about the limits.
type edge struct {
	rng  *rand.Rand
	name func() string
}

// operation is a random one; kind names it.
func (e edge) operation() (kind string, o op.Op[string]) {
	rng := e.rng
	name := e.name()
	if rng.Intn(6) == 0 {
		name = strings.Repeat("n", near(rng, limits.Name)) + name
	}
	size := near(rng, []int{limits.Inline, limits.Payload, limits.Payload - 2, 128 << 10}[rng.Intn(4)])
	text := strings.Repeat([]string{"x", `"`, "é", "\x00"}[rng.Intn(4)], size)
	after := nearDuration(rng)
	none := func(o op.Op[op.None]) op.Op[string] { return op.Transform(o, noneText) }
	switch rng.Intn(11) {
	case 0:
		return "result", op.Step(name, func(context.Context) (string, error) { return text, nil }).
			Undo(func(context.Context, string) error { return nil })
	case 1:
		return "error", op.Step(name, func(context.Context) (string, error) { return "", errors.New(text) }, op.WithRetry(retry.Never()))
	case 2:
		return "state", op.WaitForCondition(name, "", func(_ context.Context, s string) (string, bool, error) { return text, s != "", nil },
			op.WithPolling(retry.Fixed(time.Second)))
	case 3:
		return "group", op.Group(name, func(ctx op.Context) (string, error) {
			return replay.Run(ctx, op.Step("inner", func(context.Context) (string, error) { return text, nil }))
		})
	case 4:
		return "input of an invoke", op.Invoke[string](name, "echo:live", text)
	case 5:
		function := strings.Repeat("f", near(rng, limits.FunctionName)) + []string{"", ":live", "!", ":", ":$LATEST"}[rng.Intn(5)]
		return "function of an invoke", op.Invoke[string](name, function, "")
	case 6:
		return "wait", none(op.Wait(name, after))
	case 7:
		return "time", none(op.WaitUntil(name, dawn.Add(after)))
	case 8:
		opts := []op.WaitForCallbackOption{op.WithTimeout(time.Minute), op.WithHeartbeatTimeout(after)}
		if rng.Intn(2) == 0 {
			opts = []op.WaitForCallbackOption{op.WithTimeout(after)}
		}
		return "callback", op.WaitForCallback[string](name, func(context.Context, string) error { return errCrowd },
			append(opts, op.WithSubmit(op.WithRetry(retry.Never())))...)
	case 9:
		o := op.Step("s", func(context.Context) (string, error) { return text, nil }).Key(strings.Repeat("k", near(rng, limits.Name-2)))
		return "key", o
	}
	items := make([]string, rng.Intn(12))
	for i := range items {
		items[i] = text[:len(text)/max(len(items), 1)]
	}
	each := op.StepFunc("each", func(_ context.Context, s string) (string, error) { return s, nil })
	return "map", op.Transform(op.Map(name, items, each), func(b op.Batch[string]) (string, error) { return "", b.Err() })
}

// TestNoExecutionEndsByARefusal runs random programs whose names, sizes, times and numbers of
// operations are about the limits: whatever op.Validate takes and the run encodes, the service
// refuses no call, and no execution ends by that. What cannot be is the error of an operation, with
// its name, the same on each replay.
func TestNoExecutionEndsByARefusal(t *testing.T) {
	t.Parallel()
	seed := lawSeed(t)
	rng := rand.New(rand.NewSource(seed))
	said := map[string]int{}
	for range draws.Count(40) {
		program := rng.Int63()
		room := quota.Quota{Operations: limits.Operations, Bytes: limits.DataBytes}
		if rng.Intn(3) == 0 {
			room = quota.Quota{Operations: 8 + rng.Intn(40), Bytes: 2<<20 + rng.Intn(4<<20)}
		}
		var client refusalNotes
		var wrong []string
		seen := map[int]string{}
		f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
			n := 0
			e := edge{rand.New(rand.NewSource(program)), func() string { n++; return fmt.Sprintf("o%d", n) }}
			for i := range 2 + e.rng.Intn(8) {
				kind, o := e.operation()
				invalid := op.Validate(o) != nil
				_, err := replay.Run(ctx, o)
				what := "ok"
				if err != nil {
					what = err.Error()
				}
				if was, again := seen[i]; again && was != what {
					wrong = append(wrong, fmt.Sprintf("%s %d: %.200q, and then %.200q", kind, i, was, what))
				}
				seen[i] = what
				switch {
				case invalid && err == nil:
					wrong = append(wrong, fmt.Sprintf("%s %d ran although it is invalid", kind, i))
				case invalid:
					said["invalid "+kind]++
				case errors.Is(err, op.ErrTooLarge), errors.Is(err, op.ErrTooMany):
					said["refused "+kind]++
				default:
					said[kind]++
				}
			}
			return "", nil
		})
		h := local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
			c, _ := checkpoint.ClientFrom(ctx)
			client.Client = c
			return f.Invoke(quota.With(checkpoint.WithClient(ctx, &client), room), payload)
		})
		run := drive(t, h, "null", local.WithLimits(local.Limits{Operations: room.Operations, DataBytes: room.Bytes}))
		if run.Status() != local.StatusSucceeded || len(client.errs) > 0 || len(wrong) > 0 {
			t.Fatalf("PERDURE_SEED=%d, program %d with room %+v: ended as %s (%.300v), the service has refused %.300v\n%s",
				seed, program, room, run.Status(), run.Err(), client.errs, strings.Join(wrong, "\n"))
		}
	}
	for _, kind := range []string{"result", "state", "group", "input of an invoke", "key", "map", "wait", "callback"} {
		if said[kind] == 0 && said["refused "+kind] == 0 && said["invalid "+kind] == 0 {
			t.Errorf("no program had a %s: the test shows nothing of it", kind)
		}
	}
	t.Logf("%v", said)
}
