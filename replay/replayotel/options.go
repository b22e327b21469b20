package replayotel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/replay"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// View is how the operations of an execution become spans.
type View int

// The views.
const (
	// Invocations makes spans of what each process has seen, below the span of its invocation: an
	// operation that is suspended is one span in each invocation, and they are linked. It needs no
	// provider of ours.
	Invocations View = iota
	// Executions makes one span of each operation, from its start to its end, below the span of the
	// execution; it is linked to the invocation that saw the end. Nothing is exported of operations
	// that never end. It needs [IDGenerator]: see the package.
	Executions
)

// String returns the name of the view.
func (v View) String() string {
	switch v {
	case Invocations:
		return "Invocations"
	case Executions:
		return "Executions"
	}
	return fmt.Sprintf("View(%d)", int(v))
}

// Option configures [New]. Of options of one kind the last one counts.
type Option interface{ apply(c *config) }

type option func(c *config)

func (o option) apply(c *config) { o(c) }

// defaultFlushTimeout is what an invocation waits for its exporter at most by default.
const defaultFlushTimeout = time.Second

type config struct {
	view      View
	provider  trace.TracerProvider // nil: the global one
	meters    metric.MeterProvider // nil: none
	ancestor  func(ctx context.Context, i replay.InvocationInfo) Ancestor
	workflow  string
	flush     time.Duration
	propagate bool
	messages  bool
	names     bool
	err       error
}

func newConfig(opts []Option) *config {
	c := &config{
		workflow: "Workflow", flush: defaultFlushTimeout, propagate: true, messages: true, names: true,
		ancestor: func(_ context.Context, i replay.InvocationInfo) Ancestor { return ParseXRay(i.TraceHeader) },
	}
	for _, o := range opts {
		if o != nil {
			o.apply(c)
		}
	}
	return c
}

func (c *config) refuse(err error) { c.err = errors.Join(c.err, err) }

// WithView chooses the view. The default is [Invocations]. Use one view in all functions of a
// trace.
func WithView(v View) Option {
	return option(func(c *config) {
		if v != Invocations && v != Executions {
			c.refuse(fmt.Errorf("replayotel.WithView(%s): want Invocations or Executions", v))
			return
		}
		c.view = v
	})
}

// WithTracerProvider sets the provider of the spans. The default, and nil, is what
// otel.GetTracerProvider returns when an invocation begins; without one nothing is traced.
func WithTracerProvider(p trace.TracerProvider) Option {
	return option(func(c *config) { c.provider = p })
}

// WithMeterProvider records metrics. The default, and nil, is none.
//
// Durations are in seconds. Attributes are few: no metric has an ARN or an ID.
//
//   - durable.invocation.duration, by status and first
//   - durable.invocation.operations: how many the log holds at the end of an invocation
//   - durable.invocation.replayed_operations: how many were read from the log
//   - durable.invocation.checkpoint_calls
//   - durable.invocation.suspensions
//   - durable.execution.duration, by status: from the start to the end, waits included; nothing of
//     executions that time out or are stopped
//   - durable.operation.duration, by type, subtype, name and status: waits included
//   - durable.attempt.duration, by type, subtype, name, outcome and error.type
//   - durable.attempt.retries: attempts that are not the first, without checks of a condition
//
// How many there were is the count of a histogram.
func WithMeterProvider(p metric.MeterProvider) Option {
	return option(func(c *config) { c.meters = p })
}

// WithOperationNames says whether metrics have the names of operations, without their keys, as the
// attribute durable.operation.name. The default is true; false if the code makes names of data.
func WithOperationNames(on bool) Option {
	return option(func(c *config) { c.names = on })
}

// WithWorkflowName names the span of the execution. The default, and the empty name, is Workflow.
func WithWorkflowName(name string) Option {
	return option(func(c *config) {
		if name != "" {
			c.workflow = name
		}
	})
}

// WithAncestor says where the trace of an invocation comes from, for functions whose callers use
// another header than X-Ray's: f is called once in every invocation, and must say the same in all
// invocations of an execution. If it reports false, and by default, the ancestor is that of the
// X-Ray trace header ([ParseXRay]). Nil is the default.
func WithAncestor(f func(ctx context.Context, i replay.InvocationInfo) (Ancestor, bool)) Option {
	return option(func(c *config) {
		if f == nil {
			return
		}
		c.ancestor = func(ctx context.Context, i replay.InvocationInfo) Ancestor {
			if a, ok := f(ctx, i); ok {
				return a
			}
			return ParseXRay(i.TraceHeader)
		}
	})
}

// WithFlushTimeout bounds how long an invocation waits, before it answers, for the providers to
// export what they have: Lambda freezes the process after the answer. It also ends shortly before
// the time of the invocation is over. The default is one second, zero does not flush, and a
// negative one is an error. What the providers report is passed to otel.Handle.
func WithFlushTimeout(d time.Duration) Option {
	return option(func(c *config) {
		if d < 0 {
			c.refuse(fmt.Errorf("replayotel.WithFlushTimeout(%s): want zero or more", d))
			return
		}
		c.flush = d
	})
}

// WithPropagation says whether the targets of op.Invoke get a trace header that names the span of
// the invoke. The default is true; with false they get that of the invocation.
func WithPropagation(on bool) Option {
	return option(func(c *config) { c.propagate = on })
}

// WithErrorMessages says whether the messages of errors become the description of a span's status,
// and the attribute exception.message. The default is true; false if they have data that must not
// leave the function. The types of errors always do.
func WithErrorMessages(on bool) Option {
	return option(func(c *config) { c.messages = on })
}
