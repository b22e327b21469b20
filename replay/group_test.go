package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// inlineLimit is the largest result of a group that its own record holds, in bytes.
const inlineLimit = 262_144

func TestGroupOnEveryStatusOfItsRecord(t *testing.T) {
	t.Parallel()
	inner := func(status checkpoint.Status, change ...func(*checkpoint.Operation)) checkpoint.Operation {
		op := stepRecord("charge", status, change...)
		op.ParentID = oplog.ID("", "order", "", 0)
		op.ID = oplog.ID(op.ParentID, "charge", "", 0)
		return op
	}
	failed := checkpoint.Failure{Type: "DeclinedError", Message: "no funds"}
	tests := []struct {
		reason string
		log    []checkpoint.Operation
		runs   int
		calls  []string
		want   string
	}{
		{
			reason: "no record: START is not awaited", runs: 1,
			calls: []string{"START order, START charge, SUCCEED charge", "SUCCEED order"}, want: `SUCCEEDED "paid"`,
		},
		{
			reason: "STARTED: the body runs again, without START", log: []checkpoint.Operation{groupRecord("order", checkpoint.StatusStarted)},
			runs: 1, calls: []string{"START charge, SUCCEED charge", "SUCCEED order"}, want: `SUCCEEDED "paid"`,
		},
		{
			reason: "STARTED with a finished step inside",
			log: []checkpoint.Operation{
				groupRecord("order", checkpoint.StatusStarted), inner(checkpoint.StatusSucceeded, withResult(`"before"`)),
			},
			runs: 1, calls: []string{"SUCCEED order"}, want: `SUCCEEDED "before"`,
		},
		{
			reason: "SUCCEEDED: the body does not run", log: []checkpoint.Operation{
				groupRecord("order", checkpoint.StatusSucceeded, withResult(`"recorded"`)),
			},
			want: `SUCCEEDED "recorded"`,
		},
		{
			reason: "FAILED: the body does not run", log: []checkpoint.Operation{
				groupRecord("order", checkpoint.StatusFailed, withFailure(failed)),
			},
			want: "FAILED DeclinedError: no funds",
		},
		{
			reason: "SUCCEEDED with its result in its children: the body runs read-only", log: []checkpoint.Operation{
				groupRecord("order", checkpoint.StatusSucceeded, withResult("much"), func(op *checkpoint.Operation) { op.ReplayChildren = true }),
				inner(checkpoint.StatusSucceeded, withResult(`"before"`)),
			},
			runs: 1, want: `SUCCEEDED "before"`,
		},
	}
	for _, tt := range tests {
		for _, via := range []string{"Run", "Go"} {
			t.Run(via+"/"+tt.reason, func(t *testing.T) {
				t.Parallel()
				runs, client := 0, &tape{}
				order := op.Group("order", func(ctx op.Context) (string, error) {
					runs++
					return replay.Run(ctx, op.Step("charge", func(context.Context) (string, error) { return "paid", nil }))
				})
				f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					if via == "Go" {
						return replay.Run(ctx, replay.Go(ctx, order).Result())
					}
					return replay.Run(ctx, order)
				})
				if got := once(t, f, client, tt.log...); got != tt.want || runs != tt.runs {
					t.Errorf("answer %s after %d runs, want %s after %d", got, runs, tt.want, tt.runs)
				}
				if diff := cmp.Diff(tt.calls, client.calls()); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestGroupsNest(t *testing.T) {
	t.Parallel()
	runs := map[string]int{}
	var nested func(level int) op.Op[string]
	nested = func(level int) op.Op[string] {
		return op.Group(fmt.Sprint("level-", level), func(ctx op.Context) (string, error) {
			if level == 4 {
				return replay.Run(ctx, op.Step("leaf", func(ctx context.Context) (string, error) {
					info, _ := op.InfoFrom(ctx)
					runs[info.Path]++
					return info.Path, nil
				}))
			}
			path, err := replay.Run(ctx, nested(level+1))
			return path, errors.Join(err, replay.Exec(ctx, op.Wait("pause", time.Hour)))
		})
	}
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return replay.Run(ctx, nested(1)) }), "null")
	leaf := "level-1/level-2/level-3/level-4/leaf"
	if end(e) != `SUCCEEDED "`+leaf+`"` || e.Invocations() != 4 {
		t.Errorf("the execution ended as %s after %d invocations", end(e), e.Invocations())
	}
	if diff := cmp.Diff(map[string]int{leaf: 1}, runs); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
}

// TestLargeResultOfAGroupStaysInItsOperations covers both sides of the limit.
func TestLargeResultOfAGroupStaysInItsOperations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason   string
		size     int // of the payload
		summary  bool
		children bool
		payload  int
	}{
		{reason: "exactly at the limit it is in the record", size: inlineLimit, payload: inlineLimit},
		{reason: "one byte more is not", size: inlineLimit + 1, children: true},
		{reason: "with a summary for people", size: inlineLimit + 1, summary: true, children: true, payload: len("many letters")},
		{reason: "a summary of a small result is not asked for", size: 1000, summary: true, payload: 1000},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			steps, groups := 0, 0
			order := op.Group("order", func(ctx op.Context) (string, error) {
				groups++
				letter, err := replay.Run(ctx, op.Step("letter", func(context.Context) (string, error) { steps++; return "x", nil }))
				return strings.Repeat(letter, tt.size-len(`""`)), err
			})
			if tt.summary {
				order = order.WithSummary(func(string) string { return "many letters" })
			}
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
				v, err := replay.Run(ctx, order)
				if err != nil {
					return 0, err
				}
				for i := range 2 {
					if err := replay.Exec(ctx, op.Wait(fmt.Sprint("pause-", i), time.Hour)); err != nil {
						return 0, err
					}
				}
				return len(v), nil
			}), "null")
			wantGroups := 1
			if tt.children {
				wantGroups = 3
			}
			if end(e) != fmt.Sprint("SUCCEEDED ", tt.size-2) || steps != 1 || groups != wantGroups {
				t.Errorf("the execution ended as %s; the step ran %d times, the group %d times", end(e), steps, groups)
			}
			rec, _ := e.Operation(oplog.ID("", "order", "", 0))
			if rec.ReplayChildren != tt.children || len(rec.Payload.Bytes()) != tt.payload {
				t.Errorf("replay children %t, payload of %d bytes", rec.ReplayChildren, len(rec.Payload.Bytes()))
			}
		})
	}
}

// TestLargeGroupsNest: a large result of a group inside of a group whose result is large as well.
func TestLargeGroupsNest(t *testing.T) {
	t.Parallel()
	bodies, ends := 0, 0
	inner := op.Group("inner", func(ctx op.Context) (string, error) {
		replay.OnEnd(ctx, func(context.Context, error) { ends++ })
		beside := replay.Go(ctx, op.Step("beside", func(context.Context) (string, error) { bodies++; return "y", nil }))
		if err := replay.Exec(ctx, op.Wait("nap", time.Minute)); err != nil {
			return "", err
		}
		y, err := replay.Run(ctx, beside.Result())
		x, err2 := replay.Run(ctx, op.Step("letter", func(context.Context) (string, error) { bodies++; return "x", nil }))
		return strings.Repeat(x+y, inlineLimit), errors.Join(err, err2)
	})
	outer := op.Group("outer", func(ctx op.Context) (string, error) {
		v, err := replay.Run(ctx, inner)
		small, err2 := replay.Run(ctx, op.Group("small", func(op.Context) (string, error) { bodies++; return "z", nil }))
		return v + small, errors.Join(err, err2)
	})
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		v, err := replay.Run(ctx, outer)
		if err != nil {
			return 0, err
		}
		return len(v), replay.Exec(ctx, op.Wait("pause", time.Hour))
	}), "null")
	if end(e) != fmt.Sprint("SUCCEEDED ", 2*inlineLimit+1) || bodies != 3 || ends != 1 {
		t.Errorf("the execution ended as %.200s; %d bodies, %d ends", end(e), bodies, ends)
	}
}

// TestFinishedGroupIsRunAgainReadOnly: what the code of a finished group does differently is a
// divergence; it writes nothing.
func TestFinishedGroupIsRunAgainReadOnly(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", inlineLimit)
	noop := func(context.Context) error { return nil }
	tests := []struct {
		reason string
		again  func(ctx op.Context) error
		want   string
	}{
		{"nothing has changed", func(ctx op.Context) error { return replay.Exec(ctx, op.Do("charge", noop)) }, fmt.Sprint("SUCCEEDED ", inlineLimit)},
		{
			"an operation more", func(ctx op.Context) error {
				return errors.Join(replay.Exec(ctx, op.Do("charge", noop)), replay.Exec(ctx, op.Do("more", noop)))
			}, "FAILED NonDeterministicExecutionError",
		},
		{"an operation less", func(op.Context) error { return nil }, "FAILED NonDeterministicExecutionError"},
		{"an error", func(ctx op.Context) error { _ = replay.Exec(ctx, op.Do("charge", noop)); return errDeclined }, "FAILED NonDeterministicExecutionError"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			runs := 0
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
				v, err := replay.Run(ctx, op.Group("order", func(ctx op.Context) (string, error) {
					if runs++; runs > 1 {
						return big, tt.again(ctx)
					}
					return big, replay.Exec(ctx, op.Do("charge", noop))
				}))
				_ = replay.Exec(ctx, op.Wait("pause", time.Hour))
				return len(v), err
			}), "null")
			if !strings.HasPrefix(end(e), tt.want) || len(callsOf(e)) != 3 {
				t.Errorf("the execution ended as %.300s after %d calls", end(e), len(callsOf(e)))
			}
		})
	}
}

func TestErrorOfAGroup(t *testing.T) {
	t.Parallel()
	never := op.WithRetry(retry.Never())
	charge := op.Do("charge", func(context.Context) error { return errDeclined }, never)
	tests := []struct {
		reason string
		body   func(ctx op.Context) (op.None, error)
		want   string
	}{
		{"that of an operation inside", func(ctx op.Context) (op.None, error) { return replay.Run(ctx, charge) }, "card declined"},
		{
			"wrapped", func(ctx op.Context) (op.None, error) {
				return op.None{}, fmt.Errorf("order: %w", replay.Exec(ctx, charge))
			}, "order: card declined",
		},
		{"one of its own", func(op.Context) (op.None, error) { return op.None{}, errThrottled }, "throttled"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			runs := 0
			live, replayed := liveAndReplayed(t, func(ctx op.Context) error {
				return replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) { runs++; return tt.body(ctx) },
					op.WithErrors(codec.Sentinel("declined", errDeclined))))
			})
			if runs != 1 || live.Message != tt.want || live.Path != "order" || live.Kind != "CONTEXT" {
				t.Errorf("%d runs, the error is %+v", runs, live)
			}
			if diff := cmp.Diff(live, replayed); diff != "" {
				t.Errorf("replayed (-live +replayed):\n%s", diff)
			}
		})
	}
}

func TestErrorOfAnOperationIsMappedOnEveryRun(t *testing.T) {
	t.Parallel()
	var mapped []string
	live, replayed := liveAndReplayed(t, func(ctx op.Context) error {
		return replay.Exec(ctx, op.Group("order", func(op.Context) (op.None, error) { return op.None{}, errThrottled }).
			MapError(func(err error) error {
				mapped = append(mapped, err.Error())
				return errDeclined
			}))
	})
	if !live.Declined || !replayed.Declined {
		t.Errorf("live %+v, replayed %+v", live, replayed)
	}
	if diff := cmp.Diff([]string{"throttled", "throttled"}, mapped); diff != "" {
		t.Errorf("what was mapped (-want +got):\n%s", diff)
	}
}

func TestGroupHasASubType(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Group("order", func(op.Context) (op.None, error) { return op.None{}, nil }, op.WithSubType("Saga")))
	}), "null")
	for _, ev := range e.History() {
		if ev.Type == local.EventContextStarted && ev.SubType != "Saga" {
			t.Errorf("the sub-type is %q", ev.SubType)
		}
	}
}
