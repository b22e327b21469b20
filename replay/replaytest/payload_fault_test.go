package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// faulty is a codec whose first conversions of one part and direction fail.
type faulty struct {
	codec.Codec

	decoding bool
	part     codec.Part
	name     string // of the operation; empty for the handler
	err      error

	mu    sync.Mutex
	fails int
}

func (f *faulty) fail(m codec.Meta, decoding bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.decoding != decoding || f.part != m.Part || f.name != m.OperationName || f.fails == 0 {
		return nil
	}
	f.fails--
	return f.err
}

func (f *faulty) Encode(ctx context.Context, m codec.Meta, v any) ([]byte, error) {
	if err := f.fail(m, false); err != nil {
		return nil, err
	}
	return f.Codec.Encode(ctx, m, v)
}

func (f *faulty) Decode(ctx context.Context, m codec.Meta, p []byte, v any) error {
	if err := f.fail(m, true); err != nil {
		return err
	}
	return f.Codec.Decode(ctx, m, p, v)
}

// faultRow is a handler with a payload that cannot be converted for now.
type faultRow struct {
	reason, name string
	part         codec.Part
	run          func(ctx op.Context, n int) (string, error)
}

// bodies counts the runs of the body that a row is about.
type bodies struct {
	mu sync.Mutex
	n  map[string]int
}

func (b *bodies) ran(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n == nil {
		b.n = map[string]int{}
	}
	b.n[name]++
}

func faultRows(b *bodies) []faultRow {
	charge := op.StepFunc("charge", func(_ context.Context, n int) (string, error) {
		b.ran("charge")
		return fmt.Sprint("charged ", n), nil
	}, op.WithRetry(retry.Never()))
	then := func(ctx op.Context, v string, err error) (string, error) { // a replay reads v again
		if err != nil {
			return "", err
		}
		return v, pause(ctx)
	}
	return []faultRow{
		{"the result of a step", "charge", codec.PartResult, func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, charge(n))
			return then(ctx, v, err)
		}},
		{"the result of a future", "charge", codec.PartResult, func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, replay.Go(ctx, charge(n)).Result())
			return then(ctx, v, err)
		}},
		{"the result of a group", "both", codec.PartResult, func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Group("both", func(ctx op.Context) (string, error) { return replay.Run(ctx, charge(n)) }))
			return then(ctx, v, err)
		}},
		{"the result of an item", "charge", codec.PartResult, func(ctx op.Context, n int) (string, error) {
			all, err := replay.Run(ctx, op.Map("all", []int{n}, charge))
			return then(ctx, strings.Join(all.Values(), ","), err)
		}},
		{"the result of a branch that is a group", "branch", codec.PartResult, func(ctx op.Context, n int) (string, error) {
			branch := op.Group("branch", func(ctx op.Context) (string, error) { return replay.Run(ctx, charge(n)) })
			all, err := replay.Run(ctx, op.Parallel("all", []op.Op[string]{branch}))
			return then(ctx, strings.Join(all.Values(), ","), err)
		}},
		{"the result of an attempt", "charge", codec.PartResult, func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Retry("again", charge(n), retry.Never()))
			return then(ctx, v, err)
		}},
		{"a result that is undone", "charge", codec.PartResult, func(ctx op.Context, n int) (string, error) {
			undone := charge(n).Undo(func(_ context.Context, v string) error {
				if v != "charged 1" {
					return errors.New("what is to be undone is " + v)
				}
				return nil
			})
			_, err := replay.Run(ctx, op.Group("saga", func(ctx op.Context) (string, error) {
				if _, err := replay.Run(ctx, undone); err != nil {
					return "", err
				}
				return "", errors.Join(pause(ctx), errTooHigh)
			}))
			return fmt.Sprint(err), nil
		}},
		{"the state of a step", "charge", codec.PartState, func(ctx op.Context, n int) (string, error) {
			return replay.Run(ctx, op.Step("charge", func(ctx context.Context) (string, error) {
				s, ok, err := op.StateFrom[int](ctx)
				if err != nil {
					return "", err
				}
				if b.ran("charge"); !ok {
					return "", retry.Again(n + 1)
				}
				return fmt.Sprint("charged ", s), nil
			}, op.WithRetry(retry.Fixed(time.Second))))
		}},
		{"the state of a condition", "poll", codec.PartState, func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.WaitForCondition("poll", n, func(_ context.Context, n int) (int, bool, error) {
				b.ran("charge")
				return n + 1, n > 1, nil
			}))
			return then(ctx, strconv.Itoa(v), err)
		}},
		{"the input of the handler", "", codec.PartInput, func(ctx op.Context, n int) (string, error) {
			return replay.Run(ctx, charge(n))
		}},
		{"the result of the handler", "", codec.PartResult, func(ctx op.Context, n int) (string, error) {
			return replay.Run(ctx, charge(n))
		}},
		{"the error of a step", "charge", codec.PartFailure, func(ctx op.Context, n int) (string, error) {
			_, err := replay.Run(ctx, op.Step("charge", func(context.Context) (string, error) {
				b.ran("charge")
				return "", fmt.Errorf("no money for %d", n)
			}, op.WithRetry(retry.Never())))
			return then(ctx, fmt.Sprint(err), nil)
		}},
		{"the error of a group", "both", codec.PartFailure, func(ctx op.Context, n int) (string, error) {
			_, err := replay.Run(ctx, op.Group("both", func(ctx op.Context) (string, error) {
				return "", fmt.Errorf("no money for %d", n)
			}))
			return then(ctx, fmt.Sprint(err), nil)
		}},
		{"the error of a branch", "branch", codec.PartFailure, func(ctx op.Context, n int) (string, error) {
			branch := op.Group("branch", func(ctx op.Context) (string, error) { return "", fmt.Errorf("no money for %d", n) })
			all, err := replay.Run(ctx, op.AllSettled("all", branch))
			return then(ctx, fmt.Sprint(all.Err()), err)
		}},
		{"the error of the handler", "", codec.PartFailure, func(ctx op.Context, n int) (string, error) {
			return "", fmt.Errorf("no money for %d", n)
		}},
	}
}

// function is the handler with a codec everywhere.
func (row *faultRow) function(c codec.Codec) *replay.Function[int, string] {
	return replay.Handler(row.run, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c))
}

func failedInvocations(events []local.Event) (texts []string) {
	for _, e := range events {
		if e.Type == local.EventInvocationCompleted && e.Failure != nil {
			texts = append(texts, e.Failure.Message)
		}
	}
	return texts
}

// A conversion that fails for now a few times costs no more than pauses: bodies run once, and no
// invocation ends.
func TestConversionIsMadeAgain(t *testing.T) {
	t.Parallel()
	forEachFault(t, 3, func(t *testing.T, row *faultRow, decoding bool, _ *faulty, got, want *replaytest.Result[string], ran, once int) {
		t.Helper()
		if failed := failedInvocations(got.History); len(failed) > 0 || ran != once {
			t.Errorf("the body ran %d times, want %d; invocations failed with %q", ran, once, failed)
		}
		if got.Invocations != want.Invocations {
			t.Errorf("%d invocations, want %d", got.Invocations, want.Invocations)
		}
	})
}

// One that fails for now for longer ends the invocation with an error that names the payload, and
// nothing else: what is invoked again has the same end.
func TestConversionThatFailsForNowEndsTheInvocation(t *testing.T) {
	t.Parallel()
	forEachFault(t, 24, func(t *testing.T, row *faultRow, decoding bool, f *faulty, got, _ *replaytest.Result[string], ran, once int) {
		t.Helper()
		if f.fails > 0 {
			return // it was never read
		}
		failed := failedInvocations(got.History)
		name := `operation "` + row.name + `"`
		if row.name == "" {
			name = "the handler"
		}
		if len(failed) == 0 || !strings.Contains(failed[0], row.part.String()+" of "+name) || !strings.Contains(failed[0], "for now") {
			t.Errorf("invocations failed with %q, want that the %s of %s could not be converted", failed, row.part, name)
		}
		logged := false
		for _, l := range got.Logs {
			logged = logged || strings.Contains(l.Message, "could not be converted for now")
		}
		if outcome := row.name == "" && row.part == codec.PartFailure; !logged && !outcome {
			t.Errorf("nothing is logged: %v", got.Logs)
		}
		if decoding && row.reason != "the state of a step" && ran != once {
			t.Errorf("the body ran %d times, want %d", ran, once)
		}
	})
}

// forEachFault runs each row with a codec that fails so often, in both directions.
func forEachFault(t *testing.T, fails int, check func(
	t *testing.T, row *faultRow, decoding bool, f *faulty, got, want *replaytest.Result[string], ran, once int,
),
) {
	t.Helper()
	for i := range faultRows(&bodies{}) {
		for _, decoding := range []bool{false, true} {
			b := &bodies{}
			row := faultRows(b)[i]
			if decoding && row.name == "" && row.part != codec.PartInput {
				continue // nothing of the execution reads it
			}
			t.Run(fmt.Sprintf("%s, decoding %v", row.reason, decoding), func(t *testing.T) {
				t.Parallel()
				want := replaytest.Run(t, row.function(codec.JSON()), 1)
				once := b.n["charge"]
				f := &faulty{
					Codec: codec.JSON(), decoding: decoding, part: row.part, name: row.name,
					err: codec.Transient(errLate), fails: fails,
				}
				got := replaytest.Run(t, row.function(f), 1)
				if got.Status != want.Status || got.Value != want.Value || fmt.Sprint(got.Err) != fmt.Sprint(want.Err) {
					t.Errorf("it is %s with %q, %v, want %s with %q, %v", got.Status, got.Value, got.Err, want.Status, want.Value, want.Err)
				}
				check(t, &row, decoding, f, got, want, b.n["charge"]-once, once)
			})
		}
	}
}

// A failure for good is what it was: that of the operation live, and a divergence on replay.
func TestConversionThatFailsForGood(t *testing.T) {
	t.Parallel()
	b := &bodies{}
	row := faultRows(b)[0]
	f := &faulty{Codec: codec.JSON(), decoding: true, part: codec.PartResult, name: "charge", err: errLate, fails: 1}
	r := replaytest.Run(t, row.function(f), 1)
	if e, ok := errors.AsType[*codec.Error](r.Err); !ok || e.Operation != "charge" || r.Invocations != 1 {
		t.Errorf("a result that cannot be read is %v after %d invocations, want a *codec.Error of the step", r.Err, r.Invocations)
	}
}

// The input of an execution that is started is encoded again as others are: it costs no attempt.
func TestInputOfAStartIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, fails := range []int{3, 24} {
		f := &faulty{Codec: codec.JSON(), part: codec.PartInput, name: "begin", err: codec.Transient(errLate), fails: fails}
		starts := replay.Handler(func(ctx op.Context, n int) (string, error) {
			arn, err := replay.Run(ctx, op.Start("begin", "bills:$LATEST", n, op.WithStarting(op.WithRetry(retry.Never()))))
			return strconv.FormatBool(arn != ""), err
		}, replay.WithCodec(f))
		r := replaytest.Run(t, starts, 1, replaytest.Host("bills", bills(nil)))
		if failed := failedInvocations(r.History); r.Err != nil || r.Value != "true" || (len(failed) > 0) != (fails > 20) {
			t.Errorf("after %d failures it is %q, %v; invocations failed with %q", fails, r.Value, r.Err, failed)
		}
	}
}
