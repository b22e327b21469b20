package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/sqlite"

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
			`waiting for callback "approval-callback"; complete it with: perdure callback succeed `, "started 2026-03-01 07:07:00Z, 19h53m ago",
			"advice: It has no timeout",
		}},
		{"order", local.StatusRunning, []string{`the body of step "call-bank" has run for 9m`, "the first invocation has not ended", "advice: If it hangs"}},
		{"report", local.StatusFailed, []string{
			"Sandbox.Timedout: RequestId: ", "Task timed out after 900.00 seconds", "9 invocations, 9 failed", "cut off 9 times",
			"advice: A body hangs, or takes longer",
		}},
		{"loan", local.StatusPaused, []string{
			"paused 18h46m ago: replay: the execution diverged", `current code STEP Step at "check-fraud"`, "declare the change", "perdure resume arn:",
			"advice: Run code that fits the history",
		}},
		{"signup", local.StatusFailed, []string{"the input does not fit", "request.cents of type int", `"cents":"12 EUR"`, "advice: Start one with an input"}},
		{"checkout", local.StatusFailed, []string{"error   ResourceNotFoundException: Function not found: payment:live", "advice: Deploy the function that was called"}},
		{"ingest", local.StatusRunning, []string{
			"(CheckpointCallError: replay: checkpoint call: checkpoint: CheckpointDurableExecution: 429 TooManyRequestsException: Rate exceeded)", "it is repeated (failed invocation 6 of 9, next in ",
			"advice: Its calls of the service are throttled",
		}},
		{"export", local.StatusFailed, []string{"error   TooLarge: the result has 2,097,154 bytes, and the service takes at most 1,048,576", "advice: Keep large data outside of the log"}},
		{"invoice", local.StatusFailed, []string{"error   PanicError: panic: runtime error: index out of range [2] with length 2", "FAILED ×6", "advice: Mend the code where the stack leads"}},
		{"subscription", local.StatusRunning, []string{`waiting for wait "renewal", which ends in 364d4h`, "advice: It goes on by itself."}},
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
