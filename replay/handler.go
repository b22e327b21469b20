package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/engine"
)

// Function is a durable function: what lambda.Start takes. It may serve several invocations at
// once. The zero value is invalid.
type Function[In, Out any] struct {
	core core
}

var _ lambda.Handler = (*Function[op.None, op.None])(nil)

// Handler returns the durable function of a handler, which lambda.Start takes:
//
//	lambda.Start(replay.Handler(processOrder))
//
// The handler's input is the JSON of the event; without one, or if it is null, it is the zero
// value. Its result is recorded as JSON. [WithHandlerCodec] changes both. An error it returns, and
// a panic, end the execution as FAILED; only what is not its fault (a lost connection, a throttled
// call, the end of the invocation's time) is invoked again. A nil handler and invalid options are
// reported by the first invocation.
func Handler[In, Out any](fn func(op.Context, In) (Out, error), opts ...HandlerOption) *Function[In, Out] {
	f := &Function[In, Out]{}
	f.core = core{set: newSettings(opts)}
	if fn == nil {
		f.core.set.err = errors.New("replay: Handler(nil): pass the function that handles the event")
		return f
	}
	f.core.set.refuseInputs((*In)(nil))
	f.core.input = func(decode func(v any) error) (any, error) {
		in := new(In)
		if old := oldInputOf(f.core.set, decode, new(In)); old != nil {
			return old(decode)
		}
		if err := decode(in); err != nil {
			return nil, fmt.Errorf("replay: the input does not fit %T: %w", *in, err)
		}
		return in, nil
	}
	f.core.run = func(ctx op.Context, input any) (any, error) {
		in, _ := input.(*In)
		out, err := fn(ctx, *in)
		return out, fits[In](engine.Sound(err))
	}
	return f
}

// HandlerOf is [Handler] for a function that is declared with op.FunctionOf: those who call it by
// its declaration pass what fn takes and get what fn returns, or do not compile.
//
//	lambda.Start(replay.HandlerOf(Ship, ship))
//
// The name in the declaration is not compared with the one under which the function is deployed. A
// function that changes its input must go on reading what executions under way, and callers that
// are not deployed yet, were built with: see [WithOldInput].
func HandlerOf[In, Out any](
	_ op.Function[In, Out], fn func(op.Context, In) (Out, error), opts ...HandlerOption,
) *Function[In, Out] {
	return Handler(fn, opts...)
}

// Invoke runs one invocation. The service calls it with an event that carries the log of the
// execution; the answer says how the execution ended, or that it waits. An error means that the
// service is to invoke again.
func (f *Function[In, Out]) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f.core.invoke(ctx, payload)
}

// fits refuses a continuation whose input is not that of the handler.
func fits[In any](err error) error {
	c, ok := errors.AsType[*engine.Continuation](err)
	if !ok || c.Function != "" {
		return err
	}
	var want In
	if _, ok := c.Input.(In); ok || c.Input == nil && any(want) == nil {
		return err
	}
	return c.Misfit(want)
}
