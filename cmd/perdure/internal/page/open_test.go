package page_test

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

const (
	sealedText = `"~perdure1:seal:bAAAA"`
	secret     = "4111 1111"
)

// sealed is an execution whose payloads and errors are sealed.
func sealed() record {
	text := checkpoint.TextPayload(sealedText)
	return record{
		name: "S-1", status: local.StatusSucceeded, input: sealedText, result: sealedText, events: []local.Event{
			{Type: local.EventExecutionStarted, Time: at(0), Input: text},
			{Type: local.EventStepStarted, Time: at(1), OperationID: "s1", Name: "charge"},
			{
				Type: local.EventStepFailed, Time: at(1), OperationID: "s1", Name: "charge", Attempt: 1, NextAttemptDelay: 1,
				Failure: &checkpoint.Failure{Type: "card", Message: "it is encoded", Data: `{"perdure":{"encoded":"\"~perdure1:seal:bAAAA\""}}`},
			},
			{Type: local.EventStepSucceeded, Time: at(3), OperationID: "s1", Name: "charge", Result: text, Attempt: 2},
			{Type: local.EventStepStarted, Time: at(3), OperationID: "s2", Name: "other"},
			{Type: local.EventStepSucceeded, Time: at(3), OperationID: "s2", Name: "other", Result: checkpoint.TextPayload("2")},
			{Type: local.EventInvocationCompleted, Time: at(4), Start: at(0), End: at(4), RequestID: "r-1"},
			{Type: local.EventExecutionSucceeded, Time: at(4), Result: text},
		},
	}
}

// opens opens what is sealed: it notes of which operations.
func opens(asked *[]string) page.Opener {
	return func(_ context.Context, _ string, events []local.Event, operation string) (closed []string) {
		*asked = append(*asked, operation)
		plain := checkpoint.TextPayload(`"` + secret + `"`)
		for i := range events {
			e := &events[i]
			own := e.OperationID
			if strings.HasPrefix(string(e.Type), "Execution") {
				own = ""
			}
			if own != operation {
				continue
			}
			if e.Input.Present() {
				e.Input = plain
			}
			if e.Result.Present() {
				e.Result = plain
			}
			if e.Failure != nil {
				e.Failure = &checkpoint.Failure{Type: "card", Message: secret + " was declined"}
			}
		}
		return []string{"something stays closed"}
	}
}

// TestOpen: what is closed is opened for who asks for it with the token of the page, one operation
// at a time, and nowhere else.
func TestOpen(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	sealed().keep(t, store)
	var asked []string
	v := serve(t, page.Options{Source: page.FromStore(store), Open: opens(&asked)})
	arn := sealed().arn()
	open := func(body string, header map[string]string) (int, string) {
		all := map[string]string{"Content-Type": "application/json", "X-Perdure-Token": v.token}
		maps.Copy(all, header)
		return v.ask(http.MethodPost, "/ui/open", body, all)
	}
	reads := func() {
		t.Helper()
		for _, path := range []string{
			"place", "executions", "execution?arn=" + arn, "operation?arn=" + arn + "&id=s1", "history?arn=" + arn,
			"payload?arn=" + arn + "&of=input", "payload?arn=" + arn + "&of=result&id=s1", "logs?arn=" + arn, "inputs?function=order",
		} {
			if status, text := v.ask(http.MethodGet, "/ui/"+path, "", nil); status != http.StatusOK || strings.Contains(text, secret) {
				t.Errorf("%s: %d %s", path, status, text)
			}
		}
	}
	reads()
	if len(asked) > 0 {
		t.Errorf("reading has opened %q", asked)
	}
	if place := v.get("/ui/place"); place["opens"] != true {
		t.Errorf("the page does not know that it may open: %v", place)
	}
	tests := []struct {
		reason, body string
		header       map[string]string
		status       int
		opened       string // the operation that is opened; - for none
		has          []string
	}{
		{"an operation", `{"arn":"` + arn + `","id":"s1"}`, nil, 200, "s1", []string{`"result":{"text":"\"4111 1111\""}`, "4111 1111 was declined", `"why":["something stays closed"]`}},
		{"the execution", `{"arn":"` + arn + `"}`, nil, 200, "", []string{`"input":{"text":"\"4111 1111\""}`, `"result":{"text":"\"4111 1111\""}`}},
		{"no such operation", `{"arn":"` + arn + `","id":"s9"}`, nil, 404, "s9", nil},
		{"no such execution", `{"arn":"arn:none"}`, nil, 404, "-", nil},
		{"of nothing", `{}`, nil, 400, "-", nil},
		{"no JSON", `arn`, nil, 400, "-", nil},
		{"without the token", `{"arn":"` + arn + `"}`, map[string]string{"X-Perdure-Token": "x"}, 401, "-", nil},
		{"of another page", `{"arn":"` + arn + `"}`, map[string]string{"Origin": "https://evil.example"}, 403, "-", nil},
		{"a form", `{"arn":"` + arn + `"}`, map[string]string{"Content-Type": "text/plain"}, 415, "-", nil},
	}
	for _, tt := range tests {
		asked = nil
		status, text := open(tt.body, tt.header)
		if status != tt.status || (tt.opened == "-") != (len(asked) == 0) || len(asked) > 0 && asked[0] != tt.opened {
			t.Errorf("%s: %d %s, opened %q, want %d", tt.reason, status, text, asked, tt.status)
		}
		for _, want := range tt.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in %s", tt.reason, want, text)
			}
		}
		if tt.has == nil && strings.Contains(text, secret) {
			t.Errorf("%s: it shows a secret: %s", tt.reason, text)
		}
	}
	reads() // nothing of it is kept
	if status, _ := v.ask(http.MethodGet, "/ui/open?arn="+arn, "", nil); status != http.StatusMethodNotAllowed {
		t.Errorf("a GET: %d", status)
	}
}

// TestOpenWithoutKeys: a page without keys says what has none, and that some of it is closed.
func TestOpenWithoutKeys(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	sealed().keep(t, store)
	v := serve(t, page.Options{Source: page.FromStore(store)})
	arn := sealed().arn()
	status, text := v.ask(http.MethodPost, "/ui/open", `{"arn":"`+arn+`"}`, map[string]string{"Content-Type": "application/json", "X-Perdure-Token": v.token})
	if status != http.StatusBadRequest || !strings.Contains(text, "--keyring") {
		t.Errorf("%d %s", status, text)
	}
	if place := v.get("/ui/place"); place["opens"] != nil {
		t.Errorf("%v", place)
	}
	for id, closed := range map[string]any{"s1": true, "s2": nil} {
		if d := v.get("/ui/operation?arn=" + arn + "&id=" + id); d["closed"] != closed {
			t.Errorf("%s: %v, want closed %v", id, d, closed)
		}
	}
	if e, ok := v.get("/ui/execution?arn=" + arn)["execution"].(map[string]any); !ok || e["closed"] != true {
		t.Errorf("%v", e)
	}
}
