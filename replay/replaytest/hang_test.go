package replaytest_test

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// held is a lock that a handler waits for until the test is over.
type held struct{ sync.Mutex }

func lockUp(t *testing.T) *held {
	t.Helper()
	h := &held{}
	h.Lock()
	t.Cleanup(h.Unlock)
	return h
}

// await waits for the lock as handlers do that forget it.
func (h *held) await() {
	h.Lock()
	defer h.Unlock()
}

// TestWhatHangsEnds: virtual time does not pass while a handler waits for something of its own, and
// so the kit has a limit of real time, and says where it waits.
func TestWhatHangsEnds(t *testing.T) {
	t.Parallel()
	const brief = 300 * time.Millisecond
	limit := replaytest.WithTimeLimit(brief)
	const said = `^replaytest: (the undisturbed execution: )?it has not ended within 300ms of real time: a body, or the handler, waits for something that never happens; WithTimeLimit allows more\n`
	const waits = `.*\(\*held\)\.await waits in sync\.\(\*Mutex\)\.Lock \(hang_test\.go:\d+\)\n(.*\n)*\ngoroutines here: 1\n(.*\n)*.*replaytest_test\.\(\*held\)\.await\n`
	at := func(h *held, before ...func(ctx op.Context) error) *replay.Function[int, int] {
		return replay.Handler(func(ctx op.Context, n int) (int, error) {
			for _, f := range before {
				if err := f(ctx); err != nil {
					return 0, err
				}
			}
			h.await()
			return n, nil
		})
	}
	inBody := func(h *held) *replay.Function[int, int] {
		return replay.Handler(func(ctx op.Context, n int) (int, error) {
			return replay.Run(ctx, op.Step("charge", func(context.Context) (int, error) { h.await(); return n, nil }))
		})
	}
	approval := func(ctx op.Context) error {
		err := replay.Exec(ctx, op.WaitForCallback[string]("approval", func(context.Context, string) error { return nil },
			op.WithTimeout(time.Hour)))
		if errors.Is(err, op.ErrTimedOut) {
			return nil
		}
		return err
	}
	tests := []struct {
		name, reason string
		run          func(tb *recorder, h *held)
		want         string
	}{
		{
			name: "Run", reason: "the handler waits",
			run:  func(tb *recorder, h *held) { replaytest.Run(tb, at(h), 1, limit) },
			want: waits,
		},
		{
			name: "a body", reason: "it does not listen to its context",
			run:  func(tb *recorder, h *held) { replaytest.Run(tb, inBody(h), 1, limit) },
			want: `the body of "charge" \(hang_test\.go:\d+\) runs\n(.*\n)*` + waits,
		},
		{
			name: "RunUntilSuspended", reason: "it never suspends",
			run:  func(tb *recorder, h *held) { replaytest.Start(tb, at(h), 1, limit).RunUntilSuspended() },
			want: waits,
		},
		{
			name: "Advance", reason: "it waits after a timer",
			run: func(tb *recorder, h *held) {
				e := replaytest.Start(tb, at(h, pause), 1, limit)
				e.RunUntilSuspended()
				e.Advance(2 * time.Hour)
			},
			want: waits,
		},
		{
			name: "TimeOut", reason: "it waits if there is no answer",
			run: func(tb *recorder, h *held) {
				e := replaytest.Start(tb, at(h, approval), 1, limit)
				e.RunUntilSuspended()
				e.Callback("approval").TimeOut()
				e.Result()
			},
			want: waits,
		},
		{
			name: "Result", reason: "the rest of it waits",
			run:  func(tb *recorder, h *held) { replaytest.Start(tb, at(h, pause), 1, limit).Result() },
			want: waits,
		},
		{
			name: "Explore", reason: "each of its executions has the limit",
			run:  func(tb *recorder, h *held) { replaytest.Explore(tb, at(h, pause), 1, limit) },
			want: waits,
		},
		{
			name: "a hosted function", reason: "it belongs to the execution",
			run: func(tb *recorder, h *held) {
				caller := replay.Handler(func(ctx op.Context, n int) (int, error) { return replay.Run(ctx, op.Invoke[int]("ask", "other", n)) })
				replaytest.Run(tb, caller, 1, limit, replaytest.Host("other", at(h)))
			},
			want: waits,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, over := lockUp(t), make(chan struct{})
			timer := time.AfterFunc(30*time.Second, func() { close(over) })
			defer timer.Stop()
			got := make(chan *recorder, 1)
			go func() { got <- record(t, func(tb *recorder) { tt.run(tb, h) }) }()
			select {
			case <-over:
				t.Fatalf("%s: it hangs past the limit", tt.reason)
			case r := <-got:
				if len(r.errs) == 0 || !r.fatal || !regexp.MustCompile(said+`(.*\n)*`+tt.want).MatchString(r.errs[0]) {
					t.Errorf("%s: got %.1500q", tt.reason, r.errs)
				}
			}
		})
	}
}

// TestNoTimeLimit: zero waits as long as it takes, and what ends in time is not disturbed.
func TestNoTimeLimit(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, n int) (int, error) { return n, replay.Exec(ctx, linger) })
	for _, limit := range []time.Duration{0, -time.Second, time.Minute} {
		if r := replaytest.Run(t, f, 7, replaytest.WithTimeLimit(limit)); r.Value != 7 || r.Err != nil {
			t.Errorf("with a limit of %v: got %d, %v", limit, r.Value, r.Err)
		}
	}
}
