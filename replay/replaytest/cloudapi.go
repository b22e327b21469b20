package replaytest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// LambdaAPI is what [Cloud] needs of *lambda.Client of the AWS SDK.
type LambdaAPI interface {
	ExecutionAPI
	CallbackAPI
}

// ExecutionAPI starts executions, looks at them and stops them.
type ExecutionAPI interface {
	Invoke(context.Context, *lambdaapi.InvokeInput, ...func(*lambdaapi.Options)) (*lambdaapi.InvokeOutput, error)
	GetDurableExecution(context.Context, *lambdaapi.GetDurableExecutionInput,
		...func(*lambdaapi.Options)) (*lambdaapi.GetDurableExecutionOutput, error)
	GetDurableExecutionHistory(context.Context, *lambdaapi.GetDurableExecutionHistoryInput,
		...func(*lambdaapi.Options)) (*lambdaapi.GetDurableExecutionHistoryOutput, error)
	StopDurableExecution(context.Context, *lambdaapi.StopDurableExecutionInput,
		...func(*lambdaapi.Options)) (*lambdaapi.StopDurableExecutionOutput, error)
}

// CallbackAPI answers callbacks.
type CallbackAPI interface {
	SendDurableExecutionCallbackSuccess(context.Context, *lambdaapi.SendDurableExecutionCallbackSuccessInput,
		...func(*lambdaapi.Options)) (*lambdaapi.SendDurableExecutionCallbackSuccessOutput, error)
	SendDurableExecutionCallbackFailure(context.Context, *lambdaapi.SendDurableExecutionCallbackFailureInput,
		...func(*lambdaapi.Options)) (*lambdaapi.SendDurableExecutionCallbackFailureOutput, error)
}

// noClient reports whether there is none: a nil *lambda.Client is none, either.
func noClient(api LambdaAPI) bool {
	c, ok := api.(*lambdaapi.Client)
	return api == nil || ok && c == nil
}

// remote makes the calls. Its errors are [*checkpoint.APIError].
type remote struct{ api LambdaAPI }

// ended is how an execution ended, or that it has not.
type ended struct {
	status  local.Status
	result  []byte
	failure *checkpoint.Failure
}

// over reports whether it has; nothing may be known yet.
func (e ended) over() bool { return e.status != "" && e.status.Terminal() }

// start starts an execution and returns its ARN, which is empty if the function is not durable.
func (r remote) start(ctx context.Context, function, name string, input []byte) (arn string, err error) {
	out, err := r.api.Invoke(ctx, &lambdaapi.InvokeInput{
		FunctionName: &function, DurableExecutionName: &name, Payload: input, InvocationType: lambdatypes.InvocationTypeEvent,
	})
	if err != nil {
		return "", refusal("Invoke", err)
	}
	return aws.ToString(out.DurableExecutionArn), nil
}

// status returns how far an execution has come, without its data.
func (r remote) status(ctx context.Context, arn string) (local.Status, error) {
	e, err := r.get(ctx, arn, false)
	return e.status, err
}

// get reads an execution.
func (r remote) get(ctx context.Context, arn string, data bool) (ended, error) {
	out, err := r.api.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn, IncludeExecutionData: &data})
	if err != nil {
		return ended{}, refusal("GetDurableExecution", err)
	}
	e := ended{status: local.Status(out.Status), failure: failureOf(out.Error)}
	if out.Result != nil {
		e.result = []byte(*out.Result)
	}
	return e, nil
}

// pageEvents is how many events a call asks for: the most that the API gives.
const pageEvents = 1000

// history reads all events of an execution. cut holds the IDs of those whose data the service has
// cut off.
func (r remote) history(ctx context.Context, arn string) (events []local.Event, cut map[int]bool, err error) {
	cut = make(map[int]bool)
	for marker := (*string)(nil); ; {
		out, err := r.api.GetDurableExecutionHistory(ctx, &lambdaapi.GetDurableExecutionHistoryInput{
			DurableExecutionArn: &arn, Marker: marker, MaxItems: pageEvents, IncludeExecutionData: aws.Bool(true),
		})
		if err != nil {
			return nil, nil, refusal("GetDurableExecutionHistory", err)
		}
		for i := range out.Events {
			e := eventOf(&out.Events[i])
			events, cut[e.ID] = append(events, e.Event), e.cut
		}
		if marker = out.NextMarker; aws.ToString(marker) == "" {
			return events, cut, nil
		}
	}
}

func (r remote) succeed(ctx context.Context, callback string, payload []byte) error {
	_, err := r.api.SendDurableExecutionCallbackSuccess(ctx,
		&lambdaapi.SendDurableExecutionCallbackSuccessInput{CallbackId: &callback, Result: payload})
	return refusal("SendDurableExecutionCallbackSuccess", err)
}

func (r remote) fail(ctx context.Context, callback string, f checkpoint.Failure) error {
	_, err := r.api.SendDurableExecutionCallbackFailure(ctx, &lambdaapi.SendDurableExecutionCallbackFailureInput{
		CallbackId: &callback, Error: errorObject(f),
	})
	return refusal("SendDurableExecutionCallbackFailure", err)
}

func (r remote) stop(ctx context.Context, arn string, f checkpoint.Failure) error {
	_, err := r.api.StopDurableExecution(ctx, &lambdaapi.StopDurableExecutionInput{DurableExecutionArn: &arn, Error: errorObject(f)})
	return refusal("StopDurableExecution", err)
}

// refusal takes from an error of the AWS SDK what decides how it is handled; nil from nil.
func refusal(call string, err error) error {
	if err == nil {
		return nil
	}
	e := &checkpoint.APIError{Call: call, Cause: err}
	if answer, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		e.HTTPStatus = answer.HTTPStatusCode()
	}
	if modeled, ok := errors.AsType[smithy.APIError](err); ok {
		e.Code, e.Message = modeled.ErrorCode(), modeled.ErrorMessage()
	}
	return e
}

func errorObject(f checkpoint.Failure) *lambdatypes.ErrorObject {
	some := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return &lambdatypes.ErrorObject{
		ErrorType: some(f.Type), ErrorMessage: some(f.Message), ErrorData: some(f.Data), StackTrace: f.Stack,
	}
}

func failureOf(in *lambdatypes.ErrorObject) *checkpoint.Failure {
	if in == nil {
		return nil
	}
	return &checkpoint.Failure{
		Type: aws.ToString(in.ErrorType), Message: aws.ToString(in.ErrorMessage), Data: aws.ToString(in.ErrorData), Stack: in.StackTrace,
	}
}

// cloudEvent is an event of the API as one of the local service's, which holds the details of all
// types in one place.
type cloudEvent struct {
	local.Event

	cut bool
}

func eventOf(in *lambdatypes.Event) *cloudEvent {
	e := &cloudEvent{Event: local.Event{
		ID: int(aws.ToInt32(in.EventId)), Type: local.EventType(in.EventType), Time: aws.ToTime(in.EventTimestamp).UTC(),
		OperationID: aws.ToString(in.Id), ParentID: aws.ToString(in.ParentId),
		Name: aws.ToString(in.Name), SubType: aws.ToString(in.SubType),
	}}
	switch kind := string(in.EventType); {
	case strings.HasPrefix(kind, "Execution"):
		e.execution(in)
	case strings.HasPrefix(kind, "ChainedInvoke"):
		e.invoke(in)
	case strings.HasPrefix(kind, "Callback"):
		e.callback(in)
	default:
		e.inside(in)
	}
	return e
}

// execution takes in the details of the execution's own events.
func (e *cloudEvent) execution(in *lambdatypes.Event) {
	if d := in.ExecutionStartedDetails; d != nil {
		e.input(d.Input)
		e.Timeout = seconds(d.ExecutionTimeout)
	}
	if d := in.ExecutionSucceededDetails; d != nil {
		e.result(d.Result)
	}
	if d := in.ExecutionFailedDetails; d != nil {
		e.failure(d.Error)
	}
	if d := in.ExecutionTimedOutDetails; d != nil {
		e.failure(d.Error)
	}
	if d := in.ExecutionStoppedDetails; d != nil {
		e.failure(d.Error)
	}
}

func (e *cloudEvent) invoke(in *lambdatypes.Event) {
	if d := in.ChainedInvokeStartedDetails; d != nil {
		e.input(d.Input)
		e.Function, e.Version = aws.ToString(d.FunctionName), aws.ToString(d.ExecutedVersion)
		e.Tenant, e.Target = aws.ToString(d.TenantId), aws.ToString(d.DurableExecutionArn)
	}
	if d := in.ChainedInvokeSucceededDetails; d != nil {
		e.result(d.Result)
	}
	if d := in.ChainedInvokeFailedDetails; d != nil {
		e.failure(d.Error)
	}
	if d := in.ChainedInvokeTimedOutDetails; d != nil {
		e.failure(d.Error)
	}
	if d := in.ChainedInvokeStoppedDetails; d != nil {
		e.failure(d.Error)
	}
}

func (e *cloudEvent) callback(in *lambdatypes.Event) {
	if d := in.CallbackStartedDetails; d != nil {
		e.CallbackID = aws.ToString(d.CallbackId)
		e.Timeout, e.Heartbeat = seconds(d.Timeout), seconds(d.HeartbeatTimeout)
	}
	if d := in.CallbackSucceededDetails; d != nil {
		e.result(d.Result)
	}
	if d := in.CallbackFailedDetails; d != nil {
		e.failure(d.Error)
	}
	if d := in.CallbackTimedOutDetails; d != nil {
		e.failure(d.Error)
	}
}

// inside takes in the details of what the function does by itself.
func (e *cloudEvent) inside(in *lambdatypes.Event) {
	if d := in.ContextSucceededDetails; d != nil {
		e.result(d.Result)
	}
	if d := in.ContextFailedDetails; d != nil {
		e.failure(d.Error)
	}
	if d := in.StepSucceededDetails; d != nil {
		e.result(d.Result)
		e.attempt(d.RetryDetails)
	}
	if d := in.StepFailedDetails; d != nil {
		e.failure(d.Error)
		e.attempt(d.RetryDetails)
	}
	if d := in.WaitStartedDetails; d != nil {
		e.Duration, e.ScheduledEnd = seconds(d.Duration), aws.ToTime(d.ScheduledEndTimestamp).UTC()
	}
	if d := in.WaitSucceededDetails; d != nil {
		e.Duration = seconds(d.Duration)
	}
	if d := in.WaitCancelledDetails; d != nil {
		e.failure(d.Error)
	}
	if d := in.InvocationCompletedDetails; d != nil {
		e.failure(d.Error)
		e.RequestID = aws.ToString(d.RequestId)
		e.Start, e.End = aws.ToTime(d.StartTimestamp).UTC(), aws.ToTime(d.EndTimestamp).UTC()
	}
}

func (e *cloudEvent) attempt(d *lambdatypes.RetryDetails) {
	if d != nil {
		e.Attempt, e.NextAttemptDelay = int(d.CurrentAttempt), seconds(d.NextAttemptDelaySeconds)
	}
}

func (e *cloudEvent) input(in *lambdatypes.EventInput) {
	if in != nil && in.Payload != nil {
		e.Input = checkpoint.TextPayload(*in.Payload)
	}
	e.cut = e.cut || in != nil && aws.ToBool(in.Truncated)
}

func (e *cloudEvent) result(in *lambdatypes.EventResult) {
	if in != nil && in.Payload != nil {
		e.Result = checkpoint.TextPayload(*in.Payload)
	}
	e.cut = e.cut || in != nil && aws.ToBool(in.Truncated)
}

func (e *cloudEvent) failure(in *lambdatypes.EventError) {
	if in != nil && in.Payload != nil {
		e.Failure = failureOf(in.Payload)
	}
	e.cut = e.cut || in != nil && aws.ToBool(in.Truncated)
}

// seconds reads a duration of the API, which is absent or a whole number of seconds.
func seconds(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }
