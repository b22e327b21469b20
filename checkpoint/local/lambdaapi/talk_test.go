package lambdaapi_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

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

func waitStart(id string, d time.Duration) checkpoint.Update {
	u := update(checkpoint.KindWait, checkpoint.ActionStart, id)
	u.Wait = d
	return u
}

func contextStart(id string) checkpoint.Update {
	return update(checkpoint.KindContext, checkpoint.ActionStart, id)
}

// echo is a plain function that answers with what it is given.
var echo = local.HandlerFunc(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
