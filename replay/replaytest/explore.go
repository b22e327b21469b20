package replaytest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// exploring is what the options of Explore say.
type exploring struct {
	more   int
	seed   uint64
	replay string
	reset  func()
	equal  any // func(want, got Out) bool
}

// WithSchedules sets how many pairs and how many triples of interruptions are tried beside every
// single one. The default is 100 of each.
func WithSchedules(n int) ExploreOption {
	return exploreOption(func(c *config) { c.explore.more = max(0, n) })
}

// WithSeed chooses the pairs and triples. The default is 1.
func WithSeed(seed uint64) ExploreOption {
	return exploreOption(func(c *config) { c.explore.seed = seed })
}

// WithSchedule tries one schedule alone: the line that a failure of [Explore] prints. Where bodies
// ran beside each other the line has the order in which they ended, and they end in that order
// again. What else operations beside each other depend on, such as a variable that they share, is
// not in the line: then it is tried up to 50 times. The test fails if nothing of the schedule takes
// place, because the handler was changed since.
func WithSchedule(schedule string) ExploreOption {
	return exploreOption(func(c *config) { c.explore.replay = schedule })
}

// WithReset calls f before each execution, to reset what the bodies share, such as the fakes of
// other systems.
func WithReset(f func()) ExploreOption {
	return exploreOption(func(c *config) { c.explore.reset = f })
}

// WithEqual says which results count as the same. Without it their JSON must be the same. Failures
// are compared with each other in any case. The test fails at once if Out is not the type of the
// function's results.
func WithEqual[Out any](f func(want, got Out) bool) ExploreOption {
	return exploreOption(func(c *config) { c.explore.equal = f })
}

type exploreOption func(c *config)

func (o exploreOption) applyExplore(c *config) { o(c) }

// Report counts what [Explore] did.
type Report struct {
	// Calls, Invocations, Bodies, CrashPoints, Pages and Callbacks are the places at which an
	// undisturbed execution can be interrupted: checkpoint calls, invocations, runs of bodies,
	// calls of Crash, sizes of pages that split what the function is given, and callbacks that have
	// a reply.
	Calls, Invocations, Bodies, CrashPoints, Pages, Callbacks int
	// Concurrent says that operations ran beside each other, so that bodies and replies are held
	// back, too.
	Concurrent bool
	// Waves are the numbers of bodies that can run at the same time, and so end in any order;
	// Orders is how many of these orders were tried: all of a wave of up to four bodies, 24 of a
	// larger one.
	Waves  []int
	Orders int
	// Singles, Pairs and Triples are how many schedules of one, two and three interruptions were
	// tried.
	Singles, Pairs, Triples int
	// Replays is how often an invocation was replayed elsewhere: see [Explore].
	Replays int
	// Interruptions is how many interruptions took place, States how many different states the log
	// had after a call. Interrupted is how many executions recorded that an at-most-once step was
	// cut off, or were paused for a time while something ran beside: their result may differ from
	// the undisturbed one.
	Interruptions, States, Interrupted int
}

// Want returns the number of singles that the counts of places require.
func (r *Report) Want() int {
	n := len(callFaults(r.Concurrent))*r.Calls + len(invocationFaults())*r.Invocations + len(bodyFaults(r.Concurrent))*r.Bodies +
		r.CrashPoints + len(pageFaults())*r.Pages + len(callbackFaults())*r.Callbacks
	for _, size := range r.Waves {
		n += ordersOf(size)
	}
	return n
}

// Schedules returns how many executions were interrupted.
func (r *Report) Schedules() int { return r.Singles + r.Pairs + r.Triples }

// String returns the counts beside the formula that they must obey.
func (r *Report) String() string {
	return fmt.Sprintf("%d schedules: %d singles = %d×%d calls + %d×%d invocations + %d×%d bodies + %d crash points + %d×%d pages + %d×%d callbacks + %d orders of %d waves, "+
		"%d pairs, %d triples; %d interruptions, %d states, %d results that an interruption may change",
		r.Schedules(), r.Singles, len(callFaults(r.Concurrent)), r.Calls, len(invocationFaults()), r.Invocations, len(bodyFaults(r.Concurrent)), r.Bodies,
		r.CrashPoints, len(pageFaults()), r.Pages, len(callbackFaults()), r.Callbacks, r.Orders, len(r.Waves), r.Pairs, r.Triples, r.Interruptions, r.States, r.Interrupted)
}

// Explore runs an execution of f undisturbed, then again with every single interruption, then with
// pairs and triples of them, and fails the test if one of them ends differently. It logs
// the report.
//
// The interruptions are:
//
//   - of each call: the function is lost before it or after it, its reply is lost, its token is
//     refused as stale, the execution is paused, so that its reply has no token for the next one,
//     it is throttled; beside concurrent operations, its reply is slow, so that they go on
//     meanwhile;
//   - of each invocation: the function is lost when it is given the event, its answer is lost, the
//     event is delivered twice, the execution is paused when it has answered, until the next timer;
//   - of each run of a body: the function is lost before it, in it when its start has been recorded
//     (if that is sent before the completion at all), or after it with nothing of that recorded,
//     or the invocation's deadline passes while it runs; one that runs beside others is held back
//     until they have ended, and those that can run at the same time end in every order, up to 24
//     orders of each such wave of bodies;
//   - wherever a body calls [Crash]: the function is lost there;
//   - the state comes in pages of each size, so that it is split at every place, and the call for
//     another page is throttled;
//   - a callback that has a [CallbackResult] is answered before the function suspends, while it
//     answers, or when half of the time until the next timer has passed, and not as soon as it has
//     suspended.
//
// Functions that [Host] adds are not interrupted themselves: explore each one for itself. Nor are
// the successors of an execution that continues (replay.ContinueAsNew): they do not run, and the
// execution ends with its own result, which names one. Explore a later round with its input.
//
// The checks are: the result is that of the undisturbed execution, unless an at-most-once step was
// cut off, or time has passed while the execution was paused and something ran beside; a body runs
// once per attempt and interruption that loses something, that of a step at most once, or that
// counts crashes, once per attempt; nothing is written below a group, branch or batch that has
// ended; what completed in a scope that failed, or was left behind, is undone once, with the value
// that it returned, the last operation first, and what a scope succeeded with is not undone
// (docs/testing.md says what is judged and what is excused); an operation starts one execution, and
// none is missing; no invocation fails but for an
// interruption, and none of an execution that is paused does, so that none suspends with nothing
// pending; the number of invocations is bounded. The budget is that of the undisturbed execution.
//
// Between invocations time passes, and another machine goes on. Explore therefore also replays each
// invocation of an execution whose last answer was lost, 6 times from its log, without running a
// body: 13 hours later by the clock of the machine, with other random numbers and another order of
// maps, and, unless the test is parallel, with other values in the environment. Operations, inputs
// and the result must stay what they were. The clock is moved in a bubble of testing/synctest, and
// so only if tb is a [testing.T] or unwraps to one. The bubble waits for what has begun in it: a
// codec that keeps connections open hangs there (http.Transport has DisableKeepAlives).
//
// A stub, a reply or a hosted function that no execution has used fails the test. Some are of use
// only when something goes wrong.
//
// The first failure is shrunk to the fewest interruptions that fail, and reported with the line
// that [WithSchedule] takes. A handler that is not deterministic is reported as that: eight
// undisturbed executions must agree in what operations they run, in which order, and with which
// inputs.
func Explore[In, Out any](tb testing.TB, f *replay.Function[In, Out], in In, opts ...ExploreOption) *Report {
	tb.Helper()
	x := newExplorer(tb, f, in, opts)
	x.explore()
	return x.report
}

func newExplorer[In, Out any](tb testing.TB, f *replay.Function[In, Out], in In, opts []ExploreOption) *explorer {
	tb.Helper()
	if f == nil {
		tb.Fatal(noFunction)
	}
	cfg := newConfig()
	for _, o := range opts {
		if o != nil {
			o.applyExplore(cfg)
		}
	}
	equal, _ := cfg.explore.equal.(func(want, got Out) bool)
	if equal == nil && cfg.explore.equal != nil {
		tb.Fatalf("replaytest: WithEqual compares with a %T, and results are of the type %T: write func(want, got %[2]T) bool",
			cfg.explore.equal, *new(Out))
	}
	x := &explorer{tb: tb, cfg: cfg, f: f, restore: f, states: make(map[uint64]bool), report: &Report{}, together: make(map[string]bool)}
	x.traffic = func(k *kit) string {
		r, err := resultOf[Out](k, f)
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		b.WriteString(r.Traffic())
		if len(r.Operations) > 0 {
			b.WriteByte('\n')
			printOperations(&b, r.Operations)
		}
		return b.String()
	}
	x.same = func(want, got *trial) bool {
		if equal == nil || want.status != got.status || want.status != local.StatusSucceeded {
			return want.status == got.status && bytes.Equal(want.result, got.result) && want.failure == got.failure
		}
		a, errA := resultOf[Out](want.k, f)
		b, errB := resultOf[Out](got.k, f)
		return errA == nil && errB == nil && equal(a.Value, b.Value)
	}
	var err error
	if x.input, err = encodeInput(tb.Context(), in); err != nil {
		tb.Fatalf("replaytest: %v", err)
	}
	return x
}
