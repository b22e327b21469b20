package cli

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// eventOf returns an event of the API as one of ours, which holds the details of all types in one
// place.
func eventOf(in *lambdatypes.Event) local.Event { //nolint:cyclop,gocyclo // one case for each member of the API
	e := local.Event{
		ID: int(aws.ToInt32(in.EventId)), Type: local.EventType(in.EventType), Time: aws.ToTime(in.EventTimestamp),
		OperationID: aws.ToString(in.Id), ParentID: aws.ToString(in.ParentId),
		Name: aws.ToString(in.Name), SubType: aws.ToString(in.SubType),
	}
	switch {
	case in.ExecutionStartedDetails != nil:
		d := in.ExecutionStartedDetails
		e.Input, e.Timeout = input(d.Input), seconds(d.ExecutionTimeout)
	case in.ExecutionSucceededDetails != nil:
		e.Result = result(in.ExecutionSucceededDetails.Result)
	case in.ExecutionFailedDetails != nil:
		fail(&e, in.ExecutionFailedDetails.Error)
	case in.ExecutionTimedOutDetails != nil:
		fail(&e, in.ExecutionTimedOutDetails.Error)
	case in.ExecutionStoppedDetails != nil:
		fail(&e, in.ExecutionStoppedDetails.Error)
	case in.ContextSucceededDetails != nil:
		e.Result = result(in.ContextSucceededDetails.Result)
	case in.ContextFailedDetails != nil:
		fail(&e, in.ContextFailedDetails.Error)
	case in.WaitStartedDetails != nil:
		d := in.WaitStartedDetails
		e.Duration, e.ScheduledEnd = seconds(d.Duration), aws.ToTime(d.ScheduledEndTimestamp)
	case in.WaitSucceededDetails != nil:
		e.Duration = seconds(in.WaitSucceededDetails.Duration)
	case in.WaitCancelledDetails != nil:
		fail(&e, in.WaitCancelledDetails.Error)
	case in.StepSucceededDetails != nil:
		d := in.StepSucceededDetails
		e.Result = result(d.Result)
		attempt(&e, d.RetryDetails)
	case in.StepFailedDetails != nil:
		d := in.StepFailedDetails
		fail(&e, d.Error)
		attempt(&e, d.RetryDetails)
	case in.CallbackStartedDetails != nil:
		d := in.CallbackStartedDetails
		e.CallbackID, e.Timeout, e.Heartbeat = aws.ToString(d.CallbackId), seconds(d.Timeout), seconds(d.HeartbeatTimeout)
	case in.CallbackSucceededDetails != nil:
		e.Result = result(in.CallbackSucceededDetails.Result)
	case in.CallbackFailedDetails != nil:
		fail(&e, in.CallbackFailedDetails.Error)
	case in.CallbackTimedOutDetails != nil:
		fail(&e, in.CallbackTimedOutDetails.Error)
	case in.ChainedInvokeStartedDetails != nil:
		d := in.ChainedInvokeStartedDetails
		e.Input, e.Function, e.Version = input(d.Input), aws.ToString(d.FunctionName), aws.ToString(d.ExecutedVersion)
		e.Tenant, e.Target = aws.ToString(d.TenantId), aws.ToString(d.DurableExecutionArn)
	case in.ChainedInvokeSucceededDetails != nil:
		e.Result = result(in.ChainedInvokeSucceededDetails.Result)
	case in.ChainedInvokeFailedDetails != nil:
		fail(&e, in.ChainedInvokeFailedDetails.Error)
	case in.ChainedInvokeTimedOutDetails != nil:
		fail(&e, in.ChainedInvokeTimedOutDetails.Error)
	case in.ChainedInvokeStoppedDetails != nil:
		fail(&e, in.ChainedInvokeStoppedDetails.Error)
	case in.InvocationCompletedDetails != nil:
		d := in.InvocationCompletedDetails
		e.RequestID, e.Start, e.End = aws.ToString(d.RequestId), aws.ToTime(d.StartTimestamp), aws.ToTime(d.EndTimestamp)
		fail(&e, d.Error)
	}
	return e
}

func attempt(e *local.Event, d *lambdatypes.RetryDetails) {
	if d != nil {
		e.Attempt, e.NextAttemptDelay = int(d.CurrentAttempt), seconds(d.NextAttemptDelaySeconds)
	}
}

// truncated is why a payload is not known that the service has cut off.
const truncated = "the service has cut it off in the history"

func input(in *lambdatypes.EventInput) checkpoint.Payload {
	if in != nil && aws.ToBool(in.Truncated) {
		return checkpoint.WithheldPayload(truncated)
	}
	if in == nil || in.Payload == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(*in.Payload)
}

func result(in *lambdatypes.EventResult) checkpoint.Payload {
	if in != nil && aws.ToBool(in.Truncated) {
		return checkpoint.WithheldPayload(truncated)
	}
	if in == nil || in.Payload == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(*in.Payload)
}

// fail takes in an error. Of one that was cut off, the event has a result that is withheld.
func fail(e *local.Event, in *lambdatypes.EventError) {
	if in == nil {
		return
	}
	e.Failure = failureOf(in.Payload)
	if aws.ToBool(in.Truncated) {
		e.Result = checkpoint.WithheldPayload(truncated)
	}
}

func failureOf(in *lambdatypes.ErrorObject) *checkpoint.Failure {
	if in == nil {
		return nil
	}
	return &checkpoint.Failure{
		Type: aws.ToString(in.ErrorType), Message: aws.ToString(in.ErrorMessage),
		Data: aws.ToString(in.ErrorData), Stack: in.StackTrace,
	}
}

func seconds[N int32 | *int32](n N) time.Duration {
	switch n := any(n).(type) {
	case int32:
		return time.Duration(n) * time.Second
	case *int32:
		return time.Duration(aws.ToInt32(n)) * time.Second
	}
	return 0
}
