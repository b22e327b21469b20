package op_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// A context belongs to the function that was given it: a group must use its own.
func ExampleGroup_contextOfAnother() {
	show(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Group("inner", func(op.Context) (op.None, error) {
			return replay.Run(ctx, op.Wait("pause", time.Second))
		}))
	})
	// Output: NestedOperation: replay: an operation was run inside the body of another: operation "pause", context of the handler; run it before or after, or make what it is in an op.Group and use the context that its function is given
}

// A body runs no operations: a captured context is refused.
func ExampleStep_operationInside() {
	show(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Do("outer", func(context.Context) error {
			return replay.Exec(ctx, op.Wait("pause", time.Second))
		}))
	})
	// Output: NestedOperation: replay: an operation was run inside the body of another: operation "pause", context of the handler; run it before or after, or make what it is in an op.Group and use the context that its function is given
}

// So it is in the check of a condition.
func ExampleWaitForCondition_operationInside() {
	show(func(ctx op.Context, _ op.None) (int, error) {
		return replay.Run(ctx, op.WaitForCondition("ready", 0, func(context.Context, int) (int, bool, error) {
			return 0, true, replay.Exec(ctx, op.Wait("pause", time.Second))
		}))
	})
	// Output: NestedOperation: replay: an operation was run inside the body of another: operation "pause", context of the handler; run it before or after, or make what it is in an op.Group and use the context that its function is given
}

func ExampleStep_retriesExhausted() {
	attempts := 0
	showOp(op.Step("call", func(context.Context) (int, error) {
		attempts++
		return 0, fmt.Errorf("attempt %d failed", attempts)
	}, op.WithRetry(retry.Exponential(retry.MaxAttempts(3)))))
	// Output: Error: attempt 3 failed
}

func ExampleGroup_largeResult() {
	show(func(ctx op.Context, _ op.None) (int, error) {
		text, err := replay.Run(ctx, op.Group("report", func(ctx op.Context) (string, error) {
			line, err := replay.Run(ctx, op.Step("line", func(context.Context) (string, error) { return "all is well\n", nil }))
			return strings.Repeat(line, 100_000), err // computed again on each replay
		}))
		if err != nil {
			return 0, err
		}
		return len(text), replay.Exec(ctx, op.Wait("pause", time.Second))
	})
	// Output: 1200000 <nil>
}

func ExampleGroup_failingStep() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		_, err := replay.Run(ctx, op.Group("order", func(ctx op.Context) (int, error) { return replay.Run(ctx, failing("charge")) }))
		return fmt.Sprint("went on after: ", err), nil
	})
	// Output: "went on after: charge failed" <nil>
}

func ExampleMap_empty() {
	show(func(ctx op.Context, _ op.None) (int, error) {
		b, err := replay.Run(ctx, op.Map("ship", []int(nil), func(i int) op.Op[int] { return number("pack", i) }))
		return b.Len(), err
	})
	// Output: 0 <nil>
}

func ExampleParallel_empty() {
	show(func(ctx op.Context, _ op.None) (op.Reason, error) {
		b, err := replay.Run(ctx, op.Parallel("nothing", []op.Op[int]{}))
		return b.Reason, err
	})
	// Output: "ALL_COMPLETED" <nil>
}

func ExampleAll_waits() {
	showOp(op.All("pauses", op.Wait("short", time.Second), op.Wait("long", time.Hour)))
	// Output: [{},{}] <nil>
}

func ExampleWaitForCallback_failure() {
	service := virtual()
	defer service.Close()
	showOn(service, func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.WaitForCallback[string]("approval", func(_ context.Context, id string) error {
			return service.FailCallback(id, checkpoint.Failure{Type: "Denied", Message: "not approved"})
		}))
	})
	// Output: Denied: not approved
}

func ExampleWaitForCallback_several() {
	service := virtual()
	defer service.Close()
	ask := func(who string) op.Op[string] {
		return op.WaitForCallback[string](who, func(_ context.Context, id string) error {
			return service.CompleteCallback(id, []byte("yes from "+who))
		})
	}
	showOn(service, func(ctx op.Context, _ op.None) ([]string, error) {
		return replay.Run(ctx, op.All("votes", ask("ann"), ask("ben")))
	})
	// Output: ["yes from ann","yes from ben"] <nil>
}

// The codec decides what a callback's text means: here one that is no JSON document.
func ExampleWaitForCallback_codec() {
	service := virtual()
	defer service.Close()
	pair := codec.Of(func(p [2]string) ([]byte, error) { return []byte(p[0] + "=" + p[1]), nil },
		func(text []byte) (p [2]string, err error) {
			var ok bool
			if p[0], p[1], ok = strings.Cut(string(text), "="); !ok {
				err = errors.New("no =")
			}
			return p, err
		})
	showOn(service, func(ctx op.Context, _ op.None) ([2]string, error) {
		return replay.Run(ctx, op.WaitForCallback[[2]string]("answer", func(_ context.Context, id string) error {
			return service.CompleteCallback(id, []byte("colour=blue"))
		}).WithCodec(pair))
	})
	// Output: ["colour","blue"] <nil>
}
