package replaytest

import (
	"context"
	"errors"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay/internal/hosting"
)

// Function is a durable function with any types of input and result, as [replay.Handler] returns
// it and [Execution.Continue] takes it. Any other implementation fails the test.
type Function interface {
	local.Handler
	restorer
}

// Continue deploys changed code: from the next invocation on, after is what runs, against the log
// that the code before has written. The test fails at once if the execution has ended, for no code
// would run any more.
//
//	e := replaytest.Start(t, replay.Handler(before), in)
//	e.RunUntilSuspended()
//	e.Continue(replay.Handler(after))
//	r := e.Result()
//
// The stubs, replies and hosted functions stay. What an operation is given is compared within the
// code of one deployment, so that changed code may give it something else. That the code does not
// fit the log is a result like any other: the execution fails with a [replay.DivergedError], or,
// with replay.DivergenceHold, it is paused until other code is deployed by another Continue, which
// resumes it.
func (e *Execution[Out]) Continue(after Function) {
	e.t.Helper()
	if e.k.ended() {
		e.check(errors.New("Continue: the execution has ended already, as " + string(e.Status())))
	}
	if _, ok := hosting.RestorerOf(after); !ok {
		e.t.Fatalf("replaytest: Continue(%T): pass what replay.Handler makes of the changed handler", after)
	}
	e.restore = after
	e.check(e.k.deploy(e.t.Context(), after))
}

// deploy hosts other code in place of the function. An execution that is paused goes on with it.
func (k *kit) deploy(ctx context.Context, h local.Handler) error {
	earlier := k.complaints()
	k.note(func() {
		k.earlier = earlier
		k.same, k.lines, k.misfits, k.repeated = newDeterminism(), make(map[string]string), nil, nil
	})
	if err := k.host(h); err != nil || k.exec == nil || k.exec.Status() != local.StatusPaused {
		return err
	}
	return k.svc.Resume(ctx, checkpoint.ResumeInput{ARN: k.exec.ARN(), Reason: "other code was deployed"})
}
