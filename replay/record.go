package replay

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
)

// recordVersion is that of the form of an [ExecutionRecord].
const recordVersion = "1.0"

// ExecutionRecord is what [WriteRecords] writes of an execution that has ended.
type ExecutionRecord struct {
	// SchemaVersion is "1.0". New members leave it as it is.
	SchemaVersion string `json:"schemaVersion"`
	ExecutionARN  string `json:"executionArn"`
	// Status is SUCCEEDED or FAILED.
	Status    string    `json:"status"`
	EmittedAt time.Time `json:"emittedAt"`
	StartTime time.Time `json:"startTime"`
	EndTime   time.Time `json:"endTime"`
	// DurationMillis is the time from start to end in milliseconds, waits included.
	DurationMillis int64 `json:"durationMs"`
	// Input and Output are there only with [WithRecordContent]: JSON as it is recorded, other text
	// as a string.
	Input  json.RawMessage `json:"input,omitempty"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  *RecordError    `json:"error,omitempty"`
	// Operations are those of the handler, not those inside of groups and batches, one element for
	// each name, kind and subtype, in the order in which the first of each began.
	Operations []RecordOperation `json:"operations"`
}

// RecordError is the error of an execution that failed.
type RecordError struct {
	Type    string `json:"errorType,omitempty"`
	Message string `json:"errorMessage,omitempty"`
}

// RecordOperation sums up the operations with one name.
type RecordOperation struct {
	Name    string `json:"name,omitempty"`
	Type    string `json:"type"`
	SubType string `json:"subType,omitempty"`
	// Status is FAILED if one of them has not succeeded, else that of the last.
	Status string `json:"status"`
	// Count is how many there were, Failed how many of them ended without success.
	Count  int `json:"count"`
	Failed int `json:"failedCount"`
	// MaxAttempt is the most attempts that a step has made.
	MaxAttempt int `json:"maxAttempt,omitempty"`
	// Durations are in milliseconds, of those that have ended, waits included.
	MinMillis   int64 `json:"minDurationMs"`
	MaxMillis   int64 `json:"maxDurationMs"`
	TotalMillis int64 `json:"totalDurationMs"`
}

// RecordOption configures [WriteRecords].
type RecordOption func(c *recordConfig)

type recordConfig struct{ content bool }

// WithRecordContent says whether records have the input and the output of the execution, as they
// are recorded. The default is false: they may hold what must not be logged.
func WithRecordContent(on bool) RecordOption { return func(c *recordConfig) { c.content = on } }

// WriteRecords returns an interceptor that writes one [ExecutionRecord] as a line of JSON to w when
// an execution has succeeded or failed, from the log that the last invocation has: whatever process
// ran what. An execution that times out or is stopped ends without an invocation, and has none. If
// the last answer is lost and the invocation repeated, there are two.
//
// Lines are written one after the other, also by executions that end at once. An error of w panics,
// and is logged as that of an interceptor; so does a nil w.
func WriteRecords(w io.Writer, opts ...RecordOption) Interceptor {
	var c recordConfig
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	var mu sync.Mutex
	return Interceptor{InvocationEnd: func(ctx context.Context, i InvocationInfo, end InvocationEnd) {
		if !end.Terminal {
			return
		}
		line, err := json.Marshal(recordOf(&c, checkpoint.ClockFrom(ctx).Now(), &i, &end))
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			_, err = w.Write(append(line, '\n'))
		}
		if err != nil {
			panic(err) //nolint:forbidigo // it is logged as that of an interceptor, and harms nothing else
		}
	}}
}

func recordOf(c *recordConfig, now time.Time, i *InvocationInfo, end *InvocationEnd) *ExecutionRecord {
	now = now.UTC()
	r := &ExecutionRecord{
		SchemaVersion: recordVersion, ExecutionARN: i.ExecutionARN, Status: end.Status, EmittedAt: now, StartTime: i.StartedAt.UTC(),
		EndTime: now, DurationMillis: max(0, now.Sub(i.StartedAt).Milliseconds()), Operations: sumUp(end.Log()),
	}
	if c.content {
		r.Input = content(i.Input)
		if end.HasResult {
			r.Output = content(end.Result)
		}
	}
	if e, ok := end.Err.(*op.Error); ok { //nolint:errorlint // it is made here
		r.Error = &RecordError{e.Type, e.Message}
	}
	return r
}

// content is a payload in a record.
func content(payload string) json.RawMessage {
	switch {
	case payload == "":
		return nil
	case json.Valid([]byte(payload)):
		return json.RawMessage(payload)
	}
	text, err := json.Marshal(payload)
	if err != nil {
		return nil
	}
	return text
}

// sumUp groups operations by their names.
func sumUp(list []OperationInfo) []RecordOperation {
	all := []RecordOperation{}
	for _, o := range list {
		if o.ParentID != "" {
			continue
		}
		at := slices.IndexFunc(all, func(r RecordOperation) bool { return r.Name == o.Name && r.Type == o.Kind && r.SubType == o.SubType })
		if at < 0 {
			at = len(all)
			all = append(all, RecordOperation{Name: o.Name, Type: o.Kind, SubType: o.SubType})
		}
		all[at].add(&o)
	}
	return all
}

func (r *RecordOperation) add(o *OperationInfo) {
	r.Count++
	r.MaxAttempt = max(r.MaxAttempt, o.Attempt)
	succeeded := o.Status == string(checkpoint.StatusSucceeded)
	ended := checkpoint.Status(o.Status).Terminal()
	switch {
	case ended && !succeeded:
		r.Failed++
		r.Status = string(checkpoint.StatusFailed)
	case r.Failed == 0:
		r.Status = o.Status
	}
	if !ended || o.End.IsZero() {
		return
	}
	took := max(0, o.End.Sub(o.Start).Milliseconds())
	if r.Count == 1 {
		r.MinMillis = took
	}
	r.MinMillis, r.MaxMillis, r.TotalMillis = min(r.MinMillis, took), max(r.MaxMillis, took), r.TotalMillis+took
}
