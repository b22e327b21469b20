package replay_test

import (
	"context"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestStatusOfALaterServiceIsNeverFatal: an operation in a state that this version does not know is
// one that the service will finish, and the execution in one is none of the function's concern.
func TestStatusOfALaterServiceIsNeverFatal(t *testing.T) {
	t.Parallel()
	const later = checkpoint.Status("SHELVED")
	ran := func() op.Op[op.None] {
		return op.Do("work", func(context.Context) error { t.Error("a body ran"); return nil })
	}
	tests := []struct {
		reason string
		kind   checkpoint.Kind
		sub    string
		o      op.Op[op.None]
	}{
		{"a step", checkpoint.KindStep, "Step", ran()},
		{"a wait", checkpoint.KindWait, "Wait", op.Wait("work", time.Hour)},
		{"an invoke", checkpoint.KindChainedInvoke, "ChainedInvoke", op.Invoke[op.None]("work", "other:live", 1)},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, replay.Exec(ctx, tt.o) })
			rec := stepRecord("work", later)
			rec.Kind, rec.SubType = tt.kind, tt.sub
			client := &tape{}
			if got := once(t, f, client, rec); got != "PENDING" || len(client.calls()) != 0 {
				t.Errorf("answer %s with %q, want PENDING and no call", got, client.calls())
			}
		})
	}
	t.Run("the execution", func(t *testing.T) {
		t.Parallel()
		exec := execution("null")
		exec.Status = later
		b, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: tapeARN, Token: "t", Operations: []checkpoint.Operation{exec}})
		if err != nil {
			t.Fatal(err)
		}
		f := replay.Handler(func(op.Context, op.None) (int, error) { return 1, nil })
		if got := say(f.Invoke(onTape(t, &tape{}), b)); got != "SUCCEEDED 1" {
			t.Errorf("answer %s, want SUCCEEDED 1", got)
		}
	})
}
