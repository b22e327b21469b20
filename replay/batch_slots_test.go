package replay_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// gauge measures how many of something there are at once.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.most = max(g.most, g.now)
}

func (g *gauge) highest() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.most
}

// hold keeps a body running for a while in which others could begin.
func (g *gauge) hold() {
	g.add(1)
	for range 50 {
		runtime.Gosched()
	}
	g.add(-1)
}

// openBranches counts, in the order of the history, how many contexts with a sub-type were open at
// once.
func openBranches(e *local.Execution, subType string) int {
	var g gauge
	for _, ev := range e.History() {
		if ev.SubType != subType {
			continue
		}
		if ev.Type == local.EventContextStarted {
			g.add(1)
		} else {
			g.add(-1)
		}
	}
	return g.highest()
}

func TestNeverMoreBranchesOpenThanAllowed(t *testing.T) {
	t.Parallel()
	items := make([]int, 40)
	for i := range items {
		items[i] = i
	}
	tests := []struct {
		reason string
		each   op.Builder[int, string]
	}{
		{"steps", func(i int) op.Op[string] { return plainStep("pack", strconv.Itoa(i)) }},
		{"branches that wait stay open", func(i int) op.Op[string] { return slow("dry") }},
		{"waits of different lengths, then a step", func(i int) op.Op[string] {
			return op.Group("pack", func(ctx op.Context) (string, error) {
				if err := replay.Exec(ctx, op.Wait("dry", time.Duration(1+i*7%5)*time.Minute)); err != nil {
					return "", err
				}
				return replay.Run(ctx, plainStep("label", strconv.Itoa(i)))
			})
		}},
		{"keyed items", op.Builder[int, string](func(i int) op.Op[string] { return slow("dry") }).Key(func(i int) string { return fmt.Sprint("SKU-", i) })},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
				b, err := replay.Run(ctx, op.Map("ship", items, tt.each, op.WithMaxConcurrency(10)))
				return len(b.Values()), err
			}), "null")
			if got := openBranches(e, "MapIteration"); got != 10 || end(e) != "SUCCEEDED 40" {
				t.Errorf("%d branches were open at once, ended as %s", got, end(e))
			}
		})
	}
}

// The service sees the bound also when the function is lost at every call.
func TestBoundOfOpenBranchesHoldsOverCrashes(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	var mu sync.Mutex
	faults := local.Faults{Lose: func(p local.Point) bool {
		mu.Lock()
		defer mu.Unlock()
		if p.Moment != local.MomentAfterCall || len(p.Updates) == 0 {
			return false
		}
		key := sayUpdates(p.Updates)
		again := seen[key]
		seen[key] = true
		return !again
	}}
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		b, err := replay.Run(ctx, op.Map("ship", []int{0, 1, 2, 3, 4, 5, 6}, func(i int) op.Op[string] {
			if i%2 == 0 {
				return slow("dry")
			}
			return plainStep("pack", "packed")
		}, op.WithMaxConcurrency(2)))
		return len(b.Values()), err
	}), "null", local.WithFaults(faults))
	if got := openBranches(e, "MapIteration"); got != 2 || end(e) != "SUCCEEDED 7" {
		t.Errorf("%d branches were open at once, ended as %s", got, end(e))
	}
}

func TestNeverMoreBodiesRunThanAllowed(t *testing.T) {
	t.Parallel()
	items := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	tests := []struct {
		reason string
		bound  int
		run    func(ctx op.Context, body op.Builder[int, string]) error
	}{
		{
			reason: "steps of a map", bound: 3,
			run: func(ctx op.Context, body op.Builder[int, string]) error {
				return replay.Exec(ctx, op.Map("ship", items, body, op.WithMaxRunning(3)))
			},
		},
		{
			reason: "steps in groups and in batches inside the map", bound: 2,
			run: func(ctx op.Context, body op.Builder[int, string]) error {
				return replay.Exec(ctx, op.Map("orders", items, func(i int) op.Op[op.Batch[string]] {
					return op.Group("order", func(ctx op.Context) (op.Batch[string], error) {
						return replay.Run(ctx, op.Map("ship", items, body, op.WithFlat()))
					})
				}, op.WithMaxRunning(2)))
			},
		},
		{
			reason: "the bound inside is the narrower one", bound: 1,
			run: func(ctx op.Context, body op.Builder[int, string]) error {
				return replay.Exec(ctx, op.Parallel("orders", []op.Op[op.Batch[string]]{
					op.Map("ship", items, body, op.WithMaxRunning(1)),
				}, op.WithMaxRunning(5)))
			},
		},
		{
			reason: "the bound outside is the narrower one", bound: 2,
			run: func(ctx op.Context, body op.Builder[int, string]) error {
				return replay.Exec(ctx, op.Parallel("orders", []op.Op[op.Batch[string]]{
					op.Map("ship", items, body, op.WithMaxRunning(5)), op.Map("send", items, body, op.WithMaxRunning(5)),
				}, op.WithMaxRunning(2)))
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var g gauge
			body := op.StepFunc("pack", func(context.Context, int) (string, error) { g.hold(); return "", nil })
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, tt.run(ctx, body) }), "null")
			if got := g.highest(); got > tt.bound || end(e) != "SUCCEEDED {}" {
				t.Errorf("%d bodies ran at once, want at most %d; ended as %s", got, tt.bound, end(e))
			}
		})
	}
}

func TestWaitingBranchesHoldNoRunningSlot(t *testing.T) {
	t.Parallel()
	const branches = 1000
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		ops := make([]op.Op[string], branches, branches+1)
		for i := range ops {
			ops[i] = slow("wait-" + strconv.Itoa(i))
		}
		return replay.Run(ctx, op.Race("first", append(ops, plainStep("pack", "packed"))...).With(op.WithMaxRunning(1)))
	}), "null", local.WithLimits(local.Limits{Operations: 1 << 20}))
	if end(e) != `SUCCEEDED "packed"` || e.Invocations() != 1 {
		t.Errorf("ended as %s in %d invocations", end(e), e.Invocations())
		for _, ev := range e.History() {
			if ev.Type == local.EventInvocationCompleted && ev.Failure != nil {
				t.Errorf("invocation: %.600s", ev.Failure.Message)
			}
		}
	}
}

func TestStepBetweenItsAttemptsHoldsNoRunningSlot(t *testing.T) {
	t.Parallel()
	tries := 0
	flaky := op.Step("charge", func(context.Context) (string, error) {
		if tries++; tries == 1 {
			return "", errThrottled
		}
		return "paid", nil
	})
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		b, err := replay.Run(ctx, op.Parallel("both", []op.Op[string]{flaky, plainStep("pack", "packed")}, op.WithMaxRunning(1)))
		return strings.Join(b.Values(), " "), err
	}), "null")
	if end(e) != `SUCCEEDED "paid packed"` {
		t.Errorf("ended as %s", end(e))
	}
}

// TestPlaceIsGivenBackBeforeTheOutcomeIsRecorded: bodies run on while a checkpoint call is under
// way, and a crash then repeats all of them. How many there are is bounded by the open branches.
func TestPlaceIsGivenBackBeforeTheOutcomeIsRecorded(t *testing.T) {
	t.Parallel()
	const items = 5
	for _, open := range []int{items, 2, 1} {
		var begun atomic.Int32
		enough := make(chan struct{})
		var before []int32 // bodies that have begun before each call
		held := local.Faults{Fail: func(at local.Point) error {
			if at.Moment != local.MomentBeforeCall {
				return nil
			}
			if len(before) == 0 {
				select {
				case <-enough:
				case <-t.Context().Done():
				}
			}
			before = append(before, begun.Load())
			return nil
		}}
		pack := op.StepFunc("pack", func(context.Context, int) (int, error) {
			n := begun.Add(1)
			if int(n) == open {
				close(enough)
			}
			return int(n), nil
		}).Key(strconv.Itoa)
		e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
			b, err := replay.Run(ctx, op.Map("ship", []int{1, 2, 3, 4, 5}, pack, op.WithMaxRunning(1), op.WithMaxConcurrency(open)))
			return len(b.Values()), err
		}), "null", local.WithFaults(held))
		if end(e) != "SUCCEEDED 5" || len(before) == 0 || int(before[0]) != open {
			t.Errorf("%d open branches: ended as %s; before the calls %v bodies had begun, want %d before the first", open, end(e), before, open)
		}
	}
}

// A place that an abandoned branch had, or was about to take, goes to the next that waits for one.
func TestAbandonedBranchesGiveBackTheirSlots(t *testing.T) {
	t.Parallel()
	for range draws.Count(50) {
		running, queued := make(chan struct{}), make(chan struct{})
		winner := op.Group("winner", func(op.Context) (string, error) {
			<-running
			close(queued)
			for range 30 {
				runtime.Gosched()
			}
			return "won", nil
		})
		holder := op.Step("holder", func(ctx context.Context) (string, error) {
			close(running)
			<-ctx.Done()
			return "", context.Cause(ctx)
		})
		race := op.Race("race", winner, holder, op.Group("late", func(ctx op.Context) (string, error) {
			<-running
			return replay.Run(ctx, plainStep("waits", "never"))
		}))
		other := op.Group("other", func(ctx op.Context) (string, error) {
			<-queued
			return replay.Run(ctx, plainStep("waits-too", "ran"))
		})
		f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
			b, err := replay.Run(ctx, op.Parallel("both", []op.Op[string]{race, other}, op.WithMaxRunning(1)))
			return strings.Join(b.Values(), " "), err
		})
		if got := once(t, f, &tape{}); got != `SUCCEEDED "won ran"` {
			t.Fatalf("answer %s", got)
		}
	}
}

// A body that ignores its context is left behind with its place, and what it returns is dropped.
func TestZombieDoesNotHoldUpTheSuspensionOrASlot(t *testing.T) {
	t.Parallel()
	release, began := make(chan struct{}), make(chan struct{})
	zombie := op.Step("zombie", func(context.Context) (string, error) {
		close(began)
		<-release
		return "late", nil
	})
	c := &tape{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		v, err := replay.Run(ctx, op.Race("race", zombie, op.Group("winner", func(op.Context) (string, error) {
			<-began
			return "won", nil
		})).With(op.WithMaxRunning(1)))
		if err != nil {
			return "", err
		}
		return v, replay.Exec(ctx, op.Wait("pause", time.Hour))
	}, replay.WithGrace(0), replay.WithLogHandler(slog.DiscardHandler))
	if got := once(t, f, c); got != "PENDING" {
		t.Errorf("answer %s", got)
	}
	before := len(c.calls())
	close(release)
	for range 1000 {
		runtime.Gosched()
	}
	if after := c.calls(); len(after) != before || strings.Contains(strings.Join(after, ";"), string(checkpoint.ActionSucceed)+" zombie") {
		t.Errorf("the zombie has written: %q", after)
	}
}
