package engine

import (
	"log/slog"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// Config is what the options of a handler say. It does not change after it was made.
type Config struct {
	Codec codec.Codec
	// Known are the errors registered with the handler, Builtin those that every execution knows.
	Known, Builtin []codec.KnownError
	Steps          StepDefaults
	Logs           Logs
	// Diverged makes the error of an execution that has diverged. Hold says that the invocation ends
	// with it, and not the execution.
	Diverged func(d Divergence) error
	Hold     bool
	// Stacks says that the stack of a panic is recorded.
	Stacks bool
	// ReadyStart says that START is sent also for an attempt that the service has announced.
	ReadyStart bool
	// Margin is how long before the deadline bodies are cut short, zero for never; Cuts is how often in
	// a row.
	Margin time.Duration
	Cuts   int
	// Grace is how long what is left of an invocation may take once its outcome is known.
	Grace time.Duration
}

// Logs are where log records go.
type Logs struct {
	// Handler returns what records are written to.
	Handler func() slog.Handler
	// Replay is the least level of records that are written while a scope is replayed; nil for none.
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
	if c.CountCrashes == node.Open {
		c.CountCrashes = d.CountCrashes
	}
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
