package lambdaapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

// openHouse is a service with an execution whose function runs and never ends, so that its token is
// valid, one that has ended, and a function that answers at once.
type openHouse struct {
	*local.Service

	words *strings.Replacer // what stands for the names of this house
}

func newOpenHouse(tb testing.TB, limits local.Limits) *openHouse {
	tb.Helper()
	s := local.New(local.WithLimits(limits))
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	running := make(chan string, 1)
	open := function(func(k *talk) (string, error) {
		ask := update(checkpoint.KindCallback, checkpoint.ActionStart, "ask")
		if _, err := k.send(contextStart("group"), stepStart("step"), ask, waitStart("wait", time.Hour)); err != nil {
			return "", err
		}
		running <- k.token
		<-k.ctx.Done()
		return "", context.Cause(k.ctx)
	})
	done := function(func(*talk) (string, error) { return succeed(`{"done":true}`), nil })
	for name, h := range map[string]local.Handler{"open": open, "done": done} {
		if err := s.Host(name, h); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.Host("plain", echo, local.WithPlainFunction()); err != nil {
		tb.Fatal(err)
	}
	begin := func(function string) *local.Execution {
		e, err := s.Start(tb.Context(), function, "order-1", []byte(`{"n":1}`))
		if err != nil {
			tb.Fatal(err)
		}
		return e
	}
	e, ended := begin("open"), begin("done")
	if err := ended.Wait(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	token := <-running
	ask, _ := e.Operation("ask")
	return &openHouse{s, strings.NewReplacer(
		"{arn}", e.ARN(), "{ended}", ended.ARN(), "{token}", token, "{callback}", ask.CallbackID,
		"{execution}", checkpoint.ExecutionID(e.ARN()),
	)}
}

// say fills in the names of this house. In a path they are one segment each.
func (h *openHouse) say(text string) string { return h.words.Replace(text) }

func (h *openHouse) sayPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if named := h.words.Replace(p); named != p {
			parts[i] = url.PathEscape(named)
		}
	}
	return strings.Join(parts, "/")
}

// state is everything that a call could change.
func (h *openHouse) state(tb testing.TB) string {
	tb.Helper()
	var all strings.Builder
	for _, e := range h.Executions() {
		text, err := json.Marshal([]any{e.Record(), e.Operations(), e.History()})
		if err != nil {
			tb.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// ask makes a request. No one waits for the answer of an execution that does not end.
func (h *openHouse) ask(tb testing.TB, r *http.Request) (answer *httptest.ResponseRecorder) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	impatient := time.AfterFunc(100*time.Millisecond, cancel)
	defer impatient.Stop()
	late := time.AfterFunc(30*time.Second, func() { panic("the call hangs: " + r.Method + " " + r.URL.String()) })
	defer late.Stop()
	answer = httptest.NewRecorder()
	defer func() {
		if p := recover(); p == http.ErrAbortHandler && ctx.Err() != nil { //nolint:errorlint // it is that value
			answer = nil // the caller has gone
		} else if p != nil {
			panic(p)
		}
	}()
	front.Handler(h.Service).ServeHTTP(answer, r.WithContext(ctx))
	return answer
}

// frontPaths are the paths of the API.
func frontPaths() []string {
	const executions, functions = "/2025-12-01/durable-executions/", "/2015-03-31/functions"
	const callbacks = "/2025-12-01/durable-execution-callbacks/{callback}/"
	return []string{
		executions + "{arn}/checkpoint", executions + "{arn}/state", executions + "{arn}", executions + "{arn}/history",
		executions + "{arn}/stop", executions + "{ended}/checkpoint", executions + "{ended}/stop",
		executions + "{arn}/pause", executions + "{arn}/resume", executions + "{ended}/pause", executions + "{ended}",
		executions + "absent/checkpoint", executions + "%2F/state", executions + "%00", executions + "%ff/history",
		callbacks + "succeed", callbacks + "fail", callbacks + "heartbeat", "/2025-12-01/durable-execution-callbacks/absent/succeed",
		"/2025-12-01/functions/open/durable-executions", "/2025-12-01/functions/%20/durable-executions",
		functions + "/open/invocations", functions + "/done/invocations", functions + "/plain/invocations",
		functions + "/absent/invocations", functions + "/done:%24LATEST/invocations", functions,
		functions + "/open", functions + "/open/configuration", "/", "", "//", "/2025-12-01/durable-executions//state",
		"/2099-01-01/durable-executions/{arn}/state",
	}
}

// frontQueries are parameters, good ones and bad ones.
func frontQueries() []string {
	return []string{
		"", "CheckpointToken={token}", "CheckpointToken={token}&Marker=x&MaxItems=1001", "MaxItems=-1", "MaxItems=x", "MaxItems=0",
		"Marker=event-0", "Marker=event-99999999999999999999", "Marker=event-2&ReverseOrder=true", "ReverseOrder=maybe",
		"IncludeExecutionData=no", "Qualifier=%24LATEST", "Qualifier=%20", "Statuses=DONE", "StartedAfter=yesterday",
		"StartedAfter=2026-01-01T00:00:00Z&StartedBefore=0001-01-01T00:00:00Z", "DurableExecutionName=%00", "a;b=%zz",
		"CheckpointToken=" + strings.Repeat("A", 3000),
	}
}

// frontBodies are bodies, good ones and bad ones.
func frontBodies() []string {
	update := func(members string) string { return `{"CheckpointToken":"{token}","Updates":[` + members + `]}` }
	return []string{
		"", "{", "null", "[]", `"text"`, "7", "\x00", "\xff\xfe", `{"a":"` + "\xff" + `"}`, strings.Repeat("[", 20_000), `{"CheckpointToken":7}`,
		`{"CheckpointToken":""}`, `{"CheckpointToken":"old"}`, `{"CheckpointToken":"{token}"}`, `{"CheckpointToken":"{token}","ClientToken":""}`,
		`{"CheckpointToken":"{token}","Updates":7}`, `{"CheckpointToken":"{token}","Updates":[null]}`, update(`{}`), update(`7`),
		update(`{"Id":"a","Type":"STEP","Action":"START"}`), update(`{"Id":"a","Type":"TEA","Action":"START"}`),
		update(`{"Id":"a","Type":"STEP","Action":"DRINK"}`), update(`{"Id":"","Type":"STEP","Action":"START"}`),
		update(`{"Id":"a b","Type":"STEP","Action":"START"}`), update(`{"Id":"a","ParentId":"absent","Type":"STEP","Action":"START"}`),
		update(`{"Id":"a","Name":"` + strings.Repeat("n", 300) + `","Type":"STEP","Action":"START"}`),
		update(`{"Id":"step","Type":"STEP","Action":"RETRY"}`),
		update(`{"Id":"step","Type":"STEP","Action":"RETRY","StepOptions":{"NextAttemptDelaySeconds":0}}`),
		update(`{"Id":"step","Name":"step","SubType":"Step","Type":"STEP","Action":"SUCCEED","Payload":"1"}`),
		update(`{"Id":"w","Type":"WAIT","Action":"START"}`), update(`{"Id":"w","Type":"WAIT","Action":"START","WaitOptions":{"WaitSeconds":99999999999}}`),
		update(`{"Id":"w","Type":"WAIT","Action":"START","WaitOptions":{"WaitSeconds":1.5}}`),
		update(`{"Id":"c","Type":"CALLBACK","Action":"CANCEL"}`), update(`{"Id":"i","Type":"CHAINED_INVOKE","Action":"START"}`),
		update(`{"Id":"i","Type":"CHAINED_INVOKE","Action":"START","ChainedInvokeOptions":{"FunctionName":"a b"}}`),
		update(`{"Id":"i","Type":"CHAINED_INVOKE","Action":"START","ChainedInvokeOptions":{"FunctionName":"done","TenantId":"\u0000"}}`),
		update(`{"Id":"{execution}","Type":"EXECUTION","Action":"SUCCEED","Payload":"1"}`),
		update(`{"Id":"{execution}","Type":"EXECUTION","Action":"SUCCEED"},{"Id":"a","Type":"STEP","Action":"START"}`),
		`{"ErrorType":"T","ErrorMessage":"m","StackTrace":["f"]}`, `{"ErrorType":7}`, `{"Reason":"r","ExecutionTimeoutPaused":false,"ClientToken":"t"}`, `{"Reason":7}`, `{"StackTrace":"frame"}`, `{"n":1}`,
	}
}

// FuzzFront holds the front to what a server of an API must do with any request: it answers, not
// with a failure of its own, and a refused request has changed nothing.
func FuzzFront(f *testing.F) {
	for i, path := range frontPaths() {
		for j, body := range frontBodies() { // each method meets each body somewhere
			method := []string{"POST", "GET", "POST", "PUT", "POST", "HEAD", "POST", "DELETE"}[(i+j)%8]
			if i%2 == 0 {
				method = "POST"
			}
			f.Add(method, path, frontQueries()[(i+j)%len(frontQueries())], []byte(body), uint8(i+j))
		}
		for j, query := range frontQueries() {
			f.Add("GET", path, query, []byte(nil), uint8(j))
		}
	}
	limits := local.Limits{PayloadBytes: 1 << 10, FailureBytes: 1 << 10, CallbackBytes: 1 << 10, InputBytes: 1 << 10, ResultBytes: 1 << 10}
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte, more uint8) {
		h := newOpenHouse(t, limits)
		target, err := url.ParseRequestURI("http://127.0.0.1" + h.sayPath(path))
		if err != nil || !strings.HasPrefix(path, "/") {
			return // net/http refuses it
		}
		target.RawQuery = url.PathEscape(h.say(query))
		if values, err := url.ParseQuery(h.say(query)); err == nil {
			target.RawQuery = values.Encode()
		}
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(h.say(string(body))))
		r.Method, r.URL, r.RequestURI = method, target, target.RequestURI()
		r.Header.Set("X-Amz-Invocation-Type", []string{"", "RequestResponse", "Event", "DryRun", "Later", "\x00"}[more%6])
		r.Header.Set("X-Amz-Durable-Execution-Name", []string{"", "", "order-1", "order-2", "a b", strings.Repeat("n", 65), "é"}[more%7])
		r.Header.Set("X-Amz-Tenant-Id", []string{"", "", "blue", "\x7f"}[more%4])

		before := h.state(t)
		answer := h.ask(t, r)
		if answer == nil {
			return
		}
		switch {
		case answer.Code >= 500:
			t.Errorf("%s %s: %d: %s", method, target, answer.Code, answer.Body)
		case answer.Code >= 400:
			var said struct{ Message string }
			if err := json.Unmarshal(answer.Body.Bytes(), &said); err != nil || said.Message == "" || answer.Header().Get("X-Amzn-Errortype") == "" {
				t.Errorf("%s %s: an error of the API has a code and a message: %d %v: %s", method, target, answer.Code, answer.Header(), answer.Body)
			}
			if after := h.state(t); after != before {
				t.Errorf("%s %s was refused with %d %s and has changed something:\n%s\n%s", method, target, answer.Code, answer.Body, before, after)
			}
		case answer.Body.Len() > 0 && !json.Valid(answer.Body.Bytes()):
			t.Errorf("%s %s: the answer is not JSON: %.200s", method, target, answer.Body)
		}
		if answer.Header().Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s %s: the answer has no request ID", method, target)
		}
	})
}
