package lambdaapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// invoke serves Invoke. A synchronous call is answered when the execution has ended.
func (f *front) invoke(r request) (any, error) {
	kind := r.Header.Get("X-Amz-Invocation-Type")
	order, h, err := f.order(r, kind)
	if err != nil {
		return nil, err
	}
	r.header.Set("X-Amz-Executed-Version", h.Version)
	if kind == "DryRun" {
		r.w.WriteHeader(http.StatusNoContent)
		return written{}, nil
	}
	e, err := f.svc.StartWith(order)
	if err != nil {
		return nil, err
	}
	if !h.Plain {
		r.header.Set("X-Amz-Durable-Execution-Arn", e.ARN())
	}
	if kind == "Event" {
		r.w.WriteHeader(http.StatusAccepted)
		return written{}, nil
	}
	if err := e.Wait(r.Context()); err != nil {
		if errors.Is(err, context.Canceled) && f.svc.Err() == nil {
			return nil, api.Unreachable(api.CallInvoke, err) // the caller is gone; the execution goes on
		}
		return nil, err
	}
	return written{}, respond(r, e.Record())
}

// order reads what an execution is to be started with.
func (f *front) order(r request, kind string) (local.StartInput, local.Function, error) {
	var none local.StartInput
	h, named, err := f.hosted(r)
	if err != nil {
		return none, h, err
	}
	if named.Qualifier == "" && !h.Plain {
		f.warnUnqualified(r, named, r.header)
	}
	o := local.StartInput{
		Function: h.ARN, Name: r.Header.Get("X-Amz-Durable-Execution-Name"),
		Tenant: r.Header.Get("X-Amz-Tenant-Id"), TraceHeader: r.Header.Get("X-Amzn-Trace-Id"), Input: checkpoint.TextPayload(string(r.body)), Async: kind == "Event",
	}
	switch {
	case kind != "" && kind != "RequestResponse" && kind != "Event" && kind != "DryRun":
		return none, h, notValid("invocationType", kind, "Member must be one of RequestResponse, Event, DryRun")
	case len(r.body) == 0:
		o.Input = checkpoint.Payload{}
	case !json.Valid(r.body) || !utf8.Valid(r.body): // which json.Valid does not look at
		return none, h, badRequest(http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json: it is not valid JSON.")
	case kind == "Event" && len(r.body) > limits.AsyncPayload:
		return none, h, tooLarge(limits.AsyncPayload)
	}
	switch {
	case o.Name != "" && h.Plain:
		return none, h, refused("The function is not durable: it takes no X-Amz-Durable-Execution-Name.")
	case o.Name != "" && !api.Matches(o.Name, limits.ExecutionName, api.IsNameByte):
		return none, h, notValid("durableExecutionName", o.Name, "Member must have 1 to 64 of [a-zA-Z0-9-_]")
	case len(o.TraceHeader) > limits.TraceHeader:
		return none, h, notValid("xAmznTraceId", o.TraceHeader[:64]+"…", "Member must have length less than or equal to 8192")
	case o.Tenant != "" && !api.Matches(o.Tenant, limits.Tenant, api.IsTenantByte):
		return none, h, notValid("tenantId", o.Tenant, "Member must have 1 to 256 of [a-zA-Z0-9._:/=+@ -]")
	}
	return o, h, nil
}

// respond answers with how an execution has ended: its result, or why it has none, in the form
// of a function error.
func respond(r request, rec local.ExecutionRecord) error {
	r.header.Set("Content-Type", "application/json")
	if rec.Status == local.StatusSucceeded {
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
