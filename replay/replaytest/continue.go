package replaytest

import (
	"errors"

	"github.com/perdure/perdure/checkpoint/local"
)

// Function is what [Execution.Continue] takes: what replay.Handler makes of a handler, whatever its input.
type Function interface {
	local.Handler
	restorer
}

// Continue deploys changed code: from the next invocation on, after is what runs, against the log that the code before
// has written. The test fails at once if the execution has ended, for no code would run any more.
//
//	e := replaytest.Start(t, replay.Handler(before), in)
//	e.RunUntilSuspended()
//	e.Continue(replay.Handler(after))
//	r := e.Result()
//
// The stubs, replies and hosted functions stay. What an operation is given is compared within the code of one
// deployment, so that changed code may give it something else. That the code does not fit the log is a result like
// any other: the execution fails with a [replay.DivergedError], or, with replay.DivergenceHold, each invocation fails until
// other code is deployed by another Continue.
func (e *Execution[Out]) Continue(after Function) {
	e.t.Helper()
	if e.k.ended() {
		e.check(errors.New("Continue: the execution has ended already, as " + string(e.Status())))
	}
	if isNil(after) {
		e.t.Fatal(noFunction)
	}
	e.restore = after
	e.check(e.k.deploy(after))
}

// isNil reports whether there is no function, or a nil pointer to one.
func isNil(f Function) (is bool) {
	defer func() { is = is || recover() != nil }()
	if f != nil {
		_ = f.Codec()
	}
	return f == nil
}

// deploy hosts other code in place of the function.
func (k *kit) deploy(h local.Handler) error {
	earlier := k.complaints()
	k.note(func() {
		k.earlier = earlier
		k.same, k.lines, k.misfits, k.repeated = newDeterminism(), make(map[string]string), nil, nil
	})
	return k.host(h)
}
