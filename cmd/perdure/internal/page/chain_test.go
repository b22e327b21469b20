package page_test

import (
	"net/url"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// TestChain reads which executions one has started, and which one it goes on as.
func TestChain(t *testing.T) {
	t.Parallel()
	next := record{name: "A-1-2"}.arn()
	started := func(result string) local.Event {
		return local.Event{
			Type: local.EventStepSucceeded, Time: at(2), OperationID: "s1", Name: "continue-as-new", SubType: "StartExecution",
			Result: checkpoint.TextPayload(result),
		}
	}
	for _, tt := range []struct {
		name, reason      string
		step, result      string
		target, continued any // nil: there is none
	}{
		{"continued", "both name it", `"` + next + `"`, string(checkpoint.ContinuedResult(next)), next, next},
		{"started", "an execution that started another one has a result of its own", `"` + next + `"`, `"paid"`, next, nil},
		{"sealed", "what is sealed is not read", `{"sealed":"x"}`, `{"sealed":"x"}`, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := local.NewMemoryStore()
			record{name: "A-1", status: local.StatusSucceeded, input: `1`, result: tt.result, events: []local.Event{
				{Type: local.EventExecutionStarted, Time: at(0), Input: checkpoint.TextPayload("1")},
				{Type: local.EventStepStarted, Time: at(1), OperationID: "s1", Name: "continue-as-new", SubType: "StartExecution"},
				started(tt.step),
				{Type: local.EventExecutionSucceeded, Time: at(3), Result: checkpoint.TextPayload(tt.result)},
			}}.keep(t, store)
			v := serve(t, page.Options{Source: page.FromStore(store)})
			got := v.get("/ui/execution?arn=" + url.QueryEscape(record{name: "A-1"}.arn()))
			e, _ := got["execution"].(map[string]any)
			operations, _ := got["operations"].([]any)
			if len(operations) != 1 {
				t.Fatalf("operations %v", operations)
			}
			o, _ := operations[0].(map[string]any)
			if o["target"] != tt.target || e["continued"] != tt.continued {
				t.Errorf("%s: started %v and continued as %v, want %v and %v", tt.reason, o["target"], e["continued"], tt.target, tt.continued)
			}
		})
	}
}
