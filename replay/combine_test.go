package replay_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func TestOutcomesOfCombinators(t *testing.T) {
	t.Parallel()
	a, b := plainStep("a", "A"), slow("b")
	bad := failingStep("bad")
	number := op.Transform(plainStep("n", "7"), func(string) (int, error) { return 7, nil })
	tests := []struct {
		reason string
		run    func(ctx op.Context) (any, error)
		want   string
	}{
		{"all, by index", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.All("c", b, a)) }, "[late A] <nil>"},
		{"all of none", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.All[string]("c")) }, "[] <nil>"},
		{"all, one fails", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.All("c", a, b, bad)) }, "[] card declined"},
		{"any, the first success", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Any("c", bad, b)) }, "late <nil>"},
		{
			"any, all fail", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Any("c", bad, failingStep("worse"))) },
			` "c": 2 of 2 operations failed, the first with: card declined`,
		},
		{"race, a success first", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Race("c", b, a)) }, "A <nil>"},
		{"race, a failure first", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Race("c", b, bad)) }, " card declined"},
		{"select returns the winner", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.RaceWinner("c", b, a)) }, "{1 a A} <nil>"},
		{"select returns who failed", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.RaceWinner("c", b, bad)) }, "{1 bad } card declined"},
		{"join of types", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Join2("c", b, number)) }, "{late 7} <nil>"},
		{"join of three", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Join3("c", b, number, a)) }, "{late 7 A} <nil>"},
		{
			"join of four", func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Join4("c", b, number, a, op.Wait("w", time.Second)))
			},
			"{late 7 A {}} <nil>",
		},
		{
			"join of five", func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.Join5("c", b, number, a, op.Wait("w", time.Second), op.All("inner", plainStep("x", "X"))))
			}, "{late 7 A {} [X]} <nil>",
		},
		{"join, one fails", func(ctx op.Context) (any, error) {
			_, err := replay.Run(ctx, op.Join3("c", b, bad, number))
			return "", err
		}, " card declined"},
		{"in time", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Timeout("c", b, 2*time.Hour)) }, "late <nil>"},
		{"too late", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Timeout("c", b, time.Minute)) }, ` "c": timed out after 1m0s`},
		{"a failure in time", func(ctx op.Context) (any, error) { return replay.Run(ctx, op.Timeout("c", bad, time.Minute)) }, " card declined"},
		{
			"operands that are batches", func(ctx op.Context) (any, error) {
				return replay.Run(ctx, op.All("c", op.Race("r", a, b), op.Any("y", bad, plainStep("z", "Z")), op.Timeout("t", b, 2*time.Hour)))
			}, "[A Z late] <nil>",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, e := onceMore(t, func(ctx op.Context) string {
				v, err := tt.run(ctx)
				return fmt.Sprint(v, " ", err)
			})
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if all := strings.Join(callsOf(e), ", "); strings.Contains(all, "CANCEL") {
				t.Errorf("losers were cancelled: %s", all)
			}
		})
	}
}

// endsAfterStartOf is a step, "a", whose body ends when a call has carried the start of another
// operation: the two run beside each other, and which of them is first is up to the scheduler.
func endsAfterStartOf(name string) (op.Op[string], local.Option) {
	var once sync.Once
	begun := make(chan struct{})
	a := op.Step("a", func(ctx context.Context) (string, error) {
		select {
		case <-begun:
			return "A", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	return a, local.WithFaults(local.Faults{Fail: func(p local.Point) error {
		if p.Moment == local.MomentBeforeCall && strings.Contains(sayUpdates(p.Updates), "START "+name) {
			once.Do(func() { close(begun) })
		}
		return nil
	}})
}

func TestLosingWaitIsCancelledOnRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		length time.Duration
		ask    bool
		want   []string // the last calls of the first invocation
	}{
		{"by default it is left behind", time.Hour, false, []string{"SUCCEED a, SUCCEED race"}},
		{"alone, and after the end of the race", time.Hour, true, []string{"SUCCEED race", "CANCEL b"}},
		{"not one that ends within a minute", 59 * time.Second, true, []string{"SUCCEED race"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			b := op.Transform(op.Wait("b", tt.length), func(op.None) (string, error) { return "late", nil })
			a, watch := endsAfterStartOf("b")
			race := op.Race("race", a, b)
			if tt.ask {
				race = race.With(op.WithCancelLosers())
			}
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return replay.Run(ctx, race) }), "null", watch)
			calls := callsOf(e)
			at := slices.Index(calls, "CANCEL b")
			if cancelled := slices.Contains(tt.want, "CANCEL b"); cancelled != (at >= 0) || end(e) != `SUCCEEDED "A"` {
				t.Errorf("calls %q, ended as %s", calls, end(e))
			}
			if at >= 0 && !strings.HasSuffix(calls[at-1], "SUCCEED race") {
				t.Errorf("calls %q", calls)
			}
		})
	}
}

func TestRefusedCancellationIsIgnored(t *testing.T) {
	t.Parallel()
	refuse := local.Faults{Fail: func(p local.Point) error {
		if p.Moment == local.MomentBeforeCall && sayUpdates(p.Updates) == "CANCEL b" {
			return &checkpoint.APIError{
				Call: p.API, HTTPStatus: 400, Code: "InvalidParameterValueException",
				Message: "Cannot cancel a WAIT that does not exist or has already completed.",
			}
		}
		return nil
	}}
	a, watch := endsAfterStartOf("b")
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		v, err := replay.Run(ctx, op.Race("race", a, slow("b")).With(op.WithCancelLosers()))
		if err != nil {
			return "", err
		}
		return v, replay.Exec(ctx, plainStep("next", ""))
	}), "null", watch, local.WithFaults(refuse))
	if end(e) != `SUCCEEDED "A"` || !slices.Contains(callsOf(e), "CANCEL b") {
		t.Errorf("ended as %s, calls %q", end(e), callsOf(e))
	}
}

// A declaration that is refused leaves no record, and what comes after it is claimed as if it were
// not there.
func TestRefusedCombinatorsLeaveNoRecord(t *testing.T) {
	t.Parallel()
	a := plainStep("a", "A")
	for reason, o := range map[string]op.Op[string]{
		"a race of none": op.Race[string]("c"), "any of none": op.Any[string]("c"), "operands of one name": op.Race("c", a, a),
		"a zero operand": op.Race("c", a, op.Op[string]{}), "no open branch": op.Race("c", a).With(op.WithMaxConcurrency(0)),
		"no running body": op.Any("c", a).With(op.WithMaxRunning(-1)),
		"a builder that makes nothing": op.Transform(op.Map("c", []int{1}, func(int) op.Op[string] { return op.Op[string]{} }),
			func(op.Batch[string]) (string, error) { return "", nil }),
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return replay.Run(ctx, o) }), "null")
			if got := end(e); !strings.Contains(got, `"c"`) || len(callsOf(e)) != 0 || len(e.Operations()) != 1 {
				t.Errorf("ended as %s after %q", got, callsOf(e))
			}
		})
	}
}
