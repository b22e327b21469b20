package cli_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// host hosts a handler as the function "it" and starts the execution "run" of it.
func (s *site) host(run func(ctx op.Context, n int) (int, error)) {
	s.t.Helper()
	if err := s.service.Host("it", replay.Handler(run, replay.WithLogHandler(slog.DiscardHandler))); err != nil {
		s.t.Fatal(err)
	}
	s.run("start", "it", "1", "--name", "run")
	s.settle()
}

// shown returns the line of what show prints that says what the execution waits for, and that of an
// operation.
func (s *site) shown(operation string) (last, row string) {
	s.t.Helper()
	got := s.run("show", "run")
	if got.code != 0 {
		s.t.Fatalf("%+v", got)
	}
	for line := range strings.Lines(got.out) {
		if strings.Contains(line, " "+operation+"  ") {
			row = strings.Join(strings.Fields(line), " ")
		}
	}
	last, _ = lastLines(got.out)
	return last, row
}

// lastLines returns the line that says what an execution does or waits for, and what comes below.
func lastLines(shown string) (last, advice string) {
	all := strings.Split(strings.TrimSpace(shown), "\n")
	if text, ok := strings.CutPrefix(all[len(all)-1], "advice: "); ok {
		all, advice = all[:len(all)-1], text
	}
	return all[len(all)-1], advice
}

// What can be done is said below what is wrong, unless that has said it, and in JSON.
func TestShowAdvises(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		run    func(ctx op.Context) error
		want   string // the beginning
	}{
		{"it goes on by itself", func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("nap", time.Hour)) }, ""},
		{
			"the line of the callback has the command",
			func(ctx op.Context) error {
				return replay.Exec(ctx, op.WaitForCallback[int]("answer", func(context.Context, string) error { return nil }, op.WithTimeout(time.Hour)))
			}, "",
		},
		{
			"a callback that may never end",
			func(ctx op.Context) error {
				return replay.Exec(ctx, op.WaitForCallback[int]("answer", func(context.Context, string) error { return nil }))
			}, "It has no timeout",
		},
		{"the function was removed", func(ctx op.Context) error { return replay.Exec(ctx, op.Invoke[int]("pay", "gone:live", 1)) }, "See whether the whole function is missing, or only its alias or version"},
		{"it has succeeded", func(op.Context) error { return nil }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.host(func(ctx op.Context, _ int) (int, error) { return 0, tt.run(ctx) })
			got := s.run("show", "run")
			if _, advice := lastLines(got.out); !strings.HasPrefix(advice, tt.want) || (advice == "") != (tt.want == "") {
				t.Errorf("show advises %q, want %q:\n%s", advice, tt.want, got.out)
			}
			if got := s.run("show", "run", "-o", "json"); tt.want != "" && !strings.Contains(got.out, `"advice": "`+tt.want) {
				t.Errorf("show -o json does not advise %q:\n%s", tt.want, got.out)
			}
		})
	}
}

// A step whose process was lost does not run, however long ago it began: show says how often it was
// cut off, and why.
func TestShowOfAStepThatWasCutOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	kills := 0
	s.host(func(ctx op.Context, _ int) (int, error) {
		charge := op.Do("charge", func(ctx context.Context) error {
			kills++
			local.Kill(ctx)
			runtime.Goexit()
			return nil
		}).UndoAttempted(func(context.Context) error { return nil }) // its start is recorded before the body begins
		return 0, replay.Exec(ctx, charge)
	})
	for kills < 3 {
		s.advance(10 * time.Second)
	}
	s.clock.Advance(4 * time.Second)
	last, row := s.shown("charge")
	count := fmt.Sprintf("%d times", kills)
	if want := "the last " + strconv.Itoa(kills) + " invocations failed, the last one "; !strings.HasPrefix(last, want) ||
		!strings.HasSuffix(last, `s ago (Runtime.ExitError: Runtime exited with error: exit status 1): it runs again (failed invocation `+strconv.Itoa(kills)+` of 9); step "charge" was cut off `+count+", and its body runs again") {
		t.Errorf("show says %q", last)
	}
	if want := "└─ charge step STARTED cut off " + count + ": Runtime.ExitError: Runtime exited with error: exit status 1"; row != want {
		t.Errorf("the row is %q, want %q", row, want)
	}
}

// Waiting for an execution says that its invocations run out of time, each time.
func TestWaitSaysThatTimeIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, local.WithFunctionTimeout(3*time.Second))
	slow := true
	begun := make(chan struct{}, 10)
	if err := s.service.Host("it", replay.Handler(func(ctx op.Context, _ int) (int, error) {
		return replay.Run(ctx, op.Step("slow", func(ctx context.Context) (int, error) {
			if !slow {
				return 7, nil
			}
			begun <- struct{}{}
			<-ctx.Done()
			return 0, ctx.Err()
		}).UndoAttempted(func(context.Context) error { return nil }))
	}, replay.WithLogHandler(slog.DiscardHandler))); err != nil {
		t.Fatal(err)
	}
	s.run("start", "it", "1", "--name", "run")
	for range 2 {
		done := make(chan struct{})
		go func() { defer close(done); s.settle() }()
		<-begun
		s.clock.Advance(3 * time.Second)
		<-done
		s.clock.Advance(time.Minute)
	}
	said := &told{lines: make(chan string, 100)}
	done := make(chan outcome, 1)
	go func() { done <- s.runWith(t.Context(), "", said, "start", "it", "1", "--name", "run", "--wait") }()
	var line string
	for !strings.HasPrefix(line, "the last 2 invocations failed") {
		select {
		case line = <-said.lines:
		case o := <-done:
			t.Fatalf("%+v", o)
		}
	}
	if want := `(Sandbox.Timedout: Task timed out after 3.00 seconds): it runs again (failed invocation 2 of 9); step "slow" was cut off 2 times, and its body runs again`; !strings.Contains(line, want) {
		t.Errorf("it says %q, want %q", line, want)
	}
	slow = false
	s.advance(time.Hour)
	if o := <-done; o.code != 0 || o.out != "7\n" {
		t.Errorf("in the end: %+v", o)
	}
}

// What show says of attempts is what is so now, and not what was.
func TestShowOfAttempts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	running, goOn := make(chan struct{}), make(chan struct{})
	s.host(func(ctx op.Context, _ int) (int, error) {
		pack := op.Do("pack", func(ctx context.Context) error {
			if info, _ := op.InfoFrom(ctx); info.Attempt < 3 {
				return fmt.Errorf("it fell down (%d)", info.Attempt)
			}
			close(running)
			<-goOn
			return nil
		}, op.WithRetry(retry.Fixed(10*time.Second)))
		return 0, replay.Exec(ctx, pack.UndoAttempted(func(context.Context) error { return nil })) // START is not held back
	})
	s.advance(10 * time.Second)
	last, row := s.shown("pack")
	if want := `waiting for attempt 3 of step "pack", in 10s (the last one failed: it fell down (2))`; last != want {
		t.Errorf("before the third attempt: %q, want %q", last, want)
	}
	if want := "└─ pack step PENDING ×2 it fell down (2)"; row != want {
		t.Errorf("before the third attempt: %q, want %q", row, want)
	}

	s.clock.Advance(10 * time.Second)
	settled := make(chan struct{})
	go func() { defer close(settled); s.settle() }()
	<-running
	s.clock.Advance(2 * time.Second)
	last, row = s.shown("pack")
	if want := `the body of step "pack" has run for 2s (attempt 3)`; last != want {
		t.Errorf("while the third attempt runs: %q, want %q", last, want)
	}
	if want := "└─ pack step STARTED ×3 the attempt before: it fell down (2)"; row != want {
		t.Errorf("while the third attempt runs: %q, want %q", row, want)
	}
	close(goOn)
	<-settled
	if _, row = s.shown("pack"); row != "└─ pack step SUCCEEDED ×3 22s {}" {
		t.Errorf("in the end: %q", row)
	}
}

// A callback with a heartbeat says so, and an execution that can time out says when.
func TestShowOfTimeouts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		opts   []op.CallbackOption
		want   string
	}{
		{
			"neither", nil,
			`waiting for callback "answer" (no time-out: it waits until the execution times out, in 100d); complete it with: perdure callback succeed YXJu… '<JSON of its type>' (the code has the type; for a string: --text '<text>')`,
		},
		{
			"both",
			[]op.CallbackOption{op.WithTimeout(48 * time.Hour), op.WithHeartbeatTimeout(time.Hour)},
			`waiting for callback "answer" (times out in 2d, and without a heartbeat within 1h); complete it with: perdure callback succeed YXJu… '<JSON of its type>' (the code has the type; for a string: --text '<text>')`,
		},
		{
			"a heartbeat alone",
			[]op.CallbackOption{op.WithHeartbeatTimeout(90 * time.Second)},
			`waiting for callback "answer" (times out without a heartbeat within 1m30s); complete it with: perdure callback succeed YXJu… '<JSON of its type>' (the code has the type; for a string: --text '<text>')`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, local.WithExecutionTimeout(100*24*time.Hour))
			s.host(func(ctx op.Context, _ int) (int, error) {
				c, err := replay.Run(ctx, op.CreateCallback[int]("answer", tt.opts...))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, c.Result())
			})
			if last, _ := s.shown("answer"); last != tt.want {
				t.Errorf("show says %q, want %q", last, tt.want)
			}
			head, _, _ := strings.Cut(s.run("show", "run").out, "\n")
			if want := "run  RUNNING  started 2026-03-02 09:00:00Z, 0s ago, times out in 100d"; head != want {
				t.Errorf("it begins with %q, want %q", head, want)
			}
		})
	}
}

// An execution that was stopped without a word has no error that could be shown.
func TestStoppedWithoutAWord(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.host(func(ctx op.Context, _ int) (int, error) { return 0, replay.Exec(ctx, op.Wait("nap", time.Hour)) })
	if got := s.run("stop", "run"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := s.run("show", "run"); strings.Contains(got.out, "error") || !strings.HasPrefix(got.out, "run  STOPPED  ") {
		t.Errorf("show prints\n%s", got.out)
	}
	if got := s.run("show", "run", "-o", "json"); strings.Contains(got.out, `"error"`) {
		t.Errorf("show -o json prints\n%s", got.out)
	}
	if got := s.run("start", "it", "1", "--name", "run", "--wait"); got.code != cli.ExitFailed || !strings.HasSuffix(got.err, "\nSTOPPED\n") {
		t.Errorf("start --wait: %+v", got)
	}
}

// The ends of a long list of operations are shown, and what did not succeed; --all shows every one,
// and JSON always does.
func TestLongTreesFold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	items := make([]int, 500)
	for i := range items {
		items[i] = i
	}
	s.host(func(ctx op.Context, _ int) (int, error) {
		pack := op.StepFunc("pack", func(_ context.Context, i int) (int, error) {
			if i == 77 || i == 300 {
				return 0, retry.Permanent(errors.New("it fell down"))
			}
			return i, nil
		})
		return 0, replay.Exec(ctx, op.Map("parcels", items, pack, op.WithCompletion(op.AllCompleted())))
	})
	got := s.run("show", "run")
	for _, want := range []string{
		"├─ … 72 SUCCEEDED (--all shows them)\n", "├─ … 222 SUCCEEDED (--all shows them)\n", "├─ … 194 SUCCEEDED (--all shows them)\n",
		"├─ item-4 ", "├─ item-77 ", "├─ item-300 ", "└─ item-499 ", "it fell down",
	} {
		if !strings.Contains(got.out, want) {
			t.Errorf("show does not print %q:\n%s", want, got.out)
		}
	}
	if n := strings.Count(got.out, "\n"); n > 40 {
		t.Errorf("show prints %d lines", n)
	}
	if n := strings.Count(s.run("show", "run", "--all").out, "\n"); n != 1000+1+5 && n != 1000+1+4 {
		t.Errorf("show --all prints %d lines", n)
	}
	if n := strings.Count(s.run("show", "run", "-o", "json").out, `"name": "pack"`); n != 500 {
		t.Errorf("show -o json prints %d of 500 steps", n)
	}
}

// A list is folded only if it is long, and not so that many failures make it long again.
func TestFoldKeepsWhatMatters(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason        string
		items, failed int
		lines         int // of items, and of what is left out
		left          string
	}{
		{"as many as fit", 20, 0, 20, ""},
		{"one more", 21, 0, 11, "… 11 SUCCEEDED"},
		{"ten that failed", 100, 10, 21, "… 80 SUCCEEDED"},
		{"more that failed", 100, 80, 21, "… 70 FAILED, 10 SUCCEEDED"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.host(func(ctx op.Context, _ int) (int, error) {
				ops := make([]op.Op[int], tt.items)
				for i := range ops {
					ops[i] = op.Step("s", func(context.Context) (int, error) {
						if i >= 5 && i < 5+tt.failed {
							return 0, retry.Permanent(errors.New("no"))
						}
						return i, nil
					}).Key(strconv.Itoa(i))
				}
				return 0, replay.Exec(ctx, op.AllSettled("all", ops...))
			})
			got := s.run("show", "run").out
			if n := strings.Count(got, "\n   ├─ ") + strings.Count(got, "\n   └─ "); n != tt.lines || !strings.Contains(got, tt.left) {
				t.Errorf("%d lines, want %d, and %q:\n%s", n, tt.lines, tt.left, got)
			}
		})
	}
}

// A name stands for the execution of the only function that has one of that name.
func TestNameWithoutFunction(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "order", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	s.run("start", "order", `{"id":"A-2","items":["hat"]}`, "--name", "A-2")
	s.run("start", "payment", `"A-2"`, "--name", "A-2")
	s.settle()
	for _, command := range []string{"show", "history"} {
		alone, given := s.run(command, "A-1"), s.run(command, "A-1", "-f", "order")
		if alone != given || alone.code != 0 {
			t.Errorf("%s without --function: %+v\nwith it: %+v", command, alone, given)
		}
		two := s.run(command, "A-2")
		if want := `perdure: 2 functions have an execution named "A-2", order and payment; say which one with --function` + "\n"; two.err != want ||
			two.code != cli.ExitUsage {
			t.Errorf("%s of a name that two functions know: %+v", command, two)
		}
	}
	if got := s.run("stop", "A-1"); got.code != 0 {
		t.Errorf("stop without --function: %+v", got)
	}
}
