package conformance

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replayotel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/perdure/perdure/replay/conformance/handlers"
)

// traceHeader is what traced executions are started with: the judge demands that no span of the
// SDK is the root, and that all are covered, so there must be a caller.
const traceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// startOf is how the execution of a requirement is started.
func startOf(q *Requirement, input string) local.StartInput {
	in := local.StartInput{Function: "requirement", Input: checkpoint.TextPayload(input)}
	if _, traced := handlers.IsTraced(q.ID); traced {
		in.TraceHeader, in.Async = traceHeader, q.AsyncInvoke
	}
	return in
}

// hosting are the options of the function of a requirement.
func hosting(q *Requirement) []local.HostOption {
	if strings.HasPrefix(q.ID, "otel-") && strings.HasSuffix(q.ID, "-15") {
		return []local.HostOption{local.WithExecutionTimeout(handlers.InterruptedAfter)}
	}
	return nil
}

// later is a function that others invoke. Time passes before it starts, and after it has ended, as
// on Lambda, which also puts a segment of its own between a caller and the function.
func (m *machine) later(f lambda.Handler) lambda.Handler {
	return local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		m.clock.Advance(targetStart)
		defer m.clock.Advance(time.Millisecond)
		return f.Invoke(checkpoint.WithTraceHeader(ctx, behindSegment(checkpoint.TraceHeaderFrom(ctx))), payload)
	})
}

// behindSegment is a header that names the segment of Lambda as the parent.
func behindSegment(header string) string {
	fields := strings.Split(header, ";")
	for i, f := range fields {
		if strings.HasPrefix(f, "Parent=") {
			fields[i] = "Parent=6226467e3f845502"
		}
	}
	return strings.Join(fields, ";")
}

// tracing makes the interceptors of traced functions, which export each span when it ends.
func tracing(to sdktrace.SpanExporter) func(v replayotel.View) (replay.Interceptor, error) {
	provider := replayotel.NewTracerProvider(sdktrace.WithSyncer(to),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", handlers.ServiceName))))
	return func(v replayotel.View) (replay.Interceptor, error) {
		return replayotel.New(replayotel.WithView(v), replayotel.WithTracerProvider(provider))
	}
}
