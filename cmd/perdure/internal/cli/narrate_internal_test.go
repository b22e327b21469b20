package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// stage is a service whose store says what its executions do.
type stage struct {
	t       *testing.T
	clock   *local.VirtualClock
	service *local.Service
	lines   []string
}

func newStage(t *testing.T, store local.Store, clock *local.VirtualClock, opts ...local.Option) *stage {
	t.Helper()
	s := &stage{t: t, clock: clock}
	say := func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		line = regexp.MustCompile(`callback succeed \S+`).ReplaceAllString(line, "callback succeed ID")
		line = regexp.MustCompile(`durable-execution/\S+`).ReplaceAllString(line, "…")
		s.lines = append(s.lines, regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllString(line, "…"))
	}
	s.service = local.New(append([]local.Option{local.WithStore(newNarrator(store, say)), local.WithClock(clock)}, opts...)...)
	return s
}

func (s *stage) host(name string, run func(ctx op.Context, n int) (int, error)) {
	s.t.Helper()
	if err := s.service.Host(name, replay.Handler(run, replay.WithLogHandler(slog.DiscardHandler))); err != nil {
		s.t.Fatal(err)
	}
}

// drive runs the executions until d is over.
func (s *stage) drive(d time.Duration) {
	s.t.Helper()
	for to := s.clock.Now().Add(d); ; {
		for before := -1; before != len(s.lines); {
			before = len(s.lines)
			for _, e := range s.service.Executions() {
				if err := e.RunUntilSuspended(s.t.Context()); err != nil {
					s.t.Fatal(err)
				}
			}
		}
		at, ok := s.clock.Next()
		if !ok || at.After(to) {
			s.clock.AdvanceTo(to)
			return
		}
		s.clock.AdvanceTo(at)
	}
}

// What executions do is said in a line each: what starts, suspends, fails and ends, and nothing
// else.
func TestExecutionsSayWhatTheyDo(t *testing.T) {
	t.Parallel()
	nap := func(ctx op.Context, d time.Duration) error { return replay.Exec(ctx, op.Wait("nap", d)) }
	tests := []struct {
		name, reason string
		run          func(ctx op.Context, n int) (int, error)
		meanwhile    func(s *stage, e *local.Execution)
		want         []string
	}{
		{
			name: "a wait", reason: "until when, and for what",
			run: func(ctx op.Context, n int) (int, error) { return n, nap(ctx, 36*time.Hour) },
			want: []string{
				`it A-1: started with 7`,
				`it A-1: suspended until 2026-03-03 21:00:00Z, waiting for wait "nap", which ends in 36h`,
				`it A-1: SUCCEEDED after 36h: 7`,
			},
		},
		{
			name: "a callback", reason: "nothing happens by itself: there is no until",
			run: func(ctx op.Context, _ int) (int, error) {
				return replay.Run(ctx, op.WaitForCallback[int]("ask", func(context.Context, string) error { return nil }))
			},
			meanwhile: func(s *stage, e *local.Execution) { s.complete(e, "8") },
			want: []string{
				`it A-1: started with 7`,
				`it A-1: suspended, waiting for callback "ask-callback" (no time-out: it waits until it is answered); complete it with: perdure callback succeed ID '<JSON of its type>' (the code has the type; for a string: --text '<text>')`,
				`it A-1: SUCCEEDED after 1h: 8`,
			},
		},
		{
			name: "a callback that no one answers", reason: "it is the time-out that ends the suspension",
			run: func(ctx op.Context, _ int) (int, error) {
				c, err := replay.Run(ctx, op.CreateCallback[int]("ask", op.WithTimeout(time.Hour)))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, c.Result())
			},
			want: []string{
				`it A-1: started with 7`,
				`it A-1: suspended until 2026-03-02 10:00:00Z, waiting for callback "ask" (times out in 1h); complete it with: perdure callback succeed ID '<JSON of its type>' (the code has the type; for a string: --text '<text>')`,
				`it A-1: callback "ask" timed out after 1h`,
				`it A-1: FAILED after 1h: …`,
			},
		},
		{
			name: "attempts that fail", reason: "each of them, with its error and what follows",
			run: func(ctx op.Context, _ int) (int, error) {
				return 0, replay.Exec(ctx, op.Do("pack", func(context.Context) error { return errors.New("it fell down") },
					op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(2)))))
			},
			want: []string{
				`it A-1: started with 7`,
				`it A-1: attempt 1 of step "pack" failed: it fell down; attempt 2 in 1m`,
				`it A-1: suspended until 2026-03-02 09:01:00Z, waiting for attempt 2 of step "pack", in 1m (the last one failed: it fell down)`,
				`it A-1: step "pack" failed after 2 attempts: it fell down`,
				`it A-1: FAILED after 1m: …`,
			},
		},
		{
			name: "a panic", reason: "it is a failure as any other",
			run: func(ctx op.Context, _ int) (int, error) {
				return 0, replay.Exec(ctx, op.Do("pack", func(context.Context) error { panic("oops") }, op.WithRetry(retry.Never())))
			},
			want: []string{
				`it A-1: started with 7`,
				`it A-1: step "pack" failed after 1 attempt: PanicError: panic: oops`,
				`it A-1: FAILED after 0s: …`,
			},
		},
		{
			name: "a condition that is not met", reason: "nothing has failed",
			run: func(ctx op.Context, n int) (int, error) {
				return replay.Run(ctx, op.WaitForCondition("ready", n, func(_ context.Context, n int) (int, bool, error) {
					return n + 1, n > 7, nil
				}, op.WithPolling(retry.Fixed(time.Minute))))
			},
			want: []string{
				`it A-1: started with 7`,
				`it A-1: suspended until 2026-03-02 09:01:00Z, waiting for attempt 2 of step "ready", in 1m`,
				`it A-1: SUCCEEDED after 1m: 9`,
			},
		},
		{
			name: "another function", reason: "both say what they do",
			run: func(ctx op.Context, n int) (int, error) { return replay.Run(ctx, op.Invoke[int]("call", "other", n+1)) },
			want: []string{
				`it A-1: started with 7`,
				`other …: started by execution A-1 with 8`,
				`it A-1: suspended, waiting for function other, invoked by "call"; see: perdure show 'arn:aws:lambda:us-east-1:123456789012:function:other:$LATEST/…`,
				`other …: FAILED after 0s: 8 is too many`,
				`it A-1: function other, invoked by "call", ended as FAILED: 8 is too many`,
				`it A-1: FAILED after 0s: …`,
			},
		},
		{
			name: "a batch that fails", reason: "what fails in it is said once",
			run: func(ctx op.Context, _ int) (int, error) {
				return 0, replay.Exec(ctx, op.Map("all", []int{1, 2}, op.DoFunc("pack", func(_ context.Context, n int) error {
					if n == 2 {
						return retry.Permanent(errors.New("it fell down"))
					}
					return nil
				})))
			},
			want: []string{
				`it A-1: started with 7`,
				`it A-1: step "pack" failed after 1 attempt: it fell down`,
				`it A-1: FAILED after 0s: …`,
			},
		},
		{
			name: "one that is stopped", reason: "someone has ended it",
			run: func(ctx op.Context, _ int) (int, error) { return 0, nap(ctx, 36*time.Hour) },
			meanwhile: func(s *stage, e *local.Execution) {
				if err := e.Stop(nil); err != nil {
					s.t.Error(err)
				}
			},
			want: []string{
				`it A-1: started with 7`,
				`it A-1: suspended until 2026-03-03 21:00:00Z, waiting for wait "nap", which ends in 36h`,
				`it A-1: STOPPED after 1h`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, local.NewMemoryStore(), local.NewVirtualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)))
			defer func() { _ = s.service.Close() }()
			s.host("it", tt.run)
			s.host("other", func(_ op.Context, n int) (int, error) { return 0, fmt.Errorf("%d is too many", n) })
			e, err := s.service.Start(t.Context(), "it", "A-1", []byte("7"))
			if err != nil {
				t.Fatal(err)
			}
			s.drive(time.Hour)
			if tt.meanwhile != nil {
				tt.meanwhile(s, e)
			}
			s.drive(100 * time.Hour)
			for i := range s.lines { // the words of an error are those of its package
				s.lines[i] = regexp.MustCompile(`(A-1: FAILED after \S+): .+`).ReplaceAllString(s.lines[i], "$1: …")
			}
			if diff := cmp.Diff(tt.want, s.lines); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// complete answers the callback that an execution waits for.
func (s *stage) complete(e *local.Execution, result string) {
	s.t.Helper()
	for _, o := range e.Operations() {
		if o.CallbackID != "" {
			if err := s.service.CompleteCallback(o.CallbackID, []byte(result)); err != nil {
				s.t.Error(err)
			}
		}
	}
}

// Invocations that fail are said each time, with what was cut off; one whose code does not fit the
// log names both.
func TestInvocationsThatFailSaySo(t *testing.T) {
	t.Parallel()
	s := newStage(t, local.NewMemoryStore(), local.NewVirtualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)))
	defer func() { _ = s.service.Close() }()
	runs := 0
	s.host("it", func(ctx op.Context, _ int) (int, error) {
		return 0, replay.Exec(ctx, op.Do("charge", func(ctx context.Context) error {
			if runs++; runs < 3 {
				local.Kill(ctx)
				runtime.Goexit()
			}
			return nil
		}))
	})
	if _, err := s.service.Start(t.Context(), "it", "A-1", nil); err != nil {
		t.Fatal(err)
	}
	s.drive(time.Hour)
	failed := `it A-1: the invocation failed after 0s: Runtime.ExitError: Runtime exited with error: exit status 1; it is repeated`
	want := []string{`it A-1: started`, failed, failed + " (2 have failed in a row)"}
	if diff := cmp.Diff(want, s.lines[:min(3, len(s.lines))]); diff != "" || !strings.HasPrefix(s.lines[len(s.lines)-1], "it A-1: SUCCEEDED after ") {
		t.Errorf("(-want +got):\n%s\n%s", diff, strings.Join(s.lines, "\n"))
	}
}

// What an earlier run of the program has left behind is said as if it had been seen.
func TestWhatAnEarlierRunHasLeftBehind(t *testing.T) {
	t.Parallel()
	store, clock := local.NewMemoryStore(), local.NewVirtualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	run := func(ctx op.Context, _ int) (int, error) {
		if err := replay.Exec(ctx, op.Wait("nap", time.Hour)); err != nil {
			return 0, err
		}
		return replay.Run(ctx, op.WaitForCallback[int]("ask", func(context.Context, string) error { return nil }))
	}
	before := newStage(t, store, clock)
	before.host("it", run)
	if _, err := before.service.Start(t.Context(), "it", "A-1", nil); err != nil {
		t.Fatal(err)
	}
	before.drive(time.Minute)
	if err := before.service.Close(); err != nil {
		t.Fatal(err)
	}

	after := newStage(t, store, clock)
	after.host("it", run)
	after.drive(2 * time.Hour)
	if err := after.service.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{`it A-1: suspended, waiting for callback "ask-callback" (no time-out: it waits until it is answered); complete it with: perdure callback succeed ID '<JSON of its type>' (the code has the type; for a string: --text '<text>')`}
	if diff := cmp.Diff(want, after.lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A code change that does not fit what is recorded is said, with what does not fit.
func TestDivergenceIsSaid(t *testing.T) {
	t.Parallel()
	s := newStage(t, local.NewMemoryStore(), local.NewVirtualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)))
	defer func() { _ = s.service.Close() }()
	name := "nap"
	s.host("it", func(ctx op.Context, _ int) (int, error) { return 0, replay.Exec(ctx, op.Wait(name, time.Hour)) })
	if _, err := s.service.Start(t.Context(), "it", "A-1", nil); err != nil {
		t.Fatal(err)
	}
	s.drive(time.Minute)
	name = "rest"
	s.drive(2 * time.Hour)
	last := s.lines[len(s.lines)-1]
	if !strings.HasPrefix(last, "it A-1: FAILED after 1h: ") || !strings.Contains(last, `"nap"`) || !strings.Contains(last, `"rest"`) {
		t.Errorf("it says\n%s", strings.Join(s.lines, "\n"))
	}
}

var _ local.Store = (*narrator)(nil)

// failingStore refuses what it is to keep.
type failingStore struct{ local.Store }

var errFull = errors.New("the disk is full")

func (failingStore) Commit(local.Transition) error { return errFull }

// What was not kept is not said: it has not happened.
func TestWhatIsNotKeptIsNotSaid(t *testing.T) {
	t.Parallel()
	said := 0
	n := newNarrator(failingStore{local.NewMemoryStore()}, func(string, ...any) { said++ })
	err := n.Commit(local.Transition{
		Execution: local.ExecutionRecord{ARN: "a"}, Events: []local.Event{{ID: 1, Type: local.EventExecutionStarted, Input: checkpoint.TextPayload("1")}},
	})
	if !errors.Is(err, errFull) || said != 0 {
		t.Errorf("got %v, and %d lines", err, said)
	}
}

// unreadable is a store that keeps everything, and cannot be read.
type unreadable struct{ local.Store }

func (unreadable) Commit(local.Transition) error                  { return nil }
func (unreadable) Events(string, int, int) ([]local.Event, error) { return nil, errFull }

// What an earlier run has left and cannot be read is kept all the same: talking about it is not
// worth a failure.
func TestWhatCannotBeReadIsKept(t *testing.T) {
	t.Parallel()
	said := 0
	n := newNarrator(unreadable{local.NewMemoryStore()}, func(string, ...any) { said++ })
	for _, events := range [][]local.Event{{{ID: 5, Type: local.EventInvocationCompleted}}, nil} {
		if err := n.Commit(local.Transition{Execution: local.ExecutionRecord{ARN: "a"}, Events: events}); err != nil || said != 0 {
			t.Errorf("got %v, and %d lines", err, said)
		}
	}
}
