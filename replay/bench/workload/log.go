package workload

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

const arn = "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a"

// client is a client that accepts everything after a round trip and counts its calls.
type client struct {
	trip time.Duration

	mu    sync.Mutex // guards calls
	calls int
}

// Checkpoint implements checkpoint.Client.
func (c *client) Checkpoint(context.Context, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	if c.trip > 0 {
		time.Sleep(c.trip)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	return checkpoint.CheckpointOutput{Token: "token-" + strconv.Itoa(c.calls)}, nil
}

// State implements checkpoint.Client.
func (*client) State(context.Context, checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{}, nil
}

func (c *client) count() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return float64(c.calls)
}

// recorder is a client that keeps what is sent to it as the log of the next invocation.
type recorder struct {
	client

	operations []checkpoint.Operation
	index      map[string]int
}

// begun returns the log of a new execution.
func begun() *recorder {
	return &recorder{index: make(map[string]int), operations: []checkpoint.Operation{{
		ID: "8f3c1a", Name: "order-42", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
		Start: epoch(), Payload: checkpoint.TextPayload(`null`),
	}}}
}

// epoch is when the executions began.
func epoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// Checkpoint implements checkpoint.Client.
func (r *recorder) Checkpoint(
	ctx context.Context, in checkpoint.CheckpointInput,
) (checkpoint.CheckpointOutput, error) {
	r.mu.Lock()
	for i := range in.Updates {
		r.apply(&in.Updates[i])
	}
	r.mu.Unlock()
	return r.client.Checkpoint(ctx, in)
}

func (r *recorder) apply(u *checkpoint.Update) {
	i, ok := r.index[u.ID]
	if !ok {
		i = len(r.operations)
		r.index[u.ID] = i
		r.operations = append(r.operations, checkpoint.Operation{
			ID: u.ID, ParentID: u.ParentID, Name: u.Name, SubType: u.SubType, Kind: u.Kind,
			Status: checkpoint.StatusStarted, Start: epoch(),
		})
	}
	o := &r.operations[i]
	if u.Action == checkpoint.ActionSucceed {
		o.Status, o.Payload, o.End = checkpoint.StatusSucceeded, u.Payload, epoch().Add(time.Duration(i)*time.Millisecond)
		o.ReplayChildren = u.ReplayChildren
		if u.Kind == checkpoint.KindStep {
			o.Attempt = 1
		}
	}
}

// event is the log as the service sends it, whose waits have not ended. The member of a record that
// says when they do had another name in earlier versions, so it is put in here.
func (r *recorder) event() ([]byte, error) {
	event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: arn, Token: "token-0", Operations: r.operations})
	end := fmt.Sprintf(`"WaitDetails":{"ScheduledEndTimestamp":%d}`, time.Now().Add(100*24*time.Hour).UnixMilli())
	return bytes.ReplaceAll(event, []byte(`"WaitDetails":{}`), []byte(end)), err
}

// beginning is the event of an execution that begins.
func beginning() ([]byte, error) { return begun().event() }

// suspendedEvent runs a function that waits, and returns the event of its next invocation.
func suspendedEvent[Out any](ctx context.Context, f *replay.Function[op.None, Out]) ([]byte, error) {
	event, err := beginning()
	if err != nil {
		return nil, err
	}
	r := begun()
	if err := invoke(ctx, r, f, event, pending); err != nil {
		return nil, err
	}
	return r.event()
}
