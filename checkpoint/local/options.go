package local

import (
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/unmeasured"
)

// Option configures a [Service].
type Option interface{ apply(*config) }

// HostOption configures one function: see [Service.Host].
type HostOption interface{ applyHost(*hostConfig) }

// TimeoutOption is an [Option], for all functions, and a [HostOption], for one.
type TimeoutOption interface {
	Option
	HostOption
}

type config struct {
	clock     checkpoint.Clock
	store     Store
	limits    Limits
	faults    []Faults
	keepState bool
	hostConfig
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type hostOptionFunc func(*hostConfig)

func (f hostOptionFunc) apply(c *config)         { f(&c.hostConfig) }
func (f hostOptionFunc) applyHost(c *hostConfig) { f(c) }

// WithClock sets the clock. The default is the real clock; under a [VirtualClock] nothing happens
// until someone advances it or drives an execution.
func WithClock(c Clock) Option {
	return optionFunc(func(cfg *config) { cfg.clock = c })
}

// WithStore sets where executions are kept. The default is [NewMemoryStore].
// The caller closes the store, after the service.
func WithStore(s Store) Option {
	return optionFunc(func(cfg *config) { cfg.store = s })
}

// WithLimits sets the quotas. Given several times, a field is that of the last one in which it is
// not zero.
func WithLimits(l Limits) Option {
	return optionFunc(func(cfg *config) { cfg.limits = l.over(cfg.limits) })
}

// WithFaults breaks things on purpose. Given several times, all are consulted, in the order given;
// the first that breaks something is the last that is asked at that point.
func WithFaults(f Faults) Option {
	return optionFunc(func(cfg *config) { cfg.faults = append(cfg.faults, f) })
}

// WithFunctionTimeout ends an invocation that has not answered after d; it is repeated like one
// that failed. The deadline is that of the invocation's context, in the time of the service's
// clock. The default is 15 minutes under the real clock and none under a virtual one. Limit: 15
// minutes on AWS (Lambda quotas).
func WithFunctionTimeout(d time.Duration) TimeoutOption {
	return hostOptionFunc(func(cfg *hostConfig) { cfg.functionTimeout = d })
}

// WithExecutionTimeout ends an execution with TIMED_OUT that has not ended after d. Zero, the
// default, means never; the history then has the longest timeout that the API takes.
// Limit: 1 second to 366 days (Lambda API, DurableConfig.ExecutionTimeout).
func WithExecutionTimeout(d time.Duration) TimeoutOption {
	return hostOptionFunc(func(cfg *hostConfig) { cfg.executionTimeout = d })
}

// WithPlainFunction says that the function is not a durable one: it is given the payload itself and
// its answer is the result. It is invoked once and not repeated.
func WithPlainFunction() HostOption {
	return hostOptionFunc(func(cfg *hostConfig) { cfg.plain = true })
}

func init() { //nolint:gochecknoinits // an option that this package alone can make, and users do not see
	unmeasured.StateKeptAtStart = func() any { return optionFunc(func(cfg *config) { cfg.keepState = true }) }
}
