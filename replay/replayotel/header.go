package replayotel

import (
	"encoding/hex"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// Ancestor is where the trace of an invocation comes from.
type Ancestor struct {
	// TraceID is the trace; zero: one is derived from the ARN of the execution.
	TraceID trace.TraceID
	// SpanID is the span of the caller; zero: a span named DurableExecutionRoot stands for it.
	SpanID trace.SpanID
	// Sampled says whether the trace is sampled; nil: the sampler is asked.
	Sampled *bool
	// State is the trace state of the caller's span; it may be empty.
	State trace.TraceState
}

// ParseXRay reads an X-Ray trace header, Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=<0|1>.
// What is missing or malformed is zero; without a valid Root, so is Parent.
func ParseXRay(header string) Ancestor {
	fields := make(map[string]string, 3)
	for field := range strings.SplitSeq(header, ";") {
		if name, value, ok := strings.Cut(field, "="); ok {
			fields[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	var a Ancestor
	switch fields["Sampled"] {
	case "1":
		a.Sampled = new(true)
	case "0":
		a.Sampled = new(false)
	}
	parts := strings.Split(fields["Root"], "-")
	if len(parts) != 3 || parts[0] != "1" || len(parts[1]) != 8 || !decode(a.TraceID[:], parts[1]+parts[2]) {
		a.TraceID = trace.TraceID{}
		return a
	}
	if !a.TraceID.IsValid() || !decode(a.SpanID[:], fields["Parent"]) {
		a.SpanID = trace.SpanID{}
	}
	return a
}

// decode reads as many bytes from hexadecimal digits as id has.
func decode(id []byte, digits string) bool {
	if len(digits) != 2*len(id) {
		return false
	}
	_, err := hex.Decode(id, []byte(digits))
	return err == nil
}

// xray is the X-Ray trace header of what a span calls.
func xray(sc trace.SpanContext) string {
	sampled := 0
	if sc.IsSampled() {
		sampled = 1
	}
	id := sc.TraceID().String()
	return fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=%d", id[:8], id[8:], sc.SpanID(), sampled)
}
