package conformance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/replay/conformance"
	"github.com/perdure/perdure/replay/conformance/handlers"
)

// answered creates the callbacks of its input and waits for all.
func answered(ctx op.Context, names []string) ([]string, error) {
	var callbacks []op.Callback[string]
	for _, name := range names {
		cb, err := replay.Run(ctx, op.CreateCallback[string](name))
		if err != nil {
			return nil, err
		}
		callbacks = append(callbacks, cb)
	}
	var results []string
	for _, cb := range callbacks {
		out, err := replay.Run(ctx, cb.Result())
		if err != nil {
			out = err.Error()
		}
		results = append(results, out)
	}
	return results, nil
}

// TestCallbackActions: callbacks are answered in the order of their creation, one after the other.
func TestCallbackActions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, actions string
		want            []string // when each callback ended, and its name
		problem         string
	}{
		{
			reason:  "each delay begins when the callback before has its answer",
			actions: "[{CallbackName: a, Operation: success, Delay: 3}, {CallbackName: b, Operation: success, Delay: 1}]",
			want:    []string{"3s a SUCCEEDED", "4s b SUCCEEDED"},
		},
		{
			reason:  "the order of the actions does not matter",
			actions: "[{CallbackName: b, Operation: success, Delay: 1}, {CallbackName: a, Operation: success, Delay: 3}]",
			want:    []string{"3s a SUCCEEDED", "4s b SUCCEEDED"},
		},
		{
			reason:  "* is any callback, and each action is taken once",
			actions: "[{CallbackName: '*', Operation: success}, {CallbackName: '*', Operation: failure, Payload: {ErrorMessage: refused, StackTrace: [here]}}]",
			want:    []string{"0s a SUCCEEDED", "0s b FAILED"},
		},
		{
			reason:  "a pattern, and a variable",
			actions: "[{CallbackName: '${/^[bc]$/}', Operation: Success}, {CallbackName: '${A}', Operation: SUCCESS}]",
			want:    []string{"0s a SUCCEEDED", "0s b SUCCEEDED"},
		},
		{
			reason: "a heartbeat is followed by another action",
			actions: "[{CallbackName: a, Operation: heartbeat, Delay: 2}, {CallbackName: a, Operation: success, Delay: 2}," +
				" {CallbackName: b, Operation: success, Delay: 1}]",
			want: []string{"3s b SUCCEEDED", "5s a SUCCEEDED"},
		},
		{
			reason:  "a callback without an action is a mistake, unless there is none at all",
			actions: "[{CallbackName: a, Operation: success}]", want: []string{"0s a SUCCEEDED"},
			problem: `callback "b": the requirement has no answer to it`,
		},
		{reason: "no answer", actions: "[]"},
		{
			reason:  "a failure that says nothing",
			actions: "[{CallbackName: a, Operation: failure, Payload: text}, {CallbackName: b, Operation: success}]",
			want:    []string{"0s b SUCCEEDED"}, problem: "the payload of a failure",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			q, _ := read(t, "Variables: {A: a}\nInput: ['${A}', b]\nExpectedResult: {}\nCallbackActions: "+tt.actions)
			q.ID = "answered"
			host := conformance.InProcess{Functions: func(handlers.World) map[string]lambda.Handler {
				return map[string]lambda.Handler{"answered": replay.Handler(answered)}
			}}
			problems, o, err := conformance.Judge(t.Context(), host, q, seed)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, tt.problem, problems)
			if diff := cmp.Diff(tt.want, ends(o.History)); diff != "" {
				t.Errorf("ends of callbacks (-want +got):\n%s", diff)
			}
		})
	}
}

// ends are the ends of callbacks: when, of which, and how.
func ends(history []conformance.Object) []string {
	var all []string
	seconds := func(e conformance.Object) float64 {
		var s float64
		if _, err := fmt.Sscan(fmt.Sprint(e["EventTimestamp"]), &s); err != nil {
			return -1
		}
		return s
	}
	for _, e := range history {
		kind, _ := e["EventType"].(string)
		if status, ok := strings.CutPrefix(kind, "Callback"); ok && status != "Started" {
			all = append(all, fmt.Sprintf("%.0fs %v %s", seconds(e)-seconds(history[0]), e["Name"], strings.ToUpper(status)))
		}
	}
	return all
}
