package replay

import (
	"log/slog"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// settings are what the options of a handler say. They do not change after it was made.
type settings struct {
	client     checkpoint.Client // nil: from the context or the environment
	codec      codec.Codec
	known      []codec.KnownError
	builtin    []codec.KnownError
	defaults   node.StepConfig
	retry      retry.Policy // of steps that nobody configured
	never      retry.Policy
	logs       slog.Handler
	replayLogs slog.Leveler // nil: silent
	stacks     bool
	divergence Reaction

	interceptors []Interceptor

	readyStart bool
	margin     time.Duration // before the deadline in which bodies are cut short; zero: none
	cuts       int           // how often in a row
	grace      time.Duration
	err        error // what is wrong with the options
}

func newSettings(opts []HandlerOption) *settings {
	set := &settings{
		codec: codec.JSON(), retry: retry.Default(), never: retry.Never(), readyStart: true, grace: time.Second,
		builtin: builtin(),
	}
	for _, o := range opts {
		if o != nil {
			o.apply(set)
		}
	}
	if set.logs == nil {
		set.logs = onLambda()
	}
	return set
}

// step fills in what a step leaves to the handler.
//
//  1. What the step says counts.
//  2. Otherwise the handler's defaults count, but for the retry policy of an at-most-once step.
//  3. Otherwise a step runs at least once per attempt and is retried as [retry.Default] says; an
//     at-most-once step is not retried.
func (set *settings) step(c node.StepConfig) node.StepConfig {
	own := c.Semantics
	if c.Semantics == node.Unset {
		c.Semantics = set.defaults.Semantics
	}
	if c.Semantics == node.Unset {
		c.Semantics = node.AtLeastOnce
	}
	if c.Only == nil {
		c.Only = set.defaults.Only
	}
	if c.Timeout == 0 {
		c.Timeout = set.defaults.Timeout
	}
	if c.CountCrashes == node.Open {
		c.CountCrashes = set.defaults.CountCrashes
	}
	switch {
	case c.Retry != nil:
	case own == node.AtMostOnce:
		c.Retry = set.never
	case set.defaults.Retry != nil:
		c.Retry = set.defaults.Retry
	case c.Semantics == node.AtMostOnce:
		c.Retry = set.never
	default:
		c.Retry = set.retry
	}
	return c
}
