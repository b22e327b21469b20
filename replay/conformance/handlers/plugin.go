package handlers

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// fields are what an interceptor prints.
type fields map[string]any

// printer prints what interceptors see, a JSON object on a line.
type printer struct {
	plugin string
	out    io.Writer
}

func (w World) printer(plugin string) printer { return printer{plugin: plugin, out: w.Out} }

func (p printer) print(arn, hook string, f fields) {
	f["plugin"], f["hook"], f["durableExecutionArn"] = p.plugin, hook, arn
	if err := json.NewEncoder(p.out).Encode(f); err != nil {
		panic(err) //nolint:forbidigo // an interceptor's panic is logged, and harms no one
	}
}

// step returns a function that prints about operations that are steps.
func (p printer) step(hook string, about func(o replay.OperationInfo) fields) func(context.Context, replay.OperationInfo) {
	return func(_ context.Context, o replay.OperationInfo) {
		if o.Kind == "STEP" {
			p.print(o.ExecutionARN, hook, about(o))
		}
	}
}

// orNone says NONE where there is nothing.
func orNone(s string) string {
	if s == "" {
		return "NONE"
	}
	return s
}

func startOf(o replay.OperationInfo) fields { return fields{"op": o.ID} }
func endOf(o replay.OperationInfo) fields   { return fields{"op": o.ID, "status": o.Status} }

// attempts prints attempts.
func (p printer) attempts() replay.Interceptor {
	return replay.Interceptor{
		AttemptStart: func(_ context.Context, a replay.AttemptInfo) {
			p.print(a.ExecutionARN, "attempt-start", fields{"op": a.ID, "n": a.Number})
		},
		AttemptEnd: func(_ context.Context, a replay.AttemptInfo, end replay.AttemptEnd) {
			p.print(a.ExecutionARN, "attempt-end", fields{"op": a.ID, "n": a.Number, "outcome": end.Outcome})
		},
	}
}

// all prints invocations, steps and attempts.
func (p printer) all() replay.Interceptor {
	i := p.attempts()
	i.InvocationStart = func(_ context.Context, i replay.InvocationInfo) {
		p.print(i.ExecutionARN, "invocation-start", fields{"first": i.First})
	}
	i.InvocationEnd = func(_ context.Context, i replay.InvocationInfo, end replay.InvocationEnd) {
		p.print(i.ExecutionARN, "invocation-end", fields{"status": end.Status})
	}
	i.OperationStart = p.step("operation-start", startOf)
	i.OperationEnd = p.step("operation-end", endOf)
	return i
}

// faulty prints like all, and panics each time.
func (p printer) faulty() replay.Interceptor {
	fail := func() { panic("faulty") } //nolint:forbidigo // it is what the interceptor is for
	i, all := replay.Interceptor{}, p.all()
	i.InvocationStart = func(ctx context.Context, v replay.InvocationInfo) { all.InvocationStart(ctx, v); fail() }
	i.InvocationEnd = func(ctx context.Context, v replay.InvocationInfo, end replay.InvocationEnd) {
		all.InvocationEnd(ctx, v, end)
		fail()
	}
	i.OperationStart = func(ctx context.Context, o replay.OperationInfo) { all.OperationStart(ctx, o); failFor(o, fail) }
	i.OperationEnd = func(ctx context.Context, o replay.OperationInfo) { all.OperationEnd(ctx, o); failFor(o, fail) }
	i.AttemptStart = func(ctx context.Context, a replay.AttemptInfo) { all.AttemptStart(ctx, a); fail() }
	i.AttemptEnd = func(ctx context.Context, a replay.AttemptInfo, end replay.AttemptEnd) {
		all.AttemptEnd(ctx, a, end)
		fail()
	}
	return i
}

func failFor(o replay.OperationInfo, fail func()) {
	if o.Kind == "STEP" {
		fail()
	}
}

// with makes a durable function with interceptors.
func with[In, Out any](w World, fn func(op.Context, In) (Out, error), i ...replay.Interceptor) lambda.Handler {
	return on(w, fn, replay.WithInterceptors(i...))
}

func (w World) operationsIntercepted() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	return with(w, greet, replay.Interceptor{
		OperationStart: p.step("operation-start", startOf), OperationEnd: p.step("operation-end", endOf),
	})
}

func (w World) attemptsIntercepted() lambda.Handler {
	return with(w, retryOnce, w.printer("CONFPLUGIN").attempts())
}

func (w World) faultyIntercepted() lambda.Handler {
	return with(w, greet, w.printer("CONFPLUGIN-FAULTY").faulty())
}

func (w World) failureIntercepted() lambda.Handler {
	return with(w, catchNothing, w.printer("CONFPLUGIN").all())
}

func catchNothing(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Step("refuse", refuse, op.WithRetry(retry.Never())))
}

func (w World) changesIntercepted() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	return with(w, greet, replay.Interceptor{OperationChange: func(ctx context.Context, c replay.Change) {
		for _, o := range c.Changed {
			_, known := c.Lookup(o.ID)
			p.step("operation-change", func(o replay.OperationInfo) fields {
				return fields{"op": o.ID, "status": o.Status, "in_full_map": known}
			})(ctx, o)
		}
	}})
}

func (w World) parentsIntercepted() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	fn := func(ctx op.Context, name string) (string, error) {
		return replay.Run(ctx, op.Group("child", run(op.Step("greet", give("Hello, "+name+"!")))))
	}
	return with(w, fn, replay.Interceptor{OperationEnd: func(_ context.Context, o replay.OperationInfo) {
		p.print(o.ExecutionARN, "operation-end", fields{"op": o.ID, "parent": orNone(o.ParentID), "status": o.Status})
	}})
}

func (w World) branchesIntercepted() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	fn := func(ctx op.Context, _ op.None) ([]string, error) {
		return values(ctx, op.Parallel("parallel", []op.Op[string]{ok("first", "task-1"), ok("second", "task-2")}, oneByOne()))
	}
	return with(w, fn, replay.Interceptor{
		GroupStart: func(_ context.Context, g replay.GroupInfo) {
			p.print(g.ExecutionARN, "fn-start", fields{"op": g.ID, "parent": orNone(g.ParentID)})
		},
		GroupEnd: func(_ context.Context, g replay.GroupInfo, end replay.AttemptEnd) {
			p.print(g.ExecutionARN, "fn-end", fields{"op": g.ID, "parent": orNone(g.ParentID), "outcome": end.Outcome})
		},
	})
}

func (w World) replayIntercepted() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	fn := func(ctx op.Context, in op.None) (string, error) {
		if err := replay.Exec(ctx, op.Step("first", give("task-a"))); err != nil {
			return "", err
		}
		return retryOnce(ctx, in)
	}
	return with(w, fn, replay.Interceptor{
		OperationStart: p.step("operation-start", func(o replay.OperationInfo) fields {
			return fields{"op": o.ID, "replay": o.Replay}
		}),
		OperationEnd: p.step("operation-end", endOf),
	})
}

func (w World) payloadsIntercepted() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	fn := func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, op.Step("first", give("task-a"))); err != nil {
			return "", err
		}
		return replay.Run(ctx, op.Step("second", func(context.Context) (string, error) {
			return "", errBoom
		}, op.WithRetry(retry.Never())))
	}
	return with(w, fn, replay.Interceptor{OperationEnd: p.step("operation-end", func(o replay.OperationInfo) fields {
		return fields{"op": o.ID, "status": o.Status, "result": orNone(o.Result), "error": orNone(o.ErrorMessage)}
	})})
}

func (w World) exhaustionIntercepted() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	fn := func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Step("refuse", refuse, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(2)))))
	}
	return with(w, fn, p.attempts(), replay.Interceptor{OperationEnd: p.step("operation-end", endOf)})
}

func (w World) faultyAndHealthyIntercepted() lambda.Handler {
	return with(w, greet, w.printer("CONFPLUGIN-FAULTY").faulty(), w.printer("CONFPLUGIN-HEALTHY").all())
}
