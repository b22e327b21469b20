package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// edited is one version of a handler with one batch. How a branch ends depends on its name
// alone: those whose name begins with x have a result that a Transform refuses, those with y fail.
type edited struct {
	kind    string // map, keyed, chunks, parallel, all, settled, any, race, select, join
	names   []string
	flat    bool
	large   bool // results that stay in the branches
	maxOpen int
	rules   []op.Completion
}

// closedKinds are the kinds that cannot be without the result of an operand.
func closedKinds() []string { return []string{"all", "settled", "any", "race", "select", "join"} }

func (p edited) String() string {
	return fmt.Sprintf("%s %v flat=%v large=%v maxOpen=%d rules=%d", p.kind, p.names, p.flat, p.large, p.maxOpen, len(p.rules))
}

// outcomeOf is how a branch ends.
func outcomeOf(name string) string {
	switch name[0] {
	case 'x':
		return "refused " + name
	case 'y':
		return "failed " + name
	}
	return "result of " + name
}

// branch is a group of two steps and a wait, whose length depends on the name.
func (p edited) branch(name string) op.Op[string] {
	size := 0
	if p.large {
		size = 280 << 10
	}
	wait := time.Duration(name[len(name)-1]) * time.Minute
	g := op.Group(name, func(ctx op.Context) (string, error) {
		weigh := op.Step("weigh", func(context.Context) (string, error) { return name + strings.Repeat(".", size), nil })
		v, err := replay.Run(ctx, weigh)
		if err == nil {
			err = replay.Exec(ctx, op.Wait("dry", wait))
		}
		if err == nil && name[0] == 'y' {
			err = errors.New("failed " + name)
		}
		return v, err
	})
	return op.Transform(g, func(v string) (string, error) {
		v = strings.TrimRight(v, ".")
		if v[0] == 'x' {
			return "", errors.New("refused " + v)
		}
		return "result of " + v, nil
	})
}

func (p edited) handler() local.Handler {
	return replay.Handler(func(ctx op.Context, _ op.None) ([]string, error) {
		pairs := p.run(ctx)
		slices.Sort(pairs)
		return pairs, replay.Exec(ctx, op.Wait("deploy", 24*time.Hour))
	})
}

// pair shows how a branch ended.
func pair(name, value string, err error) string {
	if err != nil {
		value = err.Error()
	}
	return name + "=" + value
}

// run returns a pair for each branch that has a result.
func (p edited) run(ctx op.Context) []string {
	ops := make([]op.Op[string], len(p.names))
	for i, name := range p.names {
		ops[i] = p.branch(name)
	}
	var opts []op.BatchOption
	if p.maxOpen > 0 {
		opts = append(opts, op.WithMaxConcurrency(p.maxOpen))
	}
	switch p.kind {
	case "all":
		return p.paired(replay.Run(ctx, op.All("b", ops...).With(opts...)))
	case "any":
		v, err := replay.Run(ctx, op.Any("b", ops...).With(opts...))
		return p.winner("", v, err)
	case "race":
		v, err := replay.Run(ctx, op.Race("b", ops...).With(opts...))
		return p.winner("", v, err)
	case "select":
		w, err := replay.Run(ctx, op.RaceWinner("b", ops...).With(opts...))
		return p.winner(w.Name, w.Value, err)
	case "join":
		return p.joined(ctx, ops)
	case "settled":
		return p.items(replay.Run(ctx, op.AllSettled("b", ops...).With(opts...)))
	}
	if len(p.rules) > 0 {
		opts = append(opts, op.WithCompletion(p.rules...))
	}
	if p.flat {
		opts = append(opts, op.WithFlat())
	}
	if p.kind == "parallel" {
		return p.items(replay.Run(ctx, op.Parallel("b", ops, opts...)))
	}
	each := op.Builder[string, string](p.branch)
	if p.kind != "map" {
		each = each.Key(func(name string) string { return name })
	}
	mapOpts := make([]op.MapOption, len(opts))
	for i, o := range opts {
		mapOpts[i] = o
	}
	if p.kind == "chunks" {
		mapOpts = append(mapOpts, op.WithChunks(2, 0)) //nolint:makezero // the rest follows
	}
	return p.items(replay.Run(ctx, op.Map("b", p.names, each, mapOpts...)))
}

// items pairs the items of a batch with their names, of a map without keys with their indexes.
func (p edited) items(b op.Batch[string], err error) []string {
	var pairs []string
	for _, it := range b.Items {
		name := it.Name
		switch p.kind {
		case "map":
			name = strconv.Itoa(it.Index)
		case "keyed", "chunks":
			name = it.Key
		}
		if it.Status == op.StatusStarted {
			pairs = append(pairs, name+" started")
			continue
		}
		pairs = append(pairs, pair(name, it.Value, it.Err))
	}
	var failed *op.BatchError
	if errors.As(err, &failed) && failed.Started != b.Len() {
		pairs = append(pairs, fmt.Sprintf("error: %d started, of %d items", failed.Started, b.Len()))
	}
	if err != nil && failed == nil {
		pairs = append(pairs, "error: "+err.Error())
	}
	return pairs
}

func (p edited) paired(values []string, err error) []string {
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	var pairs []string
	for i, v := range values {
		pairs = append(pairs, pair(p.names[i], v, nil))
	}
	return pairs
}

func (p edited) winner(name, value string, err error) []string {
	if err != nil {
		value = err.Error()
	}
	return []string{"winner " + name + "=" + value}
}

func (p edited) joined(ctx op.Context, ops []op.Op[string]) []string {
	switch len(ops) {
	case 2:
		v, err := replay.Run(ctx, op.Join2("b", ops[0], ops[1]))
		return p.paired([]string{v.A, v.B}, err)
	case 3:
		v, err := replay.Run(ctx, op.Join3("b", ops[0], ops[1], ops[2]))
		return p.paired([]string{v.A, v.B, v.C}, err)
	case 4:
		v, err := replay.Run(ctx, op.Join4("b", ops[0], ops[1], ops[2], ops[3]))
		return p.paired([]string{v.A, v.B, v.C, v.D}, err)
	}
	return nil
}

// diverged is the end of an execution whose code was seen to be other code.
const diverged = "diverged"

// ended says how an execution ended: its result, or that it diverged.
func ended(e *local.Execution) string {
	if text := end(e); !strings.Contains(text, "diverged") {
		return text
	}
	return diverged
}

// deployed runs an execution that begins with one version and ends with another one, which is
// deployed when at says so. It returns no execution if that never was.
func deployed(tb testing.TB, before, after local.Handler, at func(p local.Point) (lose, deploy bool)) (*local.Execution, bool) {
	tb.Helper()
	d := &deployment{code: before}
	var mu sync.Mutex
	done := false
	e := drive(tb, d, "null", local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
		mu.Lock()
		defer mu.Unlock()
		if done {
			return false
		}
		lose, deploy := at(p)
		if deploy {
			done = true
			d.deploy(after)
		}
		return lose
	}}))
	return e, done
}

// everyState runs an execution once for each state that one version leaves behind: what the log
// holds after each checkpoint call, where the function is lost, and at each suspension. The other
// version goes on from there. check gets each execution, and where it was.
func everyState(tb testing.TB, before, after local.Handler, check func(where string, e *local.Execution)) {
	tb.Helper()
	everyStateOf(tb, before, func() local.Handler { return after }, check)
}

// everyStateOf is everyState in which each execution goes on with a version of its own.
func everyStateOf(tb testing.TB, before local.Handler, after func() local.Handler, check func(where string, e *local.Execution)) {
	tb.Helper()
	for n := 1; ; n++ {
		calls := 0
		e, ok := deployed(tb, before, after(), func(p local.Point) (bool, bool) {
			if p.Moment == local.MomentAfterCall && p.API == "CheckpointDurableExecution" {
				calls++
			}
			return calls == n, calls == n
		})
		if !ok {
			break
		}
		check(fmt.Sprintf("lost after call %d", n), e)
	}
	for n := 2; ; n++ {
		e, ok := deployed(tb, before, after(), func(p local.Point) (bool, bool) {
			return false, p.Moment == local.MomentBegin && p.Invocation == n
		})
		if !ok {
			break
		}
		check(fmt.Sprintf("suspended before invocation %d", n), e)
	}
}

// attemptsOf is a policy that attempts so often.
func attemptsOf(n int) retry.Policy { return retry.Fixed(time.Second, retry.MaxAttempts(n)) }

var errRefused = errors.New("refused")

// withRefused registers the error.
func withRefused() replay.HandlerOption {
	return replay.WithErrors(codec.Sentinel("refused", errRefused))
}
