package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// The names of the calls in an [APIError].
const (
	callCheckpoint = "CheckpointDurableExecution"
	callState      = "GetDurableExecutionState"
)

// LambdaAPI is what a [Client] of the service needs of *lambda.Client.
type LambdaAPI interface {
	// CheckpointDurableExecution applies updates.
	CheckpointDurableExecution(context.Context, *lambdaapi.CheckpointDurableExecutionInput,
		...func(*lambdaapi.Options)) (*lambdaapi.CheckpointDurableExecutionOutput, error)
	// GetDurableExecutionState reads a page of the log.
	GetDurableExecutionState(context.Context, *lambdaapi.GetDurableExecutionStateInput,
		...func(*lambdaapi.Options)) (*lambdaapi.GetDurableExecutionStateOutput, error)
}

// NewClient returns a client that talks to the service through api, usually a *lambda.Client of the
// AWS SDK with its own retries: a lost answer may be asked for again only by the SDK, which repeats
// the call with the same idempotency token. Each error is an [*APIError], except for a record that
// no version of the protocol can mean. If api is a [ControlAPI] too, as *lambda.Client is, the
// client is a [Control]; if it is a [StartAPI], as that is as well, it is a [Starter].
func NewClient(api LambdaAPI) Client {
	client := &lambdaClient{api: api}
	control, controls := api.(ControlAPI)
	start, starts := api.(StartAPI)
	switch {
	case controls && starts:
		return &lambdaClientWhole{lambdaClientAndControl{client, &lambdaControl{control}}, &lambdaStarter{start}}
	case controls:
		return &lambdaClientAndControl{client, &lambdaControl{control}}
	case starts:
		return &lambdaClientAndStarter{client, &lambdaStarter{start}}
	}
	return client
}

type lambdaClient struct{ api LambdaAPI }

type lambdaClientAndControl struct {
	*lambdaClient
	*lambdaControl
}

type lambdaClientAndStarter struct {
	*lambdaClient
	*lambdaStarter
}

type lambdaClientWhole struct {
	lambdaClientAndControl
	*lambdaStarter
}

func (c *lambdaClient) Checkpoint(ctx context.Context, in CheckpointInput) (CheckpointOutput, error) {
	updates := make([]lambdatypes.OperationUpdate, len(in.Updates))
	for i := range in.Updates {
		updates[i] = toUpdate(&in.Updates[i])
	}
	reply, err := c.api.CheckpointDurableExecution(ctx, &lambdaapi.CheckpointDurableExecutionInput{
		DurableExecutionArn: &in.ARN,
		CheckpointToken:     &in.Token,
		Updates:             updates,
	})
	if err != nil {
		return CheckpointOutput{}, apiError(callCheckpoint, err)
	}
	out := CheckpointOutput{Token: aws.ToString(reply.CheckpointToken)}
	if state := reply.NewExecutionState; state != nil {
		out.NextMarker = aws.ToString(state.NextMarker)
		out.Operations, err = fromOperations(callCheckpoint, state.Operations)
	}
	return out, err
}

func (c *lambdaClient) State(ctx context.Context, in StateInput) (StateOutput, error) {
	reply, err := c.api.GetDurableExecutionState(ctx, &lambdaapi.GetDurableExecutionStateInput{
		DurableExecutionArn: &in.ARN,
		CheckpointToken:     &in.Token,
		Marker:              optional(in.Marker),
		MaxItems:            toInt32(in.MaxItems),
	})
	if err != nil {
		return StateOutput{}, apiError(callState, err)
	}
	ops, err := fromOperations(callState, reply.Operations)
	return StateOutput{Operations: ops, NextMarker: aws.ToString(reply.NextMarker)}, err
}

// apiError takes from an error of the AWS SDK what decides how it is handled.
func apiError(call string, err error) *APIError {
	e := &APIError{Call: call, Cause: err}
	if answer, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		e.HTTPStatus = answer.HTTPStatusCode()
	}
	if modeled, ok := errors.AsType[smithy.APIError](err); ok {
		e.Code, e.Message = modeled.ErrorCode(), modeled.ErrorMessage()
	}
	if e.HTTPStatus == 0 {
		e.HTTPStatus = modeledStatus(e.Code)
	}
	return e
}

// modeledStatus returns the status of an error that came without an HTTP response (Lambda API,
// errors of CheckpointDurableExecution and GetDurableExecutionState).
func modeledStatus(code string) int {
	switch code {
	case "InvalidParameterValueException":
		return http.StatusBadRequest
	case "TooManyRequestsException":
		return http.StatusTooManyRequests
	case "ServiceException":
		return http.StatusInternalServerError
	}
	return 0
}

func toUpdate(u *Update) lambdatypes.OperationUpdate {
	out := lambdatypes.OperationUpdate{
		Id:       &u.ID,
		ParentId: optional(u.ParentID),
		Name:     optional(u.Name),
		SubType:  optional(u.SubType),
		Type:     lambdatypes.OperationType(u.Kind),
		Action:   lambdatypes.OperationAction(u.Action),
		Error:    toErrorObject(u.Failure),
	}
	if u.Payload.Present() {
		out.Payload = aws.String(u.Payload.String())
	}
	switch u.Kind {
	case KindStep:
		if u.Action == ActionRetry {
			out.StepOptions = &lambdatypes.StepOptions{NextAttemptDelaySeconds: aws.Int32(seconds(u.NextAttemptDelay))}
		}
	case KindWait:
		if u.Action == ActionStart {
			out.WaitOptions = &lambdatypes.WaitOptions{WaitSeconds: aws.Int32(seconds(u.Wait))}
		}
	case KindCallback:
		if u.Timeout > 0 || u.Heartbeat > 0 {
			out.CallbackOptions = &lambdatypes.CallbackOptions{
				TimeoutSeconds:          seconds(u.Timeout),
				HeartbeatTimeoutSeconds: seconds(u.Heartbeat),
			}
		}
	case KindChainedInvoke:
		if u.Action == ActionStart {
			out.ChainedInvokeOptions = &lambdatypes.ChainedInvokeOptions{
				FunctionName: &u.Function,
				TenantId:     optional(u.Tenant),
				XAmznTraceId: optional(u.TraceHeader),
			}
		}
	case KindContext:
		if u.ReplayChildren {
			out.ContextOptions = &lambdatypes.ContextOptions{ReplayChildren: aws.Bool(true)}
		}
	case KindExecution:
	}
	return out
}

// seconds rounds up: the API counts whole seconds, and a wait must not end early.
func seconds(d time.Duration) int32 {
	s := d / time.Second
	if d%time.Second > 0 {
		s++
	}
	return toInt32(int(s))
}

// toInt32 keeps n within what the API can carry; the service refuses what is out of its range.
func toInt32(n int) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) }

func toErrorObject(f *Failure) *lambdatypes.ErrorObject {
	if f == nil {
		return nil
	}
	return &lambdatypes.ErrorObject{
		ErrorType:    optional(f.Type),
		ErrorMessage: optional(f.Message),
		ErrorData:    optional(f.Data),
		StackTrace:   f.Stack,
	}
}

func fromOperations(call string, in []lambdatypes.Operation) ([]Operation, error) {
	ops := make([]Operation, len(in))
	for i := range in {
		ops[i] = fromOperation(&in[i])
		if err := ops[i].check(); err != nil {
			return nil, fmt.Errorf("checkpoint: answer of %s: %w", call, err)
		}
	}
	return ops, nil
}

func fromOperation(in *lambdatypes.Operation) Operation {
	op := Operation{
		ID:       aws.ToString(in.Id),
		ParentID: aws.ToString(in.ParentId),
		Name:     aws.ToString(in.Name),
		SubType:  aws.ToString(in.SubType),
		Kind:     Kind(in.Type),
		Status:   Status(in.Status),
		Start:    aws.ToTime(in.StartTimestamp),
		End:      aws.ToTime(in.EndTimestamp),
	}
	if d := in.ExecutionDetails; d != nil {
		op.Payload = fromText(d.InputPayload)
	}
	if d := in.ContextDetails; d != nil {
		op.Payload, op.Failure = fromText(d.Result), fromErrorObject(d.Error)
		op.ReplayChildren = aws.ToBool(d.ReplayChildren)
	}
	if d := in.StepDetails; d != nil {
		op.Payload, op.Failure = fromText(d.Result), fromErrorObject(d.Error)
		op.Attempt, op.Due = int(d.Attempt), aws.ToTime(d.NextAttemptTimestamp)
	}
	if d := in.WaitDetails; d != nil {
		op.Due = aws.ToTime(d.ScheduledEndTimestamp)
	}
	if d := in.CallbackDetails; d != nil {
		op.Payload, op.Failure = fromText(d.Result), fromErrorObject(d.Error)
		op.CallbackID = aws.ToString(d.CallbackId)
	}
	if d := in.ChainedInvokeDetails; d != nil {
		op.Payload, op.Failure = fromText(d.Result), fromErrorObject(d.Error)
	}
	return op
}

func fromErrorObject(in *lambdatypes.ErrorObject) *Failure {
	if in == nil {
		return nil
	}
	return &Failure{
		Type:    aws.ToString(in.ErrorType),
		Message: aws.ToString(in.ErrorMessage),
		Data:    aws.ToString(in.ErrorData),
		Stack:   in.StackTrace,
	}
}

func fromText(s *string) Payload {
	if s == nil {
		return Payload{}
	}
	return TextPayload(*s)
}

// optional returns nil for an empty string, which the API refuses where it takes none.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
