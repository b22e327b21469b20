package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// begun starts executions of order with these names, up to where they wait.
func (s *site) begun(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if o := s.run("start", "order", `{"id":"`+name+`","items":["hat"]}`, "--name", name); o.code != 0 {
			s.t.Fatalf("%+v", o)
		}
		s.settle()
	}
}

func (s *site) statuses() string {
	var all []string
	for _, e := range s.service.Executions() {
		if strings.Contains(e.ARN(), ":order:") {
			all = append(all, e.Name()+" "+string(e.Status()))
		}
	}
	return strings.Join(all, ", ")
}

func (s *site) expect(what string, o outcome, code int, said string) {
	s.t.Helper()
	if o.code != code || o.err != said {
		s.t.Errorf("%s: exit code %d, %q; want %d, %q", what, o.code, o.err, code, said)
	}
}

// TestAllThatAreSelected: a command with --all changes what its flags select, skips what has gone
// on meanwhile, and says how many there were.
func TestAllThatAreSelected(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1", "A-2")
	s.clock.Advance(2 * time.Hour)
	s.begun("A-3", "B-1")
	if o := s.run("stop", "A-2"); o.code != 0 {
		t.Fatalf("%+v", o)
	}
	const fast = "--rate=1000"
	o := s.run("pause", "--all", "--function", "order", "--name", "A-*", "--older-than", "1h", "--dry-run")
	s.expect("a dry run", o, 0, "1 execution would be paused\n")
	if !strings.Contains(o.out, "A-1") || strings.Contains(o.out, "A-3") || s.statuses() != "A-1 RUNNING, A-2 STOPPED, A-3 RUNNING, B-1 FAILED" {
		t.Errorf("it prints %s, and the executions are %s", o.out, s.statuses())
	}
	s.expect("none", s.run("pause", "--all", "--name", "Z*", fast), 0, "paused 0 of 0 executions\n")
	s.expect("by age", s.run("pause", "--all", "--newer-than", "1h", "--reason", "r", fast), 0, "paused 1 of 1 execution\n")
	s.expect("the others", s.run("pause", "--all", fast), 0, "paused 1 of 1 execution\n")
	if got := s.statuses(); got != "A-1 PAUSED, A-2 STOPPED, A-3 PAUSED, B-1 FAILED" {
		t.Errorf("the executions are %s", got)
	}
	s.expect("at most one", s.run("resume", "--all", "--limit", "1", "--status", "paused", fast), 0, "resumed 1 of 1 execution\n")
	s.expect("one that is not paused", s.run("resume", "A-1", "-f", "order"), cli.ExitUnavailable,
		"perdure: resume A-1: the execution is not paused (ResourceConflictException)\n")
	s.expect("one that runs is not deleted", s.run("delete", "A-1", "-f", "order"), cli.ExitUnavailable,
		"perdure: delete A-1: the execution has not ended; stop it first (ResourceConflictException)\n")
	s.expect("what has ended", s.run("delete", "--all", "--status", "STOPPED,FAILED", "-f", "order", fast), 0, "deleted 2 of 2 executions\n")
	if got := s.statuses(); got != "A-1 RUNNING, A-3 PAUSED" {
		t.Errorf("the executions are %s", got)
	}
	o = s.run("resume", "--all", "-o", "json", fast)
	want := `[
  {
    "executionArn": "` + s.scrub(s.arnOf("A-3")) + `",
    "name": "A-3",
    "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST",
    "status": "PAUSED",
    "done": true
  }
]
`
	if diff := cmp.Diff(want, o.out); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func (s *site) arnOf(name string) string {
	for _, e := range s.service.Executions() {
		if e.Name() == name {
			return e.ARN()
		}
	}
	return ""
}

// front is the service behind something that changes what goes through it.
func (s *site) front(change func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	next := lambdaapi.Handler(s.service)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { change(w, r, next) }))
	s.t.Cleanup(server.Close)
	s.endpoint, s.env["PERDURE_ENDPOINT"] = server.URL, server.URL
}

// TestWhatHasGoneOnIsSkipped: between the list and the call an execution may end, or someone
// pauses it.
func TestWhatHasGoneOnIsSkipped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1", "A-2", "A-3")
	calls := 0
	s.front(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/pause") {
			if calls++; calls == 1 {
				for _, e := range s.service.Executions() {
					if e.Name() == "A-2" {
						_ = e.Stop(nil)
					}
				}
			}
		}
		next.ServeHTTP(w, r)
	})
	s.expect("pause", s.run("pause", "--all", "--rate", "1000"), 0, "paused 2 of 3 executions; 1 had gone on meanwhile\n")
}

// TestAnErrorEndsIt: what the service refuses is not asked for a thousand times, and what was done
// is said.
func TestAnErrorEndsIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1", "A-2", "A-3")
	calls := 0
	s.front(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/pause") {
			if calls++; calls > 1 {
				w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
				w.Header().Set("X-Amzn-Requestid", "r")
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, `{"message":"ann is not authorized to perform: lambda:PauseDurableExecution"}`)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
	s.expect("pause", s.run("pause", "--all", "--rate", "1000"), cli.ExitUnavailable, "paused 1 of 3 executions\n"+
		"perdure: pause A-2: ann is not authorized to perform: lambda:PauseDurableExecution (AccessDeniedException)\n")
	if calls != 2 {
		t.Errorf("there were %d calls", calls)
	}
}

// TestProgress: a command that takes long says how far it is, every two seconds.
func TestProgress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1", "A-2", "A-3")
	s.front(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/pause") {
			s.clock.Advance(time.Second)
		}
		next.ServeHTTP(w, r)
	})
	s.expect("pause", s.run("pause", "--all", "--rate", "1000"), 0, "paused 2 of 3 executions\npaused 3 of 3 executions\n")
}

// TestCallsASecond: a command makes no more calls a second than it is allowed.
func TestCallsASecond(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1", "A-2", "A-3", "A-4")
	begun := time.Now()
	s.expect("pause", s.run("pause", "--all", "--rate", "20"), 0, "paused 4 of 4 executions\n")
	if took := time.Since(begun); took < 3*50*time.Millisecond {
		t.Errorf("4 calls took %v, at 20 a second", took)
	}
}

// TestShowOfAPausedExecution: it says why it is paused, what completes meanwhile, and when it times
// out; so do waiting for an execution and its history.
func TestShowOfAPausedExecution(t *testing.T) {
	t.Parallel()
	s := newSite(t, local.WithExecutionTimeout(100*time.Hour))
	s.begun("A-1")
	s.clock.Advance(time.Hour)
	s.expect("pause", s.run("pause", "A-1", "-f", "order", "--reason", "bad deploy"), 0,
		"the execution is paused\n")
	s.clock.Advance(10 * time.Minute)
	lines := strings.Split(strings.TrimSpace(s.run("show", "A-1", "-f", "order").out), "\n")
	if want := "A-1  PAUSED  started 2026-03-02 09:00:00Z, 1h10m ago, times out in 365d23h"; lines[0] != want {
		t.Errorf("show begins with %q, want %q", lines[0], want)
	}
	got := strings.Join(lines[len(lines)-3:], "\n")
	want := "paused 10m ago: bad deploy; it goes on with: perdure resume '" + s.scrub(s.arnOf("A-1")) + "'\n" +
		`meanwhile it is waiting for callback "collected-callback" (times out in 46h50m); complete it with: perdure callback succeed YXJu… '<JSON of its type>' (the code has the type; for a string: --text '<text>')` +
		"\nadvice: Resume it when the reason is gone."
	if got != want {
		t.Errorf("show ends with\n%s\nwant\n%s", got, want)
	}
	if o := s.run("show", "A-1", "-f", "order", "-o", "json"); !strings.Contains(o.out, `"paused": {
    "requested": "2026-03-02T10:00:00Z",
    "reason": "bad deploy",
    "executionTimeoutPaused": true
  },`) {
		t.Errorf("in JSON: %s", o.out)
	}
	if o := s.run("history", "A-1", "-f", "order"); !strings.Contains(o.out, "ExecutionPaused") || !strings.Contains(o.out, "bad deploy") {
		t.Errorf("the history is %s", o.out)
	}
	if o := s.run("history", "A-1", "-f", "order", "-o", "json"); !strings.Contains(o.out,
		`"ExecutionPausedDetails":{"PauseRequestTimestamp":1772445600,"Reason":{"Payload":"bad deploy","Truncated":false},"ExecutionTimeoutPaused":true}`) {
		t.Errorf("the history in JSON is %s", o.out)
	}
	s.expect("resume", s.run("resume", "A-1", "-f", "order"), 0, "the execution is resumed: perdure show says whether it goes on\n")
	if o := s.run("show", "A-1", "-f", "order"); !strings.Contains(o.out, "times out in 4d3h") || strings.Contains(o.out, "paused") {
		t.Errorf("afterwards show says %s", o.out)
	}
}

// TestWaitingForAPausedExecution: a pause is not the end.
func TestWaitingForAPausedExecution(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1")
	s.run("pause", "A-1", "-f", "order", "--reason", "bad deploy")
	said := &told{lines: make(chan string, 100)}
	done := make(chan outcome, 1)
	go func() {
		done <- s.runWith(t.Context(), "", said, "start", "order", `{"id":"A-1","items":["hat"]}`, "--name", "A-1", "--wait")
	}()
	for line := ""; !strings.HasPrefix(line, "paused 0s ago: bad deploy"); {
		select {
		case line = <-said.lines:
		case o := <-done:
			t.Fatalf("%+v", o)
		}
	}
	s.run("resume", "A-1", "-f", "order")
	s.run("stop", "A-1", "-f", "order")
	if o := <-done; o.code != cli.ExitFailed || !strings.HasSuffix(o.err, "STOPPED\n") {
		t.Errorf("in the end: %+v", o)
	}
}

// TestShowCountsFailedInvocations: of the nine that an execution has.
func TestShowCountsFailedInvocations(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.service.Host("it", replay.Handler(func(ctx op.Context, _ int) (int, error) {
		return replay.Run(ctx, op.Step("charge", func(ctx context.Context) (int, error) {
			local.Kill(ctx)
			<-ctx.Done()
			return 0, errors.New("killed")
		}).UndoAttempted(func(context.Context) error { return nil })) // its start is recorded before the body begins
	}, replay.WithLogHandler(slog.DiscardHandler))); err != nil {
		t.Fatal(err)
	}
	s.run("start", "it", "1", "--name", "run")
	for _, tt := range []struct {
		wait time.Duration
		want string
	}{
		{0, `: it is repeated; step "charge" was cut off 1 time`},
		{1100 * time.Millisecond, ` (failed invocation 2 of 9, next in 2.1s)`},
		{2100 * time.Millisecond, ` (failed invocation 3 of 9, next in 3.1s)`},
		{3100 * time.Millisecond, ` (failed invocation 4 of 9, next in 5.1s)`},
		{5100 * time.Millisecond, ` (failed invocation 5 of 9, next in 1.1s)`},
		{1100 * time.Millisecond, ` (failed invocation 6 of 9, next in 31s)`},
		{31 * time.Second, ` (failed invocation 7 of 9, next in 58s)`},
		{58 * time.Second, ` (failed invocation 8 of 9, next in 1m43s)`},
	} {
		s.clock.Advance(tt.wait)
		s.settle()
		if o := s.run("show", "run", "-f", "it"); !strings.Contains(o.out, tt.want) {
			t.Errorf("show says %s, want %s", o.out, tt.want)
		}
	}
	s.clock.Advance(103 * time.Second)
	s.settle()
	if o := s.run("show", "run", "-f", "it"); !strings.Contains(o.out, "run  FAILED") || !strings.Contains(o.out, "9 failed") {
		t.Errorf("in the end show says %s", o.out)
	}
}

// TestUnknownStatusAndEvent: what a later service says is shown as it stands, by every command, and
// ends nothing.
func TestUnknownStatusAndEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1")
	arn := s.arnOf("A-1")
	s.front(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		text := bytes.ReplaceAll(answer.Body.Bytes(), []byte(`"Status":"RUNNING"`), []byte(`"Status":"HIBERNATING"`))
		for _, name := range []string{`"EventType":"InvocationCompleted"`, `"InvocationCompletedDetails"`} { // the first of them
			text = bytes.Replace(text, []byte(name), []byte(strings.ReplaceAll(name, "InvocationCompleted", "ExecutionHibernated")), 1)
		}
		_, _ = w.Write(text)
	})
	for args, want := range map[string]string{
		"show A-1 -f order":            "A-1  HIBERNATING  started",
		"show A-1 -f order -o json":    `"status": "HIBERNATING"`,
		"list order":                   "HIBERNATING",
		"history A-1 -f order":         "ExecutionHibernated",
		"history A-1 -f order -o json": `"EventType":"ExecutionHibernated"`,
		"show " + arn:                  `waiting for callback "collected-callback"`,
	} {
		if o := s.run(strings.Fields(args)...); o.code != 0 || !strings.Contains(o.out, want) {
			t.Errorf("%s: %s", args, fmt.Sprintf("%+v", o))
		}
	}
}

// TestForkAndRedrive: on this machine an execution goes on from before an operation, or from where
// it has failed.
func TestForkAndRedrive(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("B-1", "A-1")
	s.run("start", "payment", `"A-9"`, "--name", "A-9")
	s.settle()
	arn := "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/"
	o := s.run("redrive", "B-1", "-f", "order")
	if o.code != 0 || o.out != arn+"B-1-redrive-1/6c9f…\n" || o.err != "B-1-redrive-1 has what B-1 has recorded of reserve\n"+
		"what runs again, or goes on: charge\nhow it goes on: perdure show B-1-redrive-1 --function order\n" {
		t.Errorf("redrive: %+v", o)
	}
	s.settle()
	if got := s.run("show", "B-1-redrive-1", "-f", "order").out; !strings.Contains(got, "B-1-redrive-1  FAILED") || !strings.Contains(got, "reserve") {
		t.Errorf("the card is still empty: %s", got)
	}
	o = s.run("fork", "A-1", "-f", "order", "--before", "parcels", "--name", "A-1b", "-o", "json")
	if o.code != 0 || !strings.Contains(o.out, `"executionArn": "`+arn+"A-1b/6c9f…") {
		t.Errorf("fork: %+v", o)
	}
	s.settle()
	if got := s.run("show", "A-1b", "-f", "order").out; !strings.Contains(got, "waiting for callback") || !regexp.MustCompile(`\d invocations?, after \d of A-1\n`).MatchString(got) {
		t.Errorf("the fork: %s", got)
	}
	for args, want := range map[string]outcome{
		"fork A-1 -f order": {err: "perdure: --before is missing: the operation that has not begun in the new execution, by its path or its ID, " +
			"as perdure show prints them; see perdure fork --help\n", code: cli.ExitUsage},
		"redrive A-1 -f order": {err: "perdure: redrive A-1: it has not ended, it is RUNNING; stop it first, or leave it as it is and begin another one with: " +
			"perdure fork A-1 --before OPERATION, by its path as perdure show prints it\n", code: cli.ExitUnavailable},
		"redrive A-9 -f payment": {err: "perdure: redrive A-9: it has succeeded, so nothing of it is to be tried again; to run a part of it again: " +
			"perdure fork A-9 --before OPERATION, by its path as perdure show prints it\n", code: cli.ExitUnavailable},
		"fork A-1 -f order --before fly": {err: "perdure: fork A-1: There is no operation \"fly\"; there are: reserve, charge, parcels, parcels/item-0, " +
			"parcels/item-0/pack, collected, collected/collected-callback, collected/collected-submitter (InvalidParameterValueException)\n", code: cli.ExitUnavailable},
		"redrive arn:aws:x": {err: "perdure: redrive arn:aws:x: no such execution (ResourceNotFoundException); perdure list shows all\n", code: cli.ExitNotFound},
		"redrive A-1 --aws": {err: "perdure: AWS has no call to redrive an execution; start one with the same input, under another name\n", code: cli.ExitUsage},
		"redrive arn:aws:x --endpoint http://127.0.0.1:1": {
			err: "perdure: redrive arn:aws:x: no answer at http://127.0.0.1:1; start perdure dev, or give --endpoint or --aws\n", code: cli.ExitUnavailable,
		},
	} {
		if diff := cmp.Diff(want, s.run(strings.Fields(args)...), cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
}
