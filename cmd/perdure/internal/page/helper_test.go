package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// begin is when the executions of the tests begin.
var begin = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const function = "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST"

// record is an execution, with its events, for a store.
type record struct {
	name   string
	status local.Status
	input  string
	result string // if it has ended
	events []local.Event
}

func (r record) arn() string {
	return function + "/durable-execution/" + r.name + "/00000000-0000-0000-0000-000000000000"
}

// keep puts an execution into a store.
func (r record) keep(tb testing.TB, s local.Store) {
	tb.Helper()
	e := local.ExecutionRecord{
		ARN: r.arn(), Name: r.name, Function: function, Status: r.status, Start: begin, Input: checkpoint.TextPayload(r.input),
	}
	if r.status.Terminal() {
		e.End, e.Result = begin.Add(time.Minute), checkpoint.TextPayload(r.result)
	}
	for i := range r.events {
		r.events[i].ID = i + 1
	}
	if err := s.Commit(local.Transition{Execution: e, Events: r.events}); err != nil {
		tb.Fatal(err)
	}
}

func at(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }

// waiting is an execution that has a step, and waits for a callback.
func waiting() record {
	return record{
		name: "A-1", status: local.StatusRunning, input: `{"id":"A-1"}`, events: []local.Event{
			{Type: local.EventExecutionStarted, Time: at(0), Input: checkpoint.TextPayload(`{"id":"A-1"}`)},
			{Type: local.EventStepStarted, Time: at(1), OperationID: "s1", Name: "reserve"},
			{Type: local.EventStepSucceeded, Time: at(3), OperationID: "s1", Name: "reserve", Result: checkpoint.TextPayload("2")},
			{Type: local.EventCallbackStarted, Time: at(3), OperationID: "c1", Name: "collected", CallbackID: "cb", Timeout: time.Hour},
			{Type: local.EventInvocationCompleted, Time: at(4), Start: at(0), End: at(4), RequestID: "r-1"},
		},
	}
}

// visitor is a browser that has opened the page, or not yet.
type visitor struct {
	t       testing.TB
	client  *http.Client
	address string
	token   string
}

// serve serves a page. The visitor has opened it.
func serve(tb testing.TB, o page.Options) *visitor {
	tb.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return at(60) }
	}
	p := page.New(o)
	server := httptest.NewServer(p)
	tb.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	v := &visitor{t: tb, client: &http.Client{Jar: jar, Timeout: 20 * time.Second}, address: server.URL}
	status, text := v.ask(http.MethodGet, strings.TrimPrefix(p.URL(""), ""), "", nil)
	if status != http.StatusOK {
		tb.Fatalf("the page: %d %s", status, text)
	}
	v.token = regexp.MustCompile(`name="perdure-token" content="([^"]+)"`).FindStringSubmatch(text)[1]
	return v
}

// ask makes a request, and returns its status and its text.
func (v *visitor) ask(method, path, body string, header map[string]string) (status int, text string) {
	v.t.Helper()
	res := v.response(method, path, body, header)
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(all)
}

func (v *visitor) response(method, path, body string, header map[string]string) *http.Response {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.address+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	for name, value := range header {
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	res, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	return res
}

// get reads an answer.
func (v *visitor) get(path string) map[string]any {
	v.t.Helper()
	status, text := v.ask(http.MethodGet, path, "", nil)
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != http.StatusOK {
		v.t.Fatalf("%s: %d %s", path, status, text)
	}
	return out
}

// act has something done.
func (v *visitor) act(body string) (status int, text string) {
	v.t.Helper()
	return v.ask(http.MethodPost, "/ui/act", body, map[string]string{"Content-Type": "application/json", "X-Perdure-Token": v.token})
}

// noted are actions that note what they are asked to do.
func noted(notes *[]string) page.Actions {
	note := func(format string, args ...any) { *notes = append(*notes, fmt.Sprintf(format, args...)) }
	return page.Actions{
		Succeed: func(_ context.Context, id string, result []byte) error { note("succeed %s %q", id, result); return nil },
		Fail: func(_ context.Context, id string, f checkpoint.Failure) error {
			note("fail %s %s %s", id, f.Type, f.Message)
			return nil
		},
		Heartbeat: func(_ context.Context, id string) error { note("heartbeat %s", id); return nil },
		Pause:     func(_ context.Context, arn, reason string) error { note("pause %s %s", arn, reason); return nil },
		Resume:    func(_ context.Context, arn, _ string) error { note("resume %s", arn); return nil },
		Stop: func(_ context.Context, arn string, f checkpoint.Failure) error {
			note("stop %s %s", arn, f.Message)
			return nil
		},
		Skip: func(_ context.Context, arn, operation string, by time.Duration) error {
			note("skip %s %s %v", arn, operation, by)
			return nil
		},
		Redrive: func(_ context.Context, arn, name string) (string, error) {
			note("redrive %s %s", arn, name)
			return "new", nil
		},
		Fork: func(_ context.Context, arn, before, name string) (string, error) {
			note("fork %s %s %s", arn, before, name)
			return "new", nil
		},
		Start: func(_ context.Context, function, name string, input []byte) (string, error) {
			note("start %s %s %s", function, name, input)
			return "new", nil
		},
	}
}
