package retry

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/perdure/perdure/internal/limits"
)

// Decide answers whether and when to attempt again after a, for interpreters. p is the operation's
// policy; only are the filters of the operation itself, of which one must match if there are any.
// The package documentation lists the rules in their order.
//
// A delay in the decision is in whole seconds, rounded up, from 1 s to 31 622 400 s. A policy that
// is not valid, is nil, panics or returns a negative delay, and a filter that is not valid or
// panics, give a decision without retry whose Err is [ErrInvalid].
func Decide(p Policy, only []Filter, a Attempt) (d Decision) {
	defer func() {
		if v := recover(); v != nil {
			d = Decision{Err: panicked(v)}
		}
	}()

	switch {
	case p == nil:
		return Decision{Err: errNil}
	case IsPermanent(a.Err):
		return Decision{}
	}

	delay, marked := DelayOf(a.Err)
	a.Err = Strip(a.Err)
	if a.Context == nil {
		a.Context = context.Background() //nolint:forbidigo // none was given
	}

	if ok, err := selects(only, a.Err); err != nil || !ok {
		return Decision{Err: err}
	}

	d = p(a)

	switch {
	case d.Err != nil:
		return Decision{Err: invalid(d.Err)}
	case !d.Retry:
		return Decision{}
	case d.After < 0:
		return Decision{Err: fmt.Errorf("%w: its delay after attempt %d is %v: use zero or more", ErrInvalid, a.Number, d.After)}
	case marked:
		d.After = delay
	}

	return Decision{Retry: true, After: wholeSeconds(d.After)}
}

// Validate reports what is wrong with a policy made by this package and with filters: options out
// of their range, nil options, nil filters and a nil policy.
//
// It calls p once with an attempt whose Number is 0, and reports the Err of the decision as
// [ErrInvalid]. A policy written by hand may answer that as it likes: anything but Err, and a panic
// too, counts as valid.
func Validate(p Policy, only ...Filter) error {
	problems := []error{probe(p)}

	for _, f := range only {
		if err := checkFilter(f); err != nil {
			problems = append(problems, invalid(err))
		}
	}

	return errors.Join(problems...)
}

var errNil = fmt.Errorf("%w: it is nil: pass a policy, such as retry.Default() or retry.Never()", ErrInvalid)

var errProbe = errors.New("retry: probe of a policy, not an attempt")

func probe(p Policy) (err error) {
	if p == nil {
		return errNil
	}

	defer func() {
		if recover() != nil {
			err = nil // a policy may rely on Number being at least 1
		}
	}()

	ctx := context.Background() //nolint:forbidigo // nothing runs
	d := p(Attempt{Err: errProbe, Rand: func() float64 { return 0.5 }, Context: ctx})
	if d.Err != nil {
		return invalid(d.Err)
	}

	return nil
}

// selects reports whether the filters of the operation leave the error to the policy.
func selects(only []Filter, err error) (bool, error) {
	for _, f := range only {
		if problem := checkFilter(f); problem != nil {
			return false, invalid(problem)
		}
	}

	if len(only) == 0 || err == nil || isAgain(err) {
		return true, nil
	}

	return matchAny(only, err), nil
}

// wholeSeconds rounds up to what the service takes.
func wholeSeconds(d time.Duration) time.Duration {
	d = min(max(d, limits.Second), limits.Duration)
	if rest := d % time.Second; rest > 0 {
		d += time.Second - rest
	}

	return d
}

func invalid(err error) error {
	if errors.Is(err, ErrInvalid) {
		return err
	}

	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

func panicked(v any) error {
	err, ok := v.(error)
	if ok {
		err = fmt.Errorf("%w: it panicked: %w", ErrInvalid, err)
	} else {
		err = fmt.Errorf("%w: it panicked: %v", ErrInvalid, v)
	}
	return &panicError{err: err, stack: string(debug.Stack())}
}

// panicError is the error of a policy or filter that panicked. Interpreters log its stack.
type panicError struct {
	err   error
	stack string
}

func (e *panicError) Error() string { return e.err.Error() }
func (e *panicError) Unwrap() error { return e.err }

// PanicStack returns where a policy or filter panicked, of the error of a [Decision], for
// interpreters; empty if none did.
func PanicStack(err error) string {
	if e, ok := errors.AsType[*panicError](err); ok {
		return e.stack
	}
	return ""
}
