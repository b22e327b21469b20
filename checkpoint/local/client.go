package local

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// Call is one checkpoint call that a function has made, as [Execution.CheckpointCalls] lists it.
type Call struct {
	// Invocation and Number count from one: the invocation of the execution that the token is of,
	// and the call of that invocation.
	Invocation, Number int
	// Token is the token of the call.
	Token   string
	Updates []checkpoint.Update
	// Operations is what the reply held; Err, unless nil, what the caller got in its place.
	Operations []checkpoint.Operation
	Err        error
}

// CheckpointCalls returns all checkpoint calls so far, refused ones included: for tests, and only
// under a [MemoryStore]. Under another store it returns nil: a function that polls for weeks would
// fill the memory.
func (e *Execution) CheckpointCalls() []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// Checkpoint implements [checkpoint.Client]: if the token is that of the last accepted call, it
// commits the updates, all or none, and answers with a new token and what has changed.
func (s *Service) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	return s.CheckpointOnce(ctx, in, "")
}

// CheckpointOnce is [Service.Checkpoint] for a caller that names its call: if it makes the same
// call again with the same name within 15 minutes, because the reply was lost, it gets the reply of
// the first (Lambda API, CheckpointDurableExecution, ClientToken). An empty name is none.
func (s *Service) CheckpointOnce(
	ctx context.Context, in checkpoint.CheckpointInput, name string,
) (checkpoint.CheckpointOutput, error) {
	e, err := s.callee(ctx, api.CallCheckpoint, in.ARN)
	if err != nil {
		return checkpoint.CheckpointOutput{}, err
	}
	defer s.leave()

	call := Call{Token: in.Token, Updates: slices.Clone(in.Updates)}
	call.Invocation, call.Number = e.number(in.Token)
	point := Point{
		ARN: e.arn, Invocation: call.Invocation, Call: call.Number, API: api.CallCheckpoint, Updates: call.Updates,
	}
	var out checkpoint.CheckpointOutput
	out, call.Err = s.checkpoint(ctx, e, in, name, point)
	call.Operations = out.Operations

	if s.keepsAll() {
		e.mu.Lock()
		e.calls = append(e.calls, call)
		e.mu.Unlock()
	}
	if call.Err != nil {
		return checkpoint.CheckpointOutput{}, call.Err
	}
	return out, nil
}

func (s *Service) checkpoint(
	ctx context.Context, e *Execution, in checkpoint.CheckpointInput, name string, point Point,
) (out checkpoint.CheckpointOutput, err error) {
	if err := s.disturb(ctx, e, point.at(MomentBeforeCall)); err != nil {
		return out, err
	}
	var r reply
	err = e.transact(false, func(d *draft) error {
		if e.last.answers(in.Token, name, e.inv, d.now) {
			d.nothing, r = true, e.last.reply
			return nil
		}
		if !e.accepts(in.Token) {
			return staleToken(api.CallCheckpoint)
		}
		if err := d.apply(in.Updates); err != nil {
			return err
		}
		if len(in.Updates) > 0 {
			d.rec.FailedInRow = 0 // an assumption: AWS says nothing of it
		}
		if d.rec.Status.Held() {
			d.cut()
			r = reply{inv: e.inv}
			return nil
		}
		d.nothing = len(in.Updates) == 0
		d.under = append(d.under, func() {
			r = e.reply()
			e.last = namedReply{token: in.Token, name: name, at: d.now, reply: r}
		})
		return nil
	})
	if err != nil {
		return out, err
	}
	s.observe(point)
	if err := s.disturb(ctx, e, point.at(MomentAfterCall)); err != nil {
		return out, err
	}
	e.replied(r)
	return r.out, nil
}

// namedWindow is how long a call can be repeated under its name (Lambda API, ClientToken).
const namedWindow = 15 * time.Minute

// namedReply is the reply to the last accepted call of an execution, for a caller that has lost it.
type namedReply struct {
	token, name string
	at          time.Time
	reply       reply
}

// answers reports whether a call is that of the reply, and its function is not given up.
func (n *namedReply) answers(token, name string, inv *invocation, now time.Time) bool {
	return name != "" && n.name == name && n.token == token && n.reply.inv == inv && !inv.dead &&
		now.Sub(n.at) <= namedWindow
}

// State implements [checkpoint.Client]: it answers with a page of the log. The token must be that
// of the last accepted call, and is not used up.
func (s *Service) State(ctx context.Context, in checkpoint.StateInput) (checkpoint.StateOutput, error) {
	var out checkpoint.StateOutput
	e, err := s.callee(ctx, api.CallState, in.ARN)
	if err != nil {
		return out, err
	}
	defer s.leave()
	point := Point{ARN: e.arn, API: api.CallState, Marker: in.Marker}
	point.Invocation, point.Call = e.number(in.Token)
	if err := s.disturb(ctx, e, point.at(MomentBeforeCall)); err != nil {
		return out, err
	}
	out, err = e.state(in)
	if err != nil {
		return checkpoint.StateOutput{}, err
	}
	if err := s.disturb(ctx, e, point.at(MomentAfterCall)); err != nil {
		return checkpoint.StateOutput{}, err
	}
	return out, nil
}

// callee finds the execution that a call is about. Unless there is an error, the caller leaves
// the service when the call is answered.
func (s *Service) callee(ctx context.Context, call, arn string) (*Execution, error) {
	if err := ctx.Err(); err != nil {
		return nil, api.Unreachable(call, context.Cause(ctx))
	}
	e, ok := s.Execution(arn)
	if !ok {
		return nil, api.Refuse(call, "Invalid durable execution ARN")
	}
	if !s.enter() {
		return nil, unavailable(call, s.down())
	}
	return e, nil
}

// number returns which call of which invocation a call with this token is.
func (e *Execution) number(token string) (invocation, call int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	invocation = tokenInvocation(token)
	if e.inv == nil || e.inv.number != invocation {
		return invocation, 0
	}
	e.inv.calls++
	return invocation, e.inv.calls
}

// disturb asks the faults what goes wrong at a point, and does it.
func (s *Service) disturb(ctx context.Context, e *Execution, p Point) error {
	for _, f := range s.faults {
		if f.Lose != nil && f.Lose(p) {
			e.lose(p.Invocation)
			return staleToken(p.API)
		}
		if f.Delay != nil && s.virtual == nil {
			if err := s.pause(ctx, f.Delay(p)); err != nil {
				return api.Unreachable(p.API, err)
			}
		}
		if f.Fail == nil {
			continue
		}
		if err := f.Fail(p); err != nil {
			if api, ok := errors.AsType[*checkpoint.APIError](err); ok {
				return api
			}
			return api.Unreachable(p.API, err)
		}
	}
	return nil
}

// pause waits for d, unless ctx or the service ends before.
func (s *Service) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	over := make(chan struct{})
	stop := s.clock.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.base.Done():
		return s.down()
	}
}

// observe reports a committed call to the faults.
func (s *Service) observe(p Point) {
	for _, f := range s.faults {
		if f.Committed != nil {
			f.Committed(p.at(MomentAfterCall))
		}
	}
}
