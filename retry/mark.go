package retry

import (
	"errors"
	"time"
)

// Permanent marks err so that the operation is not attempted again, whatever its policy says. The
// message stays that of err, and errors.Is and errors.As see err. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}

	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// After marks err so that the next attempt, if the policy allows one, comes after d instead of
// after the policy's delay. d is rounded up to whole seconds; zero, and a time that has passed,
// mean one second. The message stays that of err, and errors.Is and errors.As see err. After(d,
// nil) is nil.
func After(d time.Duration, err error) error {
	if err == nil {
		return nil
	}

	return &afterError{d, err}
}

type afterError struct {
	delay time.Duration
	err   error
}

func (e *afterError) Error() string { return e.err.Error() }
func (e *afterError) Unwrap() error { return e.err }

// Again asks for another attempt that begins with state, although nothing failed. No filter is
// asked; the policy's attempts and delays count. It is the failure of the operation if no attempt
// is left.
//
// state is what the next attempt reads; nil is a state like any other.
func Again(state any) error {
	return &againError{state}
}

type againError struct{ state any }

func (*againError) Error() string {
	return "retry: the body asked for another attempt: allow more with retry.MaxAttempts"
}

// IsPermanent reports whether err's tree holds a mark of [Permanent], for interpreters.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err)
	return ok
}

// DelayOf returns the delay of the first mark of [After] in err's tree, as it was given, for
// interpreters.
func DelayOf(err error) (time.Duration, bool) {
	if e, ok := errors.AsType[*afterError](err); ok {
		return e.delay, true
	}

	return 0, false
}

// StateOf returns the state of the first [Again] in err's tree, for interpreters.
func StateOf(err error) (state any, ok bool) {
	if e, ok := errors.AsType[*againError](err); ok {
		return e.state, true
	}

	return nil, false
}

// Strip returns err without the marks of [Permanent] and [After] around it: the error that is
// recorded. Marks further inside stay; they do not show in the message. [Again] stays, too: there
// is no other error.
func Strip(err error) error {
	for {
		switch e := err.(type) { //nolint:errorlint // only the outer marks are taken off
		case *permanentError:
			err = e.err
		case *afterError:
			err = e.err
		default:
			return err
		}
	}
}

func isAgain(err error) bool {
	_, ok := errors.AsType[*againError](err)
	return ok
}
