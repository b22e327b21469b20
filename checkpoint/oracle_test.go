package checkpoint_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// oracleInvocation is the event as encoding/json decodes it.
type oracleInvocation struct {
	DurableExecutionArn   string
	CheckpointToken       string
	InitialExecutionState struct {
		Operations []*oracleOperation
		NextMarker string
	}
	UpdatedOperationIDs []*string `json:"UpdatedOperationIds"`
	PerdureForkedFrom   []*string `json:"PerdureForkedFrom"`
}

type oracleOperation struct {
	ID       string `json:"Id"`
	ParentID string `json:"ParentId"`

	Name, Type, SubType, Status string

	StartTimestamp, EndTimestamp          oracleTime
	ExecutionDetails, ContextDetails      *oracleDetails
	StepDetails, WaitDetails              *oracleDetails
	CallbackDetails, ChainedInvokeDetails *oracleDetails
}

type oracleDetails struct {
	InputPayload, Result  *string
	Error                 *oracleError
	ReplayChildren        bool
	Attempt               int
	NextAttemptTimestamp  oracleTime
	ScheduledEndTimestamp oracleTime
	CallbackID            string `json:"CallbackId"`
}

type oracleError struct {
	ErrorType, ErrorMessage, ErrorData string
	StackTrace                         []*string
}

type oracleTime struct{ time.Time }

// UnmarshalJSON reads what DecodeInvocation documents, in exact arithmetic.
func (t *oracleTime) UnmarshalJSON(b []byte) error {
	t.Time = time.Time{}
	text := string(b)
	if b[0] == '"' {
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		if p, err := time.Parse(time.RFC3339Nano, text); err == nil {
			t.Time = p.UTC()
			return nil
		}
		if p, err := time.Parse("2006-01-02 15:04:05.999999999Z07:00", text); err == nil {
			t.Time = p.UTC()
			return nil
		}
	}
	if text == "null" || !json.Valid([]byte(text)) {
		return nil
	}
	if n, ok := new(big.Int).SetString(text, 10); ok {
		if n.IsInt64() {
			t.Time = oracleMilli(n.Int64())
		}
		return nil
	}
	var f float64
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return nil //nolint:nilerr // what cannot be read is the zero time
	}
	if math.Abs(f) < 1e11 {
		f *= 1000
	}
	if math.Abs(f) <= 1e15 {
		t.Time = oracleMilli(int64(f))
	}
	return nil
}

func oracleMilli(ms int64) time.Time {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if ms < first.UnixMilli() || ms >= last.UnixMilli() {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// oracleDecode is DecodeInvocation on top of encoding/json.
func oracleDecode(payload []byte) (checkpoint.Invocation, error) {
	var o oracleInvocation
	if err := json.Unmarshal(payload, &o); err != nil {
		return checkpoint.Invocation{}, err
	}
	inv := checkpoint.Invocation{
		ARN:        o.DurableExecutionArn,
		Token:      o.CheckpointToken,
		NextMarker: o.InitialExecutionState.NextMarker,
		Updated:    present(o.UpdatedOperationIDs),
		ForkedFrom: present(o.PerdureForkedFrom),
	}
	if inv.ARN == "" || inv.Token == "" {
		return checkpoint.Invocation{}, errors.New("not durable")
	}
	for _, op := range o.InitialExecutionState.Operations {
		if op == nil {
			continue
		}
		record, err := op.record()
		if err != nil {
			return checkpoint.Invocation{}, err
		}
		inv.Operations = append(inv.Operations, record)
	}
	return inv, nil
}

func (o *oracleOperation) record() (checkpoint.Operation, error) {
	op := checkpoint.Operation{
		ID: o.ID, ParentID: o.ParentID, Name: o.Name, SubType: o.SubType,
		Kind: checkpoint.Kind(o.Type), Status: checkpoint.Status(o.Status),
		Start: o.StartTimestamp.Time, End: o.EndTimestamp.Time,
	}
	kinds := map[checkpoint.Kind]bool{
		"EXECUTION": true, "CONTEXT": true, "STEP": true, "WAIT": true, "CALLBACK": true, "CHAINED_INVOKE": true,
	}
	if op.ID == "" || !kinds[op.Kind] || op.Status == "" {
		return op, errors.New("unusable record")
	}
	for _, d := range o.details() {
		if d == nil {
			continue
		}
		if text := d.InputPayload; text != nil {
			op.Payload = checkpoint.TextPayload(*text)
		}
		if text := d.Result; text != nil {
			op.Payload = checkpoint.TextPayload(*text)
		}
		if e := d.Error; e != nil {
			op.Failure = &checkpoint.Failure{
				Type: e.ErrorType, Message: e.ErrorMessage, Data: e.ErrorData, Stack: present(e.StackTrace),
			}
		}
		op.ReplayChildren = d.ReplayChildren
		op.Attempt = d.Attempt
		for _, due := range []time.Time{d.NextAttemptTimestamp.Time, d.ScheduledEndTimestamp.Time} {
			if !due.IsZero() {
				op.Due = due
			}
		}
		op.CallbackID = d.CallbackID
	}
	return op, nil
}

func (o *oracleOperation) details() []*oracleDetails {
	return []*oracleDetails{
		o.ExecutionDetails, o.ContextDetails, o.StepDetails,
		o.WaitDetails, o.CallbackDetails, o.ChainedInvokeDetails,
	}
}

// present drops the nulls of an array.
func present(texts []*string) (out []string) {
	for _, s := range texts {
		if s != nil {
			out = append(out, *s)
		}
	}
	return out
}
