package op

import (
	"fmt"
	"time"
)

// timeoutError is the error of an operation that Timeout gave up. It is computed from the record
// of the race, so it is the same on every replay.
type timeoutError struct {
	name  string
	after time.Duration
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("%q: %v after %v", e.name, ErrTimedOut, e.after)
}

func (e *timeoutError) Unwrap() error { return ErrTimedOut }
