package retry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/retry"
)

func TestMarksAreFoundInTheTree(t *testing.T) {
	t.Parallel()

	const none = time.Duration(-1)

	tests := []struct {
		reason    string
		err       error
		permanent bool
		delay     time.Duration
		state     any
		again     bool
	}{
		{reason: "no error", err: nil, delay: none},
		{reason: "an ordinary error", err: errBusy, delay: none},
		{reason: "a permanent one", err: retry.Permanent(errBusy), permanent: true, delay: none},
		{reason: "a delayed one", err: retry.After(3*time.Second, errBusy), delay: 3 * time.Second},
		{reason: "state", err: retry.Again(7), delay: none, state: 7, again: true},
		{reason: "nil is a state", err: retry.Again(nil), delay: none, again: true},
		{reason: "wrapped", err: fmt.Errorf("x: %w", retry.Permanent(errBusy)), permanent: true, delay: none},
		{
			reason:    "joined, all three",
			err:       errors.Join(errBusy, retry.After(time.Second, errBusy), retry.Again("s"), retry.Permanent(errBusy)),
			permanent: true, delay: time.Second, state: "s", again: true,
		},
		{
			reason: "the first of two", err: errors.Join(retry.After(time.Minute, errBusy), retry.After(time.Second, errBusy)),
			delay: time.Minute,
		},
		{
			reason: "the outer of two", err: retry.After(time.Minute, retry.After(time.Second, errBusy)),
			delay: time.Minute,
		},
		{reason: "state after a delay", err: retry.After(time.Minute, retry.Again(1)), delay: time.Minute, state: 1, again: true},
		{reason: "marks on no error", err: errors.Join(retry.Permanent(nil), retry.After(time.Second, nil)), delay: none},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			if got := retry.IsPermanent(tt.err); got != tt.permanent {
				t.Errorf("IsPermanent = %t, want %t", got, tt.permanent)
			}

			if got, ok := retry.DelayOf(tt.err); ok != (tt.delay != none) || ok && got != tt.delay {
				t.Errorf("DelayOf = %v, %t, want %v", got, ok, tt.delay)
			}

			if got, ok := retry.StateOf(tt.err); ok != tt.again || got != tt.state {
				t.Errorf("StateOf = %v, %t, want %v, %t", got, ok, tt.state, tt.again)
			}
		})
	}
}

func TestMarksKeepTheErrorVisible(t *testing.T) {
	t.Parallel()

	throttled := &throttledError{3}
	inner := fmt.Errorf("x: %w", retry.Permanent(throttled))
	again := retry.Again(1)

	tests := []struct {
		reason   string
		err      error
		message  string
		stripped error
	}{
		{reason: "no mark", err: throttled, message: "throttled for 3", stripped: throttled},
		{reason: "Permanent", err: retry.Permanent(throttled), message: "throttled for 3", stripped: throttled},
		{reason: "After", err: retry.After(time.Second, throttled), message: "throttled for 3", stripped: throttled},
		{
			reason: "both, twice", err: retry.After(1, retry.Permanent(retry.After(2, retry.Permanent(throttled)))),
			message: "throttled for 3", stripped: throttled,
		},
		{reason: "a mark further inside stays", err: retry.After(1, inner), message: "x: throttled for 3", stripped: inner},
		{
			reason: "Again stays, there is no other error", err: retry.After(1, again),
			message: "retry: the body asked for another attempt: allow more with retry.MaxAttempts", stripped: again,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			if got := tt.err.Error(); got != tt.message {
				t.Errorf("message = %q, want %q", got, tt.message)
			}

			if got := retry.Strip(tt.err); got != tt.stripped { //nolint:errorlint // the very value
				t.Errorf("Strip = %v, want %v", got, tt.stripped)
			}

			if !errors.Is(tt.err, tt.stripped) {
				t.Errorf("errors.Is(%v, %v) = false", tt.err, tt.stripped)
			}

			if got, ok := errors.AsType[*throttledError](tt.err); ok && got != throttled {
				t.Errorf("errors.As found %v, want %v", got, throttled)
			}
		})
	}
}

func TestMarksOfNoErrorAreNoError(t *testing.T) {
	t.Parallel()

	if err := retry.Permanent(nil); err != nil {
		t.Errorf("Permanent(nil) = %v", err)
	}

	if err := retry.After(time.Hour, nil); err != nil {
		t.Errorf("After(d, nil) = %v", err)
	}

	if err := retry.Strip(nil); err != nil {
		t.Errorf("Strip(nil) = %v", err)
	}
}
