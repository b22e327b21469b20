package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestForkOfSealedExecutions: a fork, and a fork of that, read what was sealed for the execution
// that they come from, and are rehearsed so. Another execution does not.
func TestForkOfSealedExecutions(t *testing.T) {
	t.Parallel()
	c := codec.Chain(codec.JSON(), newSealing(t, "k1"))
	f := replay.Handler(func(ctx op.Context, in string) (string, error) {
		reserved := done(ctx, valued("reserve", "r-"+in))
		done(ctx, op.Wait("cool-off", time.Hour))
		return reserved + done(ctx, valued("ship", "-shipped")), nil
	}, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c))
	svc := local.New(local.WithClock(local.NewVirtualClock(dawn)))
	t.Cleanup(func() { _ = svc.Close() })
	if err := svc.Host("order", f); err != nil {
		t.Fatal(err)
	}
	e, err := svc.Start(t.Context(), "order", "A-1", []byte(`"a"`))
	for n := 0; n < 3 && err == nil; n++ {
		if err = e.Drive(t.Context()); err != nil {
			break
		}
		if got := fmt.Sprint(e.Status(), len(e.Record().ForkedFrom)); got != fmt.Sprint(local.StatusSucceeded, n) {
			t.Fatalf("fork %d is %s: %+v", n, got, e.Failure())
		}
		e, err = svc.Fork(t.Context(), local.ForkInput{ARN: e.ARN(), Before: "ship"})
	}
	if err != nil {
		t.Fatal(err)
	}
	log := e.Log()
	if r, err := f.Rehearse(t.Context(), log); err != nil || r.Verdict != replay.VerdictFits {
		t.Errorf("a fork: %v, %+v", err, r)
	}
	log.ForkedFrom = nil
	if r, err := f.Rehearse(t.Context(), log); err != nil || r.Verdict != replay.VerdictDiverges {
		t.Errorf("an execution that is no fork has read what is not its own: %v, %+v", err, r)
	}
}

// forking is a service with a function of which forks are made.
type forking struct {
	clock *local.VirtualClock
	svc   *local.Service
	// bodies counts how often each body has run; failing has the body of "charge" fail for good.
	bodies  map[string]int
	failing bool
}

func newForking(t *testing.T) *forking {
	t.Helper()
	f := &forking{clock: local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), bodies: make(map[string]int)}
	f.svc = local.New(local.WithClock(f.clock))
	t.Cleanup(func() { _ = f.svc.Close() })
	child := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, f.step("double", func(context.Context) (int, error) { return 2 * n, nil }))
	}, replay.WithLogHandler(slog.DiscardHandler))
	if err := errors.Join(f.svc.Host("child", child), f.svc.Host("order", replay.Handler(f.order, replay.WithLogHandler(slog.DiscardHandler)))); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *forking) step(name string, body func(context.Context) (int, error), opts ...op.StepOption) op.Op[int] {
	return op.Step(name, func(ctx context.Context) (int, error) {
		f.bodies[name]++
		return body(ctx)
	}, opts...)
}

// order has an operation of each kind, one after the other.
func (f *forking) order(ctx op.Context, n int) (string, error) {
	reserved, err := replay.Run(ctx, f.step("reserve", func(context.Context) (int, error) { return n, nil }))
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Wait("cool-off", time.Hour)); err != nil {
		return "", err
	}
	doubled, err := replay.Run(ctx, op.Invoke[int]("double", "child:1", reserved))
	if err != nil {
		return "", err
	}
	tried := f.step("try", func(ctx context.Context) (int, error) {
		if info, _ := op.InfoFrom(ctx); info.Attempt < 2 {
			return 0, errors.New("busy")
		}
		return 1, nil
	}, op.WithRetry(retry.Fixed(time.Minute)))
	if _, err := replay.Run(ctx, tried); err != nil {
		return "", err
	}
	packed, err := replay.Run(ctx, op.Group("parcel", func(ctx op.Context) (int, error) {
		if err := replay.Exec(ctx, f.step("pack", func(context.Context) (int, error) { return 1, nil })); err != nil {
			return 0, err
		}
		return replay.Run(ctx, f.step("charge", func(context.Context) (int, error) {
			if f.failing {
				return 0, retry.Permanent(errors.New("no money"))
			}
			return 3, nil
		}))
	}))
	if err != nil {
		return "", err
	}
	by, err := replay.Run(ctx, op.WaitForCallback[string]("collected", func(context.Context, string) error { return nil }))
	if err != nil {
		return "", err
	}
	last, err := replay.Run(ctx, f.step("file", func(context.Context) (int, error) { return 4, nil }))
	return fmt.Sprint(reserved, doubled, packed, by, last), err
}

// drive runs an execution to its end and answers its callback.
func (f *forking) drive(t *testing.T, e *local.Execution) {
	t.Helper()
	for {
		if err := e.RunUntilSuspended(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e.Status().Terminal() {
			return
		}
		for _, o := range e.Operations() {
			if o.CallbackID != "" && o.Status == checkpoint.StatusStarted {
				if err := f.svc.CompleteCallback(o.CallbackID, []byte("Ann")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if next, ok := f.clock.Next(); ok {
			f.clock.AdvanceTo(next)
		}
	}
}

func (f *forking) start(t *testing.T) *local.Execution {
	t.Helper()
	e, err := f.svc.Start(t.Context(), "order", "A-1", []byte("7"))
	if err != nil {
		t.Fatal(err)
	}
	f.drive(t, e)
	return e
}

// TestForkBeforeEachOperation: a fork holds what had ended when the operation began, replays it,
// runs what comes after, and ends as the execution that it was made of.
func TestForkBeforeEachOperation(t *testing.T) {
	t.Parallel()
	// again are the bodies that run in the fork.
	for before, again := range map[string]string{
		"reserve":                       "charge double file pack reserve try try",
		"cool-off":                      "charge double file pack try try",
		"double":                        "charge double file pack try try",
		"try":                           "charge file pack try try",
		"parcel":                        "charge file pack",
		"parcel/pack":                   "charge file pack",
		"parcel/charge":                 "charge file",
		"collected":                     "file",
		"collected/collected-callback":  "file",
		"collected/collected-submitter": "file",
		"file":                          "file",
	} {
		t.Run(before, func(t *testing.T) {
			t.Parallel()
			f := newForking(t)
			first := f.start(t)
			want := string(first.Result())
			f.bodies = make(map[string]int)
			fork, err := f.svc.Fork(t.Context(), local.ForkInput{ARN: first.ARN(), Before: before})
			if err != nil {
				t.Fatal(err)
			}
			if fork.Name() != "A-1-fork-1" || fork.ARN() == first.ARN() || fork.Status() != local.StatusRunning {
				t.Errorf("the fork is %s, %s", fork.ARN(), fork.Status())
			}
			for _, o := range fork.Operations()[1:] {
				if old, ok := first.Operation(o.ID); !ok || o.Status.Terminal() && !cmp.Equal(old, o) || o.Name == before {
					t.Errorf("the fork begins with %+v", o)
				}
			}
			f.drive(t, fork)
			if got := string(fork.Result()); got != want || fork.Status() != local.StatusSucceeded {
				t.Errorf("the fork ends with %s, %s, %v, want %s", fork.Status(), got, fork.Err(), want)
			}
			if got := f.ran(); got != again {
				t.Errorf("the bodies that have run are %s, want %s", got, again)
			}
			for i, ev := range fork.History() {
				if ev.ID != i+1 {
					t.Fatalf("event %d has the ID %d", i+1, ev.ID)
				}
			}
			if first.Status() != local.StatusSucceeded || string(first.Result()) != want {
				t.Error("the other execution is not what it was")
			}
		})
	}
}

func (f *forking) ran() string {
	var all []string
	for _, name := range []string{"charge", "double", "file", "pack", "reserve", "try"} {
		for range f.bodies[name] {
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

// TestRedrive: an execution that has failed goes on in another one from what has failed, with what
// succeeded before.
func TestRedrive(t *testing.T) {
	t.Parallel()
	f := newForking(t)
	f.failing = true
	first := f.start(t)
	if first.Status() != local.StatusFailed {
		t.Fatalf("it is %s", first.Status())
	}
	f.bodies, f.failing = make(map[string]int), false
	again, err := f.svc.Redrive(t.Context(), local.ForkInput{ARN: first.ARN()})
	if err != nil {
		t.Fatal(err)
	}
	f.drive(t, again)
	if again.Status() != local.StatusSucceeded || again.Name() != "A-1-redrive-1" || f.ran() != "charge file" {
		t.Errorf("%s is %s, %v, after the bodies %s", again.Name(), again.Status(), again.Err(), f.ran())
	}
	second, err := f.svc.Redrive(t.Context(), local.ForkInput{ARN: first.ARN()})
	if err != nil || second.Name() != "A-1-redrive-2" {
		t.Errorf("a second time: %v, %v", second, err)
	}
}

// TestRedriveOfAStoppedExecution: what it waited for it waits for again, for as long as was left.
func TestRedriveOfAStoppedExecution(t *testing.T) {
	t.Parallel()
	f := newForking(t)
	first, err := f.svc.Start(t.Context(), "order", "A-1", []byte("7"))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(40 * time.Minute)
	if err := first.Stop(nil); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(24 * time.Hour)
	again, err := f.svc.Redrive(t.Context(), local.ForkInput{ARN: first.ARN(), Name: "A-1b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, o := range again.Operations() {
		if o.Name == "cool-off" && !o.Due.Equal(f.clock.Now().Add(20*time.Minute)) {
			t.Errorf("the wait ends in %v", o.Due.Sub(f.clock.Now()))
		}
	}
	f.drive(t, again)
	if again.Status() != local.StatusSucceeded || f.bodies["reserve"] != 1 {
		t.Errorf("it is %s, %v; the first body has run %d times", again.Status(), again.Err(), f.bodies["reserve"])
	}
}

func TestForkRefusals(t *testing.T) {
	t.Parallel()
	f := newForking(t)
	e := f.start(t)
	fork := func(in local.ForkInput) error {
		_, err := f.svc.Fork(t.Context(), in)
		return err
	}
	_, redriven := f.svc.Redrive(t.Context(), local.ForkInput{ARN: e.ARN()})
	for name, tt := range map[string]struct {
		err    error
		status int
		says   string
	}{
		"no execution":         {fork(local.ForkInput{ARN: "no", Before: "try"}), 404, "no such execution"},
		"no operation":         {fork(local.ForkInput{ARN: e.ARN(), Before: "fly"}), 400, `There is no operation "fly"; there are: reserve, cool-off, double, try, parcel, parcel/pack`},
		"a name that cannot":   {fork(local.ForkInput{ARN: e.ARN(), Before: "try", Name: "a b"}), 400, "1 to 64"},
		"a name that is taken": {fork(local.ForkInput{ARN: e.ARN(), Before: "try", Name: "A-1"}), 409, "was started"},
		"redrive of a result":  {redriven, 409, "has ended"},
	} {
		failed, ok := errors.AsType[*checkpoint.APIError](tt.err)
		if !ok || failed.HTTPStatus != tt.status || !strings.Contains(failed.Message, tt.says) {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
}

// TestForkWithinABatch: where operations run beside each other, the fork holds what the log held
// when one of them began.
func TestForkWithinABatch(t *testing.T) {
	t.Parallel()
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer func() { _ = svc.Close() }()
	h := replay.Handler(func(ctx op.Context, n int) (string, error) {
		all, err := replay.Run(ctx, op.Map("each", []int{1, 2, 3}, func(i int) op.Op[int] {
			return op.Group("pair", func(ctx op.Context) (int, error) {
				if err := replay.Exec(ctx, op.Wait("nap", time.Duration(i)*time.Second)); err != nil {
					return 0, err
				}
				return replay.Run(ctx, op.Step("double", func(context.Context) (int, error) { return 2 * i * n, nil }))
			})
		}))
		return fmt.Sprint(all), err
	}, replay.WithLogHandler(slog.DiscardHandler))
	if err := svc.Host("order", h); err != nil {
		t.Fatal(err)
	}
	first, err := svc.Start(t.Context(), "order", "A-1", []byte("7"))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Drive(t.Context()); err != nil || first.Err() != nil {
		t.Fatal(err, first.Err())
	}
	forks := 0
	for _, o := range first.Operations()[1:] {
		fork, err := svc.Fork(t.Context(), local.ForkInput{ARN: first.ARN(), Before: o.ID})
		if err != nil {
			t.Fatal(err)
		}
		if err := fork.Drive(t.Context()); err != nil || !cmp.Equal(fork.Result(), first.Result()) {
			t.Errorf("before %q (%s): %v, %v, %s", o.Name, o.ID, err, fork.Err(), fork.Result())
		}
		forks++
	}
	if forks < 10 {
		t.Errorf("only %d forks", forks)
	}
}
