package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// deed is a statement of a random saga. Each has a name of its own.
type deed struct {
	kind string // step, pause, group, parallel, race, go
	name string
	kids []*deed
	// fails says that a step fails for good, and that a group ends in an error.
	fails, panics, caught bool
	undo, attempted       bool
	// shaky is how often its compensation fails before it succeeds.
	shaky  int
	atMost bool
}

func (d *deed) String() string {
	var b strings.Builder
	d.print(&b, "")
	return b.String()
}

func (d *deed) print(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s%s %s fails=%t panics=%t caught=%t undo=%t attempted=%t shaky=%d atMost=%t\n", indent,
		d.kind, d.name, d.fails, d.panics, d.caught, d.undo, d.attempted, d.shaky, d.atMost)
	for _, k := range d.kids {
		k.print(b, indent+"  ")
	}
}

// newSaga makes a random saga: the group that is its handler.
func newSaga(rng *rand.Rand) *deed {
	n := 0
	var scope func(depth int) []*deed
	var one func(depth int, branch bool) *deed
	chance := func(percent int) bool { return rng.IntN(100) < percent }
	one = func(depth int, branch bool) *deed {
		n++
		kinds := []string{"step", "step", "step", "pause", "group", "parallel", "race", "go"}
		if branch {
			kinds = []string{"step", "step", "group"}
		}
		if depth == 0 {
			kinds = kinds[:3]
			if branch {
				kinds = kinds[:2]
			}
		}
		d := &deed{kind: kinds[rng.IntN(len(kinds))]}
		d.name = fmt.Sprintf("%s-%d", d.kind, n)
		d.undo, d.caught = chance(75), chance(20)
		switch d.kind {
		case "step":
			d.fails, d.atMost, d.shaky = chance(15), chance(15), rng.IntN(3)
			d.attempted = chance(20)
		case "pause":
			d.undo = false
		case "group":
			d.fails, d.panics = chance(20), chance(10)
			d.kids = scope(depth - 1)
		case "parallel", "race":
			for range 2 + rng.IntN(2) {
				d.kids = append(d.kids, one(depth-1, true))
			}
			d.undo = d.undo && d.kind == "parallel"
		case "go":
			d.undo = false
			d.kids = []*deed{one(depth-1, true)}
		}
		return d
	}
	scope = func(depth int) []*deed {
		var all []*deed
		for range 1 + rng.IntN(4) {
			all = append(all, one(depth, false))
		}
		return all
	}
	return &deed{kind: "group", kids: scope(3), fails: chance(40), panics: chance(10)}
}

// saga runs a random saga, whose effects go to a log outside, which no crash loses.
type saga struct {
	root *deed
	h    *home

	mu      sync.Mutex
	rng     *rand.Rand
	crashes int
	ledger  []string
	undos   map[string]int
}

func (g *saga) effect(ctx context.Context, text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ledger = append(g.ledger, text)
	if g.crashes > 0 && g.rng.IntN(12) == 0 {
		g.crashes--
		local.Kill(ctx)
		defer runtime.Goexit()
	}
}

// last is what was done last for a name: "do", "undo" or nothing.
func (g *saga) last(name string) string {
	last := ""
	for _, text := range g.ledger {
		if what, of, _ := strings.Cut(text, " "); of == name {
			last = what
		}
	}
	return last
}

func (g *saga) handler() local.Handler {
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return g.scope(ctx, g.root) }, replay.WithLogHandler(slog.DiscardHandler))
}

func (g *saga) scope(ctx op.Context, d *deed) (op.None, error) {
	for _, k := range d.kids {
		if k.kind == "go" {
			replay.Go(ctx, g.op(k.kids[0]))
			continue
		}
		if err := replay.Exec(ctx, g.op(k)); err != nil && !k.caught {
			return op.None{}, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	switch {
	case d.fails && d.panics:
		panic("no further")
	case d.fails:
		return op.None{}, errDeclined
	}
	return op.None{}, nil
}

func (g *saga) op(d *deed) op.Op[op.None] {
	var o op.Op[op.None]
	switch d.kind {
	case "step":
		opts := []op.StepOption{op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(2)))}
		if d.atMost {
			opts = append(opts, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()))
		}
		o = op.Do(d.name, func(ctx context.Context) error {
			g.effect(ctx, "do "+d.name)
			if d.fails {
				return errDeclined
			}
			return nil
		}, opts...)
	case "pause":
		o = op.Wait(d.name, time.Second)
	case "group":
		o = op.Group(d.name, func(ctx op.Context) (op.None, error) { return g.scope(ctx, d) })
	case "parallel", "race":
		var ops []op.Op[op.None]
		for _, k := range d.kids {
			ops = append(ops, g.op(k))
		}
		if d.kind == "race" {
			o = op.Race(d.name, ops...)
			break
		}
		o = op.Transform(op.Parallel(d.name, ops), func(op.Batch[op.None]) (op.None, error) { return op.None{}, nil })
	}
	undo := func(ctx context.Context) error {
		g.effect(ctx, "undo "+d.name)
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.undos[d.name]++; g.undos[d.name] <= d.shaky {
			return errors.New("not now")
		}
		return nil
	}
	patient := op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(50)))
	switch {
	case d.attempted && d.undo:
		return o.UndoAttempted(undo, patient)
	case d.undo:
		return o.Undo(func(ctx context.Context, _ op.None) error { return undo(ctx) }, patient)
	}
	return o
}

// judge compares what was done with what the records of the scopes promise.
func (g *saga) judge(e *local.Execution) []string {
	byName := map[string]checkpoint.Operation{}
	for _, o := range e.Operations() {
		byName[o.Name] = o
	}
	var problems []string
	var visit func(d *deed, kept, won bool)
	// op says of one operation that its scope keeps or takes back what it did.
	visit = func(d *deed, kept, won bool) {
		rec, recorded := byName[d.name]
		done := recorded && rec.Status == checkpoint.StatusSucceeded
		if won && d.kind == "group" { // a branch of a race has no record: the race says what became of it
			done = true
		}
		winner, failed := -1, false
		if d.kind == "parallel" || d.kind == "race" {
			var env struct {
				Perdure struct {
					Failed bool
					Winner int
				}
			}
			env.Perdure.Winner = -1
			text := rec.Payload.Bytes()
			for _, o := range e.Operations() {
				if o.Name == "outcome" && o.ParentID == rec.ID {
					text = o.Payload.Bytes()
				}
			}
			_ = json.Unmarshal(text, &env)
			winner, failed = env.Perdure.Winner, env.Perdure.Failed
			done = done && !failed
		}
		last := g.last(d.name)
		switch {
		case !d.undo:
		case kept && last == "undo":
			problems = append(problems, d.name+" was undone although its scope succeeded")
		case !kept && done && last != "undo":
			problems = append(problems, d.name+" was not undone although its scope failed or was abandoned")
		case !kept && d.attempted && recorded && last == "do":
			problems = append(problems, d.name+" was attempted and not undone")
		case last == "undo" && !done && !d.attempted:
			problems = append(problems, d.name+" was undone and had not completed")
		}
		for i, k := range d.kids {
			switch d.kind {
			case "race":
				visit(k, done && i == winner, i == winner && !failed)
			case "go":
				visit(k, kept, false)
			default:
				visit(k, done, false)
			}
		}
	}
	for _, k := range g.root.kids {
		visit(k, e.Status() == local.StatusSucceeded, false)
	}
	return problems
}
