package engine

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

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
	// ErrExited is the error of a handler, group or body that ended its goroutine without
	// returning, as runtime.Goexit and testing.T.FailNow do.
	ErrExited = errors.New("replay: user code ended its goroutine without returning")

	errNotCancellable = errors.New("replay: only waits can be cancelled")
	errLeft           = errors.New("replay: goroutines of the handler did not end with the invocation")
	errCollision      = errors.New("replay: two operations have the same ID; change the name or the key of one of them")
	errSuspended      = errors.New("replay: the invocation is suspended")
	errEnded          = errors.New("replay: the execution or its scope has ended")
	errNoToken        = errors.New("replay: the service gave no checkpoint token although the execution is not finished and the function could go on")
)

// misuse says where in the handler a rule was broken.
func (s *scope) misuse(rule error, h *node.Header) error {
	return &misuse{rule: rule, text: fmt.Sprintf("%v: operation %s, context of %s", rule, quote(s.describe(h)), placeOf(s.path))}
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
	return Outcome{Err: fmt.Errorf("replay: checkpoint call: %w", err)}
}

// refused reports whether the service rejected a call without using up its token.
func refused(err error) bool {
	var api *checkpoint.APIError
	return errors.As(err, &api) && api.HTTPStatus == http.StatusBadRequest && !api.StaleToken()
}

func quote(path string) string { return strconv.Quote(path) }
