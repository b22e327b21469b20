package replay_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
)

// lawSeed is what random tests begin with: PERDURE_SEED, else something new.
func lawSeed(tb testing.TB) int64 {
	tb.Helper()
	text := os.Getenv("PERDURE_SEED")
	if text == "" {
		return time.Now().UnixNano()
	}
	seed, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		tb.Fatalf("PERDURE_SEED is %q, want a number", text)
	}
	return seed
}

// programs generates programs. A counterexample is made smaller statement by statement.
func programs() gopter.Gen {
	return func(params *gopter.GenParameters) *gopter.GenResult {
		p := newProgram(params.Rng.Int63())
		return gopter.NewGenResult(p, func(v any) gopter.Shrink {
			p, ok := v.(*program)
			if !ok {
				return gopter.NoShrink
			}
			rest := p.smaller()
			return func() (any, bool) {
				if len(rest) == 0 {
					return nil, false
				}
				next := rest[0]
				rest = rest[1:]
				return next, true
			}
		})
	}
}

// forPrograms checks a law for n random programs, that many at a time.
func forPrograms(t *testing.T, n, workers int, law func(ctx context.Context, p *program) error) {
	t.Helper()
	seed := lawSeed(t)
	params := gopter.DefaultTestParametersWithSeed(seed)
	params.MinSuccessfulTests = draws.Count(n)
	params.MaxShrinkCount = 300
	params.Workers = workers
	properties := gopter.NewProperties(params)
	properties.Property(t.Name(), prop.ForAll1(programs(), func(v any) (any, error) {
		p, _ := v.(*program)
		if err := law(withWatchdog(t), p); err != nil {
			return nil, fmt.Errorf("%w\n%v\nagain with: PERDURE_SEED=%d go test -race -run '^%s$' ./replay", err, p, seed, t.Name())
		}
		return true, nil
	}))
	properties.TestingRun(t)
}

// withWatchdog returns a context that says how long each execution of a law may take. The limit is
// one of an execution: a law runs hundreds of them, and a busy machine needs minutes for that.
func withWatchdog(tb testing.TB) context.Context {
	tb.Helper()
	return context.WithValue(tb.Context(), watchdogKey{}, watchdog(tb))
}

type watchdogKey struct{}

// watched is the context of one execution.
func watched(ctx context.Context) (context.Context, context.CancelFunc) {
	limit, ok := ctx.Value(watchdogKey{}).(time.Duration)
	if !ok {
		panic("the context of a law is made by withWatchdog")
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("the execution is stuck: it has not ended after %v", limit))
}

// sayStuck replaces the error of an execution whose time is over by one that says so.
func sayStuck(ctx context.Context, err *error) {
	if *err != nil && ctx.Err() != nil {
		*err = context.Cause(ctx)
	}
}

// TestStuckExecutionsAreReported: each execution has the whole limit, however many a law runs, and
// one that takes longer is a failure that says so.
func TestStuckExecutionsAreReported(t *testing.T) {
	t.Parallel()
	ctx := withWatchdog(t)
	if at, ok := ctx.Deadline(); ok {
		t.Errorf("all executions of a law together have until %v", at)
	}
	for range 2 {
		one, cancel := watched(ctx)
		at, ok := one.Deadline()
		if left := time.Until(at); !ok || left > watchdog(t) || left < watchdog(t)/2 {
			t.Errorf("an execution has %v, want %v", left, watchdog(t))
		}
		cancel()
	}
	p := newProgram(1)
	o := execute(context.WithValue(ctx, watchdogKey{}, time.Nanosecond), p, schedule{name: "run through", seed: p.seed})
	if err := o.ordinary(); err == nil || !strings.Contains(err.Error(), "stuck") {
		t.Errorf("got %v, want what says that the execution is stuck", err)
	}
}

// watchdog is how long, in real time, an execution may take before it counts as stuck:
// PERDURE_WATCHDOG, else a minute.
func watchdog(tb testing.TB) time.Duration {
	tb.Helper()
	text := os.Getenv("PERDURE_WATCHDOG")
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		tb.Fatalf("PERDURE_WATCHDOG is %q, want a duration", text)
	}
	return d
}

// distribution counts what random programs are made of.
type distribution struct {
	mu     sync.Mutex
	counts map[string]int
}

func (d *distribution) add(key string, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil {
		d.counts = make(map[string]int)
	}
	d.counts[key] += n
}

func (d *distribution) program(p *program) {
	d.add("programs", 1)
	d.add(fmt.Sprintf("programs of %2d to %2d operations", p.size()/10*10, p.size()/10*10+9), 1)
	if p.end != endValue {
		d.add("failure: handler", 1)
	}
	deepest := 0
	walkStmts(p.body, 1, func(s *stmt, depth int) {
		deepest = max(deepest, depth)
		what := "kind: " + s.kind.String()
		if s.start {
			what = "kind: go " + s.kind.String()
		}
		d.add(what, 1)
		if s.kind == doStep || s.kind == doEach || s.kind == doRepeat {
			d.add("semantics: "+s.script.semantics.String(), max(1, s.count))
			for key, yes := range map[string]bool{
				"failure: attempts": s.script.fails != 0, "failure: exhausted": s.script.exhaust,
				"failure: permanent": !s.script.exhaust && s.script.end != endValue, "again with state": s.script.again > 0,
			} {
				if yes {
					d.add(key, 1)
				}
			}
		}
		if s.kind == doGroup && s.end != endValue {
			d.add("failure: group", 1)
		}
		if !s.swallow && !s.start {
			d.add("errors returned", 1)
		} else if !s.start {
			d.add("errors swallowed", 1)
		}
	})
	d.add(fmt.Sprintf("programs of depth %d", deepest), 1)
}

func (d *distribution) execution(o *lawOutcome) {
	d.add("executions", 1)
	d.add("invocations", o.invocations)
	d.add("checkpoint calls", o.calls)
	d.add("interruptions", o.cuts)
	d.add("executions that ended "+string(o.status), 1)
}

// print shows the distribution in the test's log and as a line of its output.
func (d *distribution) print(t *testing.T) {
	t.Helper()
	var b strings.Builder
	for i, key := range slices.Sorted(maps.Keys(d.counts)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %d", key, d.counts[key])
	}
	t.Log(b.String())
	fmt.Printf("%s: %s\n", t.Name(), b.String())
}

// check runs a program through and then under schedules that interrupt it, and compares.
func check(ctx context.Context, p *program, d *distribution, schedules ...schedule) error {
	through := execute(ctx, p, schedule{name: "run through", seed: p.seed})
	d.program(p)
	if err := lawful(through, through, d); err != nil {
		return fmt.Errorf("run through: %w", err)
	}
	for _, s := range schedules {
		o := execute(ctx, p, s)
		if err := lawful(through, o, d); err != nil {
			return fmt.Errorf("%s (seed %d, %d interruptions): %w", s.name, s.seed, o.cuts, err)
		}
	}
	return nil
}

func lawful(through, o *lawOutcome, d *distribution) error {
	d.execution(o)
	for _, law := range []func() error{
		o.ordinary,
		func() error { return sameEnd(through, o) },
		o.effects,
		o.traffic,
	} {
		if err := law(); err != nil {
			return err
		}
	}
	return nil
}

// A program that runs through has the same result, or the same error, and the same records as
// one that is interrupted at every checkpoint call; bodies run as often as their semantics say; and
// every update reaches the service once and in order.
func TestRunThroughEqualsInterrupted(t *testing.T) {
	t.Parallel()
	var d distribution
	forPrograms(t, 500, 2, func(ctx context.Context, p *program) error {
		other := mixed(p.seed + 2)
		if p.seed&1 == 0 {
			other = before(p.seed + 2)
		}
		return check(ctx, p, &d, afterEvery(p, p.seed+1), other)
	})
	d.print(t)
}

// An unchanged program never diverges: it is interrupted at each of its checkpoint calls, in turn,
// before and after the call and with a reply that gets lost.
func TestUnchangedProgramsNeverDiverge(t *testing.T) {
	t.Parallel()
	var d distribution
	forPrograms(t, 30, 2, func(ctx context.Context, p *program) error {
		through := execute(ctx, p, schedule{seed: p.seed})
		var all []schedule
		for n := range through.calls {
			for _, how := range []interruption{lost, lostFirst, replyLost} {
				all = append(all, atCall(n+1, how, p.seed+int64(n)))
			}
		}
		return check(ctx, p, &d, all...)
	})
	d.print(t)
}

// IDs, names and results depend on the program alone: not on who runs first, and not on how many
// run at once.
func TestIDsDoNotDependOnScheduling(t *testing.T) { //nolint:paralleltest // it sets the number of processors
	var d distribution
	forPrograms(t, 100, 1, func(ctx context.Context, p *program) error {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		if err := check(ctx, p, &d, schedule{name: "on one processor", seed: p.seed + 1}); err != nil {
			return err
		}
		runtime.GOMAXPROCS(2)
		return check(ctx, p, &d,
			schedule{name: "on two processors", seed: p.seed + 2}, schedule{name: "on two processors", seed: p.seed + 3})
	})
	d.print(t)
}

// Programs that a version of the engine got wrong.
func TestCounterexamples(t *testing.T) {
	t.Parallel()
	permanent := script{end: endError}
	tests := map[string]struct {
		reason string
		body   []*stmt
		end    ending
		fails  bool // the execution ends as FAILED
	}{
		"time with a future": {
			reason: "the scope's time is that of what its code has seen, not of what has happened meanwhile",
			body: []*stmt{
				{num: 1, kind: doStep, start: true, script: script{advance: true}},
				{num: 2, kind: doUntil, count: 1, swallow: true},
				{num: 3, kind: doStep, swallow: true},
			},
		},
		"time of a group that was started": {
			reason: "the time of a group begins with that of the scope when it was started",
			body: []*stmt{
				{num: 1, kind: doGroup, start: true, body: []*stmt{
					{num: 2, kind: doUntil, count: 0, swallow: true}, {num: 3, kind: doUntil, count: 1, swallow: true},
				}},
				{num: 4, kind: doStep, swallow: true, script: script{advance: true}},
				{num: 5, kind: doWait, count: 1, swallow: true},
			},
		},
		"time after a relaxed step": {
			reason: "the end of a relaxed step is known when it is durable",
			body: []*stmt{
				{num: 1, kind: doStep, swallow: true, script: script{semantics: relaxed, advance: true}},
				{num: 2, kind: doUntil, count: 1, swallow: true},
				{num: 3, kind: doGroup, swallow: true, body: []*stmt{{num: 4, kind: doUntil, count: 1, swallow: true}}},
				{num: 5, kind: doStep, swallow: true},
			},
		},
		"error that is not asked for": {
			reason: "it is that of the scope, on the first run and on every replay",
			body: []*stmt{
				{num: 1, kind: doGroup, swallow: true, body: []*stmt{
					{num: 2, kind: doStep, start: true, script: permanent},
					{num: 3, kind: doWait, count: 1, swallow: true},
				}},
				{num: 4, kind: doStep, start: true, script: permanent},
				{num: 5, kind: doWait, count: 1, swallow: true},
			},
			fails: true,
		},
		"error that only a group inside asks for": {
			reason: "the group is not run again once it is recorded",
			body: []*stmt{
				{num: 1, kind: doStep, start: true, script: permanent},
				{num: 2, kind: doGroup, swallow: true, body: []*stmt{{num: 3, kind: doAwait, future: 1, swallow: true}}},
				{num: 4, kind: doWait, count: 1, swallow: true},
			},
			fails: true,
		},
		"future that is left behind before it runs": {
			reason: "its goroutine ends without a body, also if it gets to run only then",
			body: []*stmt{
				{num: 1, kind: doStep, start: true, script: script{semantics: atMostOnce}},
				{num: 2, kind: doGroup, start: true, body: []*stmt{{num: 3, kind: doStep}}},
			},
			end:   endError,
			fails: true,
		},
		"state beside another step": {
			reason: "START of an attempt with a state travels with its completion, whatever is due",
			body: []*stmt{
				{num: 1, kind: doStep, start: true, script: script{semantics: relaxed, fails: 0b0111, advance: true}},
				{num: 2, kind: doStep, start: true},
				{num: 3, kind: doGroup, swallow: true, body: []*stmt{
					{num: 4, kind: doRepeat, count: 1, script: script{fails: 0b0101, again: 3}}, {num: 5, kind: doAwait, future: 1},
				}},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d distribution
			for seed := range int64(draws.Count(20)) {
				p := &program{seed: seed, body: tt.body, end: tt.end}
				if o := execute(withWatchdog(t), p, schedule{seed: seed}); (o.status == local.StatusFailed) != tt.fails {
					t.Fatalf("%s: the execution ended as %v", tt.reason, o)
				}
				if err := check(withWatchdog(t), p, &d, afterEvery(p, seed+1), before(seed+2), mixed(seed+3)); err != nil {
					t.Fatalf("%s: %v\n%v", tt.reason, err, p)
				}
			}
		})
	}
}
