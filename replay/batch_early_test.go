package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// lostAfter loses the function once: after the call that is the first to carry this update.
func lostAfter(action checkpoint.Action, name string) local.Option {
	var once sync.Once
	return local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
		lose := false
		if p.Moment == local.MomentAfterCall && strings.Contains(sayUpdates(p.Updates), string(action)+" "+name) {
			once.Do(func() { lose = true })
		}
		return lose
	}})
}

// A crash between the end of a branch and that of its batch: on the replay the branches that are
// not needed any more have records, and no one claims them.
func TestUnchangedProgramWithAnEarlyEndNeverDiverges(t *testing.T) {
	t.Parallel()
	two := func(name string) op.Op[string] {
		return op.Group(name, func(ctx op.Context) (string, error) {
			if _, err := replay.Run(ctx, plainStep("first", "1")); err != nil {
				return "", err
			}
			return replay.Run(ctx, plainStep("second", "2"))
		})
	}
	tests := []struct {
		reason string
		run    func(ctx op.Context) (string, error)
	}{
		{"a minimum of two of four, two at a time", func(ctx op.Context) (string, error) {
			b, err := replay.Run(ctx, op.Map("ship", []int{0, 1, 2, 3}, func(i int) op.Op[string] { return two("pack") },
				op.WithMaxConcurrency(2), op.WithCompletion(op.MinSuccessful(2))))
			return fmt.Sprint(len(b.Values()), b.Reason), err
		}},
		{"a race whose loser has recorded steps", func(ctx op.Context) (string, error) {
			return replay.Run(ctx, op.Race("race", plainStep("quick", "won"), op.Group("loser", func(ctx op.Context) (string, error) {
				if _, err := replay.Run(ctx, plainStep("recorded", "1")); err != nil {
					return "", err
				}
				return "", replay.Exec(ctx, op.Wait("week", 168*time.Hour))
			})))
		}},
		{"a flat map of two steps each", func(ctx op.Context) (string, error) {
			b, err := replay.Run(ctx, op.Map("ship", []int{0, 1}, func(i int) op.Op[string] { return two("pack") }, op.WithFlat()))
			return fmt.Sprint(b.Values()), err
		}},
		{"a refused batch, then a step", func(ctx op.Context) (string, error) {
			if err := replay.Exec(ctx, op.Map("ship", []int{0}, func(int) op.Op[string] { return two("pack") }, op.WithMaxConcurrency(0))); err == nil {
				return "", errors.New("not refused")
			}
			return replay.Run(ctx, plainStep("instead", "done"))
		}},
		{"a batch refused because of its items, then a step", func(ctx op.Context) (string, error) {
			same := op.Builder[int, string](func(int) op.Op[string] { return two("pack") }).Key(func(int) string { return "same" })
			if err := replay.Exec(ctx, op.Map("ship", []int{0, 1}, same)); err == nil || !strings.Contains(err.Error(), "same key") {
				return "", fmt.Errorf("not refused: %w", err)
			}
			return replay.Run(ctx, plainStep("instead", "done"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				v, err := tt.run(ctx)
				if err != nil {
					return "", err
				}
				return v, replay.Exec(ctx, op.Wait("pause", time.Hour))
			})
			through := drive(t, f, "null")
			calls := len(through.CheckpointCalls())
			for call := 1; call <= calls+2; call++ {
				for _, moment := range []local.Moment{local.MomentBeforeCall, local.MomentAfterCall} {
					n := 0
					var mu sync.Mutex
					e := drive(t, f, "null", local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
						mu.Lock()
						defer mu.Unlock()
						if p.Moment == moment && p.API == "CheckpointDurableExecution" {
							n++
						}
						return p.Moment == moment && n == call
					}}))
					if end(e) != end(through) {
						t.Errorf("lost at call %d: %s, want %s", call, end(e), end(through))
					}
				}
			}
		})
	}
}

// What was abandoned stays as it was: no terminal write of it follows the end of the batch.
func TestAbandonedBranchesWriteNothingMore(t *testing.T) {
	t.Parallel()
	began, freed := make(chan struct{}), make(chan error, 1)
	var cancelled sync.Once
	var cause error
	loser := op.Group("loser", func(ctx op.Context) (string, error) {
		return replay.Run(ctx, op.Step("long", func(ctx context.Context) (string, error) {
			close(began)
			<-ctx.Done()
			freed <- context.Cause(ctx)
			return "late", nil
		}))
	})
	winner := op.Group("winner", func(ctx op.Context) (string, error) {
		<-began
		return replay.Run(ctx, plainStep("quick", "won"))
	})
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		b, err := replay.Run(ctx, op.Parallel("both", []op.Op[string]{winner, loser}, op.WithCompletion(op.FirstSuccessful())))
		cancelled.Do(func() { cause = <-freed })
		if err != nil || cause == nil {
			return "", fmt.Errorf("the body was not cancelled: %w", err)
		}
		text := fmt.Sprint(b.Values(), " ", b.Reason, " ", len(b.Started()), " ", b.Items[1].Status)
		return text, replay.Exec(ctx, op.Wait("pause", time.Hour))
	}, replay.WithLogHandler(slog.DiscardHandler)), "null")
	if want := `SUCCEEDED "[won] MIN_SUCCESSFUL_REACHED 1 STARTED"`; end(e) != want {
		t.Errorf("ended as %s, want %s", end(e), want)
	}
	open := map[string]bool{"long": true, "loser": true}
	for _, rec := range e.Operations() {
		if open[rec.Name] != (rec.Status == checkpoint.StatusStarted) && rec.Kind != checkpoint.KindExecution {
			t.Errorf("%s is %s", rec.Name, rec.Status)
		}
	}
	for _, line := range history(e) {
		if strings.HasSuffix(line, " long") && line != "StepStarted long" || strings.HasSuffix(line, " loser") && line != "ContextStarted loser" {
			t.Errorf("the history has %s", line)
		}
	}
}

// The reason, the winner and the statuses are those of the record: a branch whose end was written
// just before the decision does not change what the batch said.
func TestOutcomeIsReadAndNeverComputedAgain(t *testing.T) {
	t.Parallel()
	for _, large := range []bool{false, true} {
		t.Run(fmt.Sprint("large ", large), func(t *testing.T) {
			t.Parallel()
			size := 10
			if large {
				size = 300 << 10
			}
			// All three branches end in one call, so all have records; the batch counts the first
			// two.
			gate := make(chan struct{})
			var ready sync.WaitGroup
			ready.Add(3)
			go func() { ready.Wait(); close(gate) }()
			var once [3]sync.Once
			each := op.StepFunc("pack", func(_ context.Context, i int) (string, error) {
				once[i].Do(ready.Done)
				<-gate
				return strconv.Itoa(i) + strings.Repeat("x", size), nil
			})
			got, e := onceMore(t, func(ctx op.Context) string {
				b, err := replay.Run(ctx, op.Map("ship", []int{0, 1, 2}, each, op.WithCompletion(op.MinSuccessful(2))))
				w, werr := replay.Run(ctx, op.RaceWinner("race", plainStep("a", strings.Repeat("a", size)), plainStep("b", strings.Repeat("b", size))))
				var all []string
				for _, it := range b.Items {
					all = append(all, fmt.Sprintf("%d %s %.1s", it.Index, it.Status, it.Value))
				}
				return fmt.Sprintf("%q %s %v; %d %s %.1s %v", all, b.Reason, err, w.Index, w.Name, w.Value, werr)
			})
			if !strings.Contains(got, "MIN_SUCCESSFUL_REACHED") || strings.Count(got, "SUCCEEDED") != 2 {
				t.Errorf("got %s", got)
			}
			rec, _ := e.Operation(oplog.ID("", "ship", "", 0))
			if rec.ReplayChildren != large {
				t.Errorf("the results are in the branches: %v", rec.ReplayChildren)
			}
		})
	}
}

func TestLargeResultsAreComputedFromTheRecords(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 150<<10)
	bodies := make(map[string]int)
	var mu sync.Mutex
	pack := op.StepFunc("pack", func(_ context.Context, i int) (string, error) {
		mu.Lock()
		bodies[strconv.Itoa(i)]++
		mu.Unlock()
		if i == 1 {
			return "", errDeclined
		}
		return strconv.Itoa(i) + big, nil
	}, op.WithRetry(retry.Never()))
	tests := []struct {
		reason string
		opts   []op.MapOption
		items  []int
		want   string
	}{
		{"nested", nil, []int{0, 2, 3}, "[0 2 3] ALL_COMPLETED <nil> <nil>"},
		{"flat", []op.MapOption{op.WithFlat()}, []int{0, 2, 3}, "[0 2 3] ALL_COMPLETED <nil> <nil>"},
		{"with a failure", []op.MapOption{op.WithCompletion(op.AllCompleted())}, []int{0, 1, 2}, "[0 2] ALL_COMPLETED card declined <nil>"},
		{"flat with a failure", []op.MapOption{op.WithFlat(), op.WithCompletion(op.AllCompleted())}, []int{0, 1, 2}, "[0 2] ALL_COMPLETED card declined <nil>"},
		{
			"ended early by a failure",
			[]op.MapOption{op.WithMaxConcurrency(1)},
			[]int{0, 2, 1, 3},
			`[0 2] FAILURE_TOLERANCE_EXCEEDED card declined "ship": 1 of 4 operations failed, the first with: card declined`,
		},
		{"ended early by enough", []op.MapOption{op.WithMaxConcurrency(1), op.WithCompletion(op.MinSuccessful(2))}, []int{0, 1, 2, 3}, "[0 2] MIN_SUCCESSFUL_REACHED card declined <nil>"},
		{"flat, ended early", []op.MapOption{op.WithFlat(), op.WithMaxConcurrency(1), op.WithCompletion(op.MinSuccessful(2))}, []int{0, 2, 3}, "[0 2] MIN_SUCCESSFUL_REACHED <nil> <nil>"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, e := onceMore(t, func(ctx op.Context) string {
				b, err := replay.Run(ctx, op.Map("ship", tt.items, pack, tt.opts...).WithSummary(func(op.Batch[string]) string { return "three parcels" }))
				return fmt.Sprintf("%.1s %s %v %v", b.Values(), b.Reason, b.Err(), err)
			})
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			rec, _ := e.Operation(oplog.ID("", "ship", "", 0))
			if !rec.ReplayChildren || strings.Contains(rec.Payload.String(), "three parcels") == strings.Contains(got, "EXCEEDED") || rec.Payload.Size() > 300 {
				t.Errorf("the record is %.400s", rec.Payload.String())
			}
			for _, call := range e.CheckpointCalls()[1:] {
				if call.Invocation > 1 {
					t.Errorf("the replay wrote %s", sayUpdates(call.Updates))
				}
			}
		})
	}
}

// A batch that ends early does not wait for the rest, here for a branch that waits
// for a year.
func TestEarlyEndDoesNotAwaitTheOthers(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		b, err := replay.Run(ctx, op.Parallel("both", []op.Op[string]{plainStep("quick", "won"), op.Transform(op.Wait("year", 365*24*time.Hour),
			func(op.None) (string, error) { return "", nil })}, op.WithCompletion(op.FirstSuccessful())))
		return fmt.Sprint(b.Values()), err
	}), "null")
	if end(e) != `SUCCEEDED "[won]"` || e.Invocations() != 1 {
		t.Errorf("ended as %s in %d invocations", end(e), e.Invocations())
	}
}

func TestSuspendedBatchSuspendsTheInvocation(t *testing.T) {
	t.Parallel()
	var trace []string
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		b, err := replay.Run(ctx, op.Parallel("both", []op.Op[string]{plainStep("quick", "done"), slow("dry")}))
		trace = append(trace, fmt.Sprint(b.Values(), err))
		return "", err
	})
	e := drive(t, f, "null")
	if diff := cmp.Diff([]string{"[done late] <nil>"}, trace); diff != "" || e.Invocations() != 2 {
		t.Errorf("%d invocations; what the handler saw (-want +got):\n%s", e.Invocations(), diff)
	}
}

// On a resume neither the batch nor its branches are started a second time, whatever order they run
// in.
func TestBatchAndBranchesAreStartedOnce(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Map("ship", []int{3, 1, 2}, func(i int) op.Op[op.None] { return op.Wait("dry", time.Duration(i)*time.Hour) }))
	}), "null", lostAfter(checkpoint.ActionStart, "ship"))
	starts := make(map[string]int)
	for _, ev := range e.History() {
		if ev.Type == local.EventContextStarted {
			starts[ev.OperationID]++
		}
	}
	if len(starts) != 4 || end(e) != "SUCCEEDED {}" {
		t.Errorf("%d contexts, ended as %s", len(starts), end(e))
	}
	for id, n := range starts {
		if n != 1 {
			t.Errorf("%s was started %d times", id, n)
		}
	}
}
