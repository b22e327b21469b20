package replay_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// slowLine is a client whose calls take time, in a synctest bubble. It notes when each call was
// made.
type slowLine struct {
	tape

	trip  time.Duration
	began time.Time
	made  []string
}

func newSlowLine(trip time.Duration) *slowLine {
	c := &slowLine{trip: trip, began: time.Now()}
	c.reply = func(n int, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
		c.made = append(c.made, fmt.Sprintf("%v %s", time.Since(c.began), sayUpdates(in.Updates)))
		time.Sleep(trip)
		return checkpoint.CheckpointOutput{Token: fmt.Sprint("t", n), Operations: callbacks(in.Updates)}, nil
	}
	return c
}

// invoke runs one invocation under the bubble's clock.
func (c *slowLine) invoke(t *testing.T, f *replay.Function[op.None, op.None], ops ...checkpoint.Operation) string {
	t.Helper()
	c.began = time.Now()
	return say(f.Invoke(checkpoint.WithClient(t.Context(), c), event(t, ops...)))
}

// sleeper is a step whose body takes so long.
func sleeper(name string, d time.Duration, opts ...op.StepOption) op.Op[op.None] {
	return op.Do(name, func(context.Context) error { time.Sleep(d); return nil }, opts...)
}

// inTurn is a handler that runs operations one after the other.
func inTurn(ops ...op.Op[op.None]) func(op.Context, op.None) (op.None, error) {
	return func(ctx op.Context, _ op.None) (op.None, error) {
		for _, o := range ops {
			if err := replay.Exec(ctx, o); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	}
}

// inOrder is the function of a group that runs these one after the other.
func inOrder(ops ...op.Op[op.None]) func(op.Context) (op.None, error) {
	run := inTurn(ops...)
	return func(ctx op.Context) (op.None, error) { return run(ctx, op.None{}) }
}

const lineTrip = 10 * time.Millisecond

// TestSequentialShortStepTakesOneCall: START and completion of a body that is shorter than a round
// trip travel together, and history shows both.
func TestSequentialShortStepTakesOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newSlowLine(lineTrip)
		short := sleeper("short", lineTrip/2)
		f := replay.Handler(inTurn(short, short, short))
		if got := client.invoke(t, f); got != "SUCCEEDED {}" {
			t.Fatalf("answer %s", got)
		}
		want := []string{
			"5ms START short, SUCCEED short", "20ms START short, SUCCEED short", "35ms START short, SUCCEED short",
		}
		if diff := cmp.Diff(want, client.made); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

// TestStartOfALongBodyDoesNotWait covers when START is sent: held for most of a round trip while
// nothing is known of the body, at once when bodies of its name are known to be longer.
func TestStartOfALongBodyDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newSlowLine(lineTrip)
		long := sleeper("long", 5*lineTrip)
		f := replay.Handler(inTurn(long, long))
		if got := client.invoke(t, f); got != "SUCCEEDED {}" {
			t.Fatalf("answer %s", got)
		}
		want := []string{
			"7.5ms START long", "50ms SUCCEED long", // held three quarters of the assumed round trip
			"60ms START long", "110ms SUCCEED long", // at once, beside the body
		}
		if diff := cmp.Diff(want, client.made); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		// What was learned is the Function's.
		client.made = nil
		client.invoke(t, f)
		if want := "0s START long"; client.made[0] != want {
			t.Errorf("the first call of the next invocation is %q, want %q", client.made[0], want)
		}
	})
}

// TestStartIsNeverOvertaken: what is awaited takes along what was held before it, in order.
func TestStartIsNeverOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newSlowLine(lineTrip)
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			replay.Go(ctx, sleeper("beside", lineTrip/10))
			replay.Go(ctx, op.Group("order", inOrder(sleeper("work", 3*lineTrip))))
			return replay.Run(ctx, op.Wait("pause", time.Hour))
		})
		if got := client.invoke(t, f); got != "PENDING" {
			t.Fatalf("answer %s", got)
		}
		want := []string{"0s START beside, START order, START pause, START work", "10ms SUCCEED beside", "30ms SUCCEED work", "40ms SUCCEED order"}
		if diff := cmp.Diff(want, client.made); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

// TestStartOfAnAbandonedOperationIsSent: a START that was queued is never dropped, else what comes
// after it would be recorded without it.
func TestStartOfAnAbandonedOperationIsSent(t *testing.T) {
	t.Parallel()
	client := &tape{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		_ = replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
			replay.Go(ctx, op.Do("beside", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }))
			return op.None{}, errDeclined
		}))
		return replay.Run(ctx, op.Wait("pause", time.Hour))
	})
	if got := once(t, f, client); got != "PENDING" {
		t.Fatalf("answer %s", got)
	}
	if diff := cmp.Diff([]string{"START order, START beside, FAIL beside, FAIL order", "START pause"}, client.calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestConcurrentBranchesShareCalls: what ends while a call is in flight goes with the next one.
func TestConcurrentBranchesShareCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newSlowLine(lineTrip)
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			for i := range 20 {
				replay.Go(ctx, sleeper("work", time.Millisecond*time.Duration(i%2+1)).Key(fmt.Sprint("n", i)))
			}
			return op.None{}, nil
		})
		if got := client.invoke(t, f); got != "SUCCEEDED {}" || len(client.made) > 3 {
			t.Errorf("answer %s after %d calls", got, len(client.made))
		}
	})
}

// TestRelaxedStepsShareCalls: their completions are queued and the next operation begins; no strict
// body starts before they are durable, anywhere.
func TestRelaxedStepsShareCalls(t *testing.T) {
	t.Parallel()
	relaxed := func(name string) op.Op[op.None] { return sleeper(name, time.Millisecond, op.WithSemantics(op.Relaxed)) }
	tests := []struct {
		reason string
		run    func(op.Context, op.None) (op.None, error)
		made   []string
		want   string
	}{
		{
			reason: "five in a row are one call at the end of the handler",
			run:    inTurn(relaxed("a"), relaxed("b"), relaxed("c"), relaxed("d"), relaxed("e")),
			made: []string{
				"5ms START a, SUCCEED a, START b, SUCCEED b, START c, SUCCEED c, START d, SUCCEED d, START e, SUCCEED e",
			},
			want: "SUCCEEDED {}",
		},
		{
			reason: "a strict body waits for them",
			run:    inTurn(relaxed("a"), relaxed("b"), sleeper("strict", time.Millisecond), relaxed("c")),
			made:   []string{"2ms START a, SUCCEED a, START b, SUCCEED b, START strict", "13ms SUCCEED strict", "24ms START c, SUCCEED c"},
			want:   "SUCCEEDED {}",
		},
		{
			reason: "a strict body of another branch waits, too",
			run: func(ctx op.Context, _ op.None) (op.None, error) {
				before := sleeper("before", 5*time.Millisecond, op.WithSemantics(op.Relaxed))
				replay.Go(ctx, op.Group("order", inOrder(before, sleeper("strict", time.Millisecond))))
				return replay.Run(ctx, relaxed("a"))
			},
			made: []string{
				"5ms START order, START a, START before, SUCCEED a, SUCCEED before, START strict", "16ms SUCCEED strict", "26ms SUCCEED order",
			},
			want: "SUCCEEDED {}",
		},
		{
			reason: "a suspension waits for them", run: inTurn(relaxed("a"), op.Wait("pause", time.Hour)),
			made: []string{"1ms START a, SUCCEED a, START pause"}, want: "PENDING",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := newSlowLine(lineTrip)
				if got := client.invoke(t, replay.Handler(tt.run)); got != tt.want {
					t.Errorf("answer %s, want %s", got, tt.want)
				}
				if diff := cmp.Diff(tt.made, client.made); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestFailureOfARelaxedStepIsAwaited: only completions that succeed are relaxed.
func TestFailureOfARelaxedStepIsAwaited(t *testing.T) {
	t.Parallel()
	client := &tape{}
	durable := 0
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		err := replay.Exec(ctx, op.Do("charge", func(context.Context) error { return errDeclined },
			op.WithSemantics(op.Relaxed), op.WithRetry(retry.Never())))
		durable = client.accepted()
		return op.None{}, err
	})
	if got := once(t, f, client); got != "FAILED Error: card declined" || durable != 1 {
		t.Errorf("answer %s; %d calls were answered when the error was seen", got, durable)
	}
}

// TestPollsComeOnlyWhileABodyIsBusy covers empty calls: at the time of the first wait, then with
// growing pauses, never when everybody waits.
func TestPollsComeOnlyWhileABodyIsBusy(t *testing.T) {
	t.Parallel()
	asked := func(ctx op.Context) { // a branch that waits for someone outside
		replay.Go(ctx, op.Group("ask", func(ctx op.Context) (string, error) {
			approval, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
			if err != nil {
				return "", err
			}
			return replay.Run(ctx, approval.Result())
		}))
	}
	tests := []struct {
		reason string
		before func(op.Context)
		work   time.Duration
		rest   time.Duration // before the wait
		wait   time.Duration
		polls  []string
	}{
		{reason: "nothing is busy", work: 0, wait: 5 * time.Second},
		{
			reason: "a body runs longer than the wait lasts", work: 9 * time.Second, wait: 5 * time.Second,
			polls: []string{"5.01s", "6.01s", "8.01s"},
		},
		{reason: "what cannot end yet is not asked for", work: 9 * time.Second, wait: time.Hour},
		{
			reason: "a long wait does not keep a callback from being asked for", before: asked, work: 9 * time.Second, wait: time.Hour,
			polls: []string{"1.011s", "2.011s", "4.011s", "7.011s"}, // the handler sleeps a millisecond first
		},
		{
			reason: "a wait that ends before the next poll is not kept waiting", before: asked, work: 20 * time.Second,
			rest: 12 * time.Second, wait: time.Second,
			// The handler sleeps in its own code: after 20 ms the others go on without it.
			polls: []string{"1.03s", "2.03s", "4.03s", "7.03s", "11.03s", "13.011s", "14.011s", "16.011s", "19.011s"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := newSlowLine(lineTrip)
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					if tt.before != nil {
						tt.before(ctx)
						time.Sleep(time.Millisecond) // its START comes first
					}
					replay.Go(ctx, sleeper("work", tt.work))
					time.Sleep(tt.rest)
					return replay.Run(ctx, op.Wait("pause", tt.wait))
				})
				if got := client.invoke(t, f); got != "PENDING" {
					t.Errorf("answer %s", got)
				}
				if diff := cmp.Diff(tt.polls, client.polls()); diff != "" {
					t.Errorf("polls (-want +got):\n%s\n%q", diff, client.made)
				}
			})
		})
	}
}

// polls returns when the empty calls were made.
func (c *slowLine) polls() (at []string) {
	for _, call := range c.made {
		if when, ok := strings.CutSuffix(call, " "); ok {
			at = append(at, when)
		}
	}
	return at
}

// TestNoPollsNearTheDeadline: the answer of one would come when no one can use it any more.
func TestNoPollsNearTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newSlowLine(lineTrip)
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		defer cancel()
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			replay.Go(ctx, sleeper("work", 4300*time.Millisecond))
			approval, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
			if err != nil {
				return op.None{}, err
			}
			_, err = replay.Run(ctx, approval.Result())
			return op.None{}, err
		})
		if got := say(f.Invoke(checkpoint.WithClient(ctx, client), event(t))); got != "PENDING" {
			t.Errorf("answer %s", got)
		}
		if diff := cmp.Diff([]string{"1.01s", "2.01s"}, client.polls()); diff != "" { // and not after 4.01 seconds
			t.Errorf("polls (-want +got):\n%s\n%q", diff, client.made)
		}
	})
}

// TestWaitThatEndsWhileABodyRunsGoesOnInTheSameInvocation: the poll reports it.
func TestWaitThatEndsWhileABodyRunsGoesOnInTheSameInvocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var woke time.Duration
		e := inBubble(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			began := time.Now()
			replay.Go(ctx, sleeper("work", time.Minute))
			err := replay.Exec(ctx, op.Wait("pause", 5*time.Second))
			woke = time.Since(began)
			return op.None{}, err
		}))
		if e.Invocations() != 1 || woke < 5*time.Second || woke > 7*time.Second {
			t.Errorf("%d invocations, the wait took %v", e.Invocations(), woke)
		}
	})
}
