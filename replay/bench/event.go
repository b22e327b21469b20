package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// The answers of a handler that goes to its end, and of one that waits.
const (
	pending   = `{"Status":"PENDING"}`
	succeeded = `{"Status":"SUCCEEDED"`
)

// log is a log in the making.
type log []checkpoint.Operation

// epoch is when the executions of the benchmarks began.
func epoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// newLog is the log of a new execution.
func newLog() *log {
	return &log{{
		ID: "8f3c1a", Name: "order-42", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
		Start: epoch(), Payload: checkpoint.TextPayload(`null`),
	}}
}

// add appends an operation of a scope, the only one of its name, and returns its ID.
func (l *log) add(scope string, o checkpoint.Operation) string {
	o.ID = oplog.ID(scope, o.Name, "", 0)
	return l.put(scope, o)
}

func (l *log) put(scope string, o checkpoint.Operation) string {
	o.ParentID = scope
	o.Start = epoch()
	if o.Status.Terminal() {
		o.End = epoch().Add(time.Duration(len(*l)) * time.Millisecond)
	}
	*l = append(*l, o)
	return o.ID
}

// step appends a step that has succeeded.
func (l *log) step(scope, name, key string, occurrence int, result checkpoint.Payload) {
	l.put(scope, checkpoint.Operation{
		ID: oplog.ID(scope, name, key, occurrence), Name: oplog.WireName(name, key), Kind: checkpoint.KindStep, SubType: "Step", Status: checkpoint.StatusSucceeded, Attempt: 1, Payload: result,
	})
}

// event is the log as the service sends it.
func (l *log) event() ([]byte, error) {
	return checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN:   "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a",
		Token: "token-0", Operations: *l,
	})
}

// text is the payload of a string that takes that many bytes as JSON.
func text(bytes int) checkpoint.Payload {
	return checkpoint.TextPayload(`"` + strings.Repeat("x", bytes-len(`""`)) + `"`)
}

// invoke runs an invocation and checks its answer.
func invoke[Out any](
	ctx context.Context, c checkpoint.Client, f *replay.Function[op.None, Out], event []byte, want string,
) error {
	out, err := f.Invoke(checkpoint.WithClient(ctx, c), event)
	if err == nil && !strings.HasPrefix(string(out), want) {
		err = fmt.Errorf("bench: the answer is %s, want %s", out, want)
	}
	return err
}
