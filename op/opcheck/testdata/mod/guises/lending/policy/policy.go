// Package policy has the options of steps.
package policy

import (
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"
)

// Once is for what must not happen twice.
func Once(more ...op.StepOption) []op.StepOption {
	return append([]op.StepOption{op.WithSemantics(op.AtMostOncePerRetry)}, more...)
}

// Patient tries for long.
var Patient = op.WithRetry(retry.Exponential(retry.MaxAttempts(8)))

// Soon is for what is waited for.
var Soon = op.WithTimeout(time.Minute)
