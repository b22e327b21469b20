//go:build unix

package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"
)

// run returns a function whose program is one of this test binary.
func run(t *testing.T, program string, opts ...process.Option) *process.Function {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := process.New(self, append([]process.Option{process.WithEnv(programKey + "=" + program)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if s := f.Stats(); s.Running != 0 {
			t.Errorf("%d processes are running after Close", s.Running)
		}
	})
	return f
}

func invoke(ctx context.Context, f *process.Function, do string, n int) (string, error) {
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: "request-1", TenantID: "blue",
		InvokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:order:7",
	})
	ctx = checkpoint.WithTraceHeader(ctx, "Root=1")
	in, err := json.Marshal(order{do, n})
	if err != nil {
		return "", err
	}
	out, err := f.Invoke(ctx, in)
	return string(out), err
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	f := run(t, "function", process.WithEnv("EXTRA=e"), process.WithEndpoint("http://127.0.0.1:1"))
	tests := []struct {
		name, reason, do string
		n                int
		want             string
		failure          checkpoint.Failure
	}{
		{name: "value", reason: "the answer comes as it is", do: "echo", n: 7, want: "7"},
		{
			name: "error", reason: "the function says its type and message", do: "error",
			failure: checkpoint.Failure{Type: "errorString", Message: "refused"},
		},
		{
			name: "panic", reason: "the runtime reports it and ends", do: "panic",
			failure: checkpoint.Failure{Type: "string", Message: "broken"},
		},
		{
			name: "exit", reason: "no answer", do: "exit", n: 3,
			failure: checkpoint.Failure{Type: "Runtime.ExitError", Message: "RequestId: request-1 Error: Runtime exited with error: exit status 3"},
		},
		{
			name: "exit 0", reason: "no answer either", do: "exit",
			failure: checkpoint.Failure{Type: "Runtime.ExitError", Message: "RequestId: request-1 Error: Runtime exited without providing a reason"},
		},
		{
			name: "killed", reason: "as by the system that is out of memory", do: "kill",
			failure: checkpoint.Failure{Type: "Runtime.ExitError", Message: "RequestId: request-1 Error: Runtime exited with error: signal: killed"},
		},
		{name: "again", reason: "the next one gets a new process", do: "echo", n: 8, want: "8"},
		{
			name: "context", reason: "what Lambda says to a function", do: "who",
			want: `{"arn":"arn:aws:lambda:eu-west-1:123456789012:function:order:7","endpoint":"http://127.0.0.1:1","extra":"e","header":"Root=1",` +
				`"name":"order","request":"request-1","secret":"","soon":true,"tenant":"blue","trace":"Root=1","version":"7"}`,
		},
		{
			name: "too large", reason: "Lambda takes 6 MiB", do: "big", n: 6<<20 + 200,
			failure: checkpoint.Failure{
				Type:    "Function.ResponseSizeTooLarge",
				Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
			},
		},
	}
	for _, tt := range tests { // one after the other: a process may be used again
		got, err := invoke(t.Context(), f, tt.do, tt.n)
		if got != tt.want {
			t.Errorf("%s: %s: got %q, want %q (%v)", tt.name, tt.reason, got, tt.want, err)
		}
		failed, ok := errors.AsType[*local.FunctionError](err)
		if ok != (tt.failure.Type != "") {
			t.Errorf("%s: %s: got error %v", tt.name, tt.reason, err)
			continue
		}
		if ok {
			failed.Failure.Stack = nil
			if diff := cmp.Diff(tt.failure, failed.Failure); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", tt.name, tt.reason, diff)
			}
		}
	}
}

func TestLargePayloads(t *testing.T) {
	t.Parallel()
	f := run(t, "function")
	got, err := invoke(t.Context(), f, "big", 6<<20)
	if err != nil || len(got) != 6<<20+2 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestProcessesAreKeptWarm(t *testing.T) {
	t.Parallel()
	f := run(t, "function")
	pids := make(map[string]bool)
	for range 5 {
		pid, err := invoke(t.Context(), f, "pid", 0)
		if err != nil {
			t.Fatal(err)
		}
		pids[pid] = true
	}
	if s := f.Stats(); len(pids) != 1 || s.Started != 1 || s.Running != 1 || s.Init <= 0 {
		t.Errorf("five invocations ran in the processes %v: %+v", pids, s)
	}
}

func TestAProcessThatDiesIdleIsReplaced(t *testing.T) {
	t.Parallel()
	f := run(t, "function")
	for range 3 {
		text, err := invoke(t.Context(), f, "pid", 0)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, "the dead process is gone", func() bool { return f.Stats().Running == 0 })
	}
	if got, err := invoke(t.Context(), f, "echo", 1); err != nil || got != "1" {
		t.Errorf("got %s, %v", got, err)
	}
}

// until waits for something that another process does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("after 5 seconds it is not so that %s", what)
}

func TestTimeIsOver(t *testing.T) {
	t.Parallel()
	f := run(t, "function")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := invoke(ctx, f, "hang", 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if s := f.Stats(); s.Running != 0 {
		t.Errorf("the process that had no time left is still there: %+v", s)
	}
}

func TestProcessesAreLimited(t *testing.T) {
	t.Parallel()
	f := run(t, "function", process.WithMaxProcesses(2))
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			got, err := invoke(t.Context(), f, "echo", i)
			if err != nil || got != strconv.Itoa(i) {
				t.Errorf("got %s, %v, want %d", got, err, i)
			}
			if s := f.Stats(); s.Running > 2 {
				t.Errorf("%d processes run", s.Running)
			}
		})
	}
	all.Wait()
	if s := f.Stats(); s.Started > 2 {
		t.Errorf("%d processes were started", s.Started)
	}
}

func TestIdleProcessesEnd(t *testing.T) {
	t.Parallel()
	f := run(t, "function", process.WithIdleTimeout(50*time.Millisecond))
	if _, err := invoke(t.Context(), f, "echo", 1); err != nil {
		t.Fatal(err)
	}
	until(t, "the idle process has ended", func() bool { return f.Stats().Running == 0 })
}

func TestProgramsThatDoNotBegin(t *testing.T) {
	t.Parallel()
	tests := []struct{ program, reason, kind, message string }{
		{"dead", "it says why on its way out", "Runtime.ExitError", "exit status 3 before "},
		{"done", "its main function returns at once", "Runtime.ExitError", "does its main function call lambda.Start?"},
		{"init", "it reports by the Runtime API", "Config", "no table"},
		{"deaf", "it never asks for an event", "Sandbox.Timedout", "within 500ms"},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			limit := 30 * time.Second
			if tt.program == "deaf" {
				limit = 500 * time.Millisecond
			}
			f := run(t, tt.program, process.WithInitTimeout(limit))
			_, err := invoke(t.Context(), f, "echo", 1)
			failed, ok := errors.AsType[*local.FunctionError](err)
			if !ok || failed.Failure.Type != tt.kind || !strings.Contains(failed.Failure.Message, tt.message) {
				t.Errorf("%s: got %v", tt.reason, err)
			}
			if tt.program == "dead" && !strings.Contains(err.Error(), "no database") {
				t.Errorf("the error does not say what the program wrote: %v", err)
			}
		})
	}
}

func TestProgramsThatDoNotExist(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte("hello"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(dir, "none"): "build it first", text: "not executable", dir: "build it"} {
		if _, err := process.New(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	f, err := process.New(garbage)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = invoke(t.Context(), f, "echo", 1)
	if failed, ok := errors.AsType[*local.FunctionError](err); !ok || failed.Failure.Type != "Runtime.InvalidEntrypoint" {
		t.Errorf("got %v", err)
	}
}

func TestRuntimeAPIIsStrict(t *testing.T) {
	t.Parallel()
	f := run(t, "raw")
	for _, want := range []string{"null", "[403,403,400,202,403,404,405,405]"} {
		if got, err := invoke(t.Context(), f, "", 0); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestLinesAreCaptured(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := make(map[process.Stream][]string)
	unfinished := make(chan struct{})
	f := run(t, "function", process.WithOutput(func(l process.Line) {
		mu.Lock()
		defer mu.Unlock()
		if l.Text == "four" {
			close(unfinished)
		}
		if l.PID == 0 || l.Time.IsZero() || l.RequestID != "request-1" {
			t.Errorf("got %+v", l)
		}
		got[l.Stream] = append(got[l.Stream], l.Text)
	}))
	if _, err := invoke(t.Context(), f, "write", 64<<10+3); err != nil {
		t.Fatal(err)
	}
	<-unfinished // comes although nothing follows it
	if _, err := invoke(t.Context(), f, "die writing", 0); err == nil {
		t.Fatal("it has not died")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[process.Stream][]string{
		process.Stdout: {"one", "three", "", strings.Repeat("y", 64<<10), "yyy", "four", "last words"},
		process.Stderr: {"two"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLinesAreOfTheirEvent gives one process two events: a line is of the one that wrote it.
func TestLinesAreOfTheirEvent(t *testing.T) {
	t.Parallel()
	lines := make(chan process.Line, 16)
	f := run(t, "function", process.WithOutput(func(l process.Line) {
		if l.Text == "four" {
			lines <- l
		}
	}))
	pid := 0
	for _, id := range []string{"request-1", "request-2"} {
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: id})
		if _, err := f.Invoke(ctx, []byte(`{"Do":"write","N":1}`)); err != nil {
			t.Fatal(err)
		}
		l := <-lines // has no line break: it comes when the process has answered
		if l.RequestID != id || (pid != 0 && l.PID != pid) {
			t.Errorf("got %+v, want a line of %s and of process %d", l, id, pid)
		}
		pid = l.PID
	}
}

func TestChildrenDoNotOutliveTheirProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the test looks into /proc")
	}
	child := make(chan int, 1)
	f := run(t, "function", process.WithOutput(func(l process.Line) {
		var pid int
		if _, err := fmt.Sscanf(l.Text, "child %d", &pid); err == nil {
			child <- pid
		}
	}))
	_, err := invoke(t.Context(), f, "children", 0)
	if err == nil || !strings.HasSuffix(err.Error(), "Runtime exited without providing a reason") {
		t.Fatalf("a process that leaves a child behind and ends with status 0: got %v", err)
	}
	pid := <-child
	until(t, "the child is gone", func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(state), ") Z ")
	})
}

func TestReplace(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.Symlink(self, copied); err != nil {
		t.Fatal(err)
	}
	f := run(t, "function")
	before, err := invoke(t.Context(), f, "pid", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Replace(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a program that does not exist was taken")
	}
	if same, err := invoke(t.Context(), f, "pid", 0); err != nil || same != before {
		t.Errorf("after a refused replacement: got %s, %v, want %s", same, err, before)
	}
	if err := f.Replace(copied); err != nil {
		t.Fatal(err)
	}
	if after, err := invoke(t.Context(), f, "pid", 0); err != nil || after == before {
		t.Errorf("after a replacement: got %s, %v, want another process", after, err)
	}
}

func TestClosedWhileItRuns(t *testing.T) {
	t.Parallel()
	f := run(t, "function", process.WithMaxProcesses(1))
	results := make(chan error, 2)
	for range 2 { // one runs, one waits for it
		go func() {
			_, err := invoke(t.Context(), f, "hang", 0)
			results <- err
		}()
	}
	until(t, "a process runs", func() bool { return f.Stats().Init > 0 })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-results; !errors.Is(err, process.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := invoke(t.Context(), f, "echo", 1); !errors.Is(err, process.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}

// TestDurableFunction hosts a program that crashes once, with the real client of the AWS SDK
// inside.
func TestDurableFunction(t *testing.T) {
	t.Parallel()
	s := local.New(local.WithLimits(local.Limits{RetryPause: 10 * time.Millisecond}))
	defer s.Close()
	server := httptest.NewServer(lambdaapi.Handler(s))
	defer server.Close()
	f := run(t, "durable", process.WithEndpoint(server.URL), process.WithEnv("EXTRA="+filepath.Join(t.TempDir(), "crashed")))
	if err := s.Host("order", f); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "order", "order-1", []byte(`{"Do":"ship"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := string(e.Result()); got != `"ship after true"` || e.Err() != nil {
		t.Errorf("got %s, %v", got, e.Err())
	}
	crashes := 0
	for _, ev := range e.History() {
		if ev.Type == local.EventInvocationCompleted && ev.Failure != nil {
			crashes++
			if ev.Failure.Type != "Runtime.ExitError" || !strings.Contains(ev.Failure.Message, "exit status 7") {
				t.Errorf("got %+v", ev.Failure)
			}
		}
	}
	if s := f.Stats(); crashes != 1 || s.Started != 2 {
		t.Errorf("%d crashes, %+v", crashes, s)
	}
}

// TestWaitingForAProcessTakesNoTime: a function whose processes are all busy is not out of time for
// that.
func TestWaitingForAProcessTakesNoTime(t *testing.T) {
	t.Parallel()
	s := local.New(local.WithFunctionTimeout(4 * time.Second))
	defer s.Close()
	f := run(t, "function", process.WithMaxProcesses(1))
	if err := s.Host("order", f, local.WithPlainFunction()); err != nil {
		t.Fatal(err)
	}
	var all []*local.Execution
	for range 5 {
		e, err := s.Start(t.Context(), "order", "", []byte(`{"Do":"sleep","N":1000}`))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	for _, e := range all {
		if err := e.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e.Status() != local.StatusSucceeded || e.Invocations() != 1 {
			t.Errorf("%s after %d invocations: %v", e.Status(), e.Invocations(), e.Err())
		}
	}
}
