package replaytest_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// lap is the input of a loop.
type lap struct{ Round, Most, Sum int }

var addLap = op.StepFunc("add", func(_ context.Context, l lap) (int, error) { return l.Sum + l.Round, nil })

// laps is a loop: one round is an execution.
func laps(opts ...replay.ContinueOption) func(ctx op.Context, l lap) (int, error) {
	return func(ctx op.Context, l lap) (int, error) {
		sum, err := replay.Run(ctx, addLap(l))
		if err != nil {
			return 0, err
		}
		if err := replay.Exec(ctx, op.Wait("an-hour", time.Hour)); err != nil {
			return 0, err
		}
		if l.Round == l.Most {
			return sum, nil
		}
		return 0, replay.ContinueAsNew(ctx, lap{l.Round + 1, l.Most, sum}, opts...)
	}
}

// TestRunFollowsTheChain: the result is that of the last execution, and the ones before are listed.
func TestRunFollowsTheChain(t *testing.T) {
	t.Parallel()
	r := replaytest.Run(t, replay.Handler(laps()), lap{1, 4, 0})
	if r.Value != 10 || r.Err != nil || r.Took != 4*time.Hour || len(r.Operations) != 2 {
		t.Errorf("got %+v", r)
	}
	var inputs, names []string
	for _, round := range r.Rounds {
		inputs, names = append(inputs, round.Input), append(names, round.Name)
		if round.Invocations != 2 || round.Metered != 3 || round.Bytes == 0 || !strings.Contains(round.ARN, round.Name) {
			t.Errorf("a round is %+v", round)
		}
	}
	want := []string{`{"Round":1,"Most":4,"Sum":0}`, `{"Round":2,"Most":4,"Sum":1}`, `{"Round":3,"Most":4,"Sum":3}`}
	if diff := cmp.Diff(want, inputs); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if len(names) != 3 || names[0] != "test" || !strings.HasPrefix(names[1], "test-2-") || !strings.HasPrefix(names[2], "test-3-") {
		t.Errorf("the names are %q", names)
	}
}

// TestHundredThousandRounds: a loop of 100,000 executions, each of which waits for an hour, ends
// after more than eleven years. It has 1,000 unless PERDURE_ROUNDS says otherwise, as .ci/long
// does.
func TestHundredThousandRounds(t *testing.T) {
	t.Parallel()
	rounds := 1_000
	if n, err := strconv.Atoi(os.Getenv("PERDURE_ROUNDS")); err == nil {
		rounds = n
	}
	began := time.Now()
	r := replaytest.Run(t, replay.Handler(laps()), lap{1, rounds, 0}, replaytest.WithTimeLimit(10*time.Minute))
	if want := rounds * (rounds + 1) / 2; r.Value != want || len(r.Rounds) != rounds-1 || r.Took != time.Duration(rounds)*time.Hour {
		t.Errorf("got %d after %d rounds and %v, want %d", r.Value, len(r.Rounds), r.Took, want)
	}
	took := time.Since(began)
	t.Logf("%d rounds, %v of virtual time, took %v: %v each", rounds, r.Took, took.Round(time.Millisecond), took/time.Duration(rounds))
}

// TestChainInTheKit: what the kit offers holds for all executions of a chain.
func TestChainInTheKit(t *testing.T) {
	t.Parallel()
	t.Run("a stub is that of all rounds", func(t *testing.T) {
		t.Parallel()
		r := replaytest.Run(t, replay.Handler(laps()), lap{1, 3, 0}, replaytest.Stub(addLap, func(_ context.Context, l lap) (int, error) {
			return l.Sum + 100, nil
		}))
		if r.Value != 300 {
			t.Errorf("got %d", r.Value)
		}
	})
	t.Run("a reply answers each round", func(t *testing.T) {
		t.Parallel()
		r := replaytest.Run(t, replay.Handler(func(ctx op.Context, n int) (int, error) {
			ok, err := replay.Run(ctx, op.WaitForCallback[bool]("approve", func(context.Context, string) error { return nil }))
			if err != nil || !ok || n == 3 {
				return n, err
			}
			return 0, replay.ContinueAsNew(ctx, n+1)
		}), 1, replaytest.CallbackResult("approve", true))
		if r.Value != 3 || len(r.Rounds) != 2 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("an alias of the function under test", func(t *testing.T) {
		t.Parallel()
		r := replaytest.Run(t, replay.Handler(laps(replay.ContinueOn("meter:live"))), lap{1, 3, 0}, replaytest.WithFunctionName("meter"))
		if r.Value != 6 || len(r.Rounds) != 2 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("another function goes on", func(t *testing.T) {
		t.Parallel()
		r := replaytest.Run(t, replay.Handler(laps(replay.ContinueOn("later:live"))), lap{1, 2, 0},
			replaytest.Host("later", replay.Handler(func(_ op.Context, l lap) (int, error) { return -l.Round, nil })))
		if r.Value != -2 || len(r.Rounds) != 1 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("the last one fails", func(t *testing.T) {
		t.Parallel()
		r := replaytest.Run(t, replay.Handler(func(ctx op.Context, n int) (int, error) {
			if n == 2 {
				return 0, fmt.Errorf("round %d is broken", n)
			}
			return 0, replay.ContinueAsNew(ctx, n+1)
		}), 1)
		if r.Err == nil || r.Err.Error() != "round 2 is broken" || r.Status != local.StatusFailed || len(r.Rounds) != 1 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("step by step", func(t *testing.T) {
		t.Parallel()
		e := replaytest.Start(t, replay.Handler(laps()), lap{1, 3, 0})
		e.RunUntilSuspended()
		e.Advance(90 * time.Minute) // in the second round
		if got := e.Op("add").Result; got != "3" || e.Status() != local.StatusRunning {
			t.Errorf("add has the result %s, the execution is %s", got, e.Status())
		}
		e.Continue(replay.Handler(func(ctx op.Context, l lap) (int, error) {
			v, err := laps()(ctx, l)
			return v * 1000, err
		}))
		if r := e.Result(); r.Value != 6000 || r.Took != 3*time.Hour {
			t.Errorf("got %+v", r)
		}
	})
}

// TestResultStarted: what was started is listed with its input, and runs if it is hosted.
func TestResultStarted(t *testing.T) {
	t.Parallel()
	mails := 0
	mail := replay.Handler(func(ctx op.Context, to string) (string, error) {
		return replay.Run(ctx, op.Step("send", func(context.Context) (string, error) { mails++; return to, nil }))
	})
	handler := replay.Handler(func(ctx op.Context, n int) (int, error) {
		for i := range 2 {
			if err := replay.Exec(ctx, op.Start("mail", "mail:live", "ann-"+strconv.Itoa(n)).Key(strconv.Itoa(i))); err != nil {
				return 0, err
			}
		}
		if err := replay.Exec(ctx, op.Wait("a-day", 24*time.Hour)); err != nil || n == 2 {
			return n, err
		}
		return 0, replay.ContinueAsNew(ctx, n+1)
	})
	r := replaytest.Run(t, handler, 1, replaytest.Host("mail", mail))
	want := []replaytest.Started{
		{Path: "mail[0]", Function: "mail:$LATEST", Input: `"ann-1"`},
		{Path: "mail[1]", Function: "mail:$LATEST", Input: `"ann-1"`},
		{Path: "mail[0]", Function: "mail:$LATEST", Input: `"ann-2"`},
		{Path: "mail[1]", Function: "mail:$LATEST", Input: `"ann-2"`},
	}
	if diff := cmp.Diff(want, r.Started, cmpopts.IgnoreFields(replaytest.Started{}, "ARN", "Name")); diff != "" || mails != 4 {
		t.Errorf("%d mails; started (-want +got):\n%s", mails, diff)
	}
	var to string
	if err := r.Started[2].Decode(&to); err != nil || to != "ann-2" || !strings.HasPrefix(r.Started[2].Name, "test-2-") {
		t.Errorf("the third one is %+v: %q, %v", r.Started[2], to, err)
	}
	stubbed := replaytest.Run(t, handler, 2, replaytest.StubPath("mail[*]", func(context.Context) (string, error) { return "arn", nil }))
	if diff := cmp.Diff([]replaytest.Started{{Path: "mail[0]", ARN: "arn"}, {Path: "mail[1]", ARN: "arn"}}, stubbed.Started); diff != "" {
		t.Errorf("stubbed (-want +got):\n%s", diff)
	}
}

// TestChainInTheCloud: the executions of a deployed function are followed as those of one here.
func TestChainInTheCloud(t *testing.T) {
	t.Parallel()
	f := replay.Handler(laps(replay.ContinueOn("orders:live")))
	s := deploy(t, f)
	r := replaytest.Run(t, f, lap{1, 3, 0}, s.cloud(t))
	if r.Value != 6 || r.Err != nil || len(r.Rounds) != 2 || r.Took < 3*time.Hour || !r.Cloud || !strings.Contains(r.ARN, "-3-") {
		t.Errorf("got %+v", r)
	}
	for _, round := range r.Rounds {
		if round.Invocations < 2 || !strings.Contains(round.ARN, round.Name) {
			t.Errorf("a round is %+v", round)
		}
	}
}
