package local

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// checkFields refuses an update that cannot be on the wire, or whose fields are too long
// (Lambda API, OperationUpdate). n is its position in the call.
func (l Limits) checkFields(n int, u *checkpoint.Update) error {
	switch {
	case !api.Matches(u.ID, limits.ID, api.IsNameByte):
		return api.BadMember(n, "id", u.ID, "1 to 64 of [a-zA-Z0-9-_]")
	case u.ParentID != "" && !api.Matches(u.ParentID, limits.ID, api.IsNameByte):
		return api.BadMember(n, "parentId", u.ParentID, "1 to 64 of [a-zA-Z0-9-_]")
	case u.Name != "" && !api.Matches(u.Name, limits.Name, api.IsPrintable):
		return api.BadMember(n, "name", u.Name, "1 to 256 of [\\x20-\\x7E]")
	case u.SubType != "" && !api.Matches(u.SubType, limits.SubType, api.IsNameByte):
		return api.BadMember(n, "subType", u.SubType, "1 to 32 of [a-zA-Z0-9-_]")
	case u.Tenant != "" && !api.Matches(u.Tenant, limits.Tenant, api.IsTenantByte):
		return api.BadMember(n, "chainedInvokeOptions.tenantId", u.Tenant, "1 to 256 of [a-zA-Z0-9._:/=+@ -]")
	case !validTraceHeader(u.TraceHeader):
		return api.BadMember(n, "chainedInvokeOptions.xAmznTraceId", u.TraceHeader, "at most 8192 of [\\x20-\\x7E]")
	case !utf8.Valid(u.Payload.Bytes()):
		return api.BadMember(n, "payload", "", "valid UTF-8")
	}
	if !validText(u.Failure) {
		return api.BadMember(n, "error", "", "valid UTF-8")
	}
	for _, d := range []struct {
		member string
		value  time.Duration
		least  time.Duration
	}{
		{"stepOptions.nextAttemptDelaySeconds", u.NextAttemptDelay, limits.Second},
		{"waitOptions.waitSeconds", u.Wait, limits.Second},
		{"callbackOptions.timeoutSeconds", u.Timeout, 0},
		{"callbackOptions.heartbeatTimeoutSeconds", u.Heartbeat, 0},
	} {
		if d.value == 0 {
			continue // absent
		}
		if d.value < d.least || d.value > limits.Duration || d.value%time.Second != 0 {
			return api.BadMember(n, d.member, d.value.String(), "whole seconds, 1 to 31622400")
		}
	}
	return l.checkSizes(u)
}

// validText reports whether all of a failure is valid UTF-8.
func validText(f *checkpoint.Failure) bool {
	if f == nil {
		return true
	}
	return utf8.ValidString(f.Type) && utf8.ValidString(f.Message) && utf8.ValidString(f.Data) &&
		!slices.ContainsFunc(f.Stack, func(frame string) bool { return !utf8.ValidString(frame) })
}

// checkFailure refuses an error that someone sends from outside.
func (l Limits) checkFailure(call string, f *checkpoint.Failure) error {
	switch {
	case !validText(f):
		return api.Refuse(call, "The error is not valid UTF-8.")
	case failureSize(f) > l.FailureBytes:
		return api.Refuse(call, fmt.Sprintf("The error size must be less than or equal to %d bytes.", l.FailureBytes))
	}
	return nil
}

// checkSizes refuses what is too large. What is the input of an operation, its result or its
// state is one field on the wire.
func (l Limits) checkSizes(u *checkpoint.Update) error {
	limit, what := l.PayloadBytes, "output"
	switch {
	case u.Kind == checkpoint.KindExecution:
		limit = l.ResultBytes
	case u.Action == checkpoint.ActionStart:
		what = "input"
	}
	if len(u.Payload.Bytes()) > limit {
		return refusef("%s %s payload size must be less than or equal to %d bytes.", u.Kind, what, limit)
	}
	if failureSize(u.Failure) > l.FailureBytes {
		return refusef("%s error size must be less than or equal to %d bytes.", u.Kind, l.FailureBytes)
	}
	return nil
}

func failureSize(f *checkpoint.Failure) int {
	if f == nil {
		return 0
	}
	n := len(f.Type) + len(f.Message) + len(f.Data)
	for _, frame := range f.Stack {
		n += len(frame)
	}
	return n
}

// checkCall refuses a call whose updates contradict each other
// (AWS emulator, checkpoint/validators/checkpoint.py).
func checkCall(updates []checkpoint.Update) error {
	first := make(map[string]*checkpoint.Update, len(updates))
	repeated := make(map[string]bool)
	for i := range updates {
		u := &updates[i]
		if u.Kind == checkpoint.KindExecution {
			if i != len(updates)-1 {
				return executionNotLast(updates[i+1:])
			}
			continue
		}
		before, twice := first[u.ID]
		if !twice {
			first[u.ID] = u
			continue
		}
		if repeated[u.ID] || !mayFollow(before, u) {
			return refuse("Cannot checkpoint multiple operations with the same ID.")
		}
		repeated[u.ID] = true
	}
	return nil
}

func executionNotLast(rest []checkpoint.Update) error {
	if slices.ContainsFunc(rest, func(u checkpoint.Update) bool { return u.Kind == checkpoint.KindExecution }) {
		return refuse("Cannot checkpoint multiple EXECUTION updates.")
	}
	return refuse("EXECUTION checkpoint must be the last update.")
}

// mayFollow reports whether one call may carry both updates of an operation: a STEP or a CONTEXT
// may end in the call that starts it.
func mayFollow(before, after *checkpoint.Update) bool {
	startable := before.Kind == checkpoint.KindStep || before.Kind == checkpoint.KindContext
	return startable && before.Action == checkpoint.ActionStart && after.Action != checkpoint.ActionStart
}

// checkSame refuses an update that disagrees with what is recorded of its operation. An update may
// omit its Name, SubType and ParentId, which stay as they are then (AWS emulator,
// checkpoint/validators/checkpoint.py).
func checkSame(r *Record, u *checkpoint.Update) error {
	switch {
	case r.Kind != u.Kind:
		return refuse("Inconsistent operation type.")
	case u.SubType != "" && r.SubType != u.SubType:
		return refuse("Inconsistent operation subtype.")
	case u.Name != "" && r.Name != u.Name:
		return refuse("Inconsistent operation name.")
	case u.ParentID != "" && r.ParentID != u.ParentID:
		return refuse("Inconsistent parent operation id.")
	}
	return nil
}
