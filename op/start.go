package op

import (
	"context"
	"errors"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// Start starts a durable execution of another function, or of the same one, and does not wait for
// it: its result is the ARN of the execution. The function is named with a version, an alias or
// $LATEST. What is started lives on its own: how it ends is not seen here, and it goes on if this
// execution fails or is stopped. To wait for a result use [Invoke].
//
// An execution is started once, also if the function is lost on the way: it has a name that
// follows from this execution and this operation, and the service starts nothing under a name that
// is taken. [WithExecutionName] chooses another name.
//
// The input is encoded by the handler's codec or [WithInputCodec], a nil one as null. Limit: 1 MB
// (Lambda quotas, asynchronous invocations).
//
// A Start is a step whose body calls the service: [WithStarting] sets its retries, and a throttled
// call is attempted again. It fails at once, with an [*Error] that says what to do, if the function
// may not start executions (it needs lambda:InvokeFunction for the other one), if there is no such
// function or it is not durable, if the name belongs to an execution with another input, or if the
// client of the handler cannot start executions (checkpoint.Starter).
func Start[In any](name, function string, in In, opts ...StartOption) Op[string] {
	s := &starting{Step: node.Step{Header: header[string](name, subtype.Start)}}
	s.what = node.Starting{Function: function, Input: in}
	s.Input, s.Body, s.Codec = in, s, codec.JSON()
	checkFunction(&s.Header, "op.Start", function)
	for _, o := range opts {
		if o != nil {
			o.applyStart(s)
		}
	}
	return Op[string]{n: &s.Step}
}

// starting is the node of a start and its body.
type starting struct {
	node.Step

	what node.Starting
}

var errNoBody = errors.New("op.Start: its body was called by something else than package replay")

// Run starts the execution.
func (s *starting) Run(ctx context.Context) (any, error) {
	b, ok := node.BodyFrom(ctx)
	if !ok || b.Start == nil {
		return nil, retry.Permanent(errNoBody)
	}
	return b.Start(ctx, s.what)
}

// startOption is an option of starts alone.
type startOption func(s *starting)

func (o startOption) applyStart(s *starting) { o(s) }

// WithExecutionName names the execution that is started: 1 to 64 of A-Z a-z 0-9 - and _, unique for
// the function (Lambda API, Invoke). If there is an execution of that name with the same input,
// whoever has started it, that is the one, whether it has ended or not; with another input the
// operation fails. An input codec must then write the same bytes again: one that encrypts does not.
//
// The default is a name that begins with that of this execution and of the operation, and ends with
// 16 characters that no other operation has. The empty name is the default.
func WithExecutionName(name string) StartOption {
	return startOption(func(s *starting) {
		if name != "" && !limits.IsExecutionName(name) && s.Err == nil {
			s.Err = misuse(s.Name, "op.WithExecutionName(%q): want 1 to %d of A-Z a-z 0-9 - and _ (Lambda API, Invoke)",
				name, limits.ExecutionName)
		}
		s.what.Name = name
	})
}

// WithStarting configures the step that starts the execution, its retries for instance.
// [AtMostOncePerRetry] is not needed: nothing is started twice.
func WithStarting(opts ...StepOption) StartOption {
	return startOption(func(s *starting) {
		for _, o := range opts {
			if o != nil {
				o.applyStep(&s.Step)
			}
		}
	})
}
