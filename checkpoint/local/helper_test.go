package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// start is the time at which virtual clocks begin.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// event is an invocation as the wire has it, read without the package under test.
type event struct {
	DurableExecutionArn   string
	CheckpointToken       string
	UpdatedOperationIDs   []string `json:"UpdatedOperationIds"`
	InitialExecutionState struct {
		Operations []wireOperation
		NextMarker string
	}
}

type wireOperation struct {
	ID                           string `json:"Id"`
	ParentID                     string `json:"ParentId"`
	Name, Type, SubType, Status  string
	StartTimestamp, EndTimestamp int64
	ExecutionDetails             struct{ InputPayload string }
	StepDetails                  struct {
		Attempt              int
		NextAttemptTimestamp int64
		Result               *string
	}
	CallbackDetails struct {
		CallbackID string `json:"CallbackId"`
	}
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
	ctx     context.Context //nolint:containedctx // the invocation's
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
	i := slices.IndexFunc(k.event.InitialExecutionState.Operations, func(op wireOperation) bool { return op.ID == id })
	if i < 0 {
		return nil
	}
	return &k.event.InitialExecutionState.Operations[i]
}

const pending = `{"Status":"PENDING"}`

// succeed is the answer with a result that is a JSON document.
func succeed(result string) string {
	return `{"Status":"SUCCEEDED","Result":` + strconv.Quote(result) + `}`
}

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
func newVirtual(tb testing.TB, opts ...local.Option) (*local.Service, *local.VirtualClock) {
	tb.Helper()
	clock := local.NewVirtualClock(start)
	s := local.New(append([]local.Option{local.WithClock(clock)}, opts...)...)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return s, clock
}

// begin hosts f and starts an execution of it.
func begin(tb testing.TB, s *local.Service, f local.Handler, input string) *local.Execution {
	tb.Helper()
	if err := s.Host("order", f); err != nil {
		tb.Fatal(err)
	}
	e, err := s.Start(tb.Context(), "order", "", []byte(input))
	if err != nil {
		tb.Fatal(err)
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

// inside runs script in the first invocation of an execution and ends the execution with the
// answer it returns; an empty one stands for success.
func inside(t *testing.T, script func(k *talk) string, opts ...local.Option) *local.Execution {
	t.Helper()
	s, _ := newVirtual(t, opts...)
	e := begin(t, s, function(func(k *talk) (string, error) {
		if e, _ := s.Execution(k.event.DurableExecutionArn); e.Invocations() > 1 {
			return succeed(`"again"`), nil
		}
		if out := script(k); out != "" {
			return out, nil
		}
		return succeed(`"ok"`), nil
	}), `{}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e
}

// must makes a checkpoint call that has to be accepted.
func (k *talk) must(t *testing.T, updates ...checkpoint.Update) []checkpoint.Operation {
	t.Helper()
	ops, err := k.send(updates...)
	if err != nil {
		t.Errorf("a call was refused: %v", err)
	}
	return ops
}

// message returns the message of the service's refusal, "" for nil, and the error itself if it is
// something else.
func message(err error) string {
	if err == nil {
		return ""
	}
	api, ok := errors.AsType[*checkpoint.APIError](err)
	if !ok || api.HTTPStatus != 400 || api.Code != "InvalidParameterValueException" {
		return "not a refusal: " + err.Error()
	}
	return api.Message
}

func stepFail(id, message string) checkpoint.Update {
	u := update(checkpoint.KindStep, checkpoint.ActionFail, id)
	u.Failure = &checkpoint.Failure{Type: "Error", Message: message}
	return u
}

func contextStart(id string) checkpoint.Update {
	return update(checkpoint.KindContext, checkpoint.ActionStart, id)
}

func contextSucceed(id, result string) checkpoint.Update {
	u := update(checkpoint.KindContext, checkpoint.ActionSucceed, id)
	u.Payload = checkpoint.TextPayload(result)
	return u
}

func callbackStart(id string) checkpoint.Update {
	return update(checkpoint.KindCallback, checkpoint.ActionStart, id)
}

func invokeStart(id, target, input string) checkpoint.Update {
	u := update(checkpoint.KindChainedInvoke, checkpoint.ActionStart, id)
	u.Function, u.Payload = target, checkpoint.TextPayload(input)
	return u
}

func executionSucceed(k *talk, result string) checkpoint.Update {
	return checkpoint.Update{
		ID: checkpoint.ExecutionID(k.event.DurableExecutionArn), Kind: checkpoint.KindExecution,
		Action: checkpoint.ActionSucceed, Payload: checkpoint.TextPayload(result),
	}
}

// below makes updates those of a child of a context.
func below(parent string, u checkpoint.Update) checkpoint.Update {
	u.ParentID = parent
	return u
}

// echo is a plain function that answers with what it is given.
var echo = local.HandlerFunc(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
