package lambdaapi

import (
	"encoding/json"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// wireUpdate is an update as the API has it (Lambda API, OperationUpdate).
type wireUpdate struct {
	ID             string       `json:"Id"`
	ParentID       string       `json:"ParentId"`
	Name           *string      `json:"Name"`
	Type           string       `json:"Type"`
	SubType        string       `json:"SubType"`
	Action         string       `json:"Action"`
	Payload        *string      `json:"Payload"`
	Error          *api.Failure `json:"Error"`
	ContextOptions *struct {
		ReplayChildren bool `json:"ReplayChildren"`
	} `json:"ContextOptions"`
	StepOptions *struct {
		NextAttemptDelaySeconds int64 `json:"NextAttemptDelaySeconds"`
	} `json:"StepOptions"`
	WaitOptions *struct {
		WaitSeconds int64 `json:"WaitSeconds"`
	} `json:"WaitOptions"`
	CallbackOptions *struct {
		TimeoutSeconds          int64 `json:"TimeoutSeconds"`
		HeartbeatTimeoutSeconds int64 `json:"HeartbeatTimeoutSeconds"`
	} `json:"CallbackOptions"`
	ChainedInvokeOptions *struct {
		FunctionName string `json:"FunctionName"`
		TenantID     string `json:"TenantId"`
		TraceHeader  string `json:"XAmznTraceId"`
	} `json:"ChainedInvokeOptions"`
}

// update returns the update, or says which member cannot be. n is its position in the call.
func (w *wireUpdate) update(n int) (checkpoint.Update, error) {
	u := checkpoint.Update{
		ID: w.ID, ParentID: w.ParentID, SubType: w.SubType,
		Kind: checkpoint.Kind(w.Type), Action: checkpoint.Action(w.Action),
	}
	if w.Name != nil {
		if *w.Name == "" {
			return u, api.BadMember(n, "name", "", "1 to 256 of [\\x20-\\x7E]")
		}
		u.Name = *w.Name
	}
	if w.Payload != nil {
		u.Payload = checkpoint.TextPayload(*w.Payload)
	}
	if w.Error != nil {
		u.Failure = w.Error.Record()
	}
	if o := w.ContextOptions; o != nil {
		u.ReplayChildren = o.ReplayChildren
	}
	if o := w.ChainedInvokeOptions; o != nil {
		u.Function, u.Tenant, u.TraceHeader = o.FunctionName, o.TenantID, o.TraceHeader
	}
	for _, d := range w.durations(&u) {
		most := int64(limits.Duration / time.Second)
		if d.seconds < d.least || d.seconds > most {
			return u, api.BadMember(n, d.member, wholeNumber(d.seconds), "whole seconds, "+wholeNumber(d.least)+" to "+wholeNumber(most))
		}
		*d.field = api.Duration(d.seconds)
	}
	return u, nil
}

// wireDuration is a duration that an update carries.
type wireDuration struct {
	member         string
	seconds, least int64
	field          *time.Duration
}

func (w *wireUpdate) durations(u *checkpoint.Update) (all []wireDuration) {
	if o := w.StepOptions; o != nil {
		all = append(all, wireDuration{"stepOptions.nextAttemptDelaySeconds", o.NextAttemptDelaySeconds, 1, &u.NextAttemptDelay})
	}
	if o := w.WaitOptions; o != nil {
		all = append(all, wireDuration{"waitOptions.waitSeconds", o.WaitSeconds, 1, &u.Wait})
	}
	if o := w.CallbackOptions; o != nil {
		all = append(all,
			wireDuration{"callbackOptions.timeoutSeconds", o.TimeoutSeconds, 0, &u.Timeout},
			wireDuration{"callbackOptions.heartbeatTimeoutSeconds", o.HeartbeatTimeoutSeconds, 0, &u.Heartbeat})
	}
	return all
}

func wholeNumber(n int64) string {
	text, _ := json.Marshal(n) // a number
	return string(text)
}

// wireOperation is a record as the API has it (Lambda API, Operation): times in seconds.
type wireOperation struct {
	ID        string      `json:"Id"`
	ParentID  string      `json:"ParentId,omitempty"`
	Name      string      `json:"Name,omitempty"`
	Type      string      `json:"Type"`
	SubType   string      `json:"SubType,omitempty"`
	Status    string      `json:"Status"`
	Start     json.Number `json:"StartTimestamp,omitempty"`
	End       json.Number `json:"EndTimestamp,omitempty"`
	Execution *wireInput  `json:"ExecutionDetails,omitempty"`
	Context   *wireDetail `json:"ContextDetails,omitempty"`
	Step      *wireDetail `json:"StepDetails,omitempty"`
	Wait      *wireWait   `json:"WaitDetails,omitempty"`
	Callback  *wireDetail `json:"CallbackDetails,omitempty"`
	Invoke    *wireDetail `json:"ChainedInvokeDetails,omitempty"`
}

type wireInput struct {
	Payload *string `json:"InputPayload,omitempty"`
}

type wireWait struct {
	ScheduledEnd json.Number `json:"ScheduledEndTimestamp,omitempty"`
}

// wireDetail are the members of the other details together; each kind has its own of them.
type wireDetail struct {
	ReplayChildren bool         `json:"ReplayChildren,omitempty"`
	Attempt        int          `json:"Attempt,omitempty"`
	NextAttempt    json.Number  `json:"NextAttemptTimestamp,omitempty"`
	CallbackID     string       `json:"CallbackId,omitempty"`
	Result         *string      `json:"Result,omitempty"`
	Error          *api.Failure `json:"Error,omitempty"`
}

func wireOperations(ops []checkpoint.Operation) []wireOperation {
	out := make([]wireOperation, len(ops))
	for i := range ops {
		out[i] = wireOperationOf(&ops[i])
	}
	return out
}

func wireOperationOf(o *checkpoint.Operation) wireOperation {
	w := wireOperation{
		ID: o.ID, ParentID: o.ParentID, Name: o.Name, SubType: o.SubType,
		Type: string(o.Kind), Status: string(o.Status), Start: api.Timestamp(o.Start), End: api.Timestamp(o.End),
	}
	d := &wireDetail{Result: textOf(o.Payload), Error: api.FailureOf(o.Failure)}
	switch o.Kind {
	case checkpoint.KindExecution:
		w.Execution = &wireInput{Payload: d.Result}
	case checkpoint.KindContext:
		d.ReplayChildren = o.ReplayChildren
		w.Context = d
	case checkpoint.KindStep:
		d.Attempt, d.NextAttempt = o.Attempt, api.Timestamp(o.Due)
		w.Step = d
	case checkpoint.KindWait:
		w.Wait = &wireWait{ScheduledEnd: api.Timestamp(o.Due)}
	case checkpoint.KindCallback:
		d.CallbackID = o.CallbackID
		w.Callback = d
	case checkpoint.KindChainedInvoke:
		w.Invoke = d
	}
	return w
}

func textOf(p checkpoint.Payload) *string {
	if !p.Present() {
		return nil
	}
	text := p.String()
	return &text
}
