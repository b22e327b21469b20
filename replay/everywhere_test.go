package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

var (
	errBroken = errors.New("broken")
	broken    = codec.Sentinel("Broken", errBroken)
)

// endingKinds are the operations that can end in every way, each made for a result of that many
// bytes; a negative size makes it fail, zero makes it time out.
func endingKinds(svc *local.Service) map[string]func(size int) op.Op[string] {
	never := op.WithRetry(retry.Never())
	step := func(name string) func(int) op.Op[string] {
		return func(size int) op.Op[string] {
			return op.Step(name, func(context.Context) (string, error) {
				switch {
				case size < 0:
					return "", errBroken
				case size == 0:
					return "", op.ErrTimedOut
				}
				return strings.Repeat("x", size), nil
			}, never)
		}
	}
	in := func(size int) []op.Op[string] { return []op.Op[string]{step("first")(size), step("second")(size)} }
	join := func(vs []string) (string, error) { return vs[0], nil }
	return map[string]func(size int) op.Op[string]{
		"step": step("step"),
		"group": func(size int) op.Op[string] {
			return op.Group("group", func(ctx op.Context) (string, error) {
				if err := replay.Exec(ctx, op.Wait("nap", time.Minute)); err != nil {
					return "", err
				}
				return replay.Run(ctx, step("inner")(size))
			})
		},
		"condition": func(size int) op.Op[string] {
			return op.WaitForCondition("condition", "", func(_ context.Context, s string) (string, bool, error) {
				switch {
				case size < 0:
					return "", false, errBroken
				case size == 0:
					return "", false, op.ErrTimedOut
				}
				return s + strings.Repeat("x", size/2), s != "", nil
			})
		},
		"callback": func(size int) op.Op[string] {
			return op.WaitForCallback[string]("callback", func(_ context.Context, id string) error {
				switch {
				case size < 0:
					return svc.FailCallback(id, checkpoint.Failure{Type: "Broken", Message: "broken"})
				case size == 0:
					return nil
				}
				return svc.CompleteCallback(id, []byte(strings.Repeat("x", size)))
			}, op.WithTimeout(time.Minute))
		},
		"invoke": func(size int) op.Op[string] { return op.Invoke[string]("invoke", "target", size) },
		"parallel": func(size int) op.Op[string] {
			return op.Transform(op.Parallel("parallel", in(size)), func(b op.Batch[string]) (string, error) { return join(b.Values()) })
		},
		"all":  func(size int) op.Op[string] { return op.Transform(op.All("all", in(size)...), join) },
		"any":  func(size int) op.Op[string] { return op.Any("any", in(size)...) },
		"race": func(size int) op.Op[string] { return op.Race("race", in(size)[0], step("never-first")(size).Key("2")) },
		"retry": func(size int) op.Op[string] {
			return op.Retry("retry", op.Group("try", func(ctx op.Context) (string, error) {
				return replay.Run(ctx, step("inner")(size))
			}), retry.Fixed(time.Second, retry.MaxAttempts(2)))
		},
		"timeout": func(size int) op.Op[string] {
			if size == 0 {
				return op.Timeout("timeout", op.Transform(op.Wait("long", time.Hour), func(op.None) (string, error) { return "", nil }), time.Minute)
			}
			return op.Timeout("timeout", step("quick")(size), time.Minute)
		},
	}
}

// everyPlace is where an operation can run; each gives back how it ended.
func everyPlace() map[string]func(ctx op.Context, o op.Op[string]) (string, error) {
	group := func(name string, o op.Op[string]) op.Op[string] {
		return op.Group(name, func(ctx op.Context) (string, error) { return replay.Run(ctx, o) })
	}
	first := func(b op.Batch[string], err error) (string, error) {
		if err != nil {
			return "", errors.Join(b.Errors()...)
		}
		return b.Values()[0], nil
	}
	mapped := func(opts ...op.MapOption) func(ctx op.Context, o op.Op[string]) (string, error) {
		return func(ctx op.Context, o op.Op[string]) (string, error) {
			return first(replay.Run(ctx, op.Map("m", []int{0}, func(int) op.Op[string] { return o }, opts...)))
		}
	}
	return map[string]func(ctx op.Context, o op.Op[string]) (string, error){
		"in the handler": replay.Run[string],
		"three deep": func(ctx op.Context, o op.Op[string]) (string, error) {
			return replay.Run(ctx, group("a", group("b", group("c", o))))
		},
		"started": func(ctx op.Context, o op.Op[string]) (string, error) {
			return replay.Run(ctx, replay.Go(ctx, o).Result())
		},
		"in a map":      mapped(),
		"in a flat map": mapped(op.WithFlat()),
		"in a chunk":    mapped(op.WithChunks(1, 0)),
		"in a group, parallel": func(ctx op.Context, o op.Op[string]) (string, error) {
			return first(replay.Run(ctx, op.Parallel("p", []op.Op[string]{group("g", o)})))
		},
	}
}

// Every operation has the same end in every place, live and on each replay, whether it
// succeeds with a small or a large result, fails or times out.
func TestEveryOperationEverywhere(t *testing.T) {
	t.Parallel()
	ends := []struct {
		reason string
		size   int
		want   string // of the result its size, of the error its text
		is     error
	}{
		{reason: "a small result", size: 10, want: "10 bytes"},
		{reason: "a result over 256 KiB", size: 300 << 10, want: "307200 bytes"},
		{reason: "a failure", size: -1, want: "broken", is: errBroken},
		{reason: "a timeout", size: 0, want: "", is: op.ErrTimedOut},
	}
	for kind := range endingKinds(nil) {
		for place, run := range everyPlace() {
			for _, end := range ends {
				t.Run(kind+" "+place+" "+end.reason, func(t *testing.T) {
					t.Parallel()
					got := everywhere(t, kind, run, end.size, end.is)
					if len(got) < 2 {
						t.Fatalf("the operation was seen %d times, want it live and on a replay", len(got))
					}
					for i, g := range got {
						if diff := cmp.Diff(got[0], g); diff != "" {
							t.Errorf("invocation %d sees something else (-first +this):\n%s", i, diff)
						}
					}
					if !strings.Contains(got[0], end.want) || (end.is != nil) != strings.Contains(got[0], "known") {
						t.Errorf("%s ended as %s, want %s", kind, got[0], end.want)
					}
				})
			}
		}
	}
}

// everywhere runs an operation in a place and says what each invocation saw.
func everywhere(
	t *testing.T, kind string, run func(op.Context, op.Op[string]) (string, error), size int, is error,
) (seen []string) {
	t.Helper()
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	t.Cleanup(func() { _ = svc.Close() })
	target := replay.Handler(func(ctx op.Context, size int) (string, error) {
		switch {
		case size < 0:
			return "", errBroken
		case size == 0:
			return "", replay.Exec(ctx, op.Wait("long", time.Hour))
		}
		return strings.Repeat("x", size), nil
	}, replay.WithErrors(broken))
	var mu sync.Mutex
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		v, err := run(ctx, endingKinds(svc)[kind](size))
		told := fmt.Sprintf("%d bytes, %v", len(v), err)
		if is != nil && errors.Is(err, is) {
			told += ", known"
		}
		mu.Lock()
		seen = append(seen, told)
		mu.Unlock()
		return op.None{}, replay.Exec(ctx, op.Wait("after", time.Second))
	}, replay.WithErrors(broken))
	must(t, svc.Host("target", target, local.WithExecutionTimeout(time.Minute)))
	must(t, svc.Host("f", f))
	e, err := svc.Start(t.Context(), "f", "x", []byte("null"))
	must(t, err)
	must(t, e.Drive(t.Context()))
	if e.Status() != local.StatusSucceeded {
		t.Fatalf("the execution ended as %s: %v", e.Status(), e.Err())
	}
	return seen
}
