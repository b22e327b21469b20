package lambdaapi

import (
	"net/http"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// WithTruncation cuts payloads and errors of more than n bytes in the histories that
// GetDurableExecutionHistory returns, and says so (Lambda API, EventResult.Truncated): for tests of
// programs that read histories. AWS may do so; from which length on is not in its model. The
// default, zero and less, is to cut nothing.
func WithTruncation(n int) Option {
	return optionFunc(func(f *front) { f.truncation = n })
}

// WithThrottling refuses calls for which refuse returns true with a TooManyRequestsException, as
// AWS does above its quotas: for tests of programs that make many. The name of the call is that of
// the Lambda API, such as "GetDurableExecutionHistory". refuse is called by several goroutines at
// once. The default, and nil, refuse nothing.
func WithThrottling(refuse func(call string) bool) Option {
	return optionFunc(func(f *front) { f.refuse = refuse })
}

// throttled returns the refusal of a call, nil for none.
func (f *front) throttled(call string) error {
	if f.refuse == nil || !f.refuse(call) {
		return nil
	}
	return badRequest(http.StatusTooManyRequests, "TooManyRequestsException", "Rate exceeded")
}

// cutOff is why a payload is not in a history.
const cutOff = "cut off"

// cut returns an event as a history has it that holds a part of long payloads only.
func (f *front) cut(e local.Event) local.Event {
	if f.truncation <= 0 {
		return e
	}
	if e.Input.Present() && len(e.Input.Bytes()) > f.truncation {
		e.Input = checkpoint.WithheldPayload(cutOff)
	}
	if e.Result.Present() && len(e.Result.Bytes()) > f.truncation {
		e.Result = checkpoint.WithheldPayload(cutOff)
	}
	if failure := e.Failure; failure != nil && len(failure.Message)+len(failure.Data) > f.truncation {
		e.Failure = &checkpoint.Failure{Type: failure.Type, Message: beginning(failure.Message, f.truncation)}
		e.Result = checkpoint.WithheldPayload(cutOff)
	}
	return e
}

// beginning returns at most the first n bytes of a text, whole characters.
func beginning(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
