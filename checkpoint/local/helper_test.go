package local_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// start is the time at which virtual clocks begin.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// checks multiplies the counts of heavy tests.
func checks(n int) int {
	if f, err := strconv.Atoi(os.Getenv("PERDURE_CHECKS")); err == nil && f > 0 {
		return n * f
	}
	return n
}

// event is an invocation as the wire has it, read without the package under test.
type event struct {
	DurableExecutionArn   string
	CheckpointToken       string
	UpdatedOperationIds   []string
	InitialExecutionState struct {
		Operations []wireOperation
		NextMarker string
	}
}

type wireOperation struct {
	Id, ParentId, Name, Type, SubType, Status string
	StartTimestamp, EndTimestamp              int64
	ExecutionDetails                          struct{ InputPayload string }
	StepDetails                               struct {
		Attempt              int
		NextAttemptTimestamp int64
		Result               *string
	}
	CallbackDetails struct{ CallbackId string }
}

// function is a durable function that speaks the wire protocol by hand.
type function func(t *talk) (string, error)

// Invoke implements local.Handler.
func (f function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	k := &talk{ctx: ctx, payload: string(payload)}
	if err := json.Unmarshal(payload, &k.event); err != nil {
		return nil, err
	}
	k.token = k.event.CheckpointToken
	k.client, _ = checkpoint.ClientFrom(ctx)
	out, err := f(k)
	return []byte(out), err
}

// talk is one invocation, from the inside.
type talk struct {
	ctx     context.Context
	client  checkpoint.Client
	payload string
	event   event
	token   string
}

// send makes a checkpoint call and follows the chain of tokens.
func (k *talk) send(updates ...checkpoint.Update) ([]checkpoint.Operation, error) {
	out, err := k.client.Checkpoint(k.ctx, checkpoint.CheckpointInput{
		ARN: k.event.DurableExecutionArn, Token: k.token, Updates: updates,
	})
	if err != nil {
		return nil, err
	}
	k.token = out.Token
	return out.Operations, nil
}

// status returns the status of an operation in the event, empty if there is none.
func (k *talk) status(id string) string {
	if op := k.operation(id); op != nil {
		return op.Status
	}
	return ""
}

func (k *talk) operation(id string) *wireOperation {
	i := slices.IndexFunc(k.event.InitialExecutionState.Operations, func(op wireOperation) bool { return op.Id == id })
	if i < 0 {
		return nil
	}
	return &k.event.InitialExecutionState.Operations[i]
}

const pending = `{"Status":"PENDING"}`

// succeed is the answer with a result that is a JSON document.
func succeed(result string) string { return `{"Status":"SUCCEEDED","Result":` + strconv.Quote(result) + `}` }

// Updates of operations that are named like their IDs.

func update(kind checkpoint.Kind, action checkpoint.Action, id string) checkpoint.Update {
	return checkpoint.Update{Kind: kind, Action: action, ID: id, Name: id, SubType: subType(kind)}
}

func subType(kind checkpoint.Kind) string {
	switch kind {
	case checkpoint.KindStep:
		return "Step"
	case checkpoint.KindWait:
		return "Wait"
	case checkpoint.KindContext:
		return "RunInChildContext"
	case checkpoint.KindCallback:
		return "Callback"
	case checkpoint.KindChainedInvoke:
		return "ChainedInvoke"
	case checkpoint.KindExecution:
	}
	return ""
}

func stepStart(id string) checkpoint.Update {
	return update(checkpoint.KindStep, checkpoint.ActionStart, id)
}

func stepSucceed(id, result string) checkpoint.Update {
	u := update(checkpoint.KindStep, checkpoint.ActionSucceed, id)
	u.Payload = checkpoint.TextPayload(result)
	return u
}

func stepRetry(id string, after time.Duration, failure *checkpoint.Failure) checkpoint.Update {
	u := update(checkpoint.KindStep, checkpoint.ActionRetry, id)
	u.NextAttemptDelay, u.Failure = after, failure
	return u
}

func waitStart(id string, d time.Duration) checkpoint.Update {
	u := update(checkpoint.KindWait, checkpoint.ActionStart, id)
	u.Wait = d
	return u
}

// newVirtual returns a service under a virtual clock that is closed when the test ends.
func newVirtual(t testing.TB, opts ...local.Option) (*local.Service, *local.VirtualClock) {
	t.Helper()
	clock := local.NewVirtualClock(start)
	s := local.New(append([]local.Option{local.WithClock(clock)}, opts...)...)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s, clock
}

// begin hosts f and starts an execution of it.
func begin(t testing.TB, s *local.Service, f local.Handler, input string) *local.Execution {
	t.Helper()
	if err := s.Host("order", f); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "order", "", []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// types returns the types of the events of an execution.
func types(e *local.Execution) []string {
	var names []string
	for _, ev := range e.History() {
		names = append(names, string(ev.Type))
	}
	return names
}
