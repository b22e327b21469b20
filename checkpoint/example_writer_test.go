package checkpoint_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// counting answers each call with the next token, and says what it was sent.
type counting struct {
	checkpoint.Client
	calls int
}

func (c *counting) Checkpoint(_ context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	c.calls++
	fmt.Printf("call %d: %d updates with the token %s\n", c.calls, len(in.Updates), in.Token)
	return checkpoint.CheckpointOutput{Token: fmt.Sprint("token-", c.calls)}, nil
}

func ExampleNewWriter() {
	var mu sync.Mutex
	ctx := context.Background()
	writer := checkpoint.NewWriter(ctx, checkpoint.WriterConfig{
		Client: &counting{}, Clock: checkpoint.ClockFrom(ctx), ARN: "arn", Token: "token-0", Lock: &mu,
		OnReply: func(r checkpoint.Reply) {
			fmt.Println("accepted:", r.Updates[0].Action, "and", r.Updates[1].Action, r.Err)
		},
	})
	step := checkpoint.Update{ID: "charge", Name: "charge", Kind: checkpoint.KindStep, Action: checkpoint.ActionStart}

	mu.Lock()
	writer.Add(step, time.Minute) // may be held back for the sake of what follows
	step.Action, step.Payload = checkpoint.ActionSucceed, checkpoint.TextPayload(`"paid"`)
	writer.AddWait(step) // is due at once, and everything before it
	mu.Unlock()
	writer.Join()
	// Output:
	// call 1: 2 updates with the token token-0
	// accepted: START and SUCCEED <nil>
}
