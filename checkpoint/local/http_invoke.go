package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/perdure/perdure/checkpoint"
)

// asyncInputBytes is how long the payload of an asynchronous invocation may be (Lambda quotas).
const asyncInputBytes = mib

// invoke serves Invoke. A synchronous call is answered when the execution has ended.
func (f *front) invoke(r request) (any, error) {
	kind := r.Header.Get("X-Amz-Invocation-Type")
	order, h, err := f.order(r, kind)
	if err != nil {
		return nil, err
	}
	r.header.Set("X-Amz-Executed-Version", h.version())
	if kind == "DryRun" {
		r.w.WriteHeader(http.StatusNoContent)
		return written{}, nil
	}
	e, err := f.svc.start(order)
	if err != nil {
		return nil, err
	}
	if !h.plain {
		r.header.Set("X-Amz-Durable-Execution-Arn", e.ARN())
	}
	if kind == "Event" {
		r.w.WriteHeader(http.StatusAccepted)
		return written{}, nil
	}
	if err := e.Wait(r.Context()); err != nil {
		if errors.Is(err, context.Canceled) && f.svc.down() == nil {
			return nil, unreachable(callInvoke, err) // nobody waits any more; the execution goes on
		}
		return nil, err
	}
	return written{}, respond(r, e.Record())
}

// order reads what an execution is to be started with.
func (f *front) order(r request, kind string) (launchOrder, hosted, error) {
	var none launchOrder
	h, err := f.hosted(r)
	if err != nil {
		return none, h, err
	}
	o := launchOrder{
		function: h.unqualified(), name: r.Header.Get("X-Amz-Durable-Execution-Name"),
		tenant: r.Header.Get("X-Amz-Tenant-Id"), input: payloadOrNone(r.body), async: kind == "Event",
	}
	if h.qualifier != "" {
		o.function = h.qualified()
	}
	switch {
	case kind != "" && kind != "RequestResponse" && kind != "Event" && kind != "DryRun":
		return none, h, notValid("invocationType", kind, "Member must be one of RequestResponse, Event, DryRun")
	case len(r.body) == 0:
		o.input = checkpoint.Payload{}
	case !json.Valid(r.body):
		return none, h, badRequest(http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json: it is not valid JSON.")
	case kind == "Event" && len(r.body) > asyncInputBytes:
		return none, h, tooLarge(asyncInputBytes)
	}
	switch {
	case o.name != "" && h.plain:
		return none, h, refuseCall("", "The function is not durable: it takes no X-Amz-Durable-Execution-Name.")
	case o.name != "" && !matches(o.name, 64, isNameByte):
		return none, h, notValid("durableExecutionName", o.name, "Member must have 1 to 64 of [a-zA-Z0-9-_]")
	case o.tenant != "" && !matches(o.tenant, 256, isTenantByte):
		return none, h, notValid("tenantId", o.tenant, "Member must have 1 to 256 of [a-zA-Z0-9._:/=+@ -]")
	}
	return o, h, nil
}

// respond answers with what an execution has come to: its result, or why it has none, in the form
// of a function error.
func respond(r request, rec ExecutionRecord) error {
	r.header.Set("Content-Type", "application/json")
	if rec.Status == StatusSucceeded {
		result := rec.Result.Bytes()
		if !rec.Result.Present() {
			result = []byte("null")
		}
		_, _ = r.w.Write(result) // who does not read it asks again
		return nil
	}
	failure := checkpoint.Failure{Type: string(rec.Status), Message: fmt.Sprintf("The execution ended with status %s.", rec.Status)}
	if rec.Failure != nil {
		failure = *rec.Failure
	}
	body, err := json.Marshal(struct {
		Type    string   `json:"errorType,omitempty"`
		Message string   `json:"errorMessage"`
		Stack   []string `json:"stackTrace,omitempty"`
	}{failure.Type, failure.Message, failure.Stack})
	if err != nil {
		return err
	}
	r.header.Set("X-Amz-Function-Error", "Unhandled")
	_, _ = r.w.Write(body) // who does not read it asks again
	return nil
}
