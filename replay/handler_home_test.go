package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oplog"
)

// dawn is the time at which virtual clocks begin.
var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// home is the local service under a virtual clock.
type home struct {
	*local.Service

	clock *local.VirtualClock
}

func newHome(tb testing.TB, opts ...local.Option) *home {
	tb.Helper()
	clock := local.NewVirtualClock(dawn)
	s := local.New(append([]local.Option{local.WithClock(clock)}, opts...)...)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close the service: %v", err)
		}
	})
	return &home{s, clock}
}

// begin starts an execution of f and runs nothing.
func (h *home) begin(tb testing.TB, f local.Handler, input string) *local.Execution {
	tb.Helper()
	if err := h.Host("order", f); err != nil {
		tb.Fatal(err)
	}
	e, err := h.Start(tb.Context(), "order", "", []byte(input))
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// drive runs an execution of f to its end.
func (h *home) drive(tb testing.TB, f local.Handler, input string) *local.Execution {
	tb.Helper()
	e := h.begin(tb, f, input)
	if err := e.Drive(tb.Context()); err != nil {
		tb.Fatalf("drive: %v\n%s", err, strings.Join(history(e), "\n"))
	}
	return e
}

// drive runs an execution of f to its end, on a service of its own.
func drive(tb testing.TB, f local.Handler, input string, opts ...local.Option) *local.Execution {
	tb.Helper()
	return newHome(tb, opts...).drive(tb, f, input)
}

// end says how an execution ended.
func end(e *local.Execution) string {
	switch f := e.Failure(); {
	case f != nil:
		return fmt.Sprintf("%s %s: %s", e.Status(), f.Type, f.Message)
	default:
		return strings.TrimSpace(fmt.Sprintf("%s %s", e.Status(), e.Result()))
	}
}

// history lists the events of an execution but the first, one a line.
func history(e *local.Execution) []string {
	var lines []string
	for _, ev := range e.History()[1:] {
		line := string(ev.Type)
		if ev.Name != "" && ev.Type != local.EventExecutionSucceeded {
			line += " " + ev.Name
		}
		lines = append(lines, line)
	}
	return lines
}

// callsOf lists the updates of each accepted or refused checkpoint call of an execution.
func callsOf(e *local.Execution) []string {
	var lines []string
	for _, c := range e.CheckpointCalls() {
		lines = append(lines, sayUpdates(c.Updates))
	}
	return lines
}

func sayUpdates(us []checkpoint.Update) string {
	parts := make([]string, len(us))
	for i, u := range us {
		parts[i] = string(u.Action) + " " + u.Name
		if u.Kind == checkpoint.KindExecution {
			parts[i] = string(u.Action) + " the execution"
		}
	}
	return strings.Join(parts, ", ")
}

// tape is a client that accepts every call and keeps what it was given. Its replies hold no
// operations: the engine knows what it said itself.
type tape struct {
	// reply, unless nil, answers the n-th call, counted from one, in the tape's place.
	reply func(n int, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error)
	// page answers a call that reads the state.
	page func(in checkpoint.StateInput) (checkpoint.StateOutput, error)

	mu       sync.Mutex
	inputs   []checkpoint.CheckpointInput
	answered int
}

func (c *tape) Checkpoint(_ context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	c.mu.Lock()
	c.inputs = append(c.inputs, in)
	n := len(c.inputs)
	c.mu.Unlock()
	out, err := checkpoint.CheckpointOutput{Token: fmt.Sprintf("token-%d", n+1)}, error(nil)
	if c.reply != nil {
		out, err = c.reply(n, in)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered++
	return out, err
}

func (c *tape) State(_ context.Context, in checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return c.page(in)
}

// accepted returns how many calls were answered.
func (c *tape) accepted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// calls lists the updates of each call.
func (c *tape) calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []string
	for _, in := range c.inputs {
		lines = append(lines, sayUpdates(in.Updates))
	}
	return lines
}

// update returns the update of an operation by action and wire name.
func (c *tape) update(tb testing.TB, action checkpoint.Action, name string) checkpoint.Update {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range c.inputs {
		for _, u := range in.Updates {
			if u.Action == action && u.Name == name {
				return u
			}
		}
	}
	tb.Fatalf("no update %s %s", action, name)
	return checkpoint.Update{}
}

const tapeARN = "arn:aws:lambda:eu-central-1:123456789012:function:order:1/durable-execution/order-42/8f3c1a"

// execution is the record of the execution itself.
func execution(input string) checkpoint.Operation {
	op := checkpoint.Operation{
		ID: "8f3c1a", Name: "order-42", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: dawn,
	}
	if input != "" {
		op.Payload = checkpoint.TextPayload(input)
	}
	return op
}

// event is the invocation of an execution whose log holds these records.
func event(tb testing.TB, ops ...checkpoint.Operation) []byte {
	tb.Helper()
	b, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN: tapeARN, Token: "token-1", Operations: append([]checkpoint.Operation{execution("null")}, ops...),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// once runs one invocation of f on the given log and says how it answered.
func once(tb testing.TB, f local.Handler, c *tape, ops ...checkpoint.Operation) string {
	tb.Helper()
	return say(f.Invoke(onTape(tb, c), event(tb, ops...)))
}

// onTape is the context of an invocation that talks to c, under a clock that stands still.
func onTape(tb testing.TB, c checkpoint.Client) context.Context {
	tb.Helper()
	ctx := checkpoint.WithClock(tb.Context(), local.NewVirtualClock(dawn.Add(time.Hour)))
	return checkpoint.WithClient(ctx, c)
}

// say says what an invocation answered.
func say(out []byte, err error) string {
	if err != nil {
		return "error " + err.Error()
	}
	var a struct {
		Status string
		Result *string
		Error  *struct{ ErrorType, ErrorMessage string }
	}
	if err := json.Unmarshal(out, &a); err != nil {
		return "not JSON: " + string(out)
	}
	switch {
	case a.Error != nil:
		return fmt.Sprintf("%s %s: %s", a.Status, a.Error.ErrorType, a.Error.ErrorMessage)
	case a.Result != nil:
		return a.Status + " " + *a.Result
	}
	return a.Status
}

// stepRecord is the record of a step below the handler.
func stepRecord(name string, status checkpoint.Status, change ...func(*checkpoint.Operation)) checkpoint.Operation {
	op := checkpoint.Operation{
		ID: oplog.ID("", name, "", 0), Name: name, SubType: "Step", Kind: checkpoint.KindStep,
		Status: status, Start: dawn,
	}
	if status.Terminal() {
		op.Attempt, op.End = 1, dawn.Add(time.Second)
	}
	for _, f := range change {
		f(&op)
	}
	return op
}

// withResult sets the payload of a record.
func withResult(text string) func(*checkpoint.Operation) {
	return func(op *checkpoint.Operation) { op.Payload = checkpoint.TextPayload(text) }
}

// withFailure sets the failure of a record.
func withFailure(f checkpoint.Failure) func(*checkpoint.Operation) {
	return func(op *checkpoint.Operation) { op.Failure = &f }
}

// withAttempt sets the number of finished attempts of a record.
func withAttempt(n int) func(*checkpoint.Operation) {
	return func(op *checkpoint.Operation) { op.Attempt = n }
}
