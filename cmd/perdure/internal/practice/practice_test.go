package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/sqlite"
	"github.com/perdure/perdure/internal/limits"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// evening is the time at which the executions are looked at.
var evening = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)

// ward is a prepared site that the command looks at.
type ward struct {
	*site

	t        *testing.T
	endpoint string
	logs     *bytes.Buffer
	file     string
}

func newWard(t *testing.T) *ward {
	t.Helper()
	w := &ward{t: t, logs: new(bytes.Buffer), file: filepath.Join(t.TempDir(), "executions.db")}
	store, err := sqlite.Open(w.file)
	if err != nil {
		t.Fatal(err)
	}
	if w.site, err = prepared(t.Context(), store, w.logs, evening, numbered(7)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(lambdaapi.Handler(w.service))
	w.endpoint = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := w.close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// run runs the command, and returns what it prints.
func (w *ward) run(args ...string) string {
	w.t.Helper()
	var out, errs bytes.Buffer
	code := cli.Run(w.t.Context(), args, cli.Streams{
		In: strings.NewReader(""), Out: &out, Err: &errs, Now: w.clock.Now, Width: 1000,
		Getenv: func(key string) string { return map[string]string{"PERDURE_ENDPOINT": w.endpoint}[key] },
	})
	if code != 0 {
		w.t.Fatalf("perdure %s: exit %d\n%s%s", strings.Join(args, " "), code, out.String(), errs.String())
	}
	return out.String()
}

// TestTenExecutions: each execution is in the state that it is prepared for, and show says why.
func TestTenExecutions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		function string
		status   local.Status
		says     []string
	}{
		{"refund", local.StatusRunning, []string{
			`waiting for callback "approval-callback" (no time-out: it waits until it is answered); complete it with: perdure callback succeed `, "do not guess", "started 2026-03-01 07:07:00Z, 19h53m ago",
			"advice: It has no timeout",
		}},
		{"order", local.StatusRunning, []string{`the body of step "call-bank" has run for 9m; its invocation is cut off in 6m at the latest, and a second before that logs`, "the first invocation has not ended", "advice: If it hangs"}},
		{"report", local.StatusFailed, []string{
			"Sandbox.Timedout: Task timed out after 900.00 seconds", "9 invocations, 9 failed", "cut off 9 times",
			"advice: A body hangs, or takes longer", "Different lines are a body that is only slow", "900 seconds are the most",
		}},
		{"loan", local.StatusPaused, []string{
			"\npaused 18h46m ago: the code is not the code that wrote the log: an operation was inserted",
			`  recorded  Step "charge-card" (SUCCEEDED), Wait "cool-off" (SUCCEEDED)` + "\n" + `  code now  Step "check-fraud"` + "\n  do this   deploy code",
			"or declare the change: ", "perdure resume 'arn:",
		}},
		{"signup", local.StatusFailed, []string{"the input does not fit", "request.cents of type int", `"cents":"12 EUR"`, "advice: Start one with an input"}},
		{"checkout", local.StatusFailed, []string{"error   ResourceNotFoundException: Function not found: payment:live", "advice: See whether the whole function is missing, or only its alias"}},
		{"ingest", local.StatusRunning, []string{
			" counted, with retries and failed invocations)", "(CheckpointDurableExecution: 429 TooManyRequestsException: Rate exceeded): it is repeated (",
			` failed in a row since step "store-row[11]" was recorded; the 9th ends the execution, next in `,
			"advice: Its calls of CheckpointDurableExecution are throttled",
		}},
		{"export", local.StatusFailed, []string{"error   TooLarge: the result has 2,097,154 bytes, and the service takes at most 1,048,576", "advice: Keep large data outside of the log"}},
		{"invoice", local.StatusFailed, []string{"error   PanicError: panic: runtime error: index out of range [2] with length 2", "FAILED ×6  ", ", see the error above", "\nat      ", "practice.total (functions.go:", "advice: Mend the code at github.com/perdure/perdure/cmd/perdure/internal/practice.total (functions.go:"}},
		{"subscription", local.StatusRunning, []string{`waiting for wait "renewal", which ends in 364d4h`, "advice: It goes on by itself.", "--function subscription --operation renewal"}},
	}
	w := newWard(t)
	seen := make(map[string]bool)
	for _, tt := range tests {
		name := w.names[tt.function]
		got := w.run("show", name)
		t.Logf("%s: %s", tt.function, got)
		if head := name + "  " + string(tt.status) + "  "; !strings.HasPrefix(got, head) {
			t.Errorf("%s: show does not begin with %q:\n%s", tt.function, head, got)
		}
		for _, want := range tt.says {
			if !strings.Contains(got, want) {
				t.Errorf("%s: show does not say %q:\n%s", tt.function, want, got)
			}
		}
		seen[name] = true
	}
	if len(seen) != 10 || len(patients()) != 10 {
		t.Errorf("%d executions with names of their own, of %d", len(seen), len(patients()))
	}
	for _, name := range regexp.MustCompile(`(?m)^\S+ +(A-\d+) `).FindAllStringSubmatch(w.run("list"), -1) {
		delete(seen, name[1])
	}
	if len(seen) != 0 {
		t.Errorf("list does not have %v", seen)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(w.logs.String()), "\n") {
		if !strings.HasPrefix(line, `{"timestamp":"2026-03-0`) {
			t.Errorf("a line of the log is of another time than the executions: %s", line)
		}
	}
}

// TestWhatIsToBeDone: what the runbook says helps, helps here.
func TestWhatIsToBeDone(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	ends := func(name string) {
		t.Helper()
		for _, e := range w.service.Executions() {
			if e.Name() == name {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := e.RunUntilSuspended(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	refund := w.run("show", w.names["refund"])
	id := regexp.MustCompile(`callback succeed (\S+)`).FindStringSubmatch(refund)[1]
	w.run("callback", "succeed", id, "--text", "Ann")
	ends(w.names["refund"])

	w.run("skip", w.names["subscription"], "--operation", "renewal")
	w.clock.virtual.Advance(0) // what is due happens
	ends(w.names["subscription"])

	w.run("resume", w.names["loan"]) // the code has not changed
	ends(w.names["loan"])
	if got := w.run("show", w.names["loan"]); !strings.Contains(got, "PAUSED") {
		t.Errorf("resumed under the same code it is not held again:\n%s", got)
	}
	if err := w.service.Host("loan", handler(w.site, loan)); err != nil {
		t.Fatal(err)
	}
	w.run("resume", w.names["loan"])
	ends(w.names["loan"])

	w.run("start", "signup:$LATEST", `{"id":"S-9","cents":1200}`, "--name", "B-1")
	ends("B-1")

	for name, want := range map[string]string{
		w.names["refund"]: `"approved by Ann"`, w.names["subscription"]: `"renewed"`, w.names["loan"]: `"paid out"`, "B-1": `"welcome"`,
	} {
		if got := w.run("show", name); !strings.Contains(got, "SUCCEEDED") || !strings.Contains(got, "result  "+want) {
			t.Errorf("%s has not ended with %s:\n%s", name, want, got)
		}
	}
	w.run("stop", w.names["order"])
}

// TestTimesAreThoseOfAWS: who practises learns how long things take. What happens next happens when
// it is due, also while other executions are prepared.
func TestTimesAreThoseOfAWS(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	events := make(map[string][]local.Event)
	for _, function := range []string{"report", "invoice", "loan"} {
		name := w.names[function]
		for line := range strings.SplitSeq(strings.TrimSpace(w.run("history", name, "-o", "json")), "\n") {
			var e local.Event
			if err := e.UnmarshalJSON([]byte(line)); err != nil {
				t.Fatal(err)
			}
			events[name] = append(events[name], e)
		}
	}
	var ends, warned []time.Time
	for _, e := range events[w.names["report"]] {
		if e.Type == local.EventInvocationCompleted {
			ends = append(ends, e.Time)
			if took := e.End.Sub(e.Start); took != functionTimeout {
				t.Errorf("invocation %d of report took %v", len(ends), took)
			}
		}
	}
	if len(ends) != 9 {
		t.Fatalf("report has %d invocations", len(ends))
	}
	for i := range ends[:8] {
		if got, want := ends[i+1].Sub(ends[i])-functionTimeout, limits.FailurePause(i+1); got != want {
			t.Errorf("after %d failures of report there is a pause of %v, want %v", i+1, got, want)
		}
	}
	places := make(map[string]bool)
	for line := range strings.SplitSeq(strings.TrimSpace(w.logs.String()), "\n") {
		var r struct{ Timestamp, Message, ExecutionArn, Waits string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.Message, "the invocation's time is nearly over") {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, r.Timestamp)
		if err != nil || checkpoint.ExecutionName(r.ExecutionArn) != w.names["report"] {
			t.Fatalf("%v: %s", err, line)
		}
		warned = append(warned, at.Add(lastWords))
		places[r.Waits] = true
	}
	if len(places) < 3 || places[""] {
		t.Errorf("a body that is slow is in %d places when it is cut off, want another one from time to time: %v", len(places), places)
	}
	if diff := cmp.Diff(ends, warned); diff != "" {
		t.Errorf("each invocation of report says a second before its end what holds it up (-end +a second after):\n%s", diff)
	}
	var due time.Time
	for _, e := range events[w.names["invoice"]] {
		switch {
		case e.Type == local.EventStepStarted && !due.IsZero() && !e.Time.Equal(due):
			t.Errorf("an attempt of invoice is due at %v and begins at %v", due, e.Time)
		case e.Type == local.EventStepFailed:
			due = e.Time.Add(e.NextAttemptDelay)
		case e.Type == local.EventExecutionFailed && !e.Time.Equal(due):
			t.Errorf("the last attempt of invoice failed at %v, and the execution at %v", due, e.Time)
		}
	}
	var over time.Time
	for _, e := range events[w.names["loan"]] {
		switch e.Type { //nolint:exhaustive // of the others there is nothing to say
		case local.EventWaitSucceeded:
			over = e.Time
		case local.EventExecutionPaused:
			if !e.Time.Equal(over) {
				t.Errorf("the wait of loan is over at %v, and it is paused at %v", over, e.Time)
			}
		}
	}
}

// TestAnswers: in the end there is an answer for each execution, in the order of their names.
func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	answers := strings.Split(strings.TrimSpace(w.answers()), "\n")
	if len(answers) != 10 {
		t.Fatalf("%d answers:\n%s", len(answers), w.answers())
	}
	for i, line := range answers {
		name, rest, _ := strings.Cut(line, " ")
		function, _, _ := strings.Cut(strings.TrimSpace(rest), ":")
		if w.names[function] != name || name != fmt.Sprintf("A-%d", i+1) {
			t.Errorf("line %d is %q", i+1, line)
		}
	}
}

// TestPage: the address that is printed shows the page, with the logs of the functions.
func TestPage(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.logFile = filepath.Join(t.TempDir(), "functions.log")
	if err := os.WriteFile(w.logFile, w.logs.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.handler("http://127.0.0.1:9090"))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	get := func(path string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v: %s", path, res.Status, err, text)
		}
		return string(text)
	}
	get("/") // which gives the cookie
	for _, e := range w.service.Executions() {
		if e.Name() == w.names["order"] && !strings.Contains(get("/ui/execution?arn="+url.QueryEscape(e.ARN())), `"invoked":`) {
			t.Error("an invocation of order runs, and the page does not say so")
		}
	}
	var list struct{ Executions []struct{ ARN, Name string } }
	if err := json.Unmarshal([]byte(get("/ui/executions")), &list); err != nil || len(list.Executions) != 11 {
		t.Fatalf("%d executions, where ten are broken and A-0 is not: %v", len(list.Executions), err)
	}
	for _, e := range list.Executions {
		if e.Name == w.names["report"] && strings.Count(get("/ui/logs?arn="+url.QueryEscape(e.ARN)), "the invocation's time is nearly over") != 9 {
			t.Error("the logs of report do not have a line for each invocation that was cut off")
		}
	}
}
