package sqlite

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// The types below are what is in the file. A member may be added, with a zero value that means
// what a file without it means; none may change its meaning.

// keptExecution is a [local.ExecutionRecord]. Its input and result are in a table and a column of
// their own; those of a file of an earlier version are here.
type keptExecution struct {
	ARN             string       `json:"arn"`
	Name            string       `json:"name"`
	Function        string       `json:"function"`
	Alias           string       `json:"alias,omitempty"`
	Plain           bool         `json:"plain,omitempty"`
	Async           bool         `json:"async,omitempty"`
	Tenant          string       `json:"tenant,omitempty"`
	TraceHeader     string       `json:"traceHeader,omitempty"`
	ParentARN       string       `json:"parentArn,omitempty"`
	ParentOperation string       `json:"parentOperation,omitempty"`
	ForkedFrom      []string     `json:"forkedFrom,omitempty"`
	Input           *string      `json:"input,omitempty"`
	Status          string       `json:"status"`
	Result          *string      `json:"result,omitempty"`
	Failure         *keptFailure `json:"failure,omitempty"`
	Closing         bool         `json:"closing,omitempty"`
	Start           int64        `json:"start"`
	End             int64        `json:"end,omitempty"`
	TimeoutMillis   int64        `json:"timeoutMillis,omitempty"`
	ExtendedMillis  int64        `json:"extendedMillis,omitempty"`
	Pause           *keptPause   `json:"pause,omitempty"`
	Invocations     int          `json:"invocations,omitempty"`
	InvocationStart int64        `json:"invocationStart,omitempty"`
	Due             bool         `json:"due,omitempty"`
	Updated         []string     `json:"updated,omitempty"`
	FailedInRow     int          `json:"failedInRow,omitempty"`
	InvalidInRow    int          `json:"invalidInRow,omitempty"`
	Metered         int          `json:"metered,omitempty"`
	DataBytes       int          `json:"dataBytes,omitempty"`
}

// keptPause is a [local.Pause].
type keptPause struct {
	Requested     int64  `json:"requested"`
	At            int64  `json:"at,omitempty"`
	Reason        string `json:"reason,omitempty"`
	TimeoutPaused bool   `json:"timeoutPaused,omitempty"`
}

// keptRecord is a [local.Record].
type keptRecord struct {
	ID              string       `json:"id"`
	ParentID        string       `json:"parentId,omitempty"`
	Name            string       `json:"name,omitempty"`
	SubType         string       `json:"subType,omitempty"`
	Kind            string       `json:"kind"`
	Status          string       `json:"status"`
	Start           int64        `json:"start,omitempty"`
	End             int64        `json:"end,omitempty"`
	Payload         *string      `json:"payload,omitempty"`
	Failure         *keptFailure `json:"failure,omitempty"`
	Attempt         int          `json:"attempt,omitempty"`
	NextAttempt     int64        `json:"nextAttempt,omitempty"`
	ScheduledEnd    int64        `json:"scheduledEnd,omitempty"`
	CallbackID      string       `json:"callbackId,omitempty"`
	ReplayChildren  bool         `json:"replayChildren,omitempty"`
	WaitMillis      int64        `json:"waitMillis,omitempty"`
	HeartbeatMillis int64        `json:"heartbeatMillis,omitempty"`
	Function        string       `json:"function,omitempty"`
	Tenant          string       `json:"tenant,omitempty"`
	TraceHeader     string       `json:"traceHeader,omitempty"`
	Input           *string      `json:"input,omitempty"`
	Target          string       `json:"target,omitempty"`
	// HasInput says that the payload is the input of the execution, as it is for the EXECUTION
	// itself.
	HasInput bool `json:"hasInput,omitempty"`
}

// keptFailure is a [checkpoint.Failure].
type keptFailure struct {
	Type    string   `json:"type,omitempty"`
	Message string   `json:"message,omitempty"`
	Data    string   `json:"data,omitempty"`
	Stack   []string `json:"stack,omitempty"`
}

func encodeExecution(r *local.ExecutionRecord) ([]byte, error) {
	return json.Marshal(keptExecution{
		ARN: r.ARN, Name: r.Name, Function: r.Function, Alias: r.Alias, Plain: r.Plain, Async: r.Async, Tenant: r.Tenant, TraceHeader: r.TraceHeader,
		ParentARN: r.ParentARN, ParentOperation: r.ParentOperation, ForkedFrom: r.ForkedFrom, Status: string(r.Status),
		Failure: keep(r.Failure), Closing: r.Closing, Start: milli(r.Start), End: milli(r.End),
		TimeoutMillis: r.Timeout.Milliseconds(), ExtendedMillis: r.Extended.Milliseconds(), Pause: keepPause(r.Pause), Invocations: r.Invocations, InvocationStart: milli(r.InvocationStart),
		Due: r.Due, Updated: r.Updated, FailedInRow: r.FailedInRow, InvalidInRow: r.InvalidInRow,
		Metered: r.Metered, DataBytes: r.DataBytes,
	})
}

func decodeExecution(text []byte) (local.ExecutionRecord, error) {
	var k keptExecution
	if err := json.Unmarshal(text, &k); err != nil {
		return local.ExecutionRecord{}, fmt.Errorf("%w: an execution is not readable: %w", ErrDamaged, err)
	}
	return local.ExecutionRecord{
		ARN: k.ARN, Name: k.Name, Function: k.Function, Alias: k.Alias, Plain: k.Plain, Async: k.Async, Tenant: k.Tenant, TraceHeader: k.TraceHeader,
		ParentARN: k.ParentARN, ParentOperation: k.ParentOperation, ForkedFrom: k.ForkedFrom, Input: payload(k.Input), Status: local.Status(k.Status),
		Result: payload(k.Result), Failure: k.Failure.failure(), Closing: k.Closing, Start: timeOf(k.Start), End: timeOf(k.End),
		Timeout: time.Duration(k.TimeoutMillis) * time.Millisecond, Invocations: k.Invocations,
		Extended: time.Duration(k.ExtendedMillis) * time.Millisecond, Pause: k.Pause.pause(),
		InvocationStart: timeOf(k.InvocationStart), Due: k.Due, Updated: k.Updated, FailedInRow: k.FailedInRow,
		InvalidInRow: k.InvalidInRow, Metered: k.Metered, DataBytes: k.DataBytes,
	}, nil
}

// encodeRecord returns a record as it is kept, with a payload only if that is not the input of the
// execution.
func encodeRecord(r *local.Record, input checkpoint.Payload) ([]byte, error) {
	own, hasInput := r.Payload, false
	if r.Kind == checkpoint.KindExecution && input.Present() && own.Equal(input) {
		own, hasInput = checkpoint.Payload{}, true
	}
	next, end := milli(r.Due), int64(0)
	if r.Kind == checkpoint.KindWait {
		next, end = 0, next
	}
	return json.Marshal(keptRecord{
		ID: r.ID, ParentID: r.ParentID, Name: r.Name, SubType: r.SubType, Kind: string(r.Kind), Status: string(r.Status),
		Start: milli(r.Start), End: milli(r.End), Payload: textOf(own), Failure: keep(r.Failure), Attempt: r.Attempt,
		NextAttempt: next, ScheduledEnd: end, CallbackID: r.CallbackID,
		ReplayChildren: r.ReplayChildren, WaitMillis: r.Wait.Milliseconds(), HeartbeatMillis: r.Heartbeat.Milliseconds(),
		Function: r.Function, Tenant: r.Tenant, TraceHeader: r.TraceHeader, Input: textOf(r.Input), Target: r.Target, HasInput: hasInput,
	})
}

// decodeRecord returns a record of an execution with this input.
func decodeRecord(text []byte, input checkpoint.Payload) (local.Record, error) {
	var k keptRecord
	if err := json.Unmarshal(text, &k); err != nil {
		return local.Record{}, fmt.Errorf("%w: an operation is not readable: %w", ErrDamaged, err)
	}
	own := payload(k.Payload)
	if k.HasInput {
		own = input
	}
	return local.Record{
		Operation: checkpoint.Operation{
			ID: k.ID, ParentID: k.ParentID, Name: k.Name, SubType: k.SubType, Kind: checkpoint.Kind(k.Kind),
			Status: checkpoint.Status(k.Status), Start: timeOf(k.Start), End: timeOf(k.End), Payload: own,
			Failure: k.Failure.failure(), Attempt: k.Attempt, Due: timeOf(cmp.Or(k.NextAttempt, k.ScheduledEnd)),
			CallbackID: k.CallbackID, ReplayChildren: k.ReplayChildren,
		},
		Wait: time.Duration(k.WaitMillis) * time.Millisecond, Heartbeat: time.Duration(k.HeartbeatMillis) * time.Millisecond,
		Function: k.Function, Tenant: k.Tenant, TraceHeader: k.TraceHeader, Input: payload(k.Input), Target: k.Target,
	}, nil
}

func keepPause(p local.Pause) *keptPause {
	if p == (local.Pause{}) {
		return nil
	}
	return &keptPause{Requested: milli(p.Requested), At: milli(p.At), Reason: p.Reason, TimeoutPaused: p.TimeoutPaused}
}

func (k *keptPause) pause() local.Pause {
	if k == nil {
		return local.Pause{}
	}
	return local.Pause{Requested: timeOf(k.Requested), At: timeOf(k.At), Reason: k.Reason, TimeoutPaused: k.TimeoutPaused}
}

func textOf(p checkpoint.Payload) *string {
	if !p.Present() {
		return nil
	}
	text := p.String()
	return &text
}

func payload(text *string) checkpoint.Payload {
	if text == nil {
		return checkpoint.Payload{}
	}
	return checkpoint.TextPayload(*text)
}

func keep(f *checkpoint.Failure) *keptFailure {
	if f == nil {
		return nil
	}
	return &keptFailure{Type: f.Type, Message: f.Message, Data: f.Data, Stack: f.Stack}
}

func (k *keptFailure) failure() *checkpoint.Failure {
	if k == nil {
		return nil
	}
	return &checkpoint.Failure{Type: k.Type, Message: k.Message, Data: k.Data, Stack: k.Stack}
}

// milli returns a time as milliseconds since 1970, zero for none.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// milliUp is milli, rounded up.
func milliUp(t time.Time) int64 { return milli(t.Add(time.Millisecond - time.Nanosecond)) }

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
