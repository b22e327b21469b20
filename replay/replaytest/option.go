package replaytest

import (
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/callsite"
)

// Option configures [Run], [Start] and [Explore]. Of options of one kind the last one counts,
// unless they say that they add up.
type Option interface {
	ExploreOption
	applyRun(c *config)
}

// ExploreOption configures [Explore] alone; every [Option] is one.
type ExploreOption interface{ applyExplore(c *config) }

type config struct {
	start   time.Time
	service []local.Option
	stubs   []*stub
	hosts   []hosted
	replies []reply
	budget  Budget
	repeats bool
	most    int    // invocations
	cloud   *cloud // nil: the service in the test's process
	limit   time.Duration
	named   string                 // what the function is hosted as; empty for functionName
	ran     func(at callsite.Line) // is called with the lines of operations; nil for nothing

	explore exploring
}

func (c *config) function() string {
	if c.named == "" {
		return functionName
	}
	return c.named
}

func newConfig() *config {
	return &config{
		start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), most: 10_000, limit: timeLimit,
		explore: exploring{more: 100, seed: 1},
	}
}

func runConfig(opts []Option) *config {
	c := newConfig()
	for _, o := range opts {
		if o != nil {
			o.applyRun(c)
		}
	}
	return c
}

type option func(c *config)

func (o option) applyRun(c *config)     { o(c) }
func (o option) applyExplore(c *config) { o(c) }

// WithStartTime sets the time at which the execution begins. The default is 2026-01-01 00:00 UTC.
func WithStartTime(t time.Time) Option { return option(func(c *config) { c.start = t }) }

// WithService configures the service: its limits, timeouts and faults. Repeated use adds up. The
// clock is the kit's own.
func WithService(opts ...local.Option) Option {
	return option(func(c *config) { c.service = append(c.service, opts...) })
}

// AllowRepeats accepts operations of one name and no key in one scope, which otherwise fail the
// test. The code must then never insert or remove one of them while executions are under way.
func AllowRepeats() Option { return option(func(c *config) { c.repeats = true }) }

// WithFunctionName sets the name that the function under test has: what it starts or continues by
// that name, with any version or alias, is one of its own executions. The default is "function". A
// name that is none fails the test.
func WithFunctionName(name string) Option { return option(func(c *config) { c.named = name }) }

// Host makes h the function that op.Invoke and op.Start call by this name. Repeated use adds
// functions. A function that is never invoked fails the test, as a stub does that is never used.
func Host(function string, h local.Handler, opts ...local.HostOption) Option {
	return option(func(c *config) { c.hosts = append(c.hosts, hosted{function, h, opts}) })
}

type hosted struct {
	function string
	handler  local.Handler
	opts     []local.HostOption
}

// CallbackResult succeeds the callbacks at path with v as soon as the execution has suspended. The
// path is that of op.CreateCallback or op.WaitForCallback. Repeated use adds replies. A reply that
// is never used fails the test.
//
// v is encoded as [Callback.Succeed] does.
func CallbackResult(path string, v any) Option {
	return option(func(c *config) {
		c.replies = append(slices.Clip(c.replies), reply{path: path, act: func(cb *Callback) error { return cb.succeed(v) }})
	})
}

// CallbackFailure fails the callbacks at path as soon as the execution has suspended.
func CallbackFailure(path, errorType, message string) Option {
	return option(func(c *config) {
		c.replies = append(slices.Clip(c.replies), reply{path: path, act: func(cb *Callback) error { return cb.fail(errorType, message) }})
	})
}

// reply is what an outside system answers a callback with.
type reply struct {
	path string
	act  func(cb *Callback) error
}
