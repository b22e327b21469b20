package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

var (
	// ErrNested is the error of an operation that was run inside the body of another operation of
	// the same scope. A body does I/O; what is to be durable in it is an operation of its own,
	// before or after, or in a group.
	ErrNested = errors.New("replay: an operation was run inside the body of another")
	// ErrConcurrent is the error of a goroutine that used the context of another one. Declare
	// concurrency: op.Map, op.Parallel and the combinators, or [Go].
	ErrConcurrent = errors.New("replay: a goroutine used the context of another")
	// ErrEnded is the error of a call in a handler, group or branch that has returned.
	ErrEnded = errors.New("replay: the handler, group or branch of this context has ended")
	// ErrNothingPending is the error of an invocation in which nothing can go on, and the service
	// has nothing to end either: nothing would ever invoke the function again.
	ErrNothingPending = errors.New("replay: nothing can go on and nothing is pending in the service")
	// ErrExited is the error of a handler, group or body that ended its goroutine without
	// returning, as runtime.Goexit and testing.T.FailNow do.
	ErrExited = errors.New("replay: user code ended its goroutine without returning")

	errNotCancellable = errors.New("replay: only waits can be cancelled; limit other operations with op.Timeout")
	errLeft           = errors.New("replay: goroutines of the handler did not end with the invocation")
	errCollision      = errors.New("replay: two operations have the same ID; change the name or the key of one of them")
	errSuspended      = errors.New("replay: the invocation is suspended")
	errEnded          = errors.New("replay: the execution or its scope has ended")
)

// misused says where in the handler a rule was broken, and what to do.
func misused(s *scope, rule error, h *node.Header) error {
	text := fmt.Sprintf("%v: operation %s, context of %s", rule, quote(describe(s, h)), placeOf(s.path()))
	if what := advice(rule); what != "" {
		text += "; " + what
	}
	return &misuse{rule: rule, text: text}
}

// advice says what to do instead of breaking a rule; it is empty for a rule that says so itself.
func advice(rule error) string {
	switch {
	case errors.Is(rule, ErrNested):
		return "run it before or after, or make what it is in an op.Group and use the context that its function is given"
	case errors.Is(rule, ErrConcurrent):
		return "start it with replay.Go, or declare it with op.Map or op.Parallel, on the goroutine that the context was given to"
	case errors.Is(rule, ErrEnded):
		return "run it before the function that was given the context returns"
	case errors.Is(rule, ErrExited):
		return "return an error instead of calling runtime.Goexit, which testing.T.FailNow does too"
	}
	return ""
}

// placeOf names a scope or an operation for people.
func placeOf(path string) string {
	if path == "" {
		return "the handler"
	}
	return quote(path)
}

// misuse is a broken rule of the API. It ends the execution.
type misuse struct {
	rule error
	text string
}

func (e *misuse) Error() string { return e.text }

func (e *misuse) Unwrap() error { return e.rule }

// CallFailed classifies the error of a call to the service.
//
//  1. If the service refused what was said, it will refuse it again: the execution fails.
//  2. Otherwise (a stale token, throttling, a failure of the service or of the network) the
//     invocation fails, and the service invokes again.
func CallFailed(err error) Outcome {
	var api *checkpoint.APIError
	if errors.As(err, &api) && api.Permanent() {
		return Outcome{Status: checkpoint.OutcomeFailed, Failure: &checkpoint.Failure{
			Type: api.Code, Message: err.Error(),
		}}
	}
	return Outcome{Err: &CheckpointCallError{err}}
}

// CheckpointCallError is why an invocation fails in which a call of the service has. Lambda reports
// the name of the type beside the message.
type CheckpointCallError struct{ cause error }

// Error names the call, and says what the service answered.
func (e *CheckpointCallError) Error() string {
	if api, ok := errors.AsType[*checkpoint.APIError](e.cause); ok {
		return "replay: " + strings.TrimPrefix(api.Error(), "checkpoint: ")
	}
	return "replay: checkpoint call: " + e.cause.Error()
}

// Unwrap returns the error of the call.
func (e *CheckpointCallError) Unwrap() error { return e.cause }

// StateUnread is the outcome of an invocation that cannot read the log of its execution, and logs
// why.
func StateUnread(ctx context.Context, cfg *Config, attrs []slog.Attr, err error) Outcome {
	o := CallFailed(err)
	inv := &invocation{facts: facts{Run: Run{Attrs: attrs}, cfg: cfg}}
	inv.ctx = ctx
	sayFailed(ctx, inv, &o)
	sayCallFailed(ctx, inv, &o)
	return o
}

// refused reports whether the service rejected a call without using up its token.
func refused(err error) bool {
	var api *checkpoint.APIError
	return errors.As(err, &api) && api.HTTPStatus == http.StatusBadRequest && !api.StaleToken()
}

func quote(path string) string { return strconv.Quote(path) }
