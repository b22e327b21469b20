package checkpoint

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/perdure/perdure/internal/limits"
)

const (
	// MaxResponse is the size in bytes of the largest answer of a function (Lambda quotas:
	// synchronous invocation payload, 6 MB).
	MaxResponse = limits.SyncPayload
	// MaxResult is the size in bytes of the largest result that is answered inside the envelope;
	// a larger one is checkpointed as SUCCEED of the EXECUTION operation and answered as empty.
	// All SDKs use this number, which leaves room for the envelope.
	MaxResult = MaxResponse - 50
)

// ErrTooLarge says that a result does not fit into the answer of the function.
var ErrTooLarge = errors.New("result too large for the answer of a function")

// OutcomeStatus is how an invocation has ended.
type OutcomeStatus string

// The statuses that a function can answer with.
const (
	OutcomeSucceeded OutcomeStatus = "SUCCEEDED"
	OutcomeFailed    OutcomeStatus = "FAILED"
	OutcomePending   OutcomeStatus = "PENDING"
)

// Outcome is what a durable function answers: the execution has ended, or it waits for something.
type Outcome struct {
	Status OutcomeStatus
	// Result of SUCCEEDED is a JSON document. Nil is no result; empty says that the result was
	// checkpointed with the EXECUTION operation.
	Result []byte
	// Failure of FAILED is why; all of its fields are optional.
	Failure *Failure
}

// EncodeOutcome encodes the answer of a function. The envelope of FAILED is cut to [MaxResult]
// bytes: first the stack goes, then data and message are shortened, as far as needed.
//
// It refuses what the service would refuse: an unknown status, a result that is not of SUCCEEDED,
// a failure that is not of FAILED, and a result that is not valid UTF-8. The error is
// [ErrTooLarge] if the result is larger than MaxResult or, quoted, does not fit into [MaxResponse].
func EncodeOutcome(o Outcome) ([]byte, error) {
	switch o.Status {
	case OutcomeSucceeded, OutcomeFailed, OutcomePending:
	default:
		return nil, fmt.Errorf("checkpoint: encode outcome: unknown status %q", string(o.Status))
	}
	if o.Result != nil && o.Status != OutcomeSucceeded {
		return nil, fmt.Errorf("checkpoint: encode outcome: a result with status %s", o.Status)
	}
	if o.Failure != nil && o.Status != OutcomeFailed {
		return nil, fmt.Errorf("checkpoint: encode outcome: a failure with status %s", o.Status)
	}
	switch {
	case o.Result != nil:
		return encodeResult(o.Result)
	case o.Failure != nil:
		return encodeFailure(o.Failure), nil
	}
	return fmt.Appendf(nil, `{"Status":"%s"}`, o.Status), nil
}

func encodeResult(result []byte) ([]byte, error) {
	if len(result) > MaxResult {
		return nil, fmt.Errorf("checkpoint: encode outcome: %w: %d bytes of at most %d",
			ErrTooLarge, len(result), MaxResult)
	}
	if !utf8.Valid(result) {
		return nil, errors.New("checkpoint: encode outcome: the result is not valid UTF-8, and JSON would change it")
	}
	b := make([]byte, 0, len(result)+len(result)/8+64)
	b = append(b, `{"Status":"SUCCEEDED","Result":`...)
	b = append(appendQuoted(b, result), '}')
	if len(b) > MaxResponse {
		return nil, fmt.Errorf("checkpoint: encode outcome: %w: %d bytes when quoted, of at most %d",
			ErrTooLarge, len(b), MaxResponse)
	}
	return b, nil
}

func encodeFailure(f *Failure) []byte {
	const head, tail = `{"Status":"FAILED","Error":`, `}`
	f = f.Fit(MaxResult - len(head) - len(tail))
	b := make([]byte, 0, 64+len(f.Type)+len(f.Message)+len(f.Data))
	return append(appendFailure(append(b, head...), f), tail...)
}

// Fit returns f if it takes at most limit bytes as JSON, else a copy that does: without its stack
// and, as far as needed, with less data, then with a shorter message and type. Text is cut at the
// border of a character. The smallest failure takes two bytes.
func (f *Failure) Fit(limit int) *Failure {
	if len(appendFailure(nil, f)) <= limit {
		return f
	}
	short := &Failure{Type: f.Type, Message: f.Message, Data: f.Data}
	for _, text := range [...]*string{&short.Data, &short.Message, &short.Type} {
		excess := len(appendFailure(nil, short)) - limit
		if excess <= 0 {
			break
		}
		*text = cut(*text, excess)
	}
	return short
}

// cut shortens s at the border of a rune so that it takes at least excess bytes less in JSON.
func cut(s string, excess int) string {
	total := 0
	for i := 0; i < len(s); {
		size, quoted := quotedLen(s[i:])
		i += size
		total += quoted
	}
	room := total - excess
	for i := 0; i < len(s); {
		size, quoted := quotedLen(s[i:])
		if room -= quoted; room < 0 {
			return s[:i]
		}
		i += size
	}
	return s
}

// appendFailure appends a failure as JSON, without the fields that are empty.
func appendFailure(b []byte, f *Failure) []byte {
	w := objectWriter{b: append(b, '{')}
	w.text("ErrorType", f.Type)
	w.text("ErrorMessage", f.Message)
	w.text("ErrorData", f.Data)
	if len(f.Stack) > 0 {
		w.texts("StackTrace", f.Stack)
	}
	return append(w.b, '}')
}
