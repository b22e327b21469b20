package page_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// large is an execution of 3,000 operations.
func large() record {
	r := record{name: "large", status: local.StatusRunning, input: "{}", events: []local.Event{{Type: local.EventExecutionStarted, Time: begin}}}
	for i := range 3000 {
		id := fmt.Sprintf("step-%d", i)
		r.events = append(r.events,
			local.Event{Type: local.EventStepStarted, Time: at(i), OperationID: id, Name: "pack"},
			local.Event{Type: local.EventStepSucceeded, Time: at(i + 1), OperationID: id, Name: "pack", Result: checkpoint.TextPayload(`"a box"`)})
	}
	return r
}

// BenchmarkAnswers measures what the page waits for: the first executions of 20,000, and an
// execution of 3,000 operations.
func BenchmarkAnswers(b *testing.B) {
	store := local.NewMemoryStore()
	for i := range 20_000 {
		record{name: fmt.Sprint("order-", i), status: local.StatusSucceeded, input: "1"}.keep(b, store)
	}
	large().keep(b, store)
	v := serve(b, page.Options{Source: page.FromStore(store), Now: func() time.Time { return at(4000) }})
	for name, path := range map[string]string{
		"place": "/ui/place", "list": "/ui/executions?limit=100", "next": "/ui/executions?limit=5000",
		"quick": "/ui/execution?quick=1&arn=" + url.QueryEscape(large().arn()), "execution": "/ui/execution?arn=" + url.QueryEscape(large().arn()), "script": "/ui/assets/page.js",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				v.ask("GET", path, "", nil)
			}
		})
	}
}
