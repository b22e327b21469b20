package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// response is what a durable function has answered.
type response struct {
	status  string
	result  checkpoint.Payload
	failure *checkpoint.Failure
}

// readResponse reads the answer of a durable function. problem says why it is invalid.
func readResponse(payload []byte) (r response, problem string) {
	var wire struct {
		Status string       `json:"Status"`
		Result *string      `json:"Result"`
		Error  *api.Failure `json:"Error"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field == "" {
			return r, "Invalid response: a durable function answers with an object that has a Status, and this is a JSON " + wrong.Value +
				"; host a function that is not durable as Plain."
		}
		return r, "Invalid response: " + err.Error()
	}
	r.status = wire.Status
	if wire.Result != nil {
		r.result = checkpoint.TextPayload(*wire.Result)
	}
	if wire.Error != nil {
		r.failure = wire.Error.Record()
	}
	return r, r.problem()
}

// problem says what is wrong with a response whatever the execution has done
// (AWS emulator, executor.py).
func (r response) problem() string {
	switch checkpoint.OutcomeStatus(r.status) {
	case checkpoint.OutcomeSucceeded:
		if r.failure != nil {
			return "Cannot provide an Error for SUCCEEDED status."
		}
	case checkpoint.OutcomeFailed:
		if r.result.Present() {
			return "Cannot provide a Result for FAILED status."
		}
	case checkpoint.OutcomePending:
	default:
		if r.status == "" {
			return "Invalid response: there is no Status."
		}
		return fmt.Sprintf("Invalid response: the Status is %q.", r.status)
	}
	return ""
}

// endInvocation takes the answer of a function.
func (e *Execution) endInvocation(inv *invocation, a answer) error {
	return e.transact(false, func(d *draft) error {
		d.rec.InvocationStart, d.rec.Due = time.Time{}, inv.cut || e.untold()
		d.endInvocation(inv, a)
		if d.rec.Status == StatusPausing {
			d.pause()
		}
		d.under = append(d.under, func() {
			e.running = false
			if e.rec.Due {
				e.wake()
			}
		})
		return nil
	})
}

func (d *draft) endInvocation(inv *invocation, a answer) {
	if d.e.ended() { // stopped meanwhile: nothing comes after the last event
		d.nothing = true
		return
	}
	limit := d.e.svc.limits.ResponseBytes
	if a.failure == nil && len(a.payload) > limit {
		a.failure = &checkpoint.Failure{
			Type:    "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit),
		}
	}
	completed := Event{Type: EventInvocationCompleted, RequestID: inv.requestID, Start: inv.started, End: d.now}
	switch {
	case d.rec.Plain:
		d.endPlain(completed, a)
	case a.failure != nil:
		d.fail(completed, a.failure)
	default:
		d.judge(completed, a.payload)
	}
}

// endPlain ends the execution of a function that is not durable.
func (d *draft) endPlain(completed Event, a answer) {
	if a.failure == nil && !utf8.Valid(a.payload) {
		a.failure = &checkpoint.Failure{Type: "Runtime.MarshalError", Message: "the response is not valid UTF-8"}
	}
	completed.Failure = a.failure
	d.log(completed)
	if a.failure != nil {
		d.end(StatusFailed, checkpoint.Payload{}, a.failure, false)
		return
	}
	d.end(StatusSucceeded, payloadOrNone(a.payload), nil, false)
}

// fail ends an invocation that has failed: it is repeated after a pause, unless too many in a row
// have.
func (d *draft) fail(completed Event, failure *checkpoint.Failure) {
	completed.Failure = failure
	d.log(completed)
	if d.rec.Closing {
		d.close()
		return
	}
	d.rec.FailedInRow++
	d.rec.InvalidInRow = 0
	if most := d.e.svc.limits.FailedInvocations; most > 0 && d.rec.FailedInRow >= most {
		d.end(StatusFailed, checkpoint.Payload{}, failure, false)
		return
	}
	d.again(failure, d.e.svc.limits.retryPause(d.rec.FailedInRow))
}

// refuse ends an invocation with an invalid answer: too many in a row end the execution.
func (d *draft) refuse(completed Event, problem string) {
	failure := &checkpoint.Failure{Type: api.CodeInvalid, Message: problem}
	completed.Failure = failure
	d.log(completed)
	if d.rec.Closing {
		d.close()
		return
	}
	d.rec.FailedInRow = 0
	d.rec.InvalidInRow++
	if d.rec.InvalidInRow >= d.e.svc.limits.InvalidResponses {
		d.end(StatusFailed, checkpoint.Payload{}, failure, false)
		return
	}
	d.again(failure, d.e.svc.limits.InvalidPause)
}

// again repeats the invocation after a pause. A repetition counts as an operation, and its error
// is stored (AWS documentation, retries for durable functions).
func (d *draft) again(failure *checkpoint.Failure, pause time.Duration) {
	refusal := d.meter()
	if refusal == nil {
		refusal = d.weigh(checkpoint.Payload{}, failure)
	}
	if refusal != nil {
		d.end(StatusFailed, checkpoint.Payload{}, &checkpoint.Failure{Type: refusal.Code, Message: refusal.Message}, false)
		return
	}
	d.arm(TimerKey{Purpose: PurposeInvocation}, pause)
	d.under = append(d.under, func() { d.e.resting = true })
}

// nothingPending refuses an answer of a function that would never be invoked again (AWS emulator,
// executor.py).
const nothingPending = "Cannot return PENDING status with no pending operations."

// judge takes the answer of a durable function that has returned.
func (d *draft) judge(completed Event, payload []byte) {
	r, problem := readResponse(payload)
	status := checkpoint.OutcomeStatus(r.status)
	switch {
	case problem != "":
	case d.rec.Closing:
		if len(r.result.Bytes()) > 0 || r.failure != nil || status == checkpoint.OutcomePending {
			problem = "The execution was completed by a checkpoint: the response must carry nothing else."
		}
	case status == checkpoint.OutcomePending && !d.e.inv.cut && !d.e.untold() && !d.e.waits():
		problem = nothingPending
	}
	if problem != "" {
		d.refuse(completed, problem)
		return
	}
	d.log(completed)
	switch {
	case d.rec.Closing:
		d.close()
	case status == checkpoint.OutcomeSucceeded:
		d.end(StatusSucceeded, r.result, nil, false)
	case status == checkpoint.OutcomeFailed:
		d.end(StatusFailed, checkpoint.Payload{}, r.failure, false)
	default:
		d.rec.FailedInRow, d.rec.InvalidInRow = 0, 0
		d.rec.Updated = d.e.updatedSince(d.e.known)
	}
}

// waits reports whether an operation is pending that the service will finish.
func (e *Execution) waits() bool {
	for _, r := range e.records {
		switch r.Kind {
		case checkpoint.KindStep:
			if r.Status == checkpoint.StatusPending {
				return true
			}
		case checkpoint.KindWait, checkpoint.KindCallback, checkpoint.KindChainedInvoke:
			if r.Status == checkpoint.StatusStarted {
				return true
			}
		case checkpoint.KindExecution, checkpoint.KindContext:
		}
	}
	return false
}
