package engine

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// Config is what the options of a handler say. It does not change after it was made.
type Config struct {
	Codec codec.Codec
	// HandlerCodec encodes and decodes the input and the result of the handler.
	HandlerCodec codec.Codec
	// OutsideCodec decodes what others have written, if it is not Codec that does; nil is Codec.
	OutsideCodec codec.Codec
	// Strict says that a recorded error that nothing registers any more is a divergence.
	Strict bool
	// ErrorCodec encodes and decodes errors, but for their types; nil leaves them as they are.
	ErrorCodec codec.Codec
	// Known are the errors registered with the handler, Builtin those that every execution knows.
	Known, Builtin []codec.KnownError
	Steps          StepDefaults
	Logs           Logs
	// Diverged makes the error of an execution that has diverged. Hold says that the invocation
	// ends with it, and not the execution.
	Diverged func(d Divergence) error
	Hold     bool
	// Stacks says that the stack of a panic is recorded.
	Stacks bool
	// ReadyStart says that START is sent also for an attempt that the service has announced.
	ReadyStart bool
	// Margin is how long before the deadline bodies are cut short, zero for never; Cuts is how
	// often in a row.
	Margin time.Duration
	Cuts   int
	// Grace is how long what is left of an invocation may take once its outcome is known.
	Grace time.Duration
}

// Logs are where log records go.
type Logs struct {
	// Handler returns what records are written to.
	Handler func() slog.Handler
	// Replay is the least level of records that are written while a scope is replayed; nil for
	// none.
	Replay slog.Leveler
}

// StepDefaults are what steps do that do not say otherwise.
type StepDefaults struct {
	node.StepConfig

	// Default is the retry policy of steps without one, Never that of at-most-once steps.
	Default, Never retry.Policy
}

// For fills in what a step leaves to the handler.
//
//  1. What the step says counts.
//  2. Otherwise the handler's defaults count, but for the retry policy of an at-most-once step.
//  3. Otherwise a step runs at least once per attempt and is retried as [retry.Default] says; an
//     at-most-once step is not retried.
func (d *StepDefaults) For(c node.StepConfig) node.StepConfig {
	own := c.Semantics
	if c.Semantics == node.Unset {
		c.Semantics = d.Semantics
	}
	if c.Semantics == node.Unset {
		c.Semantics = node.AtLeastOnce
	}
	if c.Only == nil {
		c.Only = d.Only
	}
	if c.Timeout == 0 {
		c.Timeout = d.Timeout
	}
	c.CountCrashes = c.CountCrashes || d.CountCrashes
	switch {
	case c.Retry != nil:
	case own == node.AtMostOnce:
		c.Retry = d.Never
	case d.Retry != nil:
		c.Retry = d.Retry
	case c.Semantics == node.AtMostOnce:
		c.Retry = d.Never
	default:
		c.Retry = d.Default
	}
	return c
}

// Durations are how long the last bodies took, by the name of their operation. They are the only
// thing that the invocations of a process share; they steer when START is sent, never what is done.
type Durations struct {
	mu   sync.Mutex
	last map[string]*lastThree
}

// lastThree are the durations of the last three bodies of a name.
type lastThree struct {
	ring [3]time.Duration
	n    int
}

// maxNames bounds the memory of a handler that makes up names.
const maxNames = 4096

// of returns what is to be expected: the median of the last three durations, the shorter of two.
// One body that was held up says nothing about the next. known is false if no body of this name has
// ended yet.
func (d *Durations) of(name string) (expected time.Duration, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.last[name]
	if l == nil {
		return 0, false
	}
	sorted := l.ring
	some := sorted[:min(l.n, len(sorted))]
	slices.Sort(some)
	return some[(len(some)-1)/2], true
}

// add takes in the duration of a body.
func (d *Durations) add(name string, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil {
		d.last = make(map[string]*lastThree)
	}
	l := d.last[name]
	switch {
	case l == nil && len(d.last) == maxNames:
		return
	case l == nil:
		l = new(lastThree)
		d.last[name] = l
	}
	l.ring[l.n%len(l.ring)] = took
	l.n++
}
