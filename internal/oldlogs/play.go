package oldlogs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
)

// played is an execution that one engine has begun and another one has ended.
type played struct {
	*machine

	h    *history
	cut  cut
	next int         // the moment that comes next
	live atomic.Bool // the engine of today has taken over
	// left is the log at the cut, by ID, and given a digest of the log that the first invocation
	// afterwards was given.
	left  map[string]checkpoint.Operation
	given string
}

// play runs an execution along its history up to the cut, and then with the code of the program to
// its end.
func play(ctx context.Context, p Program, h *history, c cut, haste func()) (*played, error) {
	m, err := newMachine(p) //nolint:contextcheck // a service of its own
	if err != nil {
		return nil, err
	}
	m.haste = haste
	x := &played{machine: m, h: h, cut: c}
	m.invoke, m.answer = x.call, h.answerTo
	var input []byte
	if h.head.Input != nil {
		input = []byte(*h.head.Input)
	}
	err = m.run(ctx, input)
	if err == nil && x.next <= c.moment && c.moment < len(h.moments) {
		err = fmt.Errorf("it has ended before the cut, as %s", m.exec.Status())
	}
	if closing := m.close(); err == nil { //nolint:contextcheck // a service of its own
		err = closing
	}
	x.failures()
	return x, err
}

// answerTo says what the outside does to a callback, by the history.
func (h *history) answerTo(o checkpoint.Operation, number int, now time.Time) (Answer, bool) {
	for i := range h.answers {
		a := &h.answers[i]
		if a.Callback != o.ID {
			continue
		}
		if number > 0 {
			number--
			continue
		}
		at := o.Start.Add(time.Duration(a.After))
		if at.Before(now) {
			at = now
		}
		given := Answer{At: at, Failure: a.Failure.sent(), Heartbeat: a.Heartbeat}
		if a.Result != nil {
			given.Result = []byte(*a.Result)
		}
		return given, true
	}
	return Answer{}, false
}

// call is an invocation: one of the history, or one of the code.
func (x *played) call(ctx context.Context, event []byte) ([]byte, error) {
	if x.live.Load() {
		if x.given == "" {
			x.given = digest(x.exec.Operations())
		}
		return x.program.Function.Invoke(x.watch(ctx, x.runs), event)
	}
	out, err := x.repeat(ctx, event)
	if err != nil && !x.live.Load() {
		x.complain("the service does not repeat the history: %v", err)
		x.takeOver()
	}
	return out, err
}

// errGone is the error of an invocation that was lost.
var errGone = errors.New("oldlogs: the function was lost")

// repeat makes the calls of an invocation once more.
func (x *played) repeat(ctx context.Context, event []byte) ([]byte, error) {
	inv, err := checkpoint.DecodeInvocation(event)
	if err != nil {
		return nil, err
	}
	client, ok := checkpoint.ClientFrom(ctx)
	if !ok {
		return nil, errors.New("the service passes no client")
	}
	for number := 0; ; number++ {
		if x.next >= len(x.h.moments) {
			return nil, errors.New("it makes an invocation that the history does not have")
		}
		m := &x.h.moments[x.next]
		x.next++
		if (number == 0) != (m.Begin > 0) {
			return nil, fmt.Errorf("it makes an invocation where the history has %+v", *m)
		}
		at := start().Add(time.Duration(m.At))
		if now := x.clock.Now(); now.After(at) || number == 0 && now.Before(at) {
			return nil, fmt.Errorf("it is %v where the history has %v", time.Duration(since(now)), time.Duration(m.At))
		}
		x.clock.AdvanceTo(at)
		here := x.next-1 == x.cut.moment
		switch {
		case m.Call > 0:
			if inv.Token, err = x.make(ctx, client, inv, m, here); err != nil {
				return nil, fmt.Errorf("call %d: %w", m.Call, err)
			}
		case m.Lost:
			local.Kill(ctx)
			runtime.Goexit()
		case m.Answer != nil:
			if here {
				x.takeOver()
			}
			return []byte(*m.Answer), nil
		}
		if here {
			x.takeOver()
			local.Kill(ctx)
			return nil, errGone
		}
	}
}

// make makes a call, or what the cut leaves of it, and returns the next token.
func (x *played) make(
	ctx context.Context, client checkpoint.Client, inv checkpoint.Invocation, m *moment, here bool,
) (token string, err error) {
	n := len(m.Updates)
	if here && x.cut.updates > 0 {
		n = x.cut.updates
	}
	updates := make([]checkpoint.Update, n)
	for i := range updates {
		updates[i] = m.Updates[i].sent()
	}
	out, err := client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: inv.ARN, Token: inv.Token, Updates: updates})
	if err != nil {
		return "", err
	}
	if got := digest(x.exec.Operations()); n == len(m.Updates) && got != m.Log {
		return "", fmt.Errorf("the service makes another log of the calls: its digest is %s, and in the history %s", got, m.Log)
	}
	return out.Token, nil
}

// takeOver leaves the execution to the code.
func (x *played) takeOver() {
	x.left = make(map[string]checkpoint.Operation)
	for _, o := range x.exec.Operations() {
		x.left[o.ID] = o
	}
	x.live.Store(true)
}

// runs checks that a body may run.
func (x *played) runs(info op.Info, strict bool) {
	now, _ := x.exec.Operation(info.ID)
	left, ok := x.left[info.ID]
	switch {
	case now.Status.Terminal():
		x.complain("the body of %q runs again (attempt %d), although the log has its end: %s", info.Path, info.Attempt, now.Status)
	case ok && info.Attempt <= left.Attempt:
		x.complain("the body of %q runs attempt %d again, although the log has the end of attempt %d", info.Path, info.Attempt, left.Attempt)
	case ok && strict && left.Status == checkpoint.StatusStarted && info.Attempt <= left.Attempt+1:
		x.complain("the body of %q runs attempt %d again, which had begun, and runs at most once", info.Path, info.Attempt)
	}
}

// failures complains of invocations that have failed, but for those of functions that were lost.
func (x *played) failures() {
	if x.exec == nil {
		return
	}
	for _, e := range x.exec.History() {
		if e.Type != local.EventInvocationCompleted || e.Failure == nil {
			continue
		}
		switch e.Failure.Type {
		case "Runtime.ExitError":
		default:
			x.complain("an invocation has failed: %s: %s", e.Failure.Type, e.Failure.Message)
		}
	}
}
