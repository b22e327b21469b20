package replay

import (
	"context"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// step is a step that is carried out.
type step struct {
	*operation

	n    *node.Step
	conf node.StepConfig
	// begun says that the START of the running attempt was queued by this invocation, as the update
	// with the number seq; late that it is queued with the completion instead.
	begun, late bool
	seq         uint64
	// state is what the last attempt left behind.
	state carried
}

// callStep runs or starts a step. A finished one is read from the log without anything else.
func (s *scope) callStep(ctx context.Context, n *node.Step, start bool) node.Record {
	conf := s.inv.set.step(n.Config)
	s.inv.mu.Lock()
	c, err := s.claim(n, checkpoint.KindStep)
	if err != nil {
		return node.Record{Err: err}
	}
	if c.rec != nil && c.rec.Status.Terminal() {
		return s.finished(ctx, n, c, start)
	}
	st := &step{operation: s.operation(ctx, &n.Header, checkpoint.KindStep, c), n: n, conf: conf}
	if c.rec == nil {
		st.start()
	}
	if start {
		st.spawn(func(t *task) node.Record {
			s.inv.mu.Lock()
			r := st.run(t)
			s.inv.mu.Unlock()
			return r
		})
		s.inv.mu.Unlock()
		return node.Record{Target: st.operation}
	}
	if c.rec != nil {
		if err := s.owned(&n.Header); err != nil {
			return node.Record{Err: err}
		}
		s.frontier(st.operation)
	}
	r := st.run(s.t)
	s.inv.mu.Unlock()
	return r
}

// run carries the step from the status of its record to its end. Called with the lock held.
//
//	none       START is queued, the body runs
//	STARTED    an earlier invocation was cut off: the body runs again, or the attempt is decided
//	           as interrupted (at most once, or when crashes count)
//	PENDING    wait for READY
//	READY      START, the body runs
//	terminal   done
func (st *step) run(t *task) node.Record {
	inv, s := st.s.inv, st.s
	for {
		rec, ok := inv.log.Get(st.id)
		switch {
		case ok && rec.Status.Terminal():
			return s.outcome(st.operation, rec)
		case s.readOnly:
			s.diverge(s.unfinished(st.operation))
		case ok && rec.Status == checkpoint.StatusPending:
			s.stale = false
			inv.awaitChange(t, s, st.operation)
			continue
		}
		s.stale = false
		s.pass(t, st.operation)
		if r, ok := st.attempt(t, rec); ok {
			return r
		}
	}
}

// start queues the START of an attempt.
func (st *step) start() {
	st.begun = true
	u := st.update(checkpoint.ActionStart)
	if st.strict() || attempted(st.head) {
		st.seq = st.s.inv.writer.AddWait(u)
		return
	}
	st.seq = st.s.inv.writer.Add(u, st.hold())
}

// strict reports whether the start must be durable before the body begins.
func (st *step) strict() bool {
	return st.conf.Semantics == node.AtMostOnce || st.conf.CountCrashes == node.On
}

// attempted reports whether the operation is compensated even if it does not complete: then its
// start must be in the log before it can have an effect.
func attempted(h *node.Header) bool { return h.Undo != nil && h.Undo.Attempted }

// hold is how long START may be held back so that it travels with the completion.
//
//  1. If bodies of this name take a round trip or more, START goes at once, beside the body.
//  2. Otherwise it is held for a round trip if they are known to be shorter, for three quarters of
//     one if they are not known.
//
// The queue of a relaxed step is flushed by others, or when its own bound is over.
func (st *step) hold() time.Duration {
	if st.conf.Semantics == node.Relaxed {
		return relaxedHold
	}
	trip := st.s.inv.writer.RoundTrip()
	expected, known := st.s.inv.past.of(st.head.Name)
	switch {
	case !known:
		return trip * 3 / 4
	case expected >= trip:
		return 0
	}
	return trip
}

// relaxedHold bounds how long the results of relaxed steps stay undurable while nothing strict runs.
const relaxedHold = time.Second

// attempt makes one attempt and records how it ended; rec is the record before it, nil if there is
// none. ok is false if the step is not finished.
func (st *step) attempt(t *task, rec *checkpoint.Operation) (r node.Record, ok bool) {
	inv, s := st.s.inv, st.s
	number := 1
	if rec != nil {
		number = rec.Attempt + 1
		st.state = stateOf(rec)
	}
	if rec != nil && rec.Status == checkpoint.StatusStarted && !st.begun && st.strict() {
		return st.failed(t, rec, number, op.ErrInterrupted)
	}
	if rec != nil && rec.Status == checkpoint.StatusReady {
		st.late = st.state.present() // START clears the state, so it travels with the completion
		if !st.late && (inv.set.readyStart || st.strict()) {
			st.start()
		}
	}
	if st.conf.Semantics != node.Relaxed {
		inv.barrier(t, s, st.operation)
	}
	if st.strict() || attempted(st.head) {
		inv.awaitAck(t, s, st.operation, st.seq)
	}
	s.slots.take(t, s, st.operation)
	t.check() // a goroutine may get to run when its scope has left it behind: no body starts then
	inv.mu.Unlock()
	began := inv.clock.Now()
	at := t.at.Swap(st.operation)
	v, err := st.body(t, number)
	t.at.Store(at)
	took := inv.clock.Now().Sub(began)
	var payload []byte
	if err == nil {
		payload, err = st.encode(v)
	}
	inv.mu.Lock()
	t.give()
	t.check()
	inv.past.add(st.head.Name, took)
	if cut := inv.ctx.Err(); cut != nil {
		// The invocation's time is over: what the body says now may be due to that.
		inv.close(outcome{err: errCutOff(st.path(), context.Cause(inv.ctx))})
		t.check()
	}
	if err != nil {
		return st.failed(t, rec, number, err)
	}
	return st.succeeded(t, payload), true
}

// settle queues how the attempt ended. A START that was kept back for the sake of the state
// travels with it: alone it would clear the state.
func (st *step) settle(u checkpoint.Update, hold time.Duration) uint64 {
	late := st.late
	st.begun, st.late = false, false
	if late {
		return st.s.inv.writer.AddBoth(st.update(checkpoint.ActionStart), u, hold)
	}
	return st.s.inv.writer.Add(u, hold)
}

// succeeded records the result. A relaxed step does not wait until it is durable.
func (st *step) succeeded(t *task, payload []byte) node.Record {
	inv := st.s.inv
	u := st.update(checkpoint.ActionSucceed)
	u.Payload = checkpoint.NewPayload(payload)
	if st.conf.Semantics == node.Relaxed {
		inv.relaxed = st.settle(u, relaxedHold)
		if !st.own {
			st.s.observeOf(st.operation)
		}
		return node.Record{
			Payload: &u.Payload, Meta: st.meta(codec.Result), Codec: st.codec(), Source: st.s,
		}
	}
	inv.awaitAck(t, st.s, st.operation, st.settle(u, 0))
	rec, _ := inv.log.Get(st.id)
	return st.s.outcome(st.operation, rec)
}

// failed decides what follows a failed attempt and records it. ok is false if there will be
// another one.
func (st *step) failed(t *task, rec *checkpoint.Operation, number int, err error) (r node.Record, ok bool) {
	inv := st.s.inv
	inv.mu.Unlock()
	u := st.decide(rec, number, err)
	inv.mu.Lock()
	t.check()
	inv.awaitAck(t, st.s, st.operation, st.settle(u, 0))
	if u.Action == checkpoint.ActionRetry {
		return node.Record{}, false
	}
	rec, _ = inv.log.Get(st.id)
	return st.s.outcome(st.operation, rec), true
}

// encode makes the payload of a result and sees whether it can be read again: what user code
// gets is always decoded, and a result that cannot be is a failure, not a record.
func (st *step) encode(v any) ([]byte, error) { return st.operation.encode(st.ctx, v) }

func (o *operation) encode(ctx context.Context, v any) ([]byte, error) {
	payload, err := codec.Encode(ctx, o.codec(), o.meta(codec.Result), v)
	if err != nil || o.head.Check == nil {
		return payload, err
	}
	p := checkpoint.NewPayload(payload)
	err = o.head.Check.Check(node.Record{
		Payload: &p, Meta: o.meta(codec.Result), Codec: o.codec(), Source: o.s,
	})
	return payload, err
}
