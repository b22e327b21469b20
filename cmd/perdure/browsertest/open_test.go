package browsertest_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// TestOpeningPayloads: what is sealed is shown when the button is pressed, until it is pressed
// again, and a page without keys has no such button.
func TestOpeningPayloads(t *testing.T) { //nolint:paralleltest // each has a browser to itself
	const secret, sealed = "4111 1111", `"~perdure1:seal:bAAAA"`
	store, text := local.NewMemoryStore(), checkpoint.TextPayload(sealed)
	arn := keep(t, store, "S-1", local.StatusRunning, begin, []local.Event{
		{Type: local.EventExecutionStarted, Time: begin, Input: text},
		{Type: local.EventStepStarted, Time: begin, OperationID: "s1", Name: "charge"},
		{Type: local.EventStepSucceeded, Time: begin.Add(time.Second), OperationID: "s1", Name: "charge", Result: text},
		{Type: local.EventStepStarted, Time: begin, OperationID: "s2", Name: "plain"},
		{Type: local.EventStepSucceeded, Time: begin.Add(time.Second), OperationID: "s2", Name: "plain", Result: checkpoint.TextPayload("2")},
		{Type: local.EventInvocationCompleted, Time: begin.Add(time.Second), Start: begin, End: begin.Add(time.Second), RequestID: "r-1"},
	})
	record := local.ExecutionRecord{ARN: arn, Name: "S-1", Function: function, Status: local.StatusRunning, Start: begin, Input: text}
	if err := store.Commit(local.Transition{Execution: record}); err != nil {
		t.Fatal(err)
	}
	opens := func(_ context.Context, _ string, events []local.Event, operation string) []string {
		for i := range events {
			e := &events[i]
			if e.OperationID == operation && e.Result.Present() {
				e.Result = checkpoint.TextPayload(`"` + secret + `"`)
			}
			if operation == "" && e.Type == local.EventExecutionStarted {
				return []string{"the input of the handler stays closed: there is no key"}
			}
		}
		return nil
	}
	serve := func(open page.Opener) string {
		server := httptest.NewServer(page.New(page.Options{
			Source: page.FromStore(store), Place: "this machine", Open: open, Now: func() time.Time { return begin.Add(time.Minute) },
		}))
		t.Cleanup(server.Close)
		return server.URL + "/#/execution/" + escaped(arn)
	}
	const shown = `document.body.innerText.includes('` + secret + `')`
	const buttons = `[...document.querySelectorAll('.detail button')].map((b) => b.innerText).join()`

	b := newTab(t, 1280, 900)
	b.open(serve(opens), ".tree .row[data-index]")
	b.row("charge")
	b.await(buttons+`.includes('Open payloads')`, "the button of the operation")
	if js[bool](b, shown) {
		t.Error("it is shown before the button is pressed")
	}
	js[any](b, `[...document.querySelectorAll('.detail button')].find((b) => b.innerText === 'Open payloads').click(); 0`)
	b.await(shown, "what was opened")
	js[any](b, `[...document.querySelectorAll('.detail button')].find((b) => b.innerText === 'Close payloads').click(); 0`)
	b.await("!"+shown, "it is closed again")
	b.row("plain")
	b.await(`document.querySelector('.detail h2').innerText === 'plain'`, "another operation")
	b.await(`document.querySelector('.detail .payload')?.innerText === '2'`, "its result")
	if got := js[string](b, buttons); strings.Contains(got, "Open payloads") {
		t.Errorf("what is not closed has the buttons %s", got)
	}
	js[any](b, `[...document.querySelectorAll('.head button')].find((b) => b.innerText === 'Open payloads').click(); 0`)
	b.await(`document.querySelector('.head .why')?.innerText.includes('there is no key')`, "why the input stays closed")
	b.quiet()

	c := newTab(t, 1280, 900)
	c.open(serve(nil), ".tree .row[data-index]")
	c.row("charge")
	c.await(`document.querySelector('.detail .payload')?.innerText.includes('~perdure1')`, "the result as it is recorded")
	if got := js[string](c, `[...document.querySelectorAll('button')].map((b) => b.innerText).join()`); strings.Contains(got, "Open payloads") {
		t.Errorf("a page without keys has the buttons %s", got)
	}
	c.quiet()
}
