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
		e.Failure = failure(in.ExecutionFailedDetails.Error)
	case in.ExecutionTimedOutDetails != nil:
		e.Failure = failure(in.ExecutionTimedOutDetails.Error)
	case in.ExecutionStoppedDetails != nil:
		e.Failure = failure(in.ExecutionStoppedDetails.Error)
	case in.ContextSucceededDetails != nil:
		e.Result = result(in.ContextSucceededDetails.Result)
	case in.ContextFailedDetails != nil:
		e.Failure = failure(in.ContextFailedDetails.Error)
	case in.WaitStartedDetails != nil:
		d := in.WaitStartedDetails
		e.Duration, e.ScheduledEnd = seconds(d.Duration), aws.ToTime(d.ScheduledEndTimestamp)
	case in.WaitSucceededDetails != nil:
		e.Duration = seconds(in.WaitSucceededDetails.Duration)
	case in.WaitCancelledDetails != nil:
		e.Failure = failure(in.WaitCancelledDetails.Error)
	case in.StepSucceededDetails != nil:
		d := in.StepSucceededDetails
		e.Result = result(d.Result)
		attempt(&e, d.RetryDetails)
	case in.StepFailedDetails != nil:
		d := in.StepFailedDetails
		e.Failure = failure(d.Error)
		attempt(&e, d.RetryDetails)
	case in.CallbackStartedDetails != nil:
		d := in.CallbackStartedDetails
		e.CallbackID, e.Timeout, e.Heartbeat = aws.ToString(d.CallbackId), seconds(d.Timeout), seconds(d.HeartbeatTimeout)
	case in.CallbackSucceededDetails != nil:
		e.Result = result(in.CallbackSucceededDetails.Result)
	case in.CallbackFailedDetails != nil:
		e.Failure = failure(in.CallbackFailedDetails.Error)
	case in.CallbackTimedOutDetails != nil:
		e.Failure = failure(in.CallbackTimedOutDetails.Error)
	case in.ChainedInvokeStartedDetails != nil:
		d := in.ChainedInvokeStartedDetails
		e.Input, e.Function, e.Version = input(d.Input), aws.ToString(d.FunctionName), aws.ToString(d.ExecutedVersion)
		e.Tenant, e.Target = aws.ToString(d.TenantId), aws.ToString(d.DurableExecutionArn)
	case in.ChainedInvokeSucceededDetails != nil:
		e.Result = result(in.ChainedInvokeSucceededDetails.Result)
	case in.ChainedInvokeFailedDetails != nil:
		e.Failure = failure(in.ChainedInvokeFailedDetails.Error)
	case in.ChainedInvokeTimedOutDetails != nil:
		e.Failure = failure(in.ChainedInvokeTimedOutDetails.Error)
	case in.ChainedInvokeStoppedDetails != nil:
		e.Failure = failure(in.ChainedInvokeStoppedDetails.Error)
	case in.InvocationCompletedDetails != nil:
		d := in.InvocationCompletedDetails
		e.RequestID, e.Start, e.End = aws.ToString(d.RequestId), aws.ToTime(d.StartTimestamp), aws.ToTime(d.EndTimestamp)
		e.Failure = failure(d.Error)
	}
	return e
}

func attempt(e *local.Event, d *lambdatypes.RetryDetails) {
	if d != nil {
		e.Attempt, e.NextAttemptDelay = int(d.CurrentAttempt), seconds(d.NextAttemptDelaySeconds)
	}
}

func input(in *lambdatypes.EventInput) checkpoint.Payload {
	if in == nil || in.Payload == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(*in.Payload)
}

func result(in *lambdatypes.EventResult) checkpoint.Payload {
	if in == nil || in.Payload == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(*in.Payload)
}

func failure(in *lambdatypes.EventError) *checkpoint.Failure {
	if in == nil || in.Payload == nil {
		return nil
	}
	return failureOf(in.Payload)
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
