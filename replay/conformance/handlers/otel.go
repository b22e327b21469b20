package handlers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replayotel"
	"github.com/perdure/perdure/retry"
)

// ServiceName is that of the traced functions.
const ServiceName = "perdure-conformance"

// The traced functions that others call.
const (
	tracedTarget = "traced:live"
	tracedFail   = "traced-fail:live"
	tracedLong   = "traced-long:live"
)

// InterruptedAfter is the execution timeout that the functions of wait-interrupted need.
const InterruptedAfter = 3 * time.Second

// ExecutionsSuffix is what the IDs of long-running functions have in the view Executions.
const ExecutionsSuffix = "-executions"

// Traced is the input of a traced function.
type Traced struct {
	Scenario string `json:"scenario"`
	Delay    string `json:"delay_seconds,omitempty"`
}

// scenario is a workflow of the suite otel.
type scenario struct {
	name string
	run  func(ctx op.Context, in Traced) (any, error)
}

// handle refuses inputs of other scenarios.
func (s scenario) handle(ctx op.Context, in Traced) (any, error) {
	if in.Scenario != s.name {
		return nil, fmt.Errorf("this is the function of the scenario %s, not of %q", s.name, in.Scenario)
	}
	return s.run(ctx, in)
}

// scenarios are the workflows, by their numbers.
func scenarios() []scenario {
	return []scenario{
		1: {"success", steps("otel-success")},
		2: {"wait-resume", func(ctx op.Context, _ Traced) (any, error) {
			return waitThen(ctx, "otel-wait", time.Second, "otel-after-resume")
		}},
		3: {"retry", retried("otel-retry")},
		4: {"terminal-failure", func(ctx op.Context, _ Traced) (any, error) {
			return replay.Run(ctx, op.Step("otel-terminal-failure", refuse, op.WithRetry(retry.Never())))
		}},
		5: {"child-context", func(ctx op.Context, _ Traced) (any, error) {
			return replay.Run(ctx, op.Group("otel-child-context", run(op.Step("otel-child-step", give("done")))))
		}},
		6:  {"parallel-hierarchy", tracedParallel},
		7:  {"map-hierarchy", tracedMap},
		8:  {"handled-failure", handledFailure},
		9:  {"wait-for-condition", func(ctx op.Context, _ Traced) (any, error) { return poll(ctx, "otel-condition", until(2)) }},
		10: {"wait-for-callback", awaitAnswer("otel-callback")},
		11: {"chained-invoke", invokeTraced("otel-invoke", tracedTarget)},
		12: {"child-context-failure", func(ctx op.Context, _ Traced) (any, error) {
			return replay.Run(ctx, op.Group("otel-failed-child-context", func(op.Context) (string, error) { return "", errRefused }))
		}},
		13: {"parallel-failure", func(ctx op.Context, _ Traced) (any, error) {
			return allOf(ctx, op.Parallel("otel-failed-parallel", []op.Op[string]{bad("otel-failed-parallel-branch")}))
		}},
		14: {"map-failure", func(ctx op.Context, _ Traced) (any, error) {
			failing := op.GroupFunc("item", func(op.Context, int) (string, error) { return "", errRefused }).Key(numbered("otel-failed-map-iteration-"))
			return allOf(ctx, op.Map("otel-failed-map", []int{0}, failing))
		}},
		15: {"wait-interrupted", interrupted},
		16: {"wait-for-condition-failure", func(ctx op.Context, _ Traced) (any, error) {
			return poll(ctx, "otel-failed-condition", func(context.Context, int) (int, bool, error) { return 0, false, errRefused })
		}},
		17: {"wait-for-callback-failure", awaitAnswer("otel-failed-callback")},
		18: {"chained-invoke-failure", invokeTraced("otel-failed-invoke", tracedFail)},
		20: {"virtual-context", virtualContext},
		19: {"execution-failure", func(op.Context, Traced) (any, error) { return nil, errRefused }},
	}
}

// longRunning are the workflows of the suite otel-long-running, by their numbers.
func longRunning() []scenario {
	return []scenario{
		1: {"long-wait", func(ctx op.Context, in Traced) (any, error) {
			return waitThen(ctx, "otel-long-wait", in.delay(), "otel-after-long-wait")
		}},
		2: {"long-retry", retried("otel-long-retry")},
		3: {"long-callback", awaitAnswer("otel-long-callback")},
		4: {"long-chained-invoke", invokeTraced("otel-long-invoke", tracedLong)},
	}
}

// delay is how long a long-running function waits; a second unless the input says otherwise.
func (in Traced) delay() time.Duration {
	s, err := strconv.ParseFloat(in.Delay, 64)
	if err != nil || s <= 0 {
		return time.Second
	}
	return time.Duration(s * float64(time.Second))
}

func steps(name string) func(op.Context, Traced) (any, error) {
	return func(ctx op.Context, _ Traced) (any, error) { return replay.Run(ctx, op.Step(name, give("done"))) }
}

func virtualContext(ctx op.Context, _ Traced) (any, error) {
	return replay.Run(ctx, op.Inline("otel-virtual-context", func(op.Context) (string, error) { return "virtual-complete", nil }))
}

func interrupted(ctx op.Context, _ Traced) (any, error) {
	return nil, replay.Exec(ctx, op.Wait("otel-interrupted-wait", 30*time.Second))
}

func retried(name string) func(op.Context, Traced) (any, error) {
	return func(ctx op.Context, in Traced) (any, error) {
		return replay.Run(ctx, op.Step(name, flaky(2, "done"), op.WithRetry(retry.Fixed(in.delay()))))
	}
}

func waitThen(ctx op.Context, wait string, d time.Duration, step string) (any, error) {
	if err := replay.Exec(ctx, op.Wait(wait, d)); err != nil {
		return nil, err
	}
	return replay.Run(ctx, op.Step(step, give("done")))
}

func tracedParallel(ctx op.Context, _ Traced) (any, error) {
	branch := func(x string) op.Op[string] {
		return op.Group("otel-parallel-branch-"+x, run(op.Step("otel-parallel-step-"+x, give(x))))
	}
	return values(ctx, op.Parallel("otel-parallel", []op.Op[string]{branch("a"), branch("b")}, oneByOne()))
}

func tracedMap(ctx op.Context, _ Traced) (any, error) {
	item := op.GroupFunc("item", func(ctx op.Context, i int) (int, error) {
		return replay.Run(ctx, op.Step("otel-map-step-"+strconv.Itoa(i), give(i)))
	}).Key(numbered("otel-map-iteration-"))
	return values(ctx, op.Map("otel-map", []int{0, 1}, item, oneByOne()))
}

func numbered(prefix string) func(int) string {
	return func(i int) string { return prefix + strconv.Itoa(i) }
}

func handledFailure(ctx op.Context, _ Traced) (any, error) {
	_, err := replay.Run(ctx, op.Step("otel-handled-failure", refuse, op.WithRetry(retry.Never())))
	if err == nil {
		return nil, errors.New("the step has not failed")
	}
	return replay.Run(ctx, op.Step("otel-recovery-step", give("recovered")))
}

func poll(ctx op.Context, name string, check func(context.Context, int) (int, bool, error)) (any, error) {
	return replay.Run(ctx, op.WaitForCondition(name, 0, check, op.WithPolling(retry.Fixed(time.Second))))
}

func awaitAnswer(name string) func(op.Context, Traced) (any, error) {
	return func(ctx op.Context, _ Traced) (any, error) {
		return replay.Run(ctx, op.WaitForCallback[string](name, func(context.Context, string) error { return nil }))
	}
}

func invokeTraced(name, function string) func(op.Context, Traced) (any, error) {
	return func(ctx op.Context, in Traced) (any, error) {
		return replay.Run(ctx, op.Invoke[any](name, function, in))
	}
}

// allOf runs a batch whose record succeeds whatever its branches do, and returns their error.
func allOf(ctx op.Context, o op.Op[op.Batch[string]]) (any, error) {
	b, err := settle(ctx, o)
	if err != nil {
		return nil, err
	}
	if list := b.Failed(); len(list) > 0 {
		return nil, list[0].Err
	}
	return b.Values(), nil
}

// traced adds the traced functions to a table.
func (w World) traced(table map[string]lambda.Handler) {
	add := func(id string, v replayotel.View, s scenario) {
		if s.run != nil {
			table[id] = w.trace(v, s.handle)
		}
	}
	for n, s := range scenarios() {
		add(fmt.Sprintf("otel-invocation-%d", n), replayotel.Invocations, s)
		add(fmt.Sprintf("otel-execution-%d", n), replayotel.Executions, s)
	}
	for n, s := range longRunning() {
		id := fmt.Sprintf("otel-long-running-%d", n)
		add(id, replayotel.Invocations, s)
		add(id+ExecutionsSuffix, replayotel.Executions, s)
	}
}

// TracedTargets are the functions that traced ones call, by name.
func TracedTargets(w World, v replayotel.View) map[string]lambda.Handler {
	return map[string]lambda.Handler{
		tracedTarget: w.trace(v, func(_ op.Context, in Traced) (any, error) { return in, nil }),
		tracedFail:   w.trace(v, func(op.Context, Traced) (any, error) { return nil, errors.New("the target refuses") }),
		tracedLong: w.trace(v, func(ctx op.Context, in Traced) (any, error) {
			return in, replay.Exec(ctx, op.Wait("otel-long-invoke-target-wait", in.delay()))
		}),
	}
}

// trace makes a durable function that is traced.
func (w World) trace(v replayotel.View, fn func(op.Context, Traced) (any, error)) lambda.Handler {
	if w.Trace == nil {
		return on(w, fn)
	}
	traces, err := w.Trace(v)
	if err != nil {
		return invalid{err}
	}
	return on(w, fn, replay.WithInterceptors(traces))
}

// invalid is a function that cannot be made.
type invalid struct{ err error }

// Invoke returns why.
func (f invalid) Invoke(context.Context, []byte) ([]byte, error) { return nil, f.err }

// IsTraced reports whether a function is one of the suite otel, and in which view it is traced.
func IsTraced(id string) (v replayotel.View, ok bool) {
	var n int
	if _, err := fmt.Sscanf(id, "otel-execution-%d", &n); err == nil {
		return replayotel.Executions, true
	}
	if _, err := fmt.Sscanf(id, "otel-invocation-%d", &n); err == nil {
		return replayotel.Invocations, true
	}
	var suffix string
	if c, err := fmt.Sscanf(id, "otel-long-running-%d%s", &n, &suffix); c == 2 && suffix == ExecutionsSuffix {
		return replayotel.Executions, true
	} else if c == 1 || err == nil {
		return replayotel.Invocations, true
	}
	return 0, false
}
