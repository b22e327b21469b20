package replay_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
)

// A program is a random handler as a value: it can be generated, printed, made smaller and run.
// What it returns depends on nothing but itself: not on the schedule, the clock or the invocations.
//
// To add a kind of statement: name it in the list of kinds, print it in String, generate it in
// statement, and run it in lawRun.statement (law_run_test.go).
type program struct {
	// seed is what the program was generated from; a smaller one keeps that of its origin.
	seed int64
	body []*stmt
	end  ending
}

// kind is what a statement does.
type stmtKind int

const (
	doStep    stmtKind = iota
	doEach             // a loop of keyed steps
	doRepeat           // a loop of steps with one name and no key
	doWait             // a wait of whole seconds
	doUntil            // a wait until a time after the scope's beginning, which may have passed
	doGroup            // statements in a group
	doAwait            // the result of a future of this scope or of one around it
	doRefused          // an invalid declaration
	stmtKinds
)

func (k stmtKind) String() string {
	return [...]string{"step", "each", "repeat", "wait", "until", "group", "await", "refused"}[k]
}

// stmt is a statement. Its number is unique in the program and part of its operation's name.
type stmt struct {
	num  int
	kind stmtKind
	// start starts the operation as a future instead of running it.
	start bool
	// swallow notes an error and goes on; without it the scope returns the error.
	swallow bool
	script  script  // of a step
	count   int     // of a loop, and the seconds of a wait
	body    []*stmt // of a group
	end     ending  // of a group
	future  int     // the number of the statement that an await asks for
}

// ending is how a scope ends after its last statement.
type ending int

const (
	endValue ending = iota
	endError        // an error without identity
	endKnown        // a registered error
	endPanic
	endings
)

func (e ending) String() string { return [...]string{"value", "error", "known", "panic"}[e] }

// semantics of a scripted step.
type lawSemantics int

const (
	atLeastOnce lawSemantics = iota
	atMostOnce
	relaxed
	countCrashes // at least once, and a crash consumes an attempt
	lawSemanticses
)

func (s lawSemantics) String() string {
	return [...]string{"at-least-once", "at-most-once", "relaxed", "count-crashes"}[s]
}

// script is what the body of a step does, attempt by attempt.
type script struct {
	semantics lawSemantics
	// fails has a bit per attempt, the lowest for the first: those attempts fail.
	fails uint8
	// again is how many attempts ask for another one with a state.
	again int
	// exhaust lets every attempt fail until the policy gives up.
	exhaust bool
	// end is how the last attempt ends: an error is permanent.
	end ending
	// advance lets a second pass in the body.
	advance bool
}

// strict reports whether a crash consumes attempts, so that their number depends on crashes.
func (s script) strict() bool { return s.semantics == atMostOnce || s.semantics == countCrashes }

// mostAttempts is what the policy of a step allows: that many that none is exhausted by crashes,
// unless that is the script.
func (s script) mostAttempts() int {
	if s.exhaust || s.end == endPanic {
		return 3
	}
	return 1000
}

// failsIn reports whether an attempt fails.
func (s script) failsIn(attempt int) bool {
	return s.exhaust || (attempt <= 8 && s.fails>>(attempt-1)&1 == 1)
}

// attempts is how many attempts a step takes that nothing disturbs.
func (s script) attempts() int {
	state := 0
	for n := 1; ; n++ {
		switch {
		case n == s.mostAttempts():
			return n
		case s.failsIn(n):
		case state < s.again:
			state++
		case s.end != endPanic:
			return n
		}
	}
}

func (s script) String() string {
	var b strings.Builder
	b.WriteString(s.semantics.String())
	if s.fails != 0 {
		fmt.Fprintf(&b, " fails %04b", s.fails)
	}
	if s.again > 0 {
		fmt.Fprintf(&b, " again %d", s.again)
	}
	if s.exhaust {
		b.WriteString(" exhausts")
	}
	if s.end != endValue {
		fmt.Fprintf(&b, " ends in %v", s.end)
	}
	if s.advance {
		b.WriteString(" for 1s")
	}
	return b.String()
}

// String prints the program as a person would write it.
func (p *program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "program (seed %d, %d operations):\n", p.seed, p.size())
	printBody(&b, p.body, p.end, "  ")
	return b.String()
}

func printBody(b *strings.Builder, body []*stmt, end ending, indent string) {
	for _, s := range body {
		fmt.Fprintf(b, "%s%d: ", indent, s.num)
		if s.start {
			b.WriteString("go ")
		}
		b.WriteString(s.kind.String())
		switch s.kind {
		case doStep:
			fmt.Fprintf(b, " {%v}", s.script)
		case doEach, doRepeat:
			fmt.Fprintf(b, " %d times {%v}", s.count, s.script)
		case doWait, doUntil:
			fmt.Fprintf(b, " %ds", s.count)
		case doAwait:
			fmt.Fprintf(b, " %d", s.future)
		case doRefused:
			fmt.Fprintf(b, " #%d", s.count)
		case doGroup, stmtKinds:
		}
		if !s.swallow && !s.start {
			b.WriteString(" or return")
		}
		b.WriteByte('\n')
		if s.kind == doGroup {
			printBody(b, s.body, s.end, indent+"    ")
		}
	}
	fmt.Fprintf(b, "%sreturn %v\n", indent, end)
}

// size counts the operations, those of loops singly.
func (p *program) size() int { return sizeOf(p.body) }

func sizeOf(body []*stmt) int {
	n := 0
	for _, s := range body {
		switch s.kind {
		case doEach, doRepeat:
			n += s.count
		case doGroup:
			n += 1 + sizeOf(s.body)
		case doStep, doWait, doUntil, doAwait, doRefused, stmtKinds:
			n++
		}
	}
	return n
}

// walk calls f for every statement, with the statements of groups after them.
func walkStmts(body []*stmt, depth int, f func(s *stmt, depth int)) {
	for _, s := range body {
		f(s, depth)
		walkStmts(s.body, depth+1, f)
	}
}

// The bounds of random programs.
const (
	mostOperations = 30
	mostDepth      = 4
)

// generator makes a random program.
type generator struct {
	rng    *rand.Rand
	budget int
	next   int
}

// newProgram generates the program of a seed.
func newProgram(seed int64) *program {
	rng := rand.New(rand.NewSource(seed))
	g := &generator{rng: rng, budget: 1 + min(rng.Intn(mostOperations), rng.Intn(mostOperations))}
	p := &program{seed: seed, end: g.ending(8)}
	for g.budget > 0 {
		p.body = append(p.body, g.scope(1, futures(p.body))...)
	}
	return p
}

// newSmallProgram generates a program of a few operations that do much beside each other and
// leave nothing behind.
func newSmallProgram(seed int64) *program {
	rng := rand.New(rand.NewSource(seed))
	g := &generator{rng: rng, budget: 2 + rng.Intn(5)}
	p := &program{seed: seed}
	for g.budget > 0 {
		p.body = append(p.body, g.scope(mostDepth-2, futures(p.body))...)
	}
	walkStmts(p.body, 0, func(s *stmt, _ int) {
		s.swallow, s.end, s.script.advance = true, endValue, false
		s.start = s.start || (s.num%3 != 0 && (s.kind == doStep || s.kind == doWait || s.kind == doGroup))
	})
	return p
}

// futures lists the futures that a scope has started.
func futures(body []*stmt) []int {
	var nums []int
	for _, s := range body {
		if s.start {
			nums = append(nums, s.num)
		}
	}
	return nums
}

// scope generates a few statements; visible are the futures they may ask for.
func (g *generator) scope(depth int, visible []int) []*stmt {
	visible = slices.Clone(visible)
	var body []*stmt
	for range 1 + g.rng.Intn(6) {
		if g.budget <= 0 {
			break
		}
		s := g.statement(depth, visible)
		body = append(body, s)
		if s.start {
			visible = append(visible, s.num)
		}
	}
	return body
}

func (g *generator) statement(depth int, visible []int) *stmt {
	g.next++
	s := &stmt{num: g.next, swallow: g.rng.Intn(10) < 8, start: g.rng.Intn(10) < 3}
	weights := [stmtKinds]int{
		doStep: 40, doEach: 6, doRepeat: 4, doWait: 9, doUntil: 8, doGroup: 16, doAwait: 14, doRefused: 5,
	}
	if depth >= mostDepth {
		weights[doGroup] = 0
	}
	if len(visible) == 0 {
		weights[doAwait] = 0
	}
	s.kind = stmtKind(g.pick(weights[:]))
	switch s.kind {
	case doStep:
		s.script = g.script()
		g.budget--
	case doEach, doRepeat:
		s.script = g.script()
		s.script.exhaust, s.start = false, false
		s.count = min(g.budget, 1+g.rng.Intn(3))
		g.budget -= s.count
	case doWait:
		s.count = 1 + g.rng.Intn(4)
		g.budget--
	case doUntil:
		s.count = g.rng.Intn(6)
		g.budget--
	case doGroup:
		g.budget--
		s.end = g.ending(5)
		s.body = g.scope(depth+1, visible)
	case doAwait:
		s.future, s.start = visible[g.rng.Intn(len(visible))], false
		g.budget--
	case doRefused:
		s.count, s.start = g.rng.Intn(4), false
		g.budget--
	case stmtKinds:
	}
	return s
}

func (g *generator) script() script {
	s := script{advance: g.rng.Intn(6) == 0}
	s.semantics = lawSemantics(g.pick([]int{10, 4, 3, 2}))
	if g.rng.Intn(3) == 0 {
		s.fails = uint8(1 + g.rng.Intn(7))
	}
	if g.rng.Intn(6) == 0 && s.semantics != atMostOnce {
		s.again = 1 + g.rng.Intn(3)
	}
	s.end = g.ending(6)
	switch {
	case s.strict() && s.end == endPanic:
		s.end = endError // a panic is tried again, and how often depends on crashes
	case !s.strict() && g.rng.Intn(12) == 0:
		s.exhaust, s.end = true, endError
	}
	return s
}

// ending returns an ending that is no value once in n times.
func (g *generator) ending(n int) ending {
	if g.rng.Intn(n) != 0 {
		return endValue
	}
	return ending(1 + g.rng.Intn(int(endings)-1))
}

// pick returns an index, as often as its weight says.
func (g *generator) pick(weights []int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	n := g.rng.Intn(total)
	for i, w := range weights {
		if n -= w; n < 0 {
			return i
		}
	}
	return 0
}

// smaller returns programs with a little less in them, the smallest first.
func (p *program) smaller() []*program {
	var out []*program
	for _, b := range smallerBodies(p.body) {
		out = append(out, &program{seed: p.seed, body: b, end: p.end})
	}
	if p.end != endValue {
		out = append(out, &program{seed: p.seed, body: p.body})
	}
	return out
}

func smallerBodies(body []*stmt) [][]*stmt {
	var out [][]*stmt
	if n := len(body); n > 3 {
		out = append(out, body[:n/2], body[n/2:])
	}
	for i := range body {
		out = append(out, append(slices.Clone(body[:i]), body[i+1:]...))
	}
	for i, s := range body {
		for _, t := range smallerStmts(s) {
			b := slices.Clone(body)
			b[i] = t
			out = append(out, b)
		}
		if s.kind == doGroup && !s.start {
			out = append(out, slices.Concat(body[:i], s.body, body[i+1:]))
		}
	}
	return out
}

func smallerStmts(s *stmt) []*stmt {
	var out []*stmt
	change := func(f func(t *stmt)) {
		t := *s
		f(&t)
		out = append(out, &t)
	}
	if s.script != (script{}) {
		change(func(t *stmt) { t.script = script{} })
		change(func(t *stmt) { t.script = script{semantics: s.script.semantics} })
	}
	if s.script.fails != 0 {
		change(func(t *stmt) { t.script.fails = 0 })
	}
	if s.script.again > 0 {
		change(func(t *stmt) { t.script.again-- })
	}
	if s.script.end != endValue && !s.script.exhaust {
		change(func(t *stmt) { t.script.end = endValue })
	}
	if s.script.advance {
		change(func(t *stmt) { t.script.advance = false })
	}
	if s.count > 1 {
		change(func(t *stmt) { t.count = 1 })
	}
	if s.end != endValue {
		change(func(t *stmt) { t.end = endValue })
	}
	if !s.swallow && !s.start {
		change(func(t *stmt) { t.swallow = true })
	}
	for _, b := range smallerBodies(s.body) {
		change(func(t *stmt) { t.body = b })
	}
	return out
}
