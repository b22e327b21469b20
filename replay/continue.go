package replay

import (
	"fmt"

	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/engine"
)

// ErrContinuation is the error of an execution that was to continue as another one and could not:
// see [ContinueAsNew].
var ErrContinuation = engine.ErrContinuation

// ContinueAsNew ends the execution by starting its successor, which begins with an empty log. A
// handler returns its error:
//
//	if round == most {
//		return Report{}, replay.ContinueAsNew(ctx, state)
//	}
//
// The value that the handler returns with it is dropped. An execution has room for 3,000 operations
// and lasts at most 366 days; with ContinueAsNew a loop goes on forever. See docs/long-lives.md.
//
// When the handler has returned, everything that it has started is waited for, as if it had
// returned no error; then the successor is started with in, and then the execution ends as
// SUCCEEDED, with a result that names the successor (checkpoint.ContinuedAs). The successor is
// started once, also if the function is lost on the way: its name follows from this execution.
// It shows the chain: "order-17-2-8f14e45fce" follows "order-17". A name of more than 64
// characters loses the end of its first part.
//
// The input is encoded by the handler's codec for inputs ([WithHandlerCodec]). Limit: 1 MB (Lambda
// quotas, asynchronous invocations). The successor runs the version of the function that this
// execution runs: [ContinueOn] names an alias, and so takes new code. The function needs
// lambda:InvokeFunction for itself, and in its template RecursiveLoop: Allow, without which Lambda
// stops such a chain after about 16 executions.
//
// The execution fails with [ErrContinuation], and what completed in it is undone, if
//
//   - in is not of the type of the handler's input, and [ContinueOn] names no other function;
//   - the handler drops the error, or returns another one;
//   - an operation that the handler itself has run could still be undone (op.Op.Undo): that is for
//     an op.Group, whose success decides.
//
// It fails at once if ContinueAsNew is called elsewhere than in the handler: in a group, a branch
// or the body of a step. It fails with an *op.Error if the input cannot be encoded, and if the
// successor cannot be started: see op.Start.
func ContinueAsNew[In any](ctx op.Context, in In, opts ...ContinueOption) error {
	h, ok := op.ScopeOf(ctx).(*engine.Handle)
	if !ok {
		return errNoContext
	}
	c := &engine.Continuation{Input: in}
	var wrong error
	for _, o := range opts {
		if o != nil && wrong == nil {
			wrong = o.applyContinue(c)
		}
	}
	err := h.Continue(c)
	if wrong != nil {
		err = wrong
	}
	return err
}

// ContinueOption configures [ContinueAsNew].
type ContinueOption interface {
	applyContinue(c *engine.Continuation) error
}

type continueOption func(c *engine.Continuation) error

func (o continueOption) applyContinue(c *engine.Continuation) error { return o(c) }

// ContinueOn names the function that goes on, with a version, an alias or $LATEST: the alias of
// this one, to take new code, or another function. The input is then not compared with that of the
// handler. The default, and the empty name, are the function and the version that the execution
// runs. Anything but a function's name is refused by [ContinueAsNew] with [ErrContinuation].
func ContinueOn(function string) ContinueOption {
	return continueOption(func(c *engine.Continuation) error {
		if function != "" && !limits.IsFunctionName(function) {
			return fmt.Errorf("%w: replay.ContinueOn(%q): want the name of a function or its ARN, with a version, an alias or "+
				"$LATEST after a colon (Lambda API, FunctionName)", ErrContinuation, function)
		}
		c.Function = function
		return nil
	})
}
