package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// afterFailure says what follows an attempt that failed, as [decide] does, which calls functions of
// the user's: policies, filters, methods of errors. What panics there ends the attempts. Codecs and
// registered errors are called off the turn, so what the execution has room for is asked before.
func afterFailure(st *step, f *fiber, rec *checkpoint.Operation, number int, err error) (u checkpoint.Update) {
	var left *leftState
	known, users := st.known(), usersIn(err)
	call := func(run func()) (failed error) {
		f.convertErrors(known, users, func() {
			_, failed = f.call(ofPolicy, st.head.Name, func() (any, error) { run(); return nil, nil })
		})
		return failed
	}
	room := st.s.mayRetry() && st.s.inv.holds(len(st.state.payload)) // counted on the turn
	failed := call(func() { u, left = decide(st, rec, number, err, room) })
	if failed == nil && left != nil {
		var payload []byte
		if payload, failed = st.encodeState(f, left.state); failed == nil {
			failed = call(func() { u = left.update(payload) })
		}
	}
	if failed != nil {
		f.convertErrors(known, usersIn(failed), func() { u = giveUp(st, failed) })
	}
	if u.Failure != nil {
		u.Failure = shortened(st.s.inv, u.Failure)
		switch {
		case failed != nil:
			err = failed
		case st.refused != nil:
			err = st.refused
		}
		sayAttemptFailed(st, number, &u, err)
		u.Failure = closedFailure(f, st.meta(codec.PartFailure), u.Failure)
	}
	return u
}

// leftState is the state that a body has left for the next attempt, and the update that records its
// payload.
type leftState struct {
	state  any
	update func(payload []byte) checkpoint.Update
}

// decide says what follows an attempt that failed: FAIL or RETRY, with the state that is to be
// encoded first, if there is one. It calls user code.
//
//  1. If the body was cut short before the invocation's deadline, the attempt is made again, as
//     often as the handler says.
//  2. Otherwise, if a conversion failed, there is no further attempt.
//  3. Otherwise the policy decides; a body that asked for another attempt leaves its state. There
//     is none if the execution has no room for it.
func decide(st *step, rec *checkpoint.Operation, number int, err error, room bool) (u checkpoint.Update, left *leftState) {
	cuts := cutsOf(rec)
	if _, cut := errors.AsType[*cutShortError](err); cut && room && cuts < st.s.inv.cfg.Cuts && st.conf.Semantics != node.AtMostOnce {
		return cutShort(st, err, cuts+1)
	}
	state, again := retry.StateOf(err)
	if again && st.conf.Semantics == node.AtMostOnce {
		return giveUp(st, errAgainAtMostOnce), nil
	}
	if permanent(err) {
		return giveUp(st, err), nil
	}
	d := retry.Decide(st.conf.Retry, st.conf.Only, tried(st, rec, number-cuts, err))
	switch {
	case d.Err != nil:
		st.refused = sound(d.Err)
		return giveUp(st, st.refused), nil
	case d.Retry && !room && again && st.conf.Exhausted != nil:
		return giveUp(st, &attemptError{st.conf.Exhausted(number)}), nil
	case d.Retry && !room:
		return giveUp(st, &attemptError{err}), nil
	case again && d.Retry:
		return u, &leftState{state, func(p []byte) checkpoint.Update { return goOn(st, p, d.After) }}
	case d.Retry:
		return retryAfter(st, err, d.After, cuts), nil
	case again && st.conf.Exhausted != nil:
		return giveUp(st, st.conf.Exhausted(number)), nil
	}
	return giveUp(st, err), nil
}

// tried describes an attempt to its policy.
func tried(st *step, rec *checkpoint.Operation, number int, err error) retry.Attempt {
	a := retry.Attempt{
		Err: err, Number: number, Rand: retry.Rand(st.s.inv.ARN, st.id, number), Context: policyContext(st, number),
	}
	if rec != nil && !rec.Start.IsZero() {
		a.Elapsed = st.s.inv.Clock.Now().Sub(rec.Start)
	}
	return a
}

// policyContext is the context that the policy is asked with: it has the values of that of the
// body, or of one, if an earlier invocation ran it.
func policyContext(st *step, number int) context.Context {
	if st.tried != nil {
		return context.WithoutCancel(st.tried)
	}
	b := newBodyRun(context.WithoutCancel(st.ctx), st.s.inv, node.BodyInfo{Info: st.info(number)})
	b.Logger = slog.New(&b.logs)
	return b.ctx
}

// giveUp records the failure of the step.
func giveUp(st *step, err error) checkpoint.Update {
	u := st.update(checkpoint.ActionFail)
	u.Failure = st.failure(err)
	return u
}

// retryAfter records a failed attempt. The state of the attempt before is kept with the error.
func retryAfter(st *step, err error, after time.Duration, cuts int) checkpoint.Update {
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
func cutShort(st *step, err error, cuts int) (u checkpoint.Update, left *leftState) {
	state, again := retry.StateOf(err)
	if !again {
		return retryAfter(st, err, time.Second, cuts), nil
	}
	return u, &leftState{state, func(payload []byte) checkpoint.Update {
		st.state = carried{payload: payload, ok: true}
		return retryAfter(st, err, time.Second, cuts)
	}}
}

// goOn records the state that the next attempt begins with.
func goOn(st *step, payload []byte, after time.Duration) checkpoint.Update {
	u := st.update(checkpoint.ActionRetry)
	u.NextAttemptDelay, u.Payload = after, checkpoint.NewPayload(payload)
	return u
}

func (st *step) failure(err error) *checkpoint.Failure {
	return st.s.inv.cfg.failure(retry.Strip(err), st.known())
}

// known are the errors registered with the step and around it.
func (st *step) known() []codec.KnownError { return concat(st.head.Known, st.s.known) }

// The room that a state has in the log, in bytes. An attempt that fails keeps the state in the data
// of its error, for a RETRY takes an error or a payload, not both, and the fields of an error have
// at most maxFailure bytes together (1 MB: Lambda API, ErrorObject). leastError of them are left to
// the error.
const (
	maxFailure = 1_000_000
	leastError = 32 << 10
	maxState   = maxFailure - leastError
)

// encodeState makes the payload of the state that the next attempt begins with. One that would not
// fit into a record together with the error of a later attempt is refused: it would be lost then.
func (st *step) encodeState(f *fiber, state any) (payload []byte, err error) {
	m := st.meta(codec.PartState)
	err = convertPatiently(st.ctx, f, st.codec(), untilDeadline, m, func() error {
		_, err := f.call(ofCodec, st.head.Name, func() (_ any, err error) {
			payload, err = codec.Encode(st.ctx, st.codec(), m, state)
			return nil, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if n := len(withState("", carried{payload: payload, ok: true})); n > maxState {
		return nil, fmt.Errorf("replay: %s: the state for the next attempt takes %d bytes in the log, where it must leave room "+
			"for the error of that attempt: at most %d are possible; store what is large elsewhere and carry where it is",
			quote(st.path()), n, maxState)
	}
	if err := st.s.inv.fits("state for the next attempt", payload); err != nil {
		return nil, err
	}
	return payload, nil
}

// fit shortens an error so that it has room beside the state in its data: first what it says of its
// identities goes, then the stack, then the end of the message.
func fit(f *checkpoint.Failure) {
	if len(f.Data) > maxState {
		f.Data = narrow(f.Data)
	}
	left := maxFailure - len(f.Type) - len(f.Data)
	size := len(f.Message)
	for _, line := range f.Stack {
		size += len(line)
	}
	if size > left {
		f.Stack = nil
	}
	if len(f.Message) > left {
		f.Message = cut(f.Message, left-len(ellipsis))
	}
}

// narrow leaves out values of identities, the longest first, until there is room for a message. An
// error without them is restored by its type alone.
func narrow(data string) string {
	d, _ := readData(data)
	ids := d.Perdure.Known
	for len(data) > maxFailure-leastError/2 && len(ids) > 0 {
		longest := 0
		for i := range ids {
			if len(ids[i].Data) > len(ids[longest].Data) {
				longest = i
			}
		}
		if ids[longest].Data == "" {
			d.Perdure.Known = nil
			return d.text()
		}
		ids[longest].Data = ""
		data = d.text()
	}
	return data
}
