package local

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// MarshalJSON encodes the event as the Lambda API does (GetDurableExecutionHistory): times in
// seconds since 1970, durations in whole seconds, absent fields left out, and the details of the
// type always there, even if empty.
func (e Event) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(eventHead{
		Type: e.Type, ID: e.ID, Time: api.Timestamp(e.Time),
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

// UnmarshalJSON is the inverse of [Event.MarshalJSON]. What the service has cut off (Truncated)
// becomes a payload that is withheld: checkpoint.WithheldPayload. An event whose error was cut has
// such a result.
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
	e.ID, e.Type, e.Time = head.ID, head.Type, api.TimeOf(head.Time)
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
	PauseRequested   json.Number   `json:"PauseRequestTimestamp,omitempty"`
	ResumeRequested  json.Number   `json:"ResumeRequestTimestamp,omitempty"`
	Reason           *eventPayload `json:"Reason,omitempty"`
	TimeoutPaused    *bool         `json:"ExecutionTimeoutPaused,omitempty"`
}

type eventPayload struct {
	Payload   *string `json:"Payload,omitempty"`
	Truncated bool    `json:"Truncated"`
}

type eventError struct {
	Payload   *api.Failure `json:"Payload,omitempty"`
	Truncated bool         `json:"Truncated"`
}

type eventRetry struct {
	CurrentAttempt   int   `json:"CurrentAttempt"`
	NextAttemptDelay int64 `json:"NextAttemptDelaySeconds,omitempty"`
}

// details returns the members that the type of the event has.
func (e Event) details() eventDetails {
	var d eventDetails
	switch e.Type {
	case EventExecutionStarted:
		d.Input = payloadOf(e.Input)
		d.ExecutionTimeout = api.WholeSeconds(e.Timeout)
	case EventExecutionSucceeded, EventContextSucceeded, EventCallbackSucceeded, EventChainedInvokeSucceeded:
		d.Result = payloadOf(e.Result)
	case EventExecutionFailed, EventExecutionStopped, EventContextFailed, EventCallbackFailed, EventCallbackTimedOut,
		EventChainedInvokeFailed, EventChainedInvokeTimedOut, EventChainedInvokeStopped:
		d.Error = errorOf(e.Failure, e.Result)
	case EventExecutionTimedOut, EventWaitCancelled:
		if e.Failure != nil {
			d.Error = errorOf(e.Failure, e.Result)
		}
	case EventStepSucceeded:
		d.Result, d.Retry = payloadOf(e.Result), retryOf(e)
	case EventStepFailed:
		d.Error, d.Retry = errorOf(e.Failure, e.Result), retryOf(e)
	case EventWaitStarted:
		d.Duration, d.ScheduledEnd = api.WholeSeconds(e.Duration), api.Timestamp(e.ScheduledEnd)
	case EventWaitSucceeded:
		d.Duration = api.WholeSeconds(e.Duration)
	case EventCallbackStarted:
		d.CallbackID, d.Timeout, d.Heartbeat = e.CallbackID, api.WholeSeconds(e.Timeout), api.WholeSeconds(e.Heartbeat)
	case EventChainedInvokeStarted:
		d.Input, d.Function, d.Tenant = payloadOf(e.Input), e.Function, e.Tenant
		d.Version, d.Target = e.Version, e.Target
	case EventInvocationCompleted:
		d.Start, d.End, d.RequestID = api.Timestamp(e.Start), api.Timestamp(e.End), e.RequestID
		if e.Failure != nil {
			d.Error = errorOf(e.Failure, e.Result)
		}
	case EventExecutionPaused:
		d.PauseRequested, d.Reason, d.TimeoutPaused = api.Timestamp(e.Requested), reasonOf(e.Reason), &e.TimeoutPaused
	case EventExecutionResumed:
		d.ResumeRequested, d.Reason = api.Timestamp(e.Requested), reasonOf(e.Reason)
	case EventContextStarted, EventStepStarted:
		// Their details are empty.
	}
	return d
}

// event returns an event with what the details hold.
func (d eventDetails) event() Event {
	e := Event{
		Input: d.Input.payload(), Result: d.Result.payload(),
		Duration: api.Duration(d.Duration), ScheduledEnd: api.TimeOf(d.ScheduledEnd),
		CallbackID: d.CallbackID, Timeout: api.Duration(d.Timeout + d.ExecutionTimeout), Heartbeat: api.Duration(d.Heartbeat),
		Function: d.Function, Tenant: d.Tenant, Version: d.Version, Target: d.Target,
		Start: api.TimeOf(d.Start), End: api.TimeOf(d.End), RequestID: d.RequestID,
	}
	e.Requested, e.Reason = api.TimeOf(cmp.Or(d.PauseRequested, d.ResumeRequested)), d.Reason.payload().String()
	e.TimeoutPaused = d.TimeoutPaused != nil && *d.TimeoutPaused
	if d.Error != nil && d.Error.Payload != nil {
		e.Failure = d.Error.Payload.Record()
	}
	if d.Error != nil && d.Error.Truncated {
		e.Result = checkpoint.WithheldPayload(truncated)
	}
	if d.Retry != nil {
		e.Attempt, e.NextAttemptDelay = d.Retry.CurrentAttempt, api.Duration(d.Retry.NextAttemptDelay)
	}
	return e
}

// truncated is why a payload is not known that the service has cut off.
const truncated = "the service has cut it off in the history"

func payloadOf(p checkpoint.Payload) *eventPayload {
	if !p.Present() {
		return &eventPayload{}
	}
	if _, withheld := p.Withheld(); withheld {
		return &eventPayload{Truncated: true}
	}
	text := p.String()
	return &eventPayload{Payload: &text}
}

// reasonOf returns a reason as the API has it, nil for none.
func reasonOf(reason string) *eventPayload {
	if reason == "" {
		return nil
	}
	return &eventPayload{Payload: &reason}
}

func (p *eventPayload) payload() checkpoint.Payload {
	if p != nil && p.Truncated {
		return checkpoint.WithheldPayload(truncated)
	}
	if p == nil || p.Payload == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(*p.Payload)
}

func errorOf(f *checkpoint.Failure, result checkpoint.Payload) *eventError {
	_, withheld := result.Withheld()
	if f == nil {
		return &eventError{Truncated: withheld}
	}
	return &eventError{Payload: api.FailureOf(f), Truncated: withheld}
}

func retryOf(e Event) *eventRetry {
	return &eventRetry{CurrentAttempt: e.Attempt, NextAttemptDelay: api.WholeSeconds(e.NextAttemptDelay)}
}
