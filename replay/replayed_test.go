package replay_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// replayed is the number of steps in the tests of replay: the most operations an execution may
// have (AWS quotas: 3,000 durable operations per execution).
const replayed = 2800

// replayShape is a handler's way to distinguish its steps.
type replayShape struct {
	name, reason string
	step         func(i int) op.Op[string]
	id           func(i int) (name, key string, occurrence int)
}

// replayShapes returns the ways that cost differently.
func replayShapes() []replayShape {
	echo := func(_ context.Context, i int) (string, error) { return "", nil }
	builder := op.StepFunc("charge-card", echo)
	keys := make([]string, replayed)
	builders := make([]op.Builder[int, string], replayed)
	names := make([]string, replayed)
	for i := range keys {
		keys[i] = "SKU-" + strconv.Itoa(i)
		names[i] = "charge-card-" + strconv.Itoa(i)
		builders[i] = op.StepFunc(names[i], echo)
	}
	return []replayShape{
		{
			"names", "as in a handler that reads from top to bottom",
			func(i int) op.Op[string] { return builders[i](i) },
			func(i int) (string, string, int) { return names[i], "", 0 },
		},
		{
			"occurrences", "one name in a loop",
			func(i int) op.Op[string] { return builder(i) },
			func(i int) (string, string, int) { return "charge-card", "", i },
		},
		{
			"keys", "one name in a loop over items",
			func(i int) op.Op[string] { return builder(i).Key(keys[i]) },
			func(i int) (string, string, int) { return "charge-card", keys[i], 0 },
		},
	}
}

// stepsEvent is the event of an execution whose n steps have succeeded with a string of size bytes.
func stepsEvent(tb testing.TB, n, size int, id func(i int) (name, key string, occurrence int)) []byte {
	tb.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ops := []checkpoint.Operation{{
		ID: "8f3c1a", Name: "order-42", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
		Start: at, Payload: checkpoint.TextPayload(`null`),
	}}
	result := checkpoint.TextPayload(`"` + strings.Repeat("x", size-2) + `"`)
	for i := range n {
		name, key, occurrence := id(i)
		ops = append(ops, checkpoint.Operation{
			ID: oplog.ID("", name, key, occurrence), Name: oplog.WireName(name, key),
			Kind: checkpoint.KindStep, SubType: "Step", Status: checkpoint.StatusSucceeded,
			Start: at, End: at.Add(time.Duration(i) * time.Millisecond), Attempt: 1, Payload: result,
		})
	}
	event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN:        "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a",
		Token:      "token-0",
		Operations: ops,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return event
}

// replaySteps is a handler that runs n steps and then waits.
func replaySteps(n int, step func(i int) op.Op[string]) *replay.Function[op.None, op.None] {
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i := range n {
			if _, err := replay.Run(ctx, step(i)); err != nil {
				return op.None{}, err
			}
		}
		return replay.Run(ctx, op.Wait("next", time.Hour))
	})
}
