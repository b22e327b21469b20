package local

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// MarshalJSON encodes the event as the Lambda API does (GetDurableExecutionHistory): times in
// seconds since 1970, durations in whole seconds, absent fields left out, and the details of the
// type always there, even if empty.
func (e Event) MarshalJSON() ([]byte, error) {
	details, err := json.Marshal(e.details())
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(eventHead{
		EventType: e.Type, EventID: e.ID, EventTimestamp: seconds(e.Time),
		ID: e.OperationID, ParentID: e.ParentID, Name: e.Name, SubType: e.SubType,
	})
	if err != nil {
		return nil, err
	}
	b := append(head[:len(head)-1], `,"`+string(e.Type)+`Details":`...)
	return append(append(b, details...), '}'), nil
}

// UnmarshalJSON is the inverse of [Event.MarshalJSON].
func (e *Event) UnmarshalJSON(data []byte) error {
	var head eventHead
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("local: decode event: %w", err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("local: decode event: %w", err)
	}
	var d eventDetails
	if raw, ok := all[string(head.EventType)+"Details"]; ok {
		if err := json.Unmarshal(raw, &d); err != nil {
			return fmt.Errorf("local: decode event %d: %w", head.EventID, err)
		}
	}
	*e = Event{
		ID: head.EventID, Type: head.EventType, Time: head.EventTimestamp.time(),
		OperationID: head.ID, ParentID: head.ParentID, Name: head.Name, SubType: head.SubType,
	}
	d.into(e)
	return nil
}

type eventHead struct {
	EventType      EventType
	EventID        int     `json:"EventId"`
	EventTimestamp seconds //nolint:modernize // always there
	ID             string  `json:"Id,omitempty"`
	ParentID       string  `json:"ParentId,omitempty"`
	Name           string  `json:",omitempty"`
	SubType        string  `json:",omitempty"`
}

// eventDetails are the members of all details together; each type has its own of them.
type eventDetails struct {
	Input               *eventPayload `json:",omitempty"`
	Result              *eventPayload `json:",omitempty"`
	Error               *eventError   `json:",omitempty"`
	RetryDetails        *eventRetry   `json:",omitempty"`
	ExecutionTimeout    int64         `json:",omitempty"`
	Duration            int64         `json:",omitempty"`
	ScheduledEnd        *seconds      `json:"ScheduledEndTimestamp,omitempty"`
	CallbackID          string        `json:"CallbackId,omitempty"`
	Timeout             int64         `json:",omitempty"`
	HeartbeatTimeout    int64         `json:",omitempty"`
	FunctionName        string        `json:",omitempty"`
	TenantID            string        `json:"TenantId,omitempty"`
	ExecutedVersion     string        `json:",omitempty"`
	DurableExecutionARN string        `json:"DurableExecutionArn,omitempty"`
	StartTimestamp      *seconds      `json:",omitempty"`
	EndTimestamp        *seconds      `json:",omitempty"`
	RequestID           string        `json:"RequestId,omitempty"`
}

type eventPayload struct {
	Payload   *string `json:",omitempty"`
	Truncated bool
}

type eventError struct {
	Payload   *eventFailure `json:",omitempty"`
	Truncated bool
}

type eventFailure struct {
	ErrorType    string   `json:",omitempty"`
	ErrorMessage string   `json:",omitempty"`
	ErrorData    string   `json:",omitempty"`
	StackTrace   []string `json:",omitempty"`
}

type eventRetry struct {
	CurrentAttempt          int
	NextAttemptDelaySeconds int64 `json:",omitempty"`
}

// details returns the members that the type of the event has.
func (e Event) details() eventDetails {
	var d eventDetails
	switch e.Type {
	case EventExecutionStarted:
		d.Input = payloadOf(e.Input)
		d.ExecutionTimeout = wholeSeconds(e.Timeout)
	case EventExecutionSucceeded, EventContextSucceeded, EventCallbackSucceeded, EventChainedInvokeSucceeded:
		d.Result = payloadOf(e.Result)
	case EventExecutionFailed, EventExecutionStopped, EventContextFailed, EventCallbackFailed, EventCallbackTimedOut,
		EventChainedInvokeFailed, EventChainedInvokeTimedOut, EventChainedInvokeStopped:
		d.Error = errorOf(e.Failure)
	case EventExecutionTimedOut, EventWaitCancelled:
		if e.Failure != nil {
			d.Error = errorOf(e.Failure)
		}
	case EventStepSucceeded:
		d.Result, d.RetryDetails = payloadOf(e.Result), retryOf(e)
	case EventStepFailed:
		d.Error, d.RetryDetails = errorOf(e.Failure), retryOf(e)
	case EventWaitStarted:
		d.Duration, d.ScheduledEnd = wholeSeconds(e.Duration), secondsOf(e.ScheduledEnd)
	case EventWaitSucceeded:
		d.Duration = wholeSeconds(e.Duration)
	case EventCallbackStarted:
		d.CallbackID, d.Timeout, d.HeartbeatTimeout = e.CallbackID, wholeSeconds(e.Timeout), wholeSeconds(e.Heartbeat)
	case EventChainedInvokeStarted:
		d.Input, d.FunctionName, d.TenantID = payloadOf(e.Input), e.Function, e.Tenant
		d.ExecutedVersion, d.DurableExecutionARN = e.Version, e.Target
	case EventInvocationCompleted:
		d.StartTimestamp, d.EndTimestamp, d.RequestID = secondsOf(e.Start), secondsOf(e.End), e.RequestID
		if e.Failure != nil {
			d.Error = errorOf(e.Failure)
		}
	case EventContextStarted, EventStepStarted:
		// Their details are empty.
	}
	return d
}

// into sets the fields of e that d holds.
func (d eventDetails) into(e *Event) {
	e.Input, e.Result = d.Input.payload(), d.Result.payload()
	if d.Error != nil && d.Error.Payload != nil {
		p := d.Error.Payload
		e.Failure = &checkpoint.Failure{Type: p.ErrorType, Message: p.ErrorMessage, Data: p.ErrorData, Stack: p.StackTrace}
	}
	if d.RetryDetails != nil {
		e.Attempt = d.RetryDetails.CurrentAttempt
		e.NextAttemptDelay = time.Duration(d.RetryDetails.NextAttemptDelaySeconds) * time.Second
	}
	e.Duration = time.Duration(d.Duration) * time.Second
	e.ScheduledEnd = d.ScheduledEnd.time()
	e.CallbackID = d.CallbackID
	e.Timeout = time.Duration(d.Timeout+d.ExecutionTimeout) * time.Second
	e.Heartbeat = time.Duration(d.HeartbeatTimeout) * time.Second
	e.Function, e.Tenant, e.Version, e.Target = d.FunctionName, d.TenantID, d.ExecutedVersion, d.DurableExecutionARN
	e.Start, e.End, e.RequestID = d.StartTimestamp.time(), d.EndTimestamp.time(), d.RequestID
}

func payloadOf(p checkpoint.Payload) *eventPayload {
	if !p.Present() {
		return &eventPayload{}
	}
	text := p.String()
	return &eventPayload{Payload: &text}
}

func (p *eventPayload) payload() checkpoint.Payload {
	if p == nil || p.Payload == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(*p.Payload)
}

func errorOf(f *checkpoint.Failure) *eventError {
	if f == nil {
		return &eventError{}
	}
	return &eventError{Payload: &eventFailure{
		ErrorType: f.Type, ErrorMessage: f.Message, ErrorData: f.Data, StackTrace: f.Stack,
	}}
}

func retryOf(e Event) *eventRetry {
	return &eventRetry{CurrentAttempt: e.Attempt, NextAttemptDelaySeconds: wholeSeconds(e.NextAttemptDelay)}
}

func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

// seconds is a time that JSON shows as a number of seconds since 1970.
type seconds time.Time

func secondsOf(t time.Time) *seconds {
	if t.IsZero() {
		return nil
	}
	s := seconds(t)
	return &s
}

func (s *seconds) time() time.Time {
	if s == nil {
		return time.Time{}
	}
	return time.Time(*s)
}

func (s seconds) MarshalJSON() ([]byte, error) {
	ms := time.Time(s).UnixMilli()
	b := strconv.AppendInt(nil, ms/1000, 10)
	if ms%1000 != 0 {
		b = fmt.Appendf(b, ".%03d", ms%1000)
	}
	return b, nil
}

func (s *seconds) UnmarshalJSON(data []byte) error {
	f, err := strconv.ParseFloat(string(data), 64)
	if err != nil {
		return fmt.Errorf("a time is a number of seconds, not %s", data)
	}
	*s = seconds(time.UnixMilli(int64(math.Round(f * 1000))).UTC())
	return nil
}
