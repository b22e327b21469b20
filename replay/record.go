package replay

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
)

// recordType and recordVersion are those of an [ExecutionRecord].
const (
	recordType    = "DurableExecutionTelemetry"
	recordVersion = "1.0"
)

// ExecutionRecord is what [WriteRecords] writes of an execution that has ended. Its members are
// named as in the records of the service's other SDKs (Durable Execution Telemetry), so that one
// query reads all.
type ExecutionRecord struct {
	// RecordType is "DurableExecutionTelemetry": what distinguishes records from other lines.
	RecordType string `json:"recordType"`
	// SchemaVersion is "1.0". New members leave it as it is.
	SchemaVersion string `json:"schemaVersion"`
	ExecutionARN  string `json:"executionArn"`
	// ExecutionName and those that follow are parts of the ARN; empty of one that has another form.
	ExecutionName     string `json:"executionName"`
	FunctionName      string `json:"functionName"`
	FunctionQualifier string `json:"functionQualifier"`
	Region            string `json:"region"`
	AccountID         string `json:"accountId"`
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
	// Operations are those of the handler, not those inside of groups and batches, by their names,
	// keys included.
	Operations map[string]RecordOperation `json:"operationsByName"`
}

// RecordError is the error of an execution that failed.
type RecordError struct {
	Type    string `json:"errorType,omitempty"`
	Message string `json:"errorMessage,omitempty"`
}

// RecordOperation sums up the operations with one name.
type RecordOperation struct {
	// Type and SubType are those of the first.
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
// an execution has succeeded or failed, from the log that the last invocation has: other processes
// may have run the operations. An execution that times out or is stopped ends without an
// invocation, and has none. If the last answer is lost and the invocation repeated, there are two.
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
		RecordType: recordType, SchemaVersion: recordVersion, ExecutionARN: i.ExecutionARN, Status: end.Status, EmittedAt: now, StartTime: i.StartedAt.UTC(),
		EndTime: now, DurationMillis: max(0, now.Sub(i.StartedAt).Milliseconds()), Operations: sumUp(end.Log()),
	}
	r.nameParts()
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

// nameParts takes the parts from the ARN of the execution (Lambda API:
// arn:partition:lambda:region:account:function:name:qualifier/durable-execution/…).
func (r *ExecutionRecord) nameParts() {
	function := strings.Split(checkpoint.FunctionARN(r.ExecutionARN), ":")
	if len(function) != 8 {
		return
	}
	r.Region, r.AccountID, r.FunctionName, r.FunctionQualifier = function[3], function[4], function[6], function[7]
	r.ExecutionName = checkpoint.ExecutionName(r.ExecutionARN)
}

// sumUp groups operations by their names.
func sumUp(list []OperationInfo) map[string]RecordOperation {
	all := make(map[string]RecordOperation)
	for _, o := range list {
		if o.ParentID != "" {
			continue
		}
		r, ok := all[o.Name]
		if !ok {
			r.Type, r.SubType = o.Kind, o.SubType
		}
		r.add(&o)
		all[o.Name] = r
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
