package local

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// callbackID returns the ID with which an outside system answers a CALLBACK.
func callbackID(arn, operation string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(arn + "\n" + operation))
}

func readCallbackID(id string) (arn, operation string) {
	text, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return "", ""
	}
	arn, operation, _ = strings.Cut(string(text), "\n")
	return arn, operation
}

func (d *draft) applyCallback(r *Record, u *checkpoint.Update, isNew bool) error {
	if u.Action != checkpoint.ActionStart {
		return refuse("Invalid CALLBACK action.")
	}
	if !isNew {
		return refuse("Cannot start a CALLBACK that already exist.")
	}
	r.Status, r.CallbackID, r.Heartbeat = checkpoint.StatusStarted, callbackID(d.rec.ARN, r.ID), u.Heartbeat
	if u.Timeout > 0 {
		d.arm(TimerKey{r.ID, PurposeCallbackTimeout}, u.Timeout)
	}
	if u.Heartbeat > 0 {
		d.arm(TimerKey{r.ID, PurposeHeartbeat}, u.Heartbeat)
	}
	d.logOf(r, Event{Type: EventCallbackStarted, CallbackID: r.CallbackID, Timeout: u.Timeout, Heartbeat: u.Heartbeat})
	return nil
}

// CompleteCallback succeeds a callback with a result, which is kept byte for byte; nil is no
// result. The errors are those of [Service.Heartbeat]; an APIError refuses a result that is
// too large or not valid UTF-8.
func (s *Service) CompleteCallback(id string, payload []byte) error {
	switch {
	case len(payload) > s.limits.CallbackBytes:
		return api.Refuse(api.CallSucceed, fmt.Sprintf("The result size must be less than or equal to %d bytes.", s.limits.CallbackBytes))
	case !utf8.Valid(payload):
		return api.Refuse(api.CallSucceed, "The result is not valid UTF-8.")
	}
	return s.answerCallback(api.CallSucceed, id, func(d *draft, r *Record) {
		r.Status, r.Payload = checkpoint.StatusSucceeded, payloadOrNone(payload)
		d.endCallback(r, Event{Type: EventCallbackSucceeded, Result: r.Payload})
	})
}

// FailCallback fails a callback. The errors are those of [Service.Heartbeat]; an APIError refuses
// a failure that is too large or not valid UTF-8.
func (s *Service) FailCallback(id string, failure checkpoint.Failure) error {
	if err := s.limits.checkFailure(api.CallFail, &failure); err != nil {
		return err
	}
	return s.answerCallback(api.CallFail, id, func(d *draft, r *Record) {
		r.Status, r.Failure = checkpoint.StatusFailed, clone(&failure)
		d.endCallback(r, Event{Type: EventCallbackFailed, Failure: r.Failure})
	})
}

// Heartbeat says that a callback is still worked on: its heartbeat timeout begins again. The error
// is a [*checkpoint.APIError] that is [ErrNoCallback], [ErrCallbackCompleted],
// [ErrCallbackTimedOut] or, when the execution does not run any more, [ErrEnded].
func (s *Service) Heartbeat(id string) error {
	return s.answerCallback(api.CallHeartbeat, id, func(d *draft, r *Record) {
		if r.Heartbeat > 0 {
			d.arm(TimerKey{r.ID, PurposeHeartbeat}, r.Heartbeat)
		}
	})
}

// answerCallback makes a transition of a callback that is still open.
func (s *Service) answerCallback(call, id string, f func(*draft, *Record)) error {
	if !s.enter() {
		return s.down()
	}
	defer s.leave()
	arn, operation := readCallbackID(id)
	e, ok := s.Execution(arn)
	if !ok {
		return callbackError(call, api.CodeInvalid, ErrNoCallback)
	}
	return e.transact(true, func(d *draft) error {
		r := d.record(operation)
		switch {
		case r == nil || r.CallbackID != id:
			return callbackError(call, api.CodeInvalid, ErrNoCallback)
		case r.Status == checkpoint.StatusTimedOut:
			return callbackError(call, "CallbackTimeoutException", ErrCallbackTimedOut)
		case r.Status.Terminal():
			return callbackError(call, api.CodeInvalid, ErrCallbackCompleted)
		case d.rec.Status.Terminal():
			return callbackError(call, api.CodeInvalid, ErrEnded)
		}
		f(d, r)
		return nil
	})
}

func callbackError(call, code string, cause error) error {
	return &checkpoint.APIError{Call: call, HTTPStatus: 400, Code: code, Message: cause.Error(), Cause: cause}
}

// endCallback writes the record and the event of a callback that has its result.
func (d *draft) endCallback(r *Record, ev Event) {
	r.End = d.now
	d.disarm(TimerKey{r.ID, PurposeCallbackTimeout}, TimerKey{r.ID, PurposeHeartbeat})
	d.put(r)
	d.logOf(r, ev)
}

// timeOutCallback ends a callback that no one has answered, or that missed a heartbeat.
func (d *draft) timeOutCallback(operation string, failure checkpoint.Failure) {
	r := d.record(operation)
	r.Status, r.Failure = checkpoint.StatusTimedOut, &failure
	d.endCallback(r, Event{Type: EventCallbackTimedOut, Failure: &failure})
}

// callbackTimeout and heartbeatMissed are why a callback times out (AWS emulator, executor.py).
func callbackTimeout() checkpoint.Failure {
	return checkpoint.Failure{Type: "Callback.Timeout", Message: "Callback timed out"}
}

func heartbeatMissed() checkpoint.Failure {
	return checkpoint.Failure{Type: "Callback.Heartbeat", Message: "Callback timed out on heartbeat"}
}
