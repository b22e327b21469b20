package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// errOutOfOrder is what a part ends with that is broken.
var errOutOfOrder = errors.New("broken")

// part is a piece of a random program whose leaves can break, and be mended.
type part struct {
	kind, name string
	kids       []*part
	// broken says that it fails until everything is mended, silent that a broken callback is never
	// answered, and times out.
	broken, silent bool
}

// redriving runs one program in several executions.
type redriving struct {
	*home

	root *part

	mu     sync.Mutex
	mended bool
	bodies map[string]int
	// submitted are the callbacks that the outside knows.
	submitted map[string]bool
	parts     map[string]*part
}

func newRedriving(t *testing.T, root *part) *redriving {
	t.Helper()
	r := &redriving{
		home: newHome(t), root: root, bodies: make(map[string]int), submitted: make(map[string]bool), parts: make(map[string]*part),
	}
	var visit func(p *part)
	visit = func(p *part) {
		r.parts[p.name] = p
		for _, k := range p.kids {
			visit(k)
		}
	}
	visit(root)
	quiet := replay.WithLogHandler(slog.DiscardHandler)
	must(t, r.Host("child", replay.Handler(func(_ op.Context, name string) (op.None, error) {
		return op.None{}, r.body(t.Context(), r.parts[name])
	}, quiet)))
	must(t, r.Host("order", replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, r.scope(ctx, root) }, quiet)))
	return r
}

// body is that of a leaf.
func (r *redriving) body(ctx context.Context, p *part) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies[p.name]++
	switch {
	case !p.broken || r.mended:
		return nil
	case p.kind == "cut off" && r.bodies[p.name] == 1:
		local.Kill(ctx)
	}
	return errOutOfOrder
}

func (r *redriving) submit(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.submitted[id] = true
	return nil
}

// scope runs parts one after the other; those in a "go" run beside what follows.
func (r *redriving) scope(ctx op.Context, p *part) error {
	var left []*replay.Future[op.None]
	for _, k := range p.kids {
		switch k.kind {
		case "go":
			left = append(left, replay.Go(ctx, r.op(k.kids[0])))
		case "caught":
			if replay.Exec(ctx, r.op(k.kids[0])) != nil {
				if err := replay.Exec(ctx, valued(k.name, "instead")); err != nil {
					return err
				}
			}
		case "bare":
			cb, err := replay.Run(ctx, op.CreateCallback[op.None](k.name+"-callback", op.WithTimeout(time.Hour)))
			if err != nil {
				return err
			}
			err = replay.Exec(ctx, op.Do(k.name+"-submit", func(ctx context.Context) error { return r.submit(ctx, cb.ID) }))
			if err = errors.Join(err, replay.Exec(ctx, cb.Result())); err != nil {
				return err
			}
		default:
			if err := replay.Exec(ctx, r.op(k)); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	for _, f := range left {
		if err := replay.Exec(ctx, f.Result()); err != nil {
			return err
		}
	}
	return nil
}

func (r *redriving) op(p *part) op.Op[op.None] {
	body := func(ctx context.Context) error { return r.body(ctx, p) }
	var kids []op.Op[op.None]
	for _, k := range p.kids {
		kids = append(kids, r.op(k))
	}
	void := func(op.Batch[op.None]) (op.None, error) { return op.None{}, nil }
	switch p.kind {
	case "step":
		return op.Do(p.name, body, op.WithRetry(retry.Never()))
	case "retried":
		return op.Do(p.name, body, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(3))))
	case "cut off":
		return op.Do(p.name, body, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()))
	case "undone":
		return op.Do(p.name, body, op.WithRetry(retry.Never())).UndoAttempted(func(context.Context) error { return nil })
	case "wait":
		return op.Wait(p.name, time.Second)
	case "callback":
		return op.WaitForCallback[op.None](p.name, r.submit, op.WithTimeout(time.Hour))
	case "invoke":
		return op.Invoke[op.None](p.name, "child:1", p.name)
	case "condition":
		return op.Transform(op.WaitForCondition(p.name, 0, func(ctx context.Context, n int) (int, bool, error) {
			return n + 1, n > 1, body(ctx)
		}, op.WithPolling(retry.Fixed(time.Second))), func(int) (op.None, error) { return op.None{}, nil })
	case "all":
		return op.Transform(op.Parallel(p.name, kids, op.WithCompletion(op.AllSuccessful())), void)
	case "flat":
		return op.Transform(op.Parallel(p.name, kids, op.WithFlat(), op.WithCompletion(op.AllSuccessful())), void)
	case "narrow":
		return op.Transform(op.Parallel(p.name, kids, op.WithMaxConcurrency(1), op.WithCompletion(op.AllSuccessful())), void)
	case "tolerant":
		return op.Transform(op.Parallel(p.name, kids, op.WithCompletion(op.Tolerate(1))), void)
	case "limited":
		return op.Timeout(p.name, kids[0], 10*time.Minute)
	case "any":
		return op.Any(p.name, kids...)
	}
	return op.Group(p.name, func(ctx op.Context) (op.None, error) { return op.None{}, r.scope(ctx, p) })
}

// drive runs an execution until it has ended, and answers callbacks that the outside knows.
func (r *redriving) drive(t *testing.T, e *local.Execution) {
	t.Helper()
	for range 200 {
		r.run(t, e)
		if e.Status() != local.StatusRunning {
			return
		}
		for _, o := range e.Operations() {
			p := r.parts[strings.TrimSuffix(o.Name, "-callback")]
			if o.CallbackID == "" || o.Status != checkpoint.StatusStarted {
				continue
			}
			switch broken := p.broken && !r.mended; {
			case broken && p.silent, p.kind == "callback" && !r.submitted[o.CallbackID]:
			case broken:
				must(t, r.FailCallback(o.CallbackID, checkpoint.Failure{Type: "no", Message: "no"}))
			default:
				must(t, r.CompleteCallback(o.CallbackID, nil))
			}
		}
		if next, ok := r.clock.Next(); ok {
			r.clock.AdvanceTo(next)
		}
	}
	t.Errorf("it does not end")
}

func (r *redriving) diverged(e *local.Execution) bool {
	return e.Status() == local.StatusPaused || e.Failure() != nil && strings.Contains(e.Failure().Type+e.Failure().Message, "NonDeterministic")
}

// again mends everything, and goes on where an execution has failed.
func (r *redriving) again(t *testing.T, e *local.Execution) *local.Execution {
	t.Helper()
	r.mended, r.bodies = true, make(map[string]int)
	next, err := r.Redrive(t.Context(), local.ForkInput{ARN: e.ARN()})
	must(t, err)
	r.drive(t, next)
	if r.diverged(next) {
		t.Errorf("%s: %+v\nof\n%s", next.Status(), next.Failure(), strings.Join(history(e), "\n"))
	}
	for _, o := range e.Operations() {
		if o.Kind == checkpoint.KindStep && o.Status == checkpoint.StatusSucceeded && r.bodies[o.Name] > 0 {
			t.Errorf("%s had succeeded and has run again", o.Name)
		}
	}
	return next
}

// TestRedriveMends: whatever has failed last, the same code goes on from there, once that is
// mended.
func TestRedriveMends(t *testing.T) {
	t.Parallel()
	leaf := func(kind string) *part { return &part{kind: kind, name: "it", broken: true} }
	silent := func(kind string) *part { return &part{kind: kind, name: "it", broken: true, silent: true} }
	fine := func(kind, name string) *part { return &part{kind: kind, name: name} }
	in := func(kind string, kids ...*part) *part { return &part{kind: kind, name: kind, kids: kids} }
	slow := in("group", fine("wait", "nap"), fine("step", "late"))
	for name, tt := range map[string]struct {
		program []*part
		// stays says that the failure was answered, so that the new execution fails alike.
		stays bool
	}{
		"a step":                                  {program: []*part{leaf("step")}},
		"a step with attempts":                    {program: []*part{leaf("retried")}},
		"a step that was cut off":                 {program: []*part{leaf("cut off")}},
		"a condition":                             {program: []*part{leaf("condition")}},
		"a callback that was refused":             {program: []*part{leaf("callback")}},
		"a callback that timed out":               {program: []*part{silent("callback")}},
		"a callback and what submits it":          {program: []*part{leaf("bare")}},
		"such a callback that timed out":          {program: []*part{silent("bare")}},
		"an invoke":                               {program: []*part{leaf("invoke")}},
		"within groups":                           {program: []*part{in("group", in("group", leaf("step")))}},
		"a branch, while another one runs":        {program: []*part{in("all", leaf("retried"), slow)}},
		"a callback in a branch":                  {program: []*part{in("all", leaf("callback"), slow)}},
		"a branch of a flat batch":                {program: []*part{in("flat", leaf("step"), fine("step", "other"))}},
		"one of a batch that runs singly":         {program: []*part{in("narrow", fine("step", "first"), leaf("step"), fine("step", "never"))}},
		"all of an Any":                           {program: []*part{in("any", leaf("step"))}},
		"a limit of time":                         {program: []*part{in("limited", silent("callback"))}},
		"a future that began before others":       {program: []*part{in("go", leaf("retried")), fine("step", "beside")}},
		"an invoke that began before others":      {program: []*part{in("go", leaf("invoke")), fine("step", "beside")}},
		"a callback that began before others":     {program: []*part{in("go", leaf("callback")), fine("step", "beside")}},
		"a step that was undone":                  {program: []*part{leaf("undone")}, stays: true},
		"a failure that code has dealt with":      {program: []*part{in("caught", in("group", leaf("step"))), {kind: "step", name: "last", broken: true}}},
		"a step in the instead of a failed batch": {program: []*part{in("caught", in("all", leaf("step"), slow)), {kind: "callback", name: "last", broken: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRedriving(t, &part{kind: "group", name: "root", kids: append([]*part{fine("step", "before")}, tt.program...)})
			e, err := r.Start(t.Context(), "order", "A-1", nil)
			must(t, err)
			r.drive(t, e)
			if e.Status() != local.StatusFailed {
				t.Fatalf("it is %s", e.Status())
			}
			want := local.StatusSucceeded
			if tt.stays {
				want = local.StatusFailed
			}
			if next := r.again(t, e); next.Status() != want {
				t.Errorf("it is %s, want %s: %v\nof\n%s\nwas\n%s", next.Status(), want, next.Failure(),
					strings.Join(history(e), "\n"), strings.Join(history(next), "\n"))
			}
		})
	}
}

// randomParts makes a program of a few parts, some of which are broken. Answering says that it may
// have code that begins something because something else has failed.
func randomParts(rng *rand.Rand, answering bool) *part {
	n, budget := 0, 3+rng.IntN(9)
	var scope func(depth int) []*part
	var one func(depth int) *part
	leaves := []string{"step", "retried", "cut off", "callback", "invoke", "condition", "wait"}
	outer := []string{"group", "all", "flat", "narrow"}
	if answering {
		leaves, outer = append(leaves, "undone"), append(outer, "tolerant", "any")
	}
	one = func(depth int) *part {
		n++
		budget--
		p := &part{kind: leaves[rng.IntN(len(leaves))], broken: rng.IntN(4) == 0, silent: rng.IntN(2) == 0}
		if depth < 3 && budget > 0 && rng.IntN(3) == 0 {
			p = &part{kind: outer[rng.IntN(len(outer))]}
			if p.kind == "group" {
				p.kids = scope(depth + 1)
			} else {
				for range 1 + rng.IntN(3) {
					p.kids = append(p.kids, one(depth+1))
				}
			}
		}
		p.name = fmt.Sprintf("%s-%d", strings.ReplaceAll(p.kind, " ", "-"), n)
		return p
	}
	scope = func(depth int) (kids []*part) {
		for range 1 + rng.IntN(4) {
			switch what := rng.IntN(8); {
			case budget <= 0:
			case what == 0:
				n++
				kids = append(kids, &part{kind: "bare", name: fmt.Sprintf("bare-%d", n), broken: rng.IntN(3) == 0, silent: rng.IntN(2) == 0})
			case what < 3 && answering:
				inner := one(depth)
				kids = append(kids, &part{kind: []string{"go", "caught"}[what-1], name: "with-" + inner.name, kids: []*part{inner}})
			default:
				kids = append(kids, one(depth))
			}
		}
		return kids
	}
	return &part{kind: "group", name: "root", kids: scope(0)}
}

func (p *part) String() string {
	text := p.name
	if p.broken {
		text += "!"
	}
	if len(p.kids) > 0 {
		text += fmt.Sprint(p.kids)
	}
	return text
}

// TestRedriveOfRandomPrograms: what a redrive or a fork begins with is a log that the code could
// have written, so that the same code never diverges. Where no code answers a failure, the new
// execution succeeds once everything is mended.
func TestRedriveOfRandomPrograms(t *testing.T) { //nolint:tparallel // one after the other: the last tally is of all
	t.Parallel()
	failed, mended := 0, 0
	programs := draws.Count(160)
	for seed := range uint64(programs) {
		root := randomParts(rand.New(rand.NewPCG(seed, 1)), seed%2 == 0)
		ok := t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := newRedriving(t, root)
			e, err := r.Start(t.Context(), "order", "A-1", nil)
			must(t, err)
			r.drive(t, e)
			if e.Status() == local.StatusFailed {
				failed++
				next := r.again(t, e)
				if next.Status() == local.StatusSucceeded {
					mended++
				} else if seed%2 == 1 {
					t.Errorf("it is %s: %v\nof\n%s", next.Status(), next.Failure(), strings.Join(history(e), "\n"))
				}
			}
			for _, o := range e.Operations()[1:] {
				fork, err := r.Fork(t.Context(), local.ForkInput{ARN: e.ARN(), Before: o.ID})
				must(t, err)
				if r.drive(t, fork); r.diverged(fork) {
					t.Errorf("before %q: %s, %+v\nof\n%s", o.Name, fork.Status(), fork.Failure(), strings.Join(history(e), "\n"))
				}
			}
		})
		if !ok {
			t.Fatalf("of %v", root)
		}
	}
	t.Logf("%d executions have failed; %d of them succeeded when redriven", failed, mended)
	if failed < programs/4 || mended < failed*2/3 {
		t.Errorf("of %d programs %d failed, %d of them mended: the programs no longer say much", programs, failed, mended)
	}
}
