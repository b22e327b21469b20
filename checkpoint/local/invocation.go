package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// lostGrace is how long the service waits, in real time, for a function that it has given up to
// notice: so that what is left of it does not mix with the next invocation.
const lostGrace = time.Second

// invocation is one call of a function.
type invocation struct {
	e         *Execution
	function  hosted // its handler is nil if no one hosts it any more
	number    int
	requestID string
	started   time.Time
	ctx       context.Context //nolint:containedctx // what the function is called with
	cancel    context.CancelCauseFunc
	// gone is closed when the function is given up: it was lost or has run out of time.
	gone chan struct{}

	// What follows is guarded by the mutex of the execution.

	// calls counts the calls made with its tokens, accepted those that have used one up.
	calls, accepted int
	// dead: no token is valid any more. failure is why it was given up.
	dead    bool
	failure *checkpoint.Failure
	// cut: its last call was answered without a token, because the execution is paused.
	cut bool
}

// answer is how a function has ended.
type answer struct {
	payload []byte
	// failure is set if there is no payload.
	failure *checkpoint.Failure
	// down: the service was closed before there was an answer.
	down bool
}

type invocationKey struct{}

// Kill ends the function that ctx belongs to as if its process were killed: its context ends with
// [ErrLost], its later calls are refused as stale, whatever it answers is ignored, and after a
// pause the service invokes it again. It reports whether ctx is that of a function that was alive.
// The caller's goroutine goes on: end it, for example with runtime.Goexit.
func Kill(ctx context.Context) bool {
	inv, ok := ctx.Value(invocationKey{}).(*invocation)
	return ok && inv.e.lose(inv.number)
}

// invoke runs one invocation of an execution, if there is anything to do.
func (s *Service) invoke(e *Execution) {
	leave, ok := s.admit(e)
	defer leave()
	if !ok {
		return
	}
	inv, event, err := e.beginInvocation()
	if err != nil {
		s.breakDown(err)
		return
	}
	if inv == nil {
		return
	}
	a := s.call(inv, event)
	inv.cancel(ErrAnswered)
	if a.down {
		return
	}
	if err := e.endInvocation(inv, a); err != nil {
		s.breakDown(err)
	}
}

// beginInvocation makes the next invocation and its event. It returns nil if none is wanted.
func (e *Execution) beginInvocation() (inv *invocation, event []byte, err error) {
	var encoding error
	err = e.transact(false, func(d *draft) error {
		e.queued = false
		d.nothing = d.rec.Status != StatusRunning || e.running || e.resting
		if !d.nothing {
			d.rec.Invocations++
			d.rec.InvocationStart, d.rec.Due = d.now, false
			d.under = append(d.under, func() {
				inv = e.newInvocation(d.now)
				event, encoding = e.event(inv)
			})
		}
		return nil
	})
	return inv, event, errors.Join(err, encoding)
}

// newInvocation begins an invocation: from now on the tokens of earlier ones are stale.
func (e *Execution) newInvocation(now time.Time) *invocation {
	number := e.rec.Invocations
	inv := &invocation{
		e: e, number: number, started: now, gone: make(chan struct{}),
		requestID: requestID(e.arn, number),
	}
	inv.function, _ = e.svc.target(e.function)
	inv.ctx, inv.cancel = e.svc.invocationContext(inv)
	e.inv, e.running = inv, true
	return inv
}

// requestID returns the ID of an invocation of an execution.
func requestID(arn string, number int) string { return api.UniqueID(arn, strconv.Itoa(number)) }

// event returns what the function is invoked with: the input of a plain function, else the first
// page of the log.
func (e *Execution) event(inv *invocation) ([]byte, error) {
	if e.rec.Plain {
		return orEmptyObject(e.rec.Input).Bytes(), nil
	}
	p := e.svc.limits.newPage(0)
	next := e.logPage(0, &p, true)
	in := checkpoint.Invocation{
		ARN: e.arn, Token: inv.token(), Operations: p.ops, NextMarker: next, Updated: slices.Clone(e.rec.Updated),
		ForkedFrom: e.rec.ForkedFrom,
	}
	for _, r := range p.sent {
		r.sent = r.revision
	}
	e.known = len(e.changes)
	return checkpoint.EncodeInvocation(in)
}

// orEmptyObject is what a function is given that is invoked with a payload: an empty object for
// none (AWS emulator, executor.py).
func orEmptyObject(p checkpoint.Payload) checkpoint.Payload {
	if len(p.Bytes()) == 0 {
		return checkpoint.TextPayload("{}")
	}
	return p
}

// invocationContext returns the context that a function is called with.
func (s *Service) invocationContext(inv *invocation) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(s.base)
	ctx = context.WithValue(ctx, invocationKey{}, inv)
	ctx = checkpoint.WithClient(ctx, s)
	ctx = checkpoint.WithClock(ctx, s.clock)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID:       inv.requestID,
		InvokedFunctionArn: inv.e.function,
		TenantID:           inv.e.rec.Tenant,
	})
	if header := inv.e.rec.TraceHeader; header != "" {
		ctx = checkpoint.WithTraceHeader(ctx, header)
	}
	limit := inv.function.functionTimeout
	switch {
	case limit <= 0:
		return ctx, cancel
	case s.real:
		ctx, release := context.WithTimeout(ctx, limit)
		return ctx, func(cause error) {
			cancel(cause)
			release()
		}
	}
	return withTimeout(ctx, cancel, s.clock, limit)
}

// call gives the event to the function and waits for its answer, as long as it has time to.
func (s *Service) call(inv *invocation, event []byte) answer {
	if inv.function.handler == nil {
		return answer{failure: notFound(inv.e.function)}
	}
	begin := Point{ARN: inv.e.arn, Invocation: inv.number, Moment: MomentBegin}
	if s.loses(begin) {
		inv.e.lose(inv.number)
		return answer{failure: exitFailure(inv.requestID)}
	}
	twice := s.duplicates(begin)
	copies := make(chan answer, 2)
	s.run(inv, event, copies)
	if twice && s.virtual == nil {
		s.run(inv, event, copies)
	}
	a := s.await(inv, copies)
	if twice && !a.down && !closed(inv.gone) {
		if s.virtual != nil {
			s.run(inv, event, copies)
		}
		if second := s.await(inv, copies); a.failure != nil || second.down {
			a = second
		}
	}
	if !a.down && s.loses(Point{ARN: inv.e.arn, Invocation: inv.number, Moment: MomentAnswer}) {
		inv.e.lose(inv.number)
		return answer{failure: exitFailure(inv.requestID)}
	}
	return a
}

// run calls the function on a goroutine of its own.
func (s *Service) run(inv *invocation, event []byte, answers chan<- answer) {
	s.functions.Go(func() {
		a := answer{failure: exitFailure(inv.requestID)} // unless it returns
		defer func() {
			if p := recover(); p != nil {
				a = answer{failure: failureOf(p, fmt.Sprint(p))}
			}
			answers <- a
		}()
		payload, err := inv.function.handler.Invoke(inv.ctx, event)
		if err != nil {
			a = answer{failure: failureOfError(err)}
			return
		}
		a = answer{payload: payload}
	})
}

// await waits for an answer. A function that was given up has a little time to end.
func (s *Service) await(inv *invocation, answers <-chan answer) answer {
	select {
	case a := <-answers:
		if !closed(inv.gone) {
			return a
		}
	case <-inv.ctx.Done(): // given up, out of time, or the service is closed
		if s.down() != nil {
			return answer{down: true}
		}
		inv.e.timeOut(inv)
		grace, cancel := context.WithTimeout(s.base, lostGrace)
		defer cancel()
		select {
		case <-answers:
		case <-grace.Done():
		}
	}
	inv.e.mu.Lock()
	defer inv.e.mu.Unlock()
	return answer{failure: inv.failure}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// lose gives up the function of an invocation, and reports whether it was alive.
func (e *Execution) lose(number int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv := e.inv
	if inv == nil || inv.number != number || !e.running {
		return false
	}
	return inv.giveUp(exitFailure(inv.requestID), ErrLost)
}

// timeOut gives up the function of an invocation whose time is over, unless it has been given up.
func (e *Execution) timeOut(inv *invocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv.giveUp(timeoutFailure(inv.requestID, inv.function.functionTimeout), context.DeadlineExceeded)
}

// giveUp makes the tokens of the invocation stale and ends its context. The execution's mutex is
// held.
func (inv *invocation) giveUp(failure *checkpoint.Failure, cause error) bool {
	if inv.dead {
		return false
	}
	inv.dead, inv.failure = true, failure
	inv.cancel(cause)
	close(inv.gone)
	return true
}
