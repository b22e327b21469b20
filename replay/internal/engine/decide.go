package engine

import (
	"errors"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// decided is decide, which calls functions of the user's: policies, filters, codecs, methods of errors. What
// panics there ends the attempts.
func (st *step) decided(f *fiber, rec *checkpoint.Operation, number int, err error) (u checkpoint.Update) {
	_, failed := f.call(ofPolicy, st.head.Name, func() (any, error) { u = st.decide(rec, number, err); return nil, nil })
	if failed != nil {
		u = st.giveUp(failed)
	}
	return u
}

// decide says what follows an attempt that failed: FAIL or RETRY. It calls user code.
//
//  1. If the body was cut short before the invocation's deadline, the attempt is made again, as
//     often as the handler says.
//  2. Otherwise, if a conversion failed, there is no further attempt.
//  3. Otherwise the policy decides; a body that asked for another attempt leaves its state.
func (st *step) decide(rec *checkpoint.Operation, number int, err error) checkpoint.Update {
	cuts := cutsOf(rec)
	if _, cut := errors.AsType[*cutShortError](err); cut && cuts < st.s.inv.cfg.Cuts && st.conf.Semantics != node.AtMostOnce {
		return st.cutShort(err, cuts+1)
	}
	state, again := retry.StateOf(err)
	if again && st.conf.Semantics == node.AtMostOnce {
		return st.giveUp(errAgainAtMostOnce)
	}
	if permanent(err) {
		return st.giveUp(err)
	}
	d := retry.Decide(st.conf.Retry, st.conf.Only, st.tried(rec, number-cuts, err))
	switch {
	case d.Err != nil:
		return st.giveUp(d.Err)
	case again && d.Retry:
		return st.goOn(state, d.After)
	case d.Retry:
		return st.retry(err, d.After, cuts)
	case again && st.conf.Exhausted != nil:
		return st.giveUp(st.conf.Exhausted(number))
	}
	return st.giveUp(err)
}

// tried describes an attempt to its policy.
func (st *step) tried(rec *checkpoint.Operation, number int, err error) retry.Attempt {
	a := retry.Attempt{Err: err, Number: number, Rand: retry.Rand(st.s.inv.ARN, st.id, number)}
	if rec != nil && !rec.Start.IsZero() {
		a.Elapsed = st.s.inv.Clock.Now().Sub(rec.Start)
	}
	return a
}

// giveUp records the failure of the step.
func (st *step) giveUp(err error) checkpoint.Update {
	u := st.update(checkpoint.ActionFail)
	u.Failure = st.failure(err)
	return u
}

// retry records a failed attempt. The state of the attempt before is kept with the error.
func (st *step) retry(err error, after time.Duration, cuts int) checkpoint.Update {
	u := st.update(checkpoint.ActionRetry)
	u.NextAttemptDelay = after
	u.Failure = st.failure(err)
	u.Failure.Data = withState(u.Failure.Data, st.state)
	if cuts > 0 {
		u.Failure.Data = withCuts(u.Failure.Data, cuts)
	}
	fit(u.Failure)
	return u
}

// cutShort records an attempt that was cut short. A body that says how far it has come goes on
// from there.
func (st *step) cutShort(err error, cuts int) checkpoint.Update {
	if state, again := retry.StateOf(err); again {
		payload, err := st.encodeState(state)
		if err != nil {
			return st.giveUp(err)
		}
		st.state = carried{payload: payload, ok: true}
	}
	return st.retry(err, time.Second, cuts)
}

// goOn records the state that the next attempt begins with.
func (st *step) goOn(state any, after time.Duration) checkpoint.Update {
	payload, err := st.encodeState(state)
	if err != nil {
		return st.giveUp(err)
	}
	u := st.update(checkpoint.ActionRetry)
	u.NextAttemptDelay, u.Payload = after, checkpoint.NewPayload(payload)
	return u
}

func (st *step) failure(err error) *checkpoint.Failure {
	return st.s.inv.cfg.failure(retry.Strip(err), concat(st.head.Known, st.s.known))
}
