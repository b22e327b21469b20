package retry

import (
	"math"
	"time"

	"github.com/perdure/perdure/internal/limits"
)

// Option configures [Exponential], [Linear], [Fixed] and [Polling]. Of options that set the same
// thing the last one wins; filters add up.
type Option interface {
	apply(c *config)
}

// MaxAttempts sets the number of attempts, the first included: with n = 1 nothing is retried.
// The default is that of the preset. A number below 1 is reported by [Validate].
func MaxAttempts(n int) Option {
	return maxAttempts(n)
}

type maxAttempts int

func (n maxAttempts) apply(c *config) {
	if n < 1 {
		c.problem("MaxAttempts is %d: use 1 or more, the first attempt included", int(n))
	}

	c.attempts = int(n)
}

// InitialDelay sets the delay after the first attempt, before jitter. A delay longer than the max
// delay is cut to it. The default is that of the preset; zero means one second. A negative delay,
// and the option on [Fixed], are reported by [Validate].
func InitialDelay(d time.Duration) Option {
	return initialDelay(d)
}

type initialDelay time.Duration

func (d initialDelay) apply(c *config) {
	if c.growth == byNothing {
		c.problem("InitialDelay does not go with it: pass the delay as its first argument")
		return
	}

	c.checkDelay("InitialDelay", time.Duration(d))
	c.initial = time.Duration(d)
}

// MaxDelay sets the longest delay before jitter. The default is that of the preset; zero means one
// second. A negative delay is reported by [Validate]. Limit: 31 622 400 s, to which longer delays
// are cut (Lambda API, StepOptions.NextAttemptDelaySeconds).
func MaxDelay(d time.Duration) Option {
	return maxDelay(d)
}

type maxDelay time.Duration

func (d maxDelay) apply(c *config) {
	c.checkDelay("MaxDelay", time.Duration(d))
	c.ceiling = min(time.Duration(d), limits.Duration)
}

// Rate sets the factor by which the delay grows with each attempt. The default is that of the
// preset; 1 means equal delays. A rate below 1, an infinite one, NaN, and the option on [Linear] or
// [Fixed] are reported by [Validate].
func Rate(r float64) Option {
	return rate(r)
}

type rate float64

func (r rate) apply(c *config) {
	f := float64(r)

	switch {
	case c.growth != byFactor:
		c.problem("Rate does not go with it: use Exponential")
	case math.IsNaN(f) || math.IsInf(f, 0) || f < 1:
		c.problem("Rate is %v: use a finite number, 1 or more", f)
	}

	c.rate = f
}

// FullJitter draws each delay between zero and the computed one, so that executions that failed
// together do not retry together. It is the default of [Exponential] and [Polling].
func FullJitter() Option {
	return fullJitter
}

// HalfJitter draws each delay between half of the computed one and the whole.
func HalfJitter() Option {
	return halfJitter
}

// NoJitter leaves the computed delay as it is. It is the default of [Linear] and [Fixed].
func NoJitter() Option {
	return noJitter
}

func (j jitter) apply(c *config) {
	c.jitter = j
}

// Unless ends the retries when any of the filters matches the error, whatever other filters say.
// Several Unless add up. A nil filter and one without arguments are reported by [Validate].
func Unless(filters ...Filter) Option {
	return unless(filters)
}

type unless []Filter

func (u unless) apply(c *config) {
	for _, f := range u {
		c.addFilter(&c.unless, f)
	}
}
