package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// errNoStarter says that a client has no call that starts executions.
var errNoStarter = errors.New("the client of the handler cannot start executions: it is no checkpoint.Starter, " +
	"as that of checkpoint.NewClient is for a *lambda.Client; a client that wraps one has a method Unwrap() checkpoint.Client")

// startTrace is the X-Ray trace header that an execution is started with: that of the invocation,
// unless the observer replaces it.
func startTrace(f *fiber, st *step, sight Sight) (header string) {
	header = st.s.inv.TraceHeader
	if st.s.inv.Observer != nil && st.head.SubType == subtype.Start {
		f.observing(func() { header = st.s.inv.Observer.TraceHeader(sight, header) })
	}
	return header
}

// starts starts an execution for the body of a step, without the turn. Its name is the same for all
// attempts, in all invocations: what was started and not recorded is found again.
func (st *step) starts(ctx context.Context, what node.Starting, trace string) (arn string, err error) {
	inv := st.s.inv
	starter, ok := checkpoint.ClientAs[checkpoint.Starter](inv.Client)
	if !ok {
		return "", retry.Permanent(errNoStarter)
	}
	c := what.Codec
	if c == nil {
		c = inv.cfg.Codec
	}
	m := st.meta(codec.PartInput)
	m.Function = what.Function
	var payload []byte
	err = convertInBody(st.s, m, untilDeadline, func(ctx context.Context) (err error) {
		payload, err = codec.Encode(ctx, c, m, what.Input)
		return err
	})
	switch {
	case err != nil:
		return "", retry.Permanent(err)
	case len(payload) > limits.AsyncPayload:
		return "", retry.Permanent(&sizeError{fmt.Sprintf("the input has %s bytes, and the service takes at most %s "+
			"(Lambda quotas, asynchronous invocations); store it where the function finds it, and pass where that is",
			thousands(len(payload)), thousands(limits.AsyncPayload))})
	}
	in := checkpoint.StartInput{
		Function: what.Function, Name: what.Name, Own: what.Own || what.Name == "", Tenant: what.Tenant, TraceHeader: trace,
		Payload: checkpoint.NewPayload(payload),
	}
	if in.Name == "" {
		in.Name = oplog.StartedName(inv.ARN, checkpoint.ExecutionName(inv.ARN), st.id, st.head.Name)
	}
	out, err := starter.StartExecution(ctx, in)
	if err != nil {
		return "", startFailed(in, err)
	}
	return out.ARN, nil
}

// startFailed says what can be done about an execution that could not be started. What would be
// refused again is not attempted again.
func startFailed(in checkpoint.StartInput, err error) error {
	refused, ok := errors.AsType[*checkpoint.APIError](err)
	if !ok {
		return err
	}
	what := ""
	switch {
	case refused.Denied() && refused.Call == "ListDurableExecutionsByFunction":
		what = "an earlier attempt has started the execution " + in.Name + ", and its input was encoded to other bytes: " +
			"permit the function lambda:ListDurableExecutionsByFunction for " + in.Function + ", so that it finds it"
	case refused.Denied():
		what = "permit the function lambda:InvokeFunction for " + in.Function
	case refused.NameTaken():
		what = in.Function + " has an execution " + in.Name + " with another input: choose another name " +
			"(op.WithExecutionName), or none; an input codec that encrypts never writes the same bytes again"
	case refused.Looped():
		what = "Lambda takes executions that start each other for a loop: permit it to " + in.Function +
			" with RecursiveLoop: Allow in its template"
	case refused.NotFound():
		what = "there is no function " + in.Function + ": name one with a version, an alias or $LATEST"
	case errors.Is(err, checkpoint.ErrNoExecution):
		what = in.Function + " has no DurableConfig: use op.Invoke, or deploy it as a durable function"
	}
	if what != "" {
		return retry.Permanent(fmt.Errorf("%w; %s", err, what))
	}
	if refused.Permanent() {
		return retry.Permanent(err)
	}
	return err
}
