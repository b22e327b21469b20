// Package replayotel makes OpenTelemetry traces and metrics of durable executions.
//
//	provider := replayotel.NewTracerProvider(sdktrace.WithBatcher(exporter))
//	otel.SetTracerProvider(provider)
//	traces, err := replayotel.New(replayotel.WithMeterProvider(meters))
//	if err != nil { … }
//	lambda.Start(replay.Handler(process, replay.WithInterceptors(traces)))
//
// An execution is one trace, over all its invocations. Its trace ID is that of the X-Ray header
// that Lambda passes in, or derived from the ARN of the execution; the IDs of the execution's span
// and of its operations are derived too, so that spans that different processes make refer to each
// other. Operations that are only read from the log make no spans.
//
// # Spans
//
//   - Workflow: the execution, from its start to its end. It is exported once, by the invocation
//     that ends the execution, and never if the execution times out or is stopped.
//   - Invocation: one for each invocation.
//   - One for each operation, with the name of the operation. [View] says how often: a wait of a
//     week is two short spans, or one long one.
//   - "<name> attempt <n>": each run of the body of a step, a check or a submitter.
//   - DurableExecutionRoot: an empty span that stands for the caller, if the invocation's header
//     does not name one.
//
// Bodies, groups and the handler have their span in their context: spans of your own, and of
// instrumented clients, hang below it. The target of an op.Invoke gets a trace header that names
// the span of the invoke. Inputs, results and the data of errors never become attributes; messages
// of errors do, unless [WithErrorMessages] says otherwise.
//
// # The provider
//
// Derived IDs, and one decision whether an execution is sampled, need [IDGenerator] and [Sampler]
// in the provider: [NewTracerProvider] sets both. With a provider that does not have them, or one
// of another SDK, each invocation is still traced, in the trace of its execution; what is lost:
//
//   - spans of operations and of the execution have random IDs, so that links from one invocation
//     to another are left out;
//   - the view [Executions], which is made of such IDs: the first invocation reports it to
//     [otel.Handle], and [Invocations] is made instead;
//   - the root that stands for a missing caller;
//   - the decision in the header: what the provider's sampler decides, it decides span by span. One
//     that is based on the parent decides the same.
//
// # Cost
//
// Nothing is kept for operations that are read from the log. The spans of an invocation are flushed
// before it answers, for at most [WithFlushTimeout]. A process that is killed exports nothing of
// its invocation, and a later invocation does not report again what had ended in it.
package replayotel
