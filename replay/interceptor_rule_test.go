package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestEndIsReportedWhenTheCodeComesLate: the service says that a wait is over before the code has
// reached it, in the answer to the checkpoint of another branch.
func TestEndIsReportedWhenTheCodeComesLate(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	var r recorder
	runs := 0
	recorded, answered := make(chan struct{}), make(chan struct{})
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		runs++
		first := runs == 1
		step := op.Group("step", func(ctx op.Context) (op.None, error) {
			err := replay.Exec(ctx, op.Do("work", func(ctx context.Context) error {
				if first {
					<-recorded
					local.Kill(ctx)
					runtime.Goexit()
				}
				h.clock.Advance(time.Hour)
				return nil
			}))
			if !first {
				close(answered)
			}
			return op.None{}, err
		})
		wait := op.Group("wait", func(ctx op.Context) (op.None, error) {
			if !first {
				<-answered
			}
			pause := replay.Go(ctx, op.Wait("pause", time.Minute))
			if err := replay.Exec(ctx, op.Do("after", func(context.Context) error { return nil })); err != nil {
				return op.None{}, err
			}
			if first {
				close(recorded)
			}
			return op.None{}, replay.Exec(ctx, pause.Result())
		})
		return op.None{}, replay.Exec(ctx, op.Parallel("both", []op.Op[op.None]{step, wait}))
	}, replay.WithInterceptors(r.interceptor()))
	e := h.drive(t, f, "null")
	var ends []string
	for _, line := range r.lines {
		if strings.HasPrefix(line, "end ") && strings.Contains(line, "pause") {
			ends = append(ends, line)
		}
	}
	if diff := cmp.Diff([]string{"end both[wait]/pause SUCCEEDED "}, ends); diff != "" {
		t.Errorf("ends of the wait (-want +got):\n%s\nall:\n%s\n%s", diff, strings.Join(r.lines, "\n"), end(e))
	}
}

// TestChangeIsReportedOnce: also if the service reports a completion that was acknowledged before.
func TestChangeIsReportedOnce(t *testing.T) {
	t.Parallel()
	var changes []string
	i := replay.Interceptor{OperationChange: func(_ context.Context, c replay.Change) {
		for _, o := range c.Changed {
			changes = append(changes, o.Name+" "+o.Status)
		}
	}}
	c := &tape{}
	c.reply = func(n int, _ checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
		out := checkpoint.CheckpointOutput{Token: fmt.Sprintf("token-%d", n+1)}
		if n == 2 {
			out.Operations = []checkpoint.Operation{stepRecord("first", checkpoint.StatusSucceeded, withResult("{}"))}
		}
		return out, nil
	}
	noop := func(context.Context) error { return nil }
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		if err := replay.Exec(ctx, op.Do("first", noop)); err != nil {
			return op.None{}, err
		}
		return replay.Run(ctx, op.Do("second", noop))
	}, replay.WithInterceptors(i))
	if got := once(t, f, c); got != "SUCCEEDED {}" {
		t.Fatal(got)
	}
	changes = slices.DeleteFunc(changes, func(s string) bool { return !strings.HasSuffix(s, "SUCCEEDED") })
	if diff := cmp.Diff([]string{"first SUCCEEDED", "second SUCCEEDED"}, changes); diff != "" {
		t.Errorf("completions (-want +got):\n%s", diff)
	}
}

// TestReplaySaysWhichInvocationHasBegun an operation, in every report of it.
func TestReplaySaysWhichInvocationHasBegun(t *testing.T) {
	t.Parallel()
	var got []string
	i := replay.Interceptor{
		OperationStart: func(_ context.Context, o replay.OperationInfo) {
			got = append(got, fmt.Sprintf("start %s %t", o.Name, o.Replay))
		},
		OperationEnd: func(_ context.Context, o replay.OperationInfo) {
			got = append(got, fmt.Sprintf("end %s %t", o.Name, o.Replay))
		},
		OperationChange: func(_ context.Context, c replay.Change) {
			for _, o := range c.Changed {
				if o.Status == "SUCCEEDED" {
					seen, _ := c.Lookup(o.ID)
					got = append(got, fmt.Sprintf("change %s %t %t", o.Name, o.Replay, seen.Replay))
				}
			}
		},
	}
	err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
		if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil {
			return "", err
		}
		return replay.Run(ctx, op.Step("work", func(context.Context) (string, error) { return in, nil }))
	}, replay.WithInterceptors(i))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"start pause false", "change pause true true", "end pause true", "start work false", "change work false false", "end work false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
}

// TestWrapperCannotKeepABodyGoing: whatever context it passes, that of a body ends with the body's
// time, and the invocation with its own.
func TestWrapperCannotKeepABodyGoing(t *testing.T) {
	t.Parallel()
	detached := replay.Interceptor{
		WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
			next(context.WithoutCancel(ctx))
		},
		WrapGroup: func(ctx context.Context, _ replay.GroupInfo, next func(context.Context) replay.AttemptEnd) {
			next(context.WithoutCancel(ctx))
		},
		WrapAttempt: func(ctx context.Context, _ replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
			next(context.WithoutCancel(ctx))
		},
	}
	t.Run("a branch that has lost", func(t *testing.T) {
		t.Parallel()
		begun, cause := make(chan struct{}), make(chan error, 1)
		err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
			slow := op.Step("slow", func(ctx context.Context) (string, error) {
				close(begun)
				<-ctx.Done()
				cause <- context.Cause(ctx)
				return "", ctx.Err()
			})
			fast := op.Step("fast", func(context.Context) (string, error) {
				<-begun
				return in, nil
			})
			return replay.Run(ctx, op.Race("race", slow, fast))
		}, replay.WithInterceptors(detached), replay.WithGrace(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if err := <-cause; err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("the context ended because of %v, want the reason", err)
		}
	})
	t.Run("an invocation whose time is over", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(onTape(t, &tape{}))
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			return replay.Run(ctx, op.Do("work", func(ctx context.Context) error {
				cancel()
				<-ctx.Done()
				return ctx.Err()
			}))
		}, replay.WithInterceptors(detached), replay.WithGrace(time.Minute))
		if got := say(f.Invoke(ctx, event(t))); !strings.HasPrefix(got, "error replay: the invocation") {
			t.Errorf("answer %s", got)
		}
	})
}

// TestReportsHaveTheContextOfTheInvocation: operations are reported with the values that
// WrapInvocation has given it, attempts with what their bodies see.
func TestReportsHaveTheContextOfTheInvocation(t *testing.T) {
	t.Parallel()
	type key struct{}
	var got []string
	note := func(ctx context.Context, what string) {
		info, _ := op.InfoFrom(ctx)
		got = append(got, fmt.Sprint(what, " ", ctx.Value(key{}), " ", info.Path))
	}
	i := replay.Interceptor{
		WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
			next(context.WithValue(ctx, key{}, "wrapped"))
		},
		OperationStart: func(ctx context.Context, _ replay.OperationInfo) { note(ctx, "start") },
		OperationEnd:   func(ctx context.Context, _ replay.OperationInfo) { note(ctx, "end") },
		AttemptStart:   func(ctx context.Context, _ replay.AttemptInfo) { note(ctx, "attempt") },
		AttemptEnd:     func(ctx context.Context, _ replay.AttemptInfo, _ replay.AttemptEnd) { note(ctx, "attempt end") },
		WrapAttempt: func(ctx context.Context, _ replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
			note(ctx, "wrap")
			next(ctx)
		},
	}
	err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
		return replay.Run(ctx, op.Step("work", func(ctx context.Context) (string, error) {
			note(ctx, "body")
			return in, nil
		}))
	}, replay.WithInterceptors(i))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"start wrapped ", "attempt wrapped work", "wrap wrapped work", "body wrapped work", "attempt end wrapped work", "end wrapped ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contexts (-want +got):\n%s", diff)
	}
}

// TestInterceptorsOfAListAreCalledInItsOrder, and those of a repeated option after the others.
func TestInterceptorsOfAListAreCalledInItsOrder(t *testing.T) {
	t.Parallel()
	var got []string
	named := func(name string) replay.Interceptor {
		add := func(what string) { got = append(got, what+" "+name) }
		return replay.Interceptor{
			InvocationStart: func(context.Context, replay.InvocationInfo) { add("invocation") },
			OperationEnd:    func(context.Context, replay.OperationInfo) { add("end") },
			AttemptEnd:      func(context.Context, replay.AttemptInfo, replay.AttemptEnd) { add("attempt end") },
			WrapAttempt: func(ctx context.Context, _ replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
				add("before")
				next(ctx)
				add("after")
			},
		}
	}
	err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
		return replay.Run(ctx, op.Step("work", func(context.Context) (string, error) { return in, nil }))
	}, replay.WithInterceptors(named("a"), replay.Interceptor{}, named("b")), replay.WithInterceptors(named("c")))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split("invocation a,invocation b,invocation c,before a,before b,before c,after c,after b,after a,"+
		"attempt end a,attempt end b,attempt end c,end a,end b,end c", ",")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestAttemptsAreReportedWhereTheBodyRuns: on its goroutine, so that a profile's labels or a lock
// of the goroutine to its thread hold for both.
func TestAttemptsAreReportedWhereTheBodyRuns(t *testing.T) {
	t.Parallel()
	goroutine := func() string {
		buf := make([]byte, 64)
		name, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), " [")
		return name
	}
	var mu sync.Mutex
	seen := make(map[string][]string)
	note := func(path string) {
		mu.Lock()
		defer mu.Unlock()
		seen[path] = append(seen[path], goroutine())
	}
	i := replay.Interceptor{
		AttemptStart: func(_ context.Context, a replay.AttemptInfo) { note(a.Path) },
		AttemptEnd:   func(_ context.Context, a replay.AttemptInfo, _ replay.AttemptEnd) { note(a.Path) },
		GroupStart:   func(_ context.Context, g replay.GroupInfo) { note(g.Path) },
		GroupEnd:     func(_ context.Context, g replay.GroupInfo, _ replay.AttemptEnd) { note(g.Path) },
	}
	err := runIntercepted(t, func(ctx op.Context, in string) (string, error) {
		work := op.StepFunc("work", func(ctx context.Context, _ int) (string, error) {
			info, _ := op.InfoFrom(ctx)
			note(info.Path)
			return "", nil
		})
		group := op.Group("group", func(ctx op.Context) (string, error) {
			note("group")
			return replay.Run(ctx, work(0))
		})
		f := replay.Go(ctx, group)
		if err := replay.Exec(ctx, op.Map("map", []int{1, 2, 3}, work)); err != nil {
			return "", err
		}
		return in, replay.Exec(ctx, f.Result())
	}, replay.WithInterceptors(i))
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 5 {
		t.Errorf("seen are %v", seen)
	}
	for path, names := range seen {
		if len(names) < 2 || len(slices.Compact(slices.Clone(names))) != 1 {
			t.Errorf("%s ran on %q, want one goroutine", path, names)
		}
	}
}

// TestEndOfAFailedInvocationSaysWhy: with the type that the log has, or as the invocation's own
// error.
func TestEndOfAFailedInvocationSaysWhy(t *testing.T) {
	t.Parallel()
	var end replay.InvocationEnd
	i := replay.Interceptor{InvocationEnd: func(_ context.Context, _ replay.InvocationInfo, e replay.InvocationEnd) { end = e }}
	err := runIntercepted(t, func(op.Context, string) (string, error) { return "", &limitError{Limit: 7} }, replay.WithInterceptors(i))
	if err == nil {
		t.Fatal("the execution did not fail")
	}
	failed, ok := errors.AsType[*op.Error](end.Err)
	if !ok || end.Status != "FAILED" || !end.Terminal || failed.Type != "limitError" || failed.Error() != "over the limit of 7" {
		t.Errorf("the end is %+v", end)
	}
	c := &tape{reply: func(int, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
		return checkpoint.CheckpointOutput{}, errThrottled
	}}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Wait("pause", time.Hour))
	}, replay.WithInterceptors(i))
	if got := once(t, f, c); !errors.Is(end.Err, errThrottled) || end.Status != "RETRYING" || end.Terminal {
		t.Errorf("answer %s, the end is %+v", got, end)
	}
}

// TestPanicOfAnInterceptorIsLogged: with the execution that it was about, and its name is not
// enough to harm anybody else.
func TestPanicOfAnInterceptorIsLogged(t *testing.T) {
	t.Parallel()
	book := &logBook{}
	i := replay.Interceptor{OperationStart: func(context.Context, replay.OperationInfo) { panic("broken") }}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Do("work", func(context.Context) error { return nil }))
	}, replay.WithInterceptors(replay.Interceptor{}, i), replay.WithLogHandler(book.handler(true)))
	if got := once(t, f, &tape{}); got != "SUCCEEDED {}" {
		t.Fatal(got)
	}
	want := []string{`level=WARN msg="an interceptor panicked" executionArn=` + tapeARN + ` interceptor=1 error="panic: broken"`}
	got := book.lines()
	for i, line := range got {
		stack := regexp.MustCompile(`stack="[^"]*" `).FindString(line)
		if !strings.Contains(stack, "interceptor_rule_test.go") {
			t.Errorf("the stack is %q", stack)
		}
		got[i] = strings.Replace(line, stack, "", 1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// TestInterceptorsServeInvocationsAtOnce: what one execution does is not reported as done by
// another.
func TestInterceptorsServeInvocationsAtOnce(t *testing.T) {
	t.Parallel()
	const executions = 8
	var mu sync.Mutex
	seen := make(map[string][]string) // by ARN
	note := func(arn, what string) {
		mu.Lock()
		defer mu.Unlock()
		seen[arn] = append(seen[arn], what)
	}
	i := replay.Interceptor{
		InvocationStart: func(_ context.Context, i replay.InvocationInfo) { note(i.ExecutionARN, "invocation") },
		OperationEnd:    func(_ context.Context, o replay.OperationInfo) { note(o.ExecutionARN, "end "+o.Path+" "+o.Result) },
		AttemptStart:    func(_ context.Context, a replay.AttemptInfo) { note(a.ExecutionARN, "attempt "+a.Path) },
		LogAttrs: func(a replay.AttemptInfo) []slog.Attr {
			return []slog.Attr{slog.String("of", a.ExecutionARN)}
		},
	}
	var all sync.WaitGroup
	meet := make(chan struct{})
	all.Add(executions)
	book := &logBook{}
	f := replay.Handler(func(ctx op.Context, in string) (string, error) {
		if err := replay.Exec(ctx, op.Do("meet", func(ctx context.Context) error {
			all.Done()
			<-meet
			op.LoggerFrom(ctx).Info("met", slog.String("in", in))
			return nil
		})); err != nil {
			return "", err
		}
		return replay.Run(ctx, op.Step("echo", func(context.Context) (string, error) { return in, nil }))
	}, replay.WithInterceptors(i), replay.WithLogHandler(book.handler(true)))
	arns := make([]string, executions)
	var done sync.WaitGroup
	for n := range executions {
		arns[n] = fmt.Sprintf("%s-%d", tapeARN, n)
		payload, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
			ARN: arns[n], Token: "token-1", Operations: []checkpoint.Operation{execution(fmt.Sprintf(`"in-%d"`, n))},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx := onTape(t, &tape{})
		done.Go(func() {
			if got, want := say(f.Invoke(ctx, payload)), fmt.Sprintf(`SUCCEEDED "in-%d"`, n); got != want {
				t.Errorf("answer %s, want %s", got, want)
			}
		})
	}
	all.Wait()
	close(meet)
	done.Wait()
	lines := strings.Join(book.lines(), "\n")
	for n, arn := range arns {
		want := []string{"invocation", "attempt meet", "end meet {}", "attempt echo", fmt.Sprintf(`end echo "in-%d"`, n)}
		if diff := cmp.Diff(want, seen[arn]); diff != "" {
			t.Errorf("execution %d (-want +got):\n%s", n, diff)
		}
		if line := fmt.Sprintf("msg=met executionArn=%s ", arn); !strings.Contains(lines, line) || !strings.Contains(lines, fmt.Sprintf("of=%s in=in-%d", arn, n)) {
			t.Errorf("%s is missing in\n%s", line, lines)
		}
		if strings.Count(lines, "of="+arn) != 1 {
			t.Errorf("%s is not once in\n%s", "of="+arn, lines)
		}
	}
}
