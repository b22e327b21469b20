package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

var errBoom = errors.New("boom")

// set adds a field unless there is nothing in it.
func (f fields) set(name string, v any) {
	switch v := v.(type) {
	case string:
		if v != "" {
			f[name] = v
		}
	case int:
		if v != 0 {
			f[name] = v
		}
	case time.Time:
		if !v.IsZero() {
			f[name] = v.UTC().Format(time.RFC3339Nano)
		}
	}
}

// invocationFields are all fields of an invocation.
func invocationFields(i replay.InvocationInfo) fields {
	f := fields{"isFirstInvocation": i.First, "operationsCount": i.Operations, "updatedOperationsCount": i.Updated}
	f.set("requestId", i.RequestID)
	f.set("executionStartTimestamp", i.StartedAt)
	return f
}

func (w World) invocationsDumped() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	fn := func(ctx op.Context, in string) (string, error) {
		return "done-" + in, replay.Exec(ctx, op.Wait("pause", 2*time.Second))
	}
	return with(w, fn, replay.Interceptor{
		InvocationStart: func(_ context.Context, i replay.InvocationInfo) {
			p.print(i.ExecutionARN, "invocation-start", invocationFields(i))
		},
		InvocationEnd: func(_ context.Context, i replay.InvocationInfo, end replay.InvocationEnd) {
			f := invocationFields(i)
			f["status"], f["terminal"] = end.Status, end.Terminal
			if end.Err != nil {
				f["executionError"] = end.Err.Error()
			}
			p.print(i.ExecutionARN, "invocation-end", f)
		},
	})
}

// operationFields are all fields of an operation.
func operationFields(o replay.OperationInfo) fields {
	f := fields{"isReplay": o.Replay}
	f.set("id", o.ID)
	f.set("parentId", o.ParentID)
	f.set("name", o.Name)
	f.set("type", o.Kind)
	f.set("subType", o.SubType)
	f.set("status", o.Status)
	f.set("attempt", o.Attempt)
	f.set("startTimestamp", o.Start)
	f.set("endTimestamp", o.End)
	f.set("error", o.ErrorMessage)
	return f
}

func greetTask(ctx op.Context, _ op.None) (string, error) {
	return replay.Run(ctx, op.Step("greet", give("task-a")))
}

func (w World) operationsDumped() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	return with(w, greetTask, replay.Interceptor{
		OperationStart: p.step("operation-start", operationFields),
		OperationEnd:   p.step("operation-end", operationFields),
	})
}

func (w World) changesDumped() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	return with(w, greetTask, replay.Interceptor{OperationChange: func(ctx context.Context, c replay.Change) {
		for _, o := range c.Changed {
			_, known := c.Lookup(o.ID)
			p.step("operation-change", func(o replay.OperationInfo) fields {
				f := operationFields(o)
				f["executionArn"], f["inFullMap"] = o.ExecutionARN, known
				f["updatedOperationsCount"], f["operationsCount"] = len(c.Changed), c.Operations
				return f
			})(ctx, o)
		}
	}})
}

// twoBranches waits in one branch, and has the other one start when that is over.
func twoBranches(ctx op.Context, _ op.None) ([]string, error) {
	a := op.Group("branch-a", func(ctx op.Context) (string, error) {
		if err := replay.Exec(ctx, op.Step("inner", give("x"))); err != nil {
			return "", err
		}
		return "a-done", replay.Exec(ctx, op.Wait("pause", 2*time.Second))
	})
	return values(ctx, op.Parallel("ctx", []op.Op[string]{a, ok("branch-b", "b-done")}, oneByOne()))
}

func (w World) groupsDumped() lambda.Handler {
	p := w.printer("CONFPLUGIN")
	return with(w, twoBranches, replay.Interceptor{
		OperationStart: func(_ context.Context, o replay.OperationInfo) {
			if o.Kind == "CONTEXT" {
				p.print(o.ExecutionARN, "operation-start", operationFields(o))
			}
		},
		GroupStart: func(_ context.Context, g replay.GroupInfo) {
			f := operationFields(g.OperationInfo)
			f["isReplayingChildren"] = g.ReplayingChildren
			p.print(g.ExecutionARN, "fn-start", f)
		},
	})
}
