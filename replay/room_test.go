package replay_test

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// refusal is something that the service would refuse.
type refusal struct {
	reason string
	last   func(ctx op.Context, bodies *int) op.Op[string]
	kind   error // that errors.Is finds; nil for a declaration that is wrong
	text   []string
}

func refusals() []refusal {
	big := strings.Repeat("x", 3<<19)
	submit := func(context.Context, string) error { return nil }
	text := func(o op.Op[op.None]) op.Op[string] {
		return op.Transform(o, func(op.None) (string, error) { return "", nil })
	}
	fixed := func(o op.Op[string]) func(op.Context, *int) op.Op[string] {
		return func(op.Context, *int) op.Op[string] { return o }
	}
	return []refusal{
		{
			"the result of a step", fixed(op.Step("last", func(context.Context) (string, error) { return big, nil })),
			op.ErrTooLarge,
			[]string{"1,572,866 bytes", "1,048,576", "store it elsewhere"},
		},
		{
			"the result of an attempt that may be repeated is refused once",
			func(_ op.Context, bodies *int) op.Op[string] {
				return op.Step("last", func(context.Context) (string, error) { *bodies++; return big, nil }, op.WithRetry(retry.Fixed(time.Second)))
			},
			op.ErrTooLarge,
			[]string{"1,572,866 bytes"},
		},
		{
			"the state of a condition", fixed(op.WaitForCondition("last", "", func(context.Context, string) (string, bool, error) {
				return big, false, nil
			})), nil, []string{"the state for the next attempt"},
		},
		{"the input of an invoke", fixed(op.Invoke[string]("last", "other:live", big)), op.ErrTooLarge, []string{`"last"`, "1,572,866 bytes", "pass where that is"}},
		{"an input that cannot be encoded", fixed(op.Invoke[string]("last", "other:live", func() {})), nil, []string{`"last"`, "encode input"}},
		{"the name of a function", fixed(op.Invoke[string]("last", "no name!", 1)), nil, []string{`"last"`, `"no name!"`, "FunctionName"}},
		{"a callback's time", fixed(op.WaitForCallback[string]("last", submit, op.WithTimeout(400*24*time.Hour))), nil, []string{`"last"`, "9600h"}},
		{"a heartbeat's time", fixed(op.WaitForCallback[string]("last", submit, op.WithHeartbeatTimeout(math.MaxInt64))), nil, []string{`"last"`, "at most"}},
		{"a time that means never", fixed(text(op.WaitUntil("last", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)))), nil, []string{`"last"`, "9999-12-31"}},
		{"a time in two years", func(ctx op.Context, _ *int) op.Op[string] {
			return text(op.WaitUntil("last", replay.Now(ctx).AddDate(2, 0, 0)))
		}, nil, []string{`"last"`, "366 days", "8784h"}[:1]},
		{"a map that has no room", func(_ op.Context, bodies *int) op.Op[string] {
			body := op.StepFunc("s", func(context.Context, int) (int, error) { *bodies++; return 0, nil })
			return op.Transform(op.Map("last", make([]int, 2000), body), func(op.Batch[int]) (string, error) { return "", nil })
		}, op.ErrTooMany, []string{`"last"`, "4,001 operations", "op.WithFlat", "op.WithChunks", "op.Invoke"}},
	}
}

// TestRefusalsAreErrorsOfTheirOperation has an execution with something to compensate do what the
// service would refuse: it gets an error that it can catch, on each replay the same one, and
// compensates.
func TestRefusalsAreErrorsOfTheirOperation(t *testing.T) {
	t.Parallel()
	for _, r := range refusals() {
		t.Run(r.reason, func(t *testing.T) {
			t.Parallel()
			var texts []string
			bodies, refunds := 0, 0
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				charge := op.Do("charge", func(context.Context) error { return nil })
				if err := replay.Exec(ctx, charge.Undo(func(context.Context, op.None) error { refunds++; return nil })); err != nil {
					return "", err
				}
				_, err := replay.Run(ctx, r.last(ctx, &bodies))
				if err == nil || r.kind != nil && !errors.Is(err, r.kind) {
					t.Errorf("got %v, want an error that is %v", err, r.kind)
					return "", err
				}
				texts = append(texts, err.Error())
				if waited := replay.Exec(ctx, op.Wait("pause", time.Minute)); waited != nil { // then all is replayed
					return "", waited
				}
				return "", err
			})
			e := drive(t, f, "null")
			if e.Status() != local.StatusFailed || refunds != 1 || bodies > 1 {
				t.Errorf("ended as %s (%v) with %d refunds, and the body ran %d times", e.Status(), e.Err(), refunds, bodies)
			}
			if len(texts) != 2 || texts[0] != texts[1] {
				t.Errorf("got %q, want the same text on the first run and on the replay", texts)
			}
			for _, want := range r.text {
				if len(texts) > 0 && !strings.Contains(texts[0], want) {
					t.Errorf("the error is %q, want %q in it", texts[0], want)
				}
			}
		})
	}
}

// TestRoomOfAnExecution runs steps until there is no room for another one: what was done is
// compensated, with the operations that are kept for that.
func TestRoomOfAnExecution(t *testing.T) {
	t.Parallel()
	const undoable = 5
	refunds, ran := 0, 0
	var refused error
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		for i := range undoable {
			charge := op.Do("charge", func(context.Context) error { return nil }).Key(strconv.Itoa(i))
			if err := replay.Exec(ctx, charge.Undo(func(context.Context, op.None) error { refunds++; return nil })); err != nil {
				return "", err
			}
		}
		for i := range 4000 {
			o := op.Do("s", func(context.Context) error { ran++; return nil }, op.WithSemantics(op.Relaxed))
			if err := replay.Exec(ctx, o.Key(strconv.Itoa(i))); err != nil {
				refused = err
				return "", err
			}
		}
		return "", nil
	})
	e := drive(t, f, "null")
	if !errors.Is(refused, op.ErrTooMany) || !strings.Contains(refused.Error(), "s") {
		t.Errorf("got %v, want ErrTooMany", refused)
	}
	if e.Status() != local.StatusFailed || refunds != undoable || ran != 2610-undoable {
		t.Errorf("ended as %s (%v): %d steps and %d refunds", e.Status(), e.Err(), ran, refunds)
	}
}

// TestDurationsNeverOverflow declares all kinds of durations: each is an error of the declaration,
// or one that the service takes.
func TestDurationsNeverOverflow(t *testing.T) {
	t.Parallel()
	submit := func(context.Context, string) error { return nil }
	p := gopter.DefaultTestParametersWithSeed(lawSeed(t))
	p.MinSuccessfulTests = draws.Count(200)
	props := gopter.NewProperties(p)
	props.Property("a duration is refused or taken", prop.ForAll(func(n int64) bool {
		d := time.Duration(n)
		for _, o := range []op.Operation{
			op.Wait("w", d),
			op.WaitForCallback[string]("c", submit, op.WithTimeout(d)),
			op.WaitForCallback[string]("h", submit, op.WithHeartbeatTimeout(d)),
			op.Do("s", func(context.Context) error { return nil }, op.WithTimeout(d)),
			op.WaitUntil("u", time.Unix(1e9, 0).Add(d)),
		} {
			if op.Validate(o) != nil {
				continue
			}
			clock := local.NewVirtualClock(time.Unix(1e9, 0))
			svc := local.New(local.WithClock(clock))
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				if c, ok := any(o).(op.Op[string]); ok {
					return "", replay.Exec(ctx, replay.Go(ctx, c).Result().MapError(func(error) error { return nil }))
				}
				c, _ := any(o).(op.Op[op.None])
				_ = replay.Exec(ctx, c)
				return "", nil
			})
			if err := svc.Host("f", f); err != nil {
				return false
			}
			e, err := svc.Start(t.Context(), "f", "x", nil)
			if err != nil {
				return false
			}
			if err := e.RunUntilSuspended(t.Context()); err != nil {
				return false
			}
			status, failed := e.Status(), e.Err()
			svc.Close()
			if status == local.StatusFailed {
				t.Logf("%v: %v", d, failed)
				return false
			}
		}
		return true
	}, gen.OneGenOf(gen.Int64(), gen.OneConstOf(int64(math.MaxInt64), int64(math.MinInt64), int64(math.MaxInt64-1e9+1),
		int64(op.MaxWait), int64(op.MaxWait)+1, int64(op.MaxWait)-1, int64(1), int64(0), int64(-1)))))
	props.TestingRun(t)
}
