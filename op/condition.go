package op

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// WaitForCondition calls check until it says that the condition is met, and results in the last
// state. Between two calls the function does not run. check gets the state that the call before
// it returned, the first one gets initial; each state is recorded. All of them have been through
// the codec, the first one too: unexported fields are gone, and pointers are copies.
//
// The default is that of [retry.Polling]: at most 60 calls, the first included, 5 s apart at
// first, growing by half up to 300 s, with full jitter; see [WithPolling]. When the policy gives
// up, the operation fails with [ErrNotMet]. An error of check is not retried: it fails the
// operation. [WithTimeout] limits each call.
func WaitForCondition[S any](
	name string, initial S, check func(ctx context.Context, state S) (next S, met bool, err error), opts ...ConditionOption,
) Op[S] {
	n := &node.Step{Header: header[S](name, subtype.Condition), Body: conditionBody[S]{initial, check}}
	n.Config = node.StepConfig{
		Retry:     retry.Polling(),
		Only:      []retry.Filter{retry.OnIs(ErrInterrupted)}, // no error of check is retried, nor a panic
		Semantics: node.AtLeastOnce,
		Exhausted: func(calls int) error {
			return fmt.Errorf("%q: %w after %d calls", name, ErrNotMet, calls)
		},
	}
	if check == nil {
		n.Err = nilBody(n.Err, "WaitForCondition", name)
	}
	for _, o := range opts {
		if o != nil {
			o.applyCondition(n)
		}
	}
	return Op[S]{n: n}
}

type conditionBody[S any] struct {
	initial S
	check   func(context.Context, S) (S, bool, error)
}

// Run calls check once.
func (b conditionBody[S]) Run(ctx context.Context) (any, error) {
	state, ok, err := StateFrom[S](ctx)
	if err == nil && !ok {
		state, err = carried(ctx, b.initial) // the first check sees what others see
	}
	if err != nil {
		return nil, retry.Permanent(err)
	}
	next, met, err := b.check(ctx, state)
	switch {
	case err != nil:
		return nil, retry.Permanent(err)
	case met:
		return next, nil
	}
	return nil, retry.Again(next)
}

type conditionOption func(n *node.Step)

func (o conditionOption) applyCondition(n *node.Step) { o(n) }

// WithPolling decides by p when check is called again, and for how long. Filters of p are never
// asked: an error of check fails the operation. A nil p is reported by [Validate].
func WithPolling(p retry.Policy) ConditionOption {
	err := retry.Validate(p)
	return conditionOption(func(n *node.Step) {
		if err != nil && n.Err == nil {
			n.Err = misuse(n.Name, "op.WithPolling: %v", err)
		}
		n.Config.Retry = p
	})
}
