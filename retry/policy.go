// Package retry decides whether an operation is attempted again after an attempt failed, and when.
//
// A [Policy] is a function. The presets [Exponential], [Linear], [Fixed], [Polling], [Default] and
// [Never] make one; any other function of the type is as good. [Decide] applies these rules in
// order:
//
//   - If the body returned [Permanent], it is not.
//   - Otherwise, if the body returned [Again], filters are not asked: the policy's attempts and
//     delays count.
//   - Otherwise, if the operation has filters of its own and none of them matches the error, it is
//     not.
//   - Otherwise, if a filter of [Unless] matches, it is not.
//   - Otherwise, if the policy has filters and none of them matches, it is not.
//   - Otherwise, if the attempts are used up, it is not.
//   - Otherwise it is, after the delay of [After] if the body gave one, else after the policy's, in
//     whole seconds.
//
// Everything is a pure function of its arguments: jitter is drawn from [Attempt].Rand, which [Rand]
// seeds. [Attempt].Context is for what a policy says of its decision, to a logger or a span.
package retry

import (
	"context"
	"errors"
	"time"

	"github.com/perdure/perdure/internal/limits"
)

// ErrInvalid is what [Validate] and [Decision].Err report of a policy that cannot be used: an
// option out of its range, a panic, or a negative delay.
var ErrInvalid = errors.New("retry: invalid policy")

// Policy decides what happens after the attempt a. It must be a pure function: it may be called any
// number of times. A nil policy is invalid wherever one is taken.
type Policy func(a Attempt) Decision

// Attempt describes the attempt that has just ended.
type Attempt struct {
	// Err is the error of the attempt, as the body returned it but without [Permanent] and [After]
	// around it. It is nil when nothing failed: a condition that was checked and is not met yet.
	Err error
	// Number is the number of the attempt, the first included: 1, 2, 3 and so on. [Validate] probes
	// with 0.
	Number int
	// Elapsed is the time since the first attempt began.
	Elapsed time.Duration
	// Rand draws a number in [0, 1) for jitter. nil draws 0.5, the middle of the range.
	Rand func() float64
	// Context has the values of what the policy is asked for: of the attempt of a step, also those
	// that interceptors added, or of the group of an op.Retry. Log with op.LoggerFrom(a.Context),
	// and add an event to the span in it; what the policy decides must not depend on it. It does
	// not end with the attempt. [Decide] and [Validate] never leave it nil: without an operation it
	// is [context.Background].
	Context context.Context //nolint:containedctx // an attempt is an argument, and not kept
}

// Decision is the answer of a [Policy]. The zero value ends the retries.
type Decision struct {
	// Retry asks for another attempt.
	Retry bool
	// After is the delay before that attempt. It is rounded up to whole seconds; zero means one
	// second. A negative delay makes the decision invalid. Limit: 1 s to 31 622 400 s (Lambda API,
	// StepOptions.NextAttemptDelaySeconds).
	After time.Duration
	// Err says why the policy could not decide. It ends the retries, whatever Retry says.
	Err error
}

// Never returns the policy of a single attempt.
func Never() Policy {
	return func(Attempt) Decision { return Decision{} }
}

// Default returns the policy of steps that name none. It equals [Exponential] without options: 6
// attempts, the first included, 5 s before the second, twice as long before each further one, at
// most 60 s, with full jitter.
func Default() Policy {
	return Exponential()
}

// Exponential returns a policy whose delay grows by a factor: initial · rate^(n−1) after attempt n.
//
// Defaults: 6 attempts, the first included, initial delay 5 s, rate 2, max delay 60 s, full jitter.
// Every error is retried unless filters say otherwise. An option out of its range is reported by
// [Validate].
func Exponential(opts ...Option) Policy {
	return build(config{
		preset: "Exponential", attempts: 6, initial: 5 * time.Second, ceiling: 60 * time.Second,
		growth: byFactor, rate: 2, jitter: fullJitter,
	}, opts)
}

// Linear returns a policy whose delay grows by the initial delay: initial · n after attempt n.
//
// Defaults: 6 attempts, the first included, initial delay 1 s, max delay 300 s, no jitter. Every
// error is retried unless filters say otherwise. An option out of its range, and [Rate], are
// reported by [Validate].
func Linear(opts ...Option) Policy {
	return build(config{
		preset: "Linear", attempts: 6, initial: time.Second, ceiling: 300 * time.Second,
		growth: bySum, jitter: noJitter,
	}, opts)
}

// Fixed returns a policy that always waits for d, rounded to the nearest second and at least 1 s.
//
// Defaults: 5 attempts, the first included, no jitter. Every error is retried unless filters say
// otherwise. A negative d, an option out of its range, [InitialDelay] and [Rate] are reported by
// [Validate].
func Fixed(d time.Duration, opts ...Option) Policy {
	c := config{preset: "Fixed", attempts: 5, initial: d, ceiling: limits.Duration, growth: byNothing, jitter: noJitter}
	c.checkDelay("the delay", d)

	return build(c, opts)
}

// Polling returns a policy for checking a condition until it is met: initial · rate^(n−1) after
// check n.
//
// Defaults: 60 checks, the first included, initial delay 5 s, rate 1.5, max delay 300 s, full
// jitter. Filters are for a step that is retried with it. op.WaitForCondition never asks them: a
// condition that is not met is no error, and an error of the check fails the operation at once. An
// option out of its range is reported by [Validate].
func Polling(opts ...Option) Policy {
	return build(config{
		preset: "Polling", attempts: 60, initial: 5 * time.Second, ceiling: 300 * time.Second,
		growth: byFactor, rate: 1.5, jitter: fullJitter,
	}, opts)
}
