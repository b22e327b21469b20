package replay_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/unmeasured"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// What an attempt of a scripted body does.
const (
	doSucceed = "succeed"
	doFail    = "fail"
	doAgain   = "again" // with the state it has seen plus one
	doCrash   = "crash"
)

// run is what one run of a body saw: the attempt, and the state, -1 if there was none.
type run struct{ Attempt, State int }

// scripted is a handler of one step whose n-th run, crashes included, does what the script says.
func scripted(script []string, runs *[]run, opts ...op.StepOption) func(op.Context, op.None) (int, error) {
	return func(ctx op.Context, _ op.None) (int, error) {
		return replay.Run(ctx, op.Step("poll", func(ctx context.Context) (int, error) {
			info, _ := op.InfoFrom(ctx)
			state, ok, err := op.StateFrom[int](ctx)
			if err != nil {
				return 0, err
			}
			if !ok {
				state = -1
			}
			*runs = append(*runs, run{info.Attempt, state})
			switch script[len(*runs)-1] {
			case doFail:
				return 0, errThrottled
			case doAgain:
				return 0, retry.Again(state + 1)
			case doCrash:
				local.Kill(ctx)
				runtime.Goexit()
			}
			return state, nil
		}, append([]op.StepOption{op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(6)))}, opts...)...))
	}
}

func TestStateOfAStepIsKeptUntilTheNextAttemptEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		script []string
		runs   []run
		want   string
	}{
		{
			reason: "the first attempt has none", script: []string{doSucceed},
			runs: []run{{1, -1}}, want: "SUCCEEDED -1",
		},
		{
			reason: "the next attempt reads it", script: []string{doAgain, doAgain, doSucceed},
			runs: []run{{1, -1}, {2, 0}, {3, 1}}, want: "SUCCEEDED 1",
		},
		{
			reason: "an attempt that failed keeps it", script: []string{doAgain, doFail, doFail, doAgain, doSucceed},
			runs: []run{{1, -1}, {2, 0}, {3, 0}, {4, 0}, {5, 1}}, want: "SUCCEEDED 1",
		},
		{
			reason: "a crash keeps it", script: []string{doAgain, doCrash, doCrash, doSucceed},
			runs: []run{{1, -1}, {2, 0}, {2, 0}, {2, 0}}, want: "SUCCEEDED 0",
		},
		{
			reason: "a crash after an attempt that failed keeps it", script: []string{doAgain, doFail, doCrash, doAgain, doCrash, doSucceed},
			runs: []run{{1, -1}, {2, 0}, {3, 0}, {3, 0}, {4, 1}, {4, 1}}, want: "SUCCEEDED 1",
		},
		{
			reason: "a failure without a state leaves none", script: []string{doFail, doCrash, doSucceed},
			runs: []run{{1, -1}, {2, -1}, {2, -1}}, want: "SUCCEEDED -1",
		},
	}
	for _, tt := range tests {
		for _, kept := range []bool{false, true} {
			for _, readyStart := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/kept at START %t/READY sends START %t", tt.reason, kept, readyStart), func(t *testing.T) {
					t.Parallel()
					var runs []run
					e := drive(t, replay.Handler(scripted(tt.script, &runs), replay.WithReadyStart(readyStart)), "null",
						stateAtStart(kept)...)
					if got := end(e); got != tt.want {
						t.Errorf("the execution ended as %s, want %s", got, tt.want)
					}
					if diff := cmp.Diff(tt.runs, runs); diff != "" {
						t.Errorf("runs (-want +got):\n%s", diff)
					}
				})
			}
		}
	}
}

func TestStateTravelsInTheRetry(t *testing.T) {
	t.Parallel()
	client := &tape{}
	var runs []run
	if got := once(t, replay.Handler(scripted([]string{doAgain}, &runs)), client); got != "PENDING" {
		t.Fatalf("answer %s", got)
	}
	u := client.update(t, checkpoint.ActionRetry, "poll")
	if u.Payload.String() != "0" || u.Failure != nil || u.NextAttemptDelay != time.Second {
		t.Errorf("RETRY is %+v", u)
	}
}

// TestStartOfAStepWithStateTravelsWithItsCompletion guards that the state is never gone from the
// log: the service clears it at START.
func TestStartOfAStepWithStateTravelsWithItsCompletion(t *testing.T) {
	t.Parallel()
	client := &tape{}
	var runs []run
	log := stepRecord("poll", checkpoint.StatusReady, withAttempt(1), withResult("4"))
	if got := once(t, replay.Handler(scripted([]string{doAgain}, &runs)), client, log); got != "PENDING" {
		t.Fatalf("answer %s", got)
	}
	if diff := cmp.Diff([]string{"START poll, RETRY poll"}, client.calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]run{{2, 4}}, runs); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func TestStateThatIsNotWhatTheBodyAsksFor(t *testing.T) {
	t.Parallel()
	var got error
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Do("poll", func(ctx context.Context) error {
			_, _, got = op.StateFrom[time.Time](ctx)
			return got
		}))
	})
	client := &tape{}
	once(t, f, client, stepRecord("poll", checkpoint.StatusReady, withAttempt(1), withResult("4")))
	if _, ok := errors.AsType[*codec.Error](got); !ok {
		t.Errorf("the error of StateFrom is %v, want a *codec.Error", got)
	}
	if diff := cmp.Diff([]string{"START poll, FAIL poll"}, client.calls()); diff != "" {
		t.Errorf("a conversion that failed is permanent; calls (-want +got):\n%s", diff)
	}
}

func TestStateThatCannotBeEncodedFailsTheStep(t *testing.T) {
	t.Parallel()
	var got error
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		got = replay.Exec(ctx, op.Do("poll", func(context.Context) error { return retry.Again(make(chan int)) }))
		return op.None{}, nil
	}), "null")
	if _, ok := errors.AsType[*codec.Error](got); !ok || end(e) != "SUCCEEDED {}" {
		t.Errorf("the execution ended as %s, the step with %v; want a *codec.Error", end(e), got)
	}
}

func TestCrashOfAStep(t *testing.T) {
	t.Parallel()
	most := op.WithSemantics(op.AtMostOncePerRetry)
	three := op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(3)))
	crashes := slices.Repeat([]string{doCrash}, 9)
	interrupted := "FAILED Interrupted: interrupted before its result was recorded"
	tests := []struct {
		reason string
		script []string
		opts   []op.StepOption
		runs   []run
		want   string
	}{
		{
			reason: "at-least-once: the same attempt runs again", script: append(crashes[:4:4], doSucceed),
			opts: []op.StepOption{three},
			runs: []run{{1, -1}, {1, -1}, {1, -1}, {1, -1}, {1, -1}}, want: "SUCCEEDED -1",
		},
		{
			reason: "at-most-once: the attempt is consumed", script: []string{doCrash, doSucceed},
			opts: []op.StepOption{most, three}, runs: []run{{1, -1}, {2, -1}}, want: "SUCCEEDED -1",
		},
		{
			reason: "at-most-once: no attempt is left", script: crashes,
			opts: []op.StepOption{most, three}, runs: []run{{1, -1}, {2, -1}, {3, -1}}, want: interrupted,
		},
		{
			reason: "at-most-once without a policy", script: crashes,
			opts: []op.StepOption{most, op.WithRetry(retry.Never())}, runs: []run{{1, -1}}, want: interrupted,
		},
		{
			reason: "counted: the attempt is consumed", script: []string{doCrash, doSucceed},
			opts: []op.StepOption{op.WithCrashCounting(), three}, runs: []run{{1, -1}, {2, -1}}, want: "SUCCEEDED -1",
		},
		{
			reason: "counted: a body that ends its process cannot do so forever", script: crashes,
			opts: []op.StepOption{op.WithCrashCounting(), three},
			runs: []run{{1, -1}, {2, -1}, {3, -1}}, want: interrupted,
		},
	}
	for _, tt := range tests {
		for _, readyStart := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/READY sends START %t", tt.reason, readyStart), func(t *testing.T) {
				t.Parallel()
				var runs []run
				e := drive(t, replay.Handler(scripted(tt.script, &runs, tt.opts...), replay.WithReadyStart(readyStart)), "null")
				if got := end(e); got != tt.want {
					t.Errorf("the execution ended as %s, want %s", got, tt.want)
				}
				if diff := cmp.Diff(tt.runs, runs); diff != "" {
					t.Errorf("runs (-want +got):\n%s\n%v", diff, callsOf(e))
				}
			})
		}
	}
}

func TestCountedStepIsDurableBeforeItsBody(t *testing.T) {
	t.Parallel()
	for _, host := range []bool{false, true} {
		t.Run(fmt.Sprint("set by the handler ", host), func(t *testing.T) {
			t.Parallel()
			client := &tape{}
			counting := op.WithCrashCounting()
			opts, defaults := []op.StepOption{counting}, []replay.HandlerOption(nil)
			if host {
				opts, defaults = nil, []replay.HandlerOption{replay.WithStepDefaults(counting)}
			}
			var runs []run
			once(t, replay.Handler(scripted([]string{doSucceed}, &runs, opts...), defaults...), client)
			if diff := cmp.Diff([]string{"START poll", "SUCCEED poll"}, client.calls()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIdempotencyKeyNamesTheOperation(t *testing.T) {
	t.Parallel()
	keys := map[string][]string{} // by path
	body := func(script ...string) func(context.Context) error {
		n := 0
		return func(ctx context.Context) error {
			info, _ := op.InfoFrom(ctx)
			keys[info.Path] = append(keys[info.Path], info.IdempotencyKey)
			n++
			if n > len(script) {
				return nil
			}
			if script[n-1] == doCrash {
				local.Kill(ctx)
				runtime.Goexit()
			}
			return errThrottled
		}
	}
	charge, refund := body(doFail, doCrash, doFail), body(doCrash)
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for _, o := range []op.Op[op.None]{
			op.Do("charge", charge), op.Do("charge", refund),
			op.Do("charge", body()).Key("a"),
			op.Group("order", func(ctx op.Context) (op.None, error) {
				return op.None{}, replay.Exec(ctx, op.Do("charge", body()))
			}),
		} {
			if err := replay.Exec(ctx, o); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	}), "null")
	if end(e) != "SUCCEEDED {}" {
		t.Fatalf("the execution ended as %s", end(e))
	}
	runs := map[string]int{}
	distinct := map[string]bool{}
	for path, ks := range keys {
		runs[path] = len(ks)
		if len(slices.Compact(ks)) != 1 || ks[0] == "" {
			t.Errorf("%s has the keys %v, want one", path, ks)
		}
		distinct[ks[0]] = true
	}
	want := map[string]int{"charge": 4, "charge#2": 2, "charge[a]": 1, "order/charge": 1}
	if diff := cmp.Diff(want, runs); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if len(distinct) != len(keys) {
		t.Errorf("%d keys for %d operations", len(distinct), len(keys))
	}
}

// stateAtStart are the options of a service whose START of a READY step keeps the state, or not.
func stateAtStart(kept bool) []local.Option {
	o, _ := unmeasured.StateKeptAtStart().(local.Option)
	if !kept {
		return nil
	}
	return []local.Option{o}
}
