package local

import (
	"context"
	"errors"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

var _ checkpoint.Starter = (*Service)(nil)

// StartExecution implements [checkpoint.Starter]: [Service.Start] as a function calls it that
// starts another execution. The function must be hosted and durable; the payload is that of an
// asynchronous invocation, at most 1 MB.
//
// The error is a [*checkpoint.APIError]: [ErrNoFunction], an [*AlreadyStartedError], or it refuses
// a name, a payload or a function that is not durable.
func (s *Service) StartExecution(ctx context.Context, in checkpoint.StartInput) (checkpoint.StartOutput, error) {
	if ctx.Err() != nil {
		return checkpoint.StartOutput{}, api.Unreachable(api.CallInvoke, context.Cause(ctx))
	}
	if h, ok := s.target(in.Function); ok && h.plain {
		return checkpoint.StartOutput{}, api.Refuse(api.CallInvoke, "The function is not durable: it takes no name of an execution.")
	}
	e, err := s.startAsked(in)
	if taken, ok := errors.AsType[*AlreadyStartedError](err); ok && in.Own {
		return checkpoint.StartOutput{ARN: taken.ARN}, nil
	}
	if err != nil {
		return checkpoint.StartOutput{}, s.startRefused(err)
	}
	return checkpoint.StartOutput{ARN: e.ARN()}, nil
}

// startAsked starts an execution with a name, of a payload that is not too large.
func (s *Service) startAsked(in checkpoint.StartInput) (*Execution, error) {
	switch {
	case in.Name == "":
		return nil, api.Refuse(api.CallInvoke, "The execution has no name.")
	case in.Payload.Size() > limits.AsyncPayload:
		return nil, &checkpoint.APIError{
			Call: api.CallInvoke, HTTPStatus: 413, Code: "RequestTooLargeException",
			Message: "Request must be smaller than 1048576 bytes for this call.",
		}
	}
	return s.StartWith(StartInput{
		Function: in.Function, Name: in.Name, Tenant: in.Tenant, TraceHeader: in.TraceHeader, Input: in.Payload, Async: true,
	})
}

// startRefused is what a function sees of an execution that could not be started.
func (s *Service) startRefused(err error) *checkpoint.APIError {
	if refused, ok := errors.AsType[*checkpoint.APIError](err); ok {
		return refused
	}
	refused := &checkpoint.APIError{Call: api.CallInvoke, Message: err.Error(), Cause: err}
	switch _, taken := errors.AsType[*AlreadyStartedError](err); {
	case taken:
		refused.HTTPStatus, refused.Code = 409, api.CodeNamed
	case errors.Is(err, ErrNoFunction):
		refused.HTTPStatus, refused.Code = 404, api.CodeMissing
	case s.down() != nil:
		refused.HTTPStatus, refused.Code = 500, api.CodeService
	default:
		refused.HTTPStatus, refused.Code = 400, api.CodeInvalid
	}
	return refused
}
