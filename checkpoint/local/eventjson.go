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
	head, err := json.Marshal(eventHead{
		Type: e.Type, ID: e.ID, Time: secondsOf(e.Time),
		Operation: e.OperationID, ParentID: e.ParentID, Name: e.Name, SubType: e.SubType,
	})
	if err != nil {
		return nil, err
	}
	details, err := json.Marshal(e.details())
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `%s,"%sDetails":%s}`, head[:len(head)-1], e.Type, details), nil
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
	if raw, ok := all[string(head.Type)+"Details"]; ok {
		if err := json.Unmarshal(raw, &d); err != nil {
			return fmt.Errorf("local: decode event %d: %w", head.ID, err)
		}
	}
	*e = d.event()
	e.ID, e.Type, e.Time = head.ID, head.Type, timeOf(head.Time)
	e.OperationID, e.ParentID, e.Name, e.SubType = head.Operation, head.ParentID, head.Name, head.SubType
	return nil
}

type eventHead struct {
	Type      EventType   `json:"EventType"`
	ID        int         `json:"EventId"`
	Time      json.Number `json:"EventTimestamp"`
	Operation string      `json:"Id,omitempty"`
	ParentID  string      `json:"ParentId,omitempty"`
	Name      string      `json:"Name,omitempty"`
	SubType   string      `json:"SubType,omitempty"`
}

// eventDetails are the members of all details together; each type has its own of them.
type eventDetails struct {
	Input            *eventPayload `json:"Input,omitempty"`
	Result           *eventPayload `json:"Result,omitempty"`
	Error            *eventError   `json:"Error,omitempty"`
	Retry            *eventRetry   `json:"RetryDetails,omitempty"`
	ExecutionTimeout int64         `json:"ExecutionTimeout,omitempty"`
	Duration         int64         `json:"Duration,omitempty"`
	ScheduledEnd     json.Number   `json:"ScheduledEndTimestamp,omitempty"`
	CallbackID       string        `json:"CallbackId,omitempty"`
	Timeout          int64         `json:"Timeout,omitempty"`
	Heartbeat        int64         `json:"HeartbeatTimeout,omitempty"`
	Function         string        `json:"FunctionName,omitempty"`
	Tenant           string        `json:"TenantId,omitempty"`
	Version          string        `json:"ExecutedVersion,omitempty"`
	Target           string        `json:"DurableExecutionArn,omitempty"`
	Start            json.Number   `json:"StartTimestamp,omitempty"`
	End              json.Number   `json:"EndTimestamp,omitempty"`
	RequestID        string        `json:"RequestId,omitempty"`
}

type eventPayload struct {
	Payload   *string `json:"Payload,omitempty"`
	Truncated bool    `json:"Truncated"`
}

type eventError struct {
	Payload   *wireFailure `json:"Payload,omitempty"`
	Truncated bool         `json:"Truncated"`
}

type eventRetry struct {
	CurrentAttempt   int   `json:"CurrentAttempt"`
	NextAttemptDelay int64 `json:"NextAttemptDelaySeconds,omitempty"`
}

// wireFailure is an error object (Lambda API, ErrorObject).
type wireFailure struct {
	Type    string   `json:"ErrorType,omitempty"`
	Message string   `json:"ErrorMessage,omitempty"`
	Data    string   `json:"ErrorData,omitempty"`
	Stack   []string `json:"StackTrace,omitempty"`
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
		d.Result, d.Retry = payloadOf(e.Result), retryOf(e)
	case EventStepFailed:
		d.Error, d.Retry = errorOf(e.Failure), retryOf(e)
	case EventWaitStarted:
		d.Duration, d.ScheduledEnd = wholeSeconds(e.Duration), secondsOf(e.ScheduledEnd)
	case EventWaitSucceeded:
		d.Duration = wholeSeconds(e.Duration)
	case EventCallbackStarted:
		d.CallbackID, d.Timeout, d.Heartbeat = e.CallbackID, wholeSeconds(e.Timeout), wholeSeconds(e.Heartbeat)
	case EventChainedInvokeStarted:
		d.Input, d.Function, d.Tenant = payloadOf(e.Input), e.Function, e.Tenant
		d.Version, d.Target = e.Version, e.Target
	case EventInvocationCompleted:
		d.Start, d.End, d.RequestID = secondsOf(e.Start), secondsOf(e.End), e.RequestID
		if e.Failure != nil {
			d.Error = errorOf(e.Failure)
		}
	case EventContextStarted, EventStepStarted:
		// Their details are empty.
	}
	return d
}

// event returns an event with what the details hold.
func (d eventDetails) event() Event {
	e := Event{
		Input: d.Input.payload(), Result: d.Result.payload(),
		Duration: duration(d.Duration), ScheduledEnd: timeOf(d.ScheduledEnd),
		CallbackID: d.CallbackID, Timeout: duration(d.Timeout + d.ExecutionTimeout), Heartbeat: duration(d.Heartbeat),
		Function: d.Function, Tenant: d.Tenant, Version: d.Version, Target: d.Target,
		Start: timeOf(d.Start), End: timeOf(d.End), RequestID: d.RequestID,
	}
	if d.Error != nil && d.Error.Payload != nil {
		e.Failure = d.Error.Payload.failure()
	}
	if d.Retry != nil {
		e.Attempt, e.NextAttemptDelay = d.Retry.CurrentAttempt, duration(d.Retry.NextAttemptDelay)
	}
	return e
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
	return &eventError{Payload: &wireFailure{Type: f.Type, Message: f.Message, Data: f.Data, Stack: f.Stack}}
}

func (f *wireFailure) failure() *checkpoint.Failure {
	return &checkpoint.Failure{Type: f.Type, Message: f.Message, Data: f.Data, Stack: f.Stack}
}

func retryOf(e Event) *eventRetry {
	return &eventRetry{CurrentAttempt: e.Attempt, NextAttemptDelay: wholeSeconds(e.NextAttemptDelay)}
}

func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

func duration(seconds int64) time.Duration { return time.Duration(seconds) * time.Second }

// secondsOf returns a time as a number of seconds since 1970, empty for none.
func secondsOf(t time.Time) json.Number {
	if t.IsZero() {
		return ""
	}
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return json.Number(strconv.FormatInt(ms/1000, 10))
	}
	return json.Number(strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64))
}

func timeOf(n json.Number) time.Time {
	f, err := n.Float64()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC()
}
