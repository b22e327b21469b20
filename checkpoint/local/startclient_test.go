package local_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestStartExecution: what a function starts is started as the Lambda API does it (Lambda API,
// Invoke).
func TestStartExecution(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	ends := function(func(*talk) (string, error) { return succeed(`1`), nil })
	if err := errors.Join(s.Host("other", ends), s.Host("plain", ends, local.WithPlainFunction())); err != nil {
		t.Fatal(err)
	}
	first, err := s.Start(t.Context(), "other", "taken", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	in := func(function, name, payload string, own bool) checkpoint.StartInput {
		return checkpoint.StartInput{Function: function, Name: name, Payload: checkpoint.TextPayload(payload), Own: own}
	}
	tests := []struct {
		reason string
		in     checkpoint.StartInput
		same   bool // as the first one
		status int  // of the error; zero for none
		code   string
	}{
		{"a new name", in("other:live", "new", "1", false), false, 0, ""},
		{"the name and the payload of an execution", in("other:live", "taken", "1", false), true, 0, ""},
		{"its name with another payload", in("other:live", "taken", "2", false), false, 409, "DurableExecutionAlreadyStartedException"},
		{"and no one else can have chosen the name", in("other:live", "taken", "2", true), true, 0, ""},
		{"no function", in("none", "new", "1", false), false, 404, "ResourceNotFoundException"},
		{"a function that is not durable", in("plain", "new", "1", false), false, 400, "InvalidParameterValueException"},
		{"no name", in("other", "", "1", false), false, 400, "InvalidParameterValueException"},
		{"a bad name", in("other", "a b", "1", false), false, 400, "InvalidParameterValueException"},
		{"a payload for synchronous calls alone", in("other", "new", strings.Repeat("1", 1<<20+1), false), false, 413, "RequestTooLargeException"},
	}
	for _, tt := range tests {
		out, err := s.StartExecution(t.Context(), tt.in)
		refused, _ := errors.AsType[*checkpoint.APIError](err)
		switch {
		case tt.status != 0 && (refused == nil || refused.HTTPStatus != tt.status || refused.Code != tt.code):
			t.Errorf("%s: %v, want %d %s", tt.reason, err, tt.status, tt.code)
		case tt.status == 0 && (err != nil || (out.ARN == first.ARN()) != tt.same):
			t.Errorf("%s: %+v, %v", tt.reason, out, err)
		}
		if e, ok := s.Execution(out.ARN); err == nil && (!ok || !tt.same && !e.Record().Async) {
			t.Errorf("%s: there is no such asynchronous execution", tt.reason)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.StartExecution(ctx, in("other", "late", "1", false)); err == nil {
		t.Error("a call whose context is over succeeds")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = s.StartExecution(t.Context(), in("other", "late", "1", false))
	if refused, ok := errors.AsType[*checkpoint.APIError](err); !ok || refused.Permanent() || !errors.Is(err, local.ErrClosed) {
		t.Errorf("a closed service says %v", err)
	}
}
