package checkpoint

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// EncodeInvocation encodes the event of a durable function, as the service does: times in whole
// milliseconds since 1970, absent fields left out. It is for hosts that invoke functions
// themselves, and the inverse of [DecodeInvocation] except for parts of milliseconds and fields
// that do not belong to the kind of their operation. It refuses what DecodeInvocation refuses,
// and payloads that are not valid UTF-8.
func EncodeInvocation(inv Invocation) ([]byte, error) {
	if inv.ARN == "" || inv.Token == "" {
		return nil, fmt.Errorf("checkpoint: encode invocation: the ARN is %q and the token %q; both are required",
			inv.ARN, inv.Token)
	}
	size := 512
	for i := range inv.Operations {
		size += 512 + inv.Operations[i].Payload.Size()*9/8
	}
	w := objectWriter{b: append(make([]byte, 0, size), '{')}
	w.text("DurableExecutionArn", inv.ARN)
	w.text("CheckpointToken", inv.Token)
	if len(inv.Updated) > 0 {
		w.texts("UpdatedOperationIds", inv.Updated)
	}
	if len(inv.ForkedFrom) > 0 {
		w.texts(forkedFrom, inv.ForkedFrom)
	}
	w.open("InitialExecutionState")
	w.key("Operations")
	w.b = append(w.b, '[')
	for i := range inv.Operations {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		b, err := AppendOperation(w.b, &inv.Operations[i])
		if err != nil {
			return nil, fmt.Errorf("checkpoint: encode invocation: %w", err)
		}
		w.b = b
	}
	w.b = append(w.b, ']')
	w.text("NextMarker", inv.NextMarker)
	w.close()
	return append(w.b, '}'), nil
}

// AppendOperation appends one record as the JSON object of an event.
func AppendOperation(dst []byte, op *Operation) ([]byte, error) {
	if err := op.check(); err != nil {
		return dst, err
	}
	if op.Payload.Present() && !utf8.Valid(op.Payload.text) {
		return dst, fmt.Errorf("the payload of operation %q is not valid UTF-8", op.ID)
	}
	w := objectWriter{b: append(dst, '{')}
	w.text("Id", op.ID)
	w.text("ParentId", op.ParentID)
	w.text("Name", op.Name)
	w.text("Type", string(op.Kind))
	w.text("SubType", op.SubType)
	w.text("Status", string(op.Status))
	w.time("StartTimestamp", op.Start)
	w.time("EndTimestamp", op.End)
	switch op.Kind {
	case KindExecution:
		w.open("ExecutionDetails")
		w.payload("InputPayload", op.Payload)
	case KindContext:
		w.open("ContextDetails")
		w.result(op)
		if op.ReplayChildren {
			w.key("ReplayChildren")
			w.b = append(w.b, "true"...)
		}
	case KindStep:
		w.open("StepDetails")
		if op.Attempt != 0 {
			w.key("Attempt")
			w.b = strconv.AppendInt(w.b, int64(op.Attempt), 10)
		}
		w.time("NextAttemptTimestamp", op.Due)
		w.result(op)
	case KindWait:
		w.open("WaitDetails")
		w.time("ScheduledEndTimestamp", op.Due)
	case KindCallback:
		w.open("CallbackDetails")
		w.text("CallbackId", op.CallbackID)
		w.result(op)
	case KindChainedInvoke:
		w.open("ChainedInvokeDetails")
		w.result(op)
	}
	w.close()
	return append(w.b, '}'), nil
}

// objectWriter appends the fields of JSON objects, without those that are zero.
type objectWriter struct{ b []byte }

func (w *objectWriter) key(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *objectWriter) open(name string) {
	w.key(name)
	w.b = append(w.b, '{')
}

func (w *objectWriter) close() { w.b = append(w.b, '}') }

func (w *objectWriter) text(name, value string) {
	if value != "" {
		w.key(name)
		w.b = appendQuoted(w.b, value)
	}
}

func (w *objectWriter) texts(name string, values []string) {
	w.key(name)
	w.b = append(w.b, '[')
	for i, v := range values {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = appendQuoted(w.b, v)
	}
	w.b = append(w.b, ']')
}

func (w *objectWriter) time(name string, t time.Time) {
	if !t.IsZero() {
		w.key(name)
		w.b = strconv.AppendInt(w.b, t.UnixMilli(), 10)
	}
}

func (w *objectWriter) payload(name string, p Payload) {
	switch p.form {
	case absent:
	case quoted:
		w.key(name)
		w.b = append(w.b, p.text...)
	case plain, withheld:
		w.key(name)
		w.b = appendQuoted(w.b, p.Bytes())
	}
}

func (w *objectWriter) result(op *Operation) {
	w.payload("Result", op.Payload)
	if op.Failure != nil {
		w.key("Error")
		w.b = appendFailure(w.b, op.Failure)
	}
}
