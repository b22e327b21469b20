package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/prop"
	"github.com/samber/lo"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// treeRun runs a tree as a handler.
type treeRun struct {
	root *tree

	mu   sync.Mutex
	rng  *rand.Rand
	seen []string // how the tree ended, in each invocation that got to its end
}

func (r *treeRun) function() local.Handler {
	return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		v, err := replay.Run(ctx, r.op(r.root))
		var text string
		if err == nil {
			b, _ := json.Marshal(v)
			text = string(b)
		} else {
			text = "error " + err.Error()
		}
		r.mu.Lock()
		r.seen = append(r.seen, text)
		r.mu.Unlock()
		if err := replay.Exec(ctx, op.Wait("at-last", time.Second)); err != nil {
			return "", err
		}
		return text, nil
	}, replay.WithLogHandler(slog.DiscardHandler))
}

// dawdle lets others go first.
func (r *treeRun) dawdle() {
	r.mu.Lock()
	n := r.rng.Intn(10)
	r.mu.Unlock()
	for range n {
		runtime.Gosched()
	}
}

// joinedValues is what Join2 results in.
type joinedValues = lo.Tuple2[treeValue, treeValue]

// op makes the operation of a node.
func (r *treeRun) op(n *tree) op.Op[treeValue] {
	ops := make([]op.Op[treeValue], len(n.kids))
	for i, k := range n.kids {
		ops[i] = r.op(k)
	}
	var opts []op.BatchOption
	if n.maxOpen > 0 {
		opts = append(opts, op.WithMaxConcurrency(n.maxOpen))
	}
	if n.maxBody > 0 {
		opts = append(opts, op.WithMaxRunning(n.maxBody))
	}
	one := func(o op.Op[treeValue]) op.Op[treeValue] {
		return op.Transform(o, func(v treeValue) (treeValue, error) { return treeValue{Node: n.num, Kids: []treeValue{v}}, nil })
	}
	switch n.kind {
	case treeStep:
		return r.step(n)
	case treeWait:
		return op.Transform(op.Wait(n.name(), time.Duration(n.seconds)*time.Second),
			func(op.None) (treeValue, error) { return treeValue{Node: n.num}, nil })
	case treeGroup:
		return op.Group(n.name(), func(ctx op.Context) (treeValue, error) { return r.group(ctx, n, ops) })
	case treeMap, treeParallel:
		return r.batch(n, ops, opts)
	case treeAll:
		return op.Transform(op.All(n.name(), ops...).With(opts...), func(vs []treeValue) (treeValue, error) {
			return treeValue{Node: n.num, Kids: vs}, nil
		})
	case treeSettled:
		return settledValue(n, op.AllSettled(n.name(), ops...).With(opts...))
	case treeAny:
		return one(op.Any(n.name(), ops...).With(opts...))
	case treeRace:
		return one(op.Race(n.name(), ops...).With(opts...))
	case treeSelect:
		return op.Transform(op.RaceWinner(n.name(), ops...).With(opts...), func(w op.Winner[treeValue]) (treeValue, error) {
			return treeValue{Node: n.num, Index: w.Index, Kids: []treeValue{w.Value}}, nil
		})
	case treeLimited:
		return one(op.Timeout(n.name(), ops[0], 5000*time.Hour))
	case treeLate:
		late := op.Transform(op.Wait("too-long", 1000*time.Hour), func(op.None) (treeValue, error) { return treeValue{}, nil })
		return op.Timeout(n.name(), late, 100*time.Minute)
	case treeJoin, treeKinds:
	}
	return op.Transform(op.Join2(n.name(), ops[0], ops[1]).With(opts...), func(t joinedValues) (treeValue, error) {
		return treeValue{Node: n.num, Kids: []treeValue{t.A, t.B}}, nil
	})
}

func (r *treeRun) step(n *tree) op.Op[treeValue] {
	return op.Step(n.name(), func(ctx context.Context) (treeValue, error) {
		r.dawdle()
		info, _ := op.InfoFrom(ctx)
		if info.Attempt <= n.attempts {
			return treeValue{}, errThrottled
		}
		if n.fails {
			return treeValue{}, retry.Permanent(errors.New(n.name() + " failed"))
		}
		return treeValue{Node: n.num}, nil
	}, op.WithRetry(retry.Fixed(time.Second)))
}

func (r *treeRun) group(ctx op.Context, n *tree, ops []op.Op[treeValue]) (treeValue, error) {
	v := treeValue{Node: n.num}
	for i, k := range n.kids {
		o := ops[i]
		if k.ahead {
			f := replay.Go(ctx, o)
			o = op.Race(fmt.Sprint("ahead-", k.num), f.Result())
		}
		got, err := replay.Run(ctx, o)
		switch {
		case err != nil && !k.swallow:
			return v, fmt.Errorf("%s: %w", k.name(), err)
		case err != nil:
			got = treeValue{Err: err.Error()}
		}
		v.Kids = append(v.Kids, got)
	}
	if n.fails {
		return v, errors.New(n.name() + " failed")
	}
	return v, nil
}

func (r *treeRun) batch(n *tree, ops []op.Op[treeValue], opts []op.BatchOption) op.Op[treeValue] {
	switch n.rule {
	case ruleAll:
		opts = append(opts, op.WithCompletion(op.AllCompleted()))
	case ruleTolerate1:
		opts = append(opts, op.WithCompletion(op.Tolerate(1)))
	case ruleMin:
		opts = append(opts, op.WithCompletion(op.MinSuccessful(n.least())))
	case ruleDefault, treeRules:
	}
	if n.flat {
		opts = append(opts, op.WithFlat())
	}
	if n.kind == treeParallel {
		return settledValue(n, op.Parallel(n.name(), ops, opts...))
	}
	each := op.Builder[int, treeValue](func(i int) op.Op[treeValue] { return ops[i] })
	if n.keyed {
		each = each.Key(func(i int) string { return fmt.Sprint("k", i) })
	}
	items := make([]int, len(ops))
	var mo []op.MapOption
	for _, o := range opts {
		mo = append(mo, o)
	}
	for i := range items {
		items[i] = i
	}
	return settledValue(n, op.Map(n.name(), items, each, mo...))
}

// settledValue makes the value of a batch.
func settledValue(n *tree, o op.Op[op.Batch[treeValue]]) op.Op[treeValue] {
	return op.Transform(o, func(b op.Batch[treeValue]) (treeValue, error) {
		v := treeValue{Node: n.num, Reason: string(b.Reason)}
		for _, it := range b.Items {
			iv := treeValue{Index: it.Index, Status: string(it.Status)}
			switch it.Status {
			case op.StatusSucceeded:
				iv.Kids = []treeValue{it.Value}
			case op.StatusFailed:
				iv.Err = it.Err.Error()
			case op.StatusStarted:
			}
			v.Kids = append(v.Kids, iv)
		}
		return v, nil
	})
}

// treeOutcome is an execution of a tree.
type treeOutcome struct {
	result             string
	calls, cuts, invos int
	err                error
}

// runTree runs a tree to its end; at says what happens to the n-th checkpoint call.
func runTree(ctx context.Context, n *tree, seed int64, at func(call int, p local.Point) interruption) (o treeOutcome) {
	ctx, cancel := watched(ctx)
	defer cancel()
	defer sayStuck(ctx, &o.err)
	clock := local.NewVirtualClock(dawn)
	r := &treeRun{root: n, rng: rand.New(rand.NewSource(seed))}
	var mu sync.Mutex
	fate := make(map[[2]int]interruption)
	decide := func(p local.Point) interruption {
		mu.Lock()
		defer mu.Unlock()
		if p.Call == 0 || p.API != "CheckpointDurableExecution" {
			return goesOn
		}
		key := [2]int{p.Invocation, p.Call}
		f, ok := fate[key]
		if !ok {
			o.calls++
			if at != nil {
				f = at(o.calls, p)
			}
			fate[key] = f
			if f != goesOn {
				o.cuts++
			}
		}
		return f
	}
	laws := treeLaws{ended: map[string]bool{}, parent: map[string]string{}, open: map[string]int{}}
	svc := local.New(local.WithClock(clock), local.WithLimits(local.Limits{Operations: 1 << 20}), local.WithFaults(local.Faults{
		Lose: func(p local.Point) bool {
			f := decide(p)
			return p.Moment == local.MomentBeforeCall && f == lostFirst || p.Moment == local.MomentAfterCall && f == lost
		},
		Fail: func(p local.Point) error {
			if p.Moment == local.MomentAfterCall && decide(p) == replyLost {
				return errors.New("connection reset by peer")
			}
			return nil
		},
		Committed: func(p local.Point) {
			mu.Lock()
			defer mu.Unlock()
			laws.call(p.Updates)
		},
	}))
	defer svc.Close()
	if o.err = svc.Host("tree", r.function()); o.err != nil {
		return o
	}
	e, err := svc.Start(ctx, "tree", "", []byte("null"))
	if err != nil {
		o.err = err
		return o
	}
	o.err = errors.Join(e.Drive(ctx), laws.err)
	o.invos = e.Invocations()
	if o.err == nil && e.Failure() != nil {
		o.err = fmt.Errorf("the execution failed: %s", e.Failure().Message)
	}
	if o.err != nil {
		return o
	}
	for _, s := range r.seen[1:] {
		if s != r.seen[0] {
			o.err = fmt.Errorf("first run and replay differ:\n%s\n%s", r.seen[0], s)
		}
	}
	o.result = r.seen[0]
	return o
}

// treeLaws are what must hold of the updates of every execution.
type treeLaws struct {
	ended  map[string]bool
	parent map[string]string
	open   map[string]int
	err    error
}

// call checks that nothing is written below an operation that has ended, and nothing ends twice.
func (l *treeLaws) call(us []checkpoint.Update) {
	for _, u := range us {
		l.parent[u.ID] = u.ParentID
		for id := u.ID; id != ""; id = l.parent[id] {
			if l.ended[id] && l.err == nil {
				l.err = fmt.Errorf("%s of %s after the end of %s", u.Action, u.Name, id)
			}
		}
		if u.Action == checkpoint.ActionSucceed || u.Action == checkpoint.ActionFail {
			l.ended[u.ID] = true
		}
	}
}

// conforms compares an outcome with the reference.
func (o *treeOutcome) conforms(n *tree) error {
	if o.err != nil {
		return o.err
	}
	if message, failed := strings.CutPrefix(o.result, "error "); failed {
		if !n.failsWith(message) {
			return fmt.Errorf("it cannot fail with %q", message)
		}
		return nil
	}
	var v treeValue
	if err := json.Unmarshal([]byte(o.result), &v); err != nil {
		return err
	}
	if err := n.allows(v); err != nil {
		return fmt.Errorf("%w\n%s", err, o.result)
	}
	return nil
}

// trees generates trees; a counterexample is made smaller.
func trees() gopter.Gen {
	return func(params *gopter.GenParameters) *gopter.GenResult {
		return gopter.NewGenResult(newTree(params.Rng.Int63()), func(v any) gopter.Shrink {
			n, ok := v.(*tree)
			if !ok {
				return gopter.NoShrink
			}
			rest := n.smaller()
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

// Random trees of all combinators, batches, groups, steps and waits, interrupted at every update,
// reach what the sequential reference allows; an abandoned branch writes nothing more.
func TestRandomTreesEqualTheReference(t *testing.T) {
	t.Parallel()
	var d distribution
	seed := lawSeed(t)
	params := gopter.DefaultTestParametersWithSeed(seed)
	params.MinSuccessfulTests = draws.Count(40)
	params.MaxShrinkCount = 300
	properties := gopter.NewProperties(params)
	properties.Property("equal", prop.ForAll1(trees(), func(v any) (any, error) {
		n, _ := v.(*tree)
		if err := checkTree(withWatchdog(t), n, seed, &d); err != nil {
			return nil, fmt.Errorf("%w\n%v\nagain with: PERDURE_SEED=%d go test -race -run '^%s$' ./replay", err, n, seed, t.Name())
		}
		return true, nil
	}))
	properties.TestingRun(t)
	d.print(t)
}

// checkTree runs a tree through, lost after every call, and disturbed at each call in turn.
func checkTree(ctx context.Context, n *tree, seed int64, d *distribution) error {
	through := runTree(ctx, n, seed, nil)
	d.tree(n)
	runs := []struct {
		name string
		at   func(call int, p local.Point) interruption
	}{
		{"run through", nil},
		{"lost after every call", func(int, local.Point) interruption { return lost }},
		{"lost before every second call", func(call int, _ local.Point) interruption {
			if call%2 == 0 {
				return lostFirst
			}
			return goesOn
		}},
	}
	step := 1 + through.calls/8
	for call := 1; call <= through.calls; call += step {
		how := []interruption{lost, lostFirst, replyLost}[call%3]
		runs = append(runs, struct {
			name string
			at   func(call int, p local.Point) interruption
		}{fmt.Sprintf("call %d: %v", call, how), func(c int, _ local.Point) interruption {
			if c == call {
				return how
			}
			return goesOn
		}})
	}
	for _, run := range runs {
		o := runTree(ctx, n, seed+1, run.at)
		d.add("executions", 1)
		d.add("invocations", o.invos)
		d.add("interruptions", o.cuts)
		if err := o.conforms(n); err != nil {
			return fmt.Errorf("%s: %w", run.name, err)
		}
	}
	return nil
}

func (d *distribution) tree(n *tree) {
	d.add("node: "+n.kind.String(), 1)
	for _, k := range n.kids {
		d.tree(k)
	}
}
