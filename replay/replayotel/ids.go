package replayotel

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// spanID is the first eight bytes of the hash of a text, and never zero.
func spanID(text string) trace.SpanID {
	sum := sha256.Sum256([]byte(text))
	id := trace.SpanID(sum[:8])
	if !id.IsValid() {
		id[7] = 1
	}
	return id
}

func workflowID(arn string) trace.SpanID             { return spanID("workflow:" + arn) }
func rootID(arn string) trace.SpanID                 { return spanID("execution-root:" + arn) }
func operationID(arn, operation string) trace.SpanID { return spanID(arn + ":" + operation) }

// traceID is the trace of an execution that no header names: its first four bytes are the seconds
// of the start, as X-Ray wants it.
func traceID(arn string, start time.Time) trace.TraceID {
	var id trace.TraceID
	binary.BigEndian.PutUint32(id[:4], uint32(start.Unix())) //nolint:gosec // seconds until 2106
	sum := sha256.Sum256([]byte(arn))
	copy(id[4:], sum[:12])
	return id
}
