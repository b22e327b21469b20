package edits

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Random returns a random edit of a random program. The same seed makes the same one.
func Random(seed uint64) Edit {
	g := &maker{r: rand.New(rand.NewPCG(seed, 1))}
	before := g.program(0)
	after := clone(before)
	for range 1 + g.r.IntN(3) {
		after = g.edit(after, 0)
	}
	return Edit{
		ID: fmt.Sprintf("seed %d", seed), Name: fmt.Sprintf("%v becomes %v", before, after),
		Before: text(func(c *code) { runAll(c, before) }),
		After:  text(func(c *code) { runAll(c, after) }),
	}
}

// part is a part of a random program.
type part struct {
	kind  string
	name  string
	typ   int // of a step's result: 0 is a string, 1 a number
	items []string
	open  int // of a batch, how many branches at once; zero is no bound
	flat  bool
	in    []part
	after int // of a future: it is awaited after that many further parts
}

// String is the program as a counter-example shows it.
func (p part) String() string {
	text := p.kind + ":" + p.name
	if p.typ > 0 {
		text += "#"
	}
	if len(p.items) > 0 {
		text += fmt.Sprint(p.items)
	}
	if p.open > 0 {
		text += "/" + strconv.Itoa(p.open)
	}
	if p.flat {
		text += "~"
	}
	if len(p.in) > 0 {
		text += fmt.Sprint(p.in)
	}
	return text
}

func clone(parts []part) []part {
	c := slices.Clone(parts)
	for i := range c {
		c[i].in, c[i].items = clone(c[i].in), slices.Clone(c[i].items)
	}
	return c
}

// maker makes programs.
type maker struct {
	r *rand.Rand
	n int
}

func (g *maker) name(kind string) string {
	g.n++
	return kind[:1] + strconv.Itoa(g.n)
}

func (g *maker) program(depth int) []part {
	parts := make([]part, 0, 4)
	for range 1 + g.r.IntN(3) {
		parts = append(parts, g.part(depth))
	}
	return parts
}

func (g *maker) part(depth int) part {
	kinds := []string{"step", "step", "step", "wait", "wait", "relaxed", "once", "flaky", "callback", "invoke", "future", "retry"}
	if g.r.IntN(8) == 0 { // it takes as long as all others together
		kinds = append(kinds, "crowd", "crowd")
	}
	if depth < 2 {
		kinds = append(kinds, "group", "group", "map", "map", "keyed", "parallel", "race", "all", "saga", "saga", "large", "futureGroup")
	}
	p := part{kind: kinds[g.r.IntN(len(kinds))], typ: g.r.IntN(2)}
	p.name = g.name(p.kind)
	switch p.kind {
	case "map", "keyed", "parallel", "race", "all":
		for i := range 2 + g.r.IntN(2) {
			p.items = append(p.items, string(rune('a'+i)))
		}
		p.open, p.flat = g.r.IntN(3), g.r.IntN(4) == 0
		p.in = g.program(depth + 1)
	case "group", "saga", "large", "futureGroup":
		p.in = g.program(depth + 1)
	}
	p.after = g.r.IntN(3)
	return p
}

// edit changes a program in one place.
func (g *maker) edit(parts []part, depth int) []part {
	at := g.r.IntN(len(parts))
	if len(parts[at].in) > 0 && g.r.IntN(2) == 0 {
		parts[at].in = g.edit(parts[at].in, depth+1)
		return parts
	}
	p := &parts[at]
	switch g.r.IntN(10) {
	case 0:
		return slices.Insert(parts, g.r.IntN(len(parts)+1), g.part(depth))
	case 1:
		if len(parts) > 1 {
			return slices.Delete(parts, at, at+1)
		}
	case 2:
		p.name = g.name(p.kind)
	case 3:
		if at > 0 {
			parts[at-1], parts[at] = parts[at], parts[at-1]
		}
	case 4:
		p.typ = 1 - p.typ
	case 5:
		wrapped := part{kind: "group", name: g.name("group"), in: []part{*p}}
		parts[at] = wrapped
	case 6:
		if n := len(p.items); n > 1 {
			g.r.Shuffle(n, func(i, j int) { p.items[i], p.items[j] = p.items[j], p.items[i] })
		}
	case 7:
		if n := len(p.items); n > 2 {
			p.items = p.items[:n-1]
		} else if n > 0 {
			p.items = append(p.items, "z")
		}
	case 8:
		if p.open++; p.open > 2 {
			p.open = 0
		}
	case 9:
		switch p.kind {
		case "step":
			p.kind = []string{"relaxed", "once", "future", "wait", "flaky"}[g.r.IntN(5)]
		case "future":
			p.kind = "step"
		case "crowd":
			p.kind = "map"
			p.items, p.in = []string{"a"}, []part{{kind: "step", name: "s"}}
		}
	}
	return parts
}

// runAll runs parts one after the other, and awaits futures where they are to be awaited.
func runAll(c *code, parts []part) {
	type waiting struct {
		get func()
		at  int
	}
	var futures []waiting
	for i, p := range parts {
		if strings.HasPrefix(p.kind, "future") {
			futures = append(futures, waiting{started(c, p), i + p.after})
		} else {
			runPart(c, p)
		}
		futures = slices.DeleteFunc(futures, func(w waiting) bool {
			if w.at <= i {
				w.get()
			}
			return w.at <= i
		})
	}
	for _, w := range futures {
		if w.at%2 == 0 { // others are joined when the scope ends, without being asked for
			w.get()
		}
	}
}

func started(c *code, p part) func() {
	switch {
	case p.kind == "futureGroup":
		f := replay.Go(c.Context, group(c, p.name, func(c *code) { runAll(c, p.in) }))
		return func() { c.add(do(c, f.Result())) }
	case p.typ == 1:
		f := replay.Go(c.Context, step(c, p.name, len(p.name)))
		return func() { c.add(do(c, f.Result())) }
	}
	f := replay.Go(c.Context, step(c, p.name, p.name))
	return func() { c.add(do(c, f.Result())) }
}

// typedStep is a step of one of two types, whose result is text.
func typedStep(c *code, p part, opts ...op.StepOption) op.Op[string] {
	if p.typ == 1 {
		return op.Transform(step(c, p.name, len(p.name), opts...), func(n int) (string, error) { return strconv.Itoa(n), nil })
	}
	return step(c, p.name, p.name, opts...)
}

const crowd = 1600

func runPart(c *code, p part) {
	switch p.kind {
	case "step":
		c.add(do(c, typedStep(c, p)))
	case "relaxed":
		c.add(do(c, typedStep(c, p, op.WithSemantics(op.Relaxed))))
	case "once":
		v, err := replay.Run(c.Context, typedStep(c, p, op.WithSemantics(op.AtMostOncePerRetry)))
		c.add(v)
		c.add(err == nil)
	case "flaky":
		c.add(do(c, op.Step(p.name, func(ctx context.Context) (string, error) {
			if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
				return "", errors.New("busy")
			}
			c.w.ran(ctx, p.name)
			return p.name, nil
		}, op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(3))))))
	case "wait":
		do(c, op.Wait(p.name, time.Hour))
	case "callback":
		c.add(do(c, approval(c, p.name)))
	case "invoke":
		c.add(do(c, op.Invoke[string](p.name, "stock", "charge")))
	case "retry":
		c.add(do(c, op.Retry(p.name, typedStep(c, part{name: "in-" + p.name, typ: p.typ}), retry.Fixed(time.Minute, retry.MaxAttempts(2)))))
	case "crowd":
		_, err := replay.Run(c.Context, op.Map(p.name, make([]int, crowd), func(int) op.Op[string] { return typedStep(c, p) }))
		c.add(errors.Is(err, op.ErrTooMany))
	case "group":
		c.add(do(c, group(c, p.name, func(c *code) { runAll(c, p.in) })))
	case "large":
		v := do(c, group(c, p.name, func(c *code) {
			runAll(c, p.in)
			c.add(strings.Repeat(".", 300<<10))
		}))
		c.add(strings.TrimRight(v, "."))
	case "saga":
		_, err := replay.Run(c.Context, group(c, p.name, func(c *code) {
			do(c, step(c, "book-"+p.name, "booked").Undo(func(ctx context.Context, _ string) error {
				c.w.ran(ctx, "cancel-"+p.name)
				return nil
			}))
			runAll(c, p.in)
			panic(failed{errLate})
		}))
		c.add(err != nil)
	default:
		runBatch(c, p)
	}
}

func runBatch(c *code, p part) {
	branch := func(item string) op.Op[string] {
		if len(p.in) == 1 && p.in[0].kind == "step" {
			q := p.in[0]
			if p.kind != "map" && p.kind != "keyed" {
				q.name = "do-" + item
			}
			return typedStep(c, q)
		}
		name := "item"
		if p.kind != "map" && p.kind != "keyed" {
			name = "do-" + item
		}
		return group(c, name, func(c *code) {
			runAll(c, p.in)
			if item == "a" {
				do(c, op.Wait("rest", time.Minute))
			}
		})
	}
	var opts []op.BatchOption
	if p.open > 0 {
		opts = append(opts, op.WithMaxConcurrency(p.open))
	}
	ops := make([]op.Op[string], len(p.items))
	for i, item := range p.items {
		ops[i] = branch(item)
	}
	var mapOpts []op.MapOption
	for _, o := range opts {
		mapOpts = append(mapOpts, o)
	}
	if p.flat {
		mapOpts = append(mapOpts, op.WithFlat())
		opts = append(opts, op.WithFlat())
	}
	switch p.kind {
	case "map":
		values(c, do(c, op.Map(p.name, p.items, branch, mapOpts...)))
	case "keyed":
		values(c, do(c, op.Map(p.name, p.items, op.Builder[string, string](branch).Key(func(item string) string { return item }), mapOpts...)))
	case "parallel":
		values(c, do(c, op.Parallel(p.name, ops, opts...)))
	case "race":
		c.add(do(c, op.Race(p.name, ops...)))
	case "all":
		c.out = append(c.out, do(c, op.All(p.name, ops...))...)
	}
}
