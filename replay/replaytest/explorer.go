package replaytest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// explorer runs one function under many schedules.
type explorer struct {
	tb         testing.TB
	cfg        *config
	f          local.Handler
	restore    restorer
	input      []byte
	report     *Report
	states     map[uint64]bool
	same       func(want, got *trial) bool
	traffic    func(k *kit) string
	lastAnswer fault  // that has the whole log replayed
	usual      int    // invocations of the undisturbed execution; zero before it has ended
	idle       []idle // what no execution has used so far; nil before the first one
	// together are the paths of bodies that can run at the same time as another one.
	together map[string]bool
}

// undisturbed is how many executions must agree before any is interrupted.
const undisturbed = 8

func (x *explorer) explore() {
	x.tb.Helper()
	base := x.try(nil)
	if base.err != nil {
		x.tb.Fatalf("replaytest: the undisturbed execution: %v\n%s", base.err, x.history(base))
	}
	x.usual = base.k.exec.Invocations()
	x.lastAnswer = fault{atInvocation, strconv.Itoa(x.usual), lostAfter}
	if !x.sound(base) {
		return
	}
	if line := x.cfg.explore.replay; line != "" {
		plan, err := parseSchedule(line)
		if err != nil {
			x.tb.Fatal(err)
		}
		x.repeat(base, plan)
		return
	}
	singles := x.singles(base)
	for _, f := range singles {
		x.report.Singles++
		if x.fails(base, schedule{f}) {
			return
		}
	}
	for _, plan := range x.several(singles) {
		if len(plan) == pair {
			x.report.Pairs++
		} else {
			x.report.Triples++
		}
		if x.fails(base, plan) {
			return
		}
	}
	x.report.States = len(x.states)
	if x.report.Singles != x.report.Want() {
		x.tb.Errorf("replaytest: %d singles were tried, not %d", x.report.Singles, x.report.Want())
	}
	for _, unused := range x.idle { // some are of use only when something goes wrong
		x.tb.Errorf("replaytest: %s; none of %d schedules has used it", unused.text, x.report.Schedules())
	}
	x.tb.Logf("replaytest: %v", x.report)
}

// rounds is how often a schedule is tried alone if operations run beside each other: what fails may
// depend on which of them comes first.
const rounds = 50

// repeat tries the schedule of [WithSchedule].
func (x *explorer) repeat(base *trial, plan schedule) {
	x.tb.Helper()
	times := 1
	if base.k.beside {
		times = rounds
		x.waves(base)
	}
	for range times {
		if x.fails(base, plan) {
			return
		}
	}
	if x.report.Interruptions == 0 {
		x.tb.Errorf("replaytest: nothing of %q took place: the execution does not come there, any more", plan.String())
	}
}

// The sizes of schedules of several interruptions.
const pair, triple = 2, 3

// several chooses pairs and triples of interruptions by the seed.
func (x *explorer) several(singles []fault) []schedule {
	rng := rand.New(rand.NewPCG(x.cfg.explore.seed, 0))
	var plans []schedule
	for _, size := range []int{pair, triple} {
		for range x.combinations(len(singles), size) {
			plan := make(schedule, size)
			for i, n := range rng.Perm(len(singles))[:size] {
				plan[i] = singles[n]
			}
			plans = append(plans, plan)
		}
	}
	return plans
}

// combinations is how many schedules of this size are tried.
func (x *explorer) combinations(n, size int) int {
	if n < size {
		return 0
	}
	return x.cfg.explore.more
}

// singles lists every interruption of an execution.
func (x *explorer) singles(base *trial) []fault {
	var list []fault
	add := func(place, at string, hows ...string) {
		for _, how := range hows {
			list = append(list, fault{place, at, how})
		}
	}
	r := x.report
	r.Concurrent = base.k.beside
	r.Calls, r.Invocations = len(base.calls), base.k.exec.Invocations()
	r.Bodies, r.CrashPoints, r.Pages = len(base.bodies), len(base.crashes), base.records()-1
	for n := range r.Calls {
		add(atCall, strconv.Itoa(n+1), callFaults(r.Concurrent)...)
	}
	for n := range r.Invocations {
		add(atInvocation, strconv.Itoa(n+1), invocationFaults()...)
	}
	slices.Sort(base.bodies)
	for _, at := range base.bodies {
		add(atBody, at, bodyFaults(r.Concurrent)...)
	}
	slices.Sort(base.crashes)
	for _, at := range base.crashes {
		add(atCrash, at, lost)
	}
	for n := range r.Pages {
		add(atPage, strconv.Itoa(n+1), pageFaults()...)
	}
	for _, reply := range x.cfg.replies {
		if slices.ContainsFunc(base.k.exec.Operations(), func(rec checkpoint.Operation) bool { return base.k.answers(reply, rec) }) {
			r.Callbacks++
			add(atCallback, spelled(reply.path), callbackFaults()...)
		}
	}
	for _, wave := range x.waves(base) {
		r.Waves = append(r.Waves, len(wave))
		for _, order := range x.orders(wave) {
			r.Orders++
			add(atOrder, strings.Join(order, before), kept)
		}
	}
	return list
}

// fails tries a schedule and reports it if something is wrong.
func (x *explorer) fails(base *trial, plan schedule) bool {
	x.tb.Helper()
	t := x.try(plan)
	x.report.Interruptions += len(t.fired)
	if t.interrupted {
		x.report.Interrupted++
	}
	what := x.problem(base, t)
	if what == "" {
		return len(plan) == 1 && plan[0] == x.lastAnswer && !x.elsewhere(t)
	}
	for shorter := true; shorter; {
		shorter = false
		for i := range plan {
			if plan[i].place == atOrder {
				continue // without it the execution fails now and then
			}
			less := slices.Delete(slices.Clone(plan), i, i+1)
			if len(less) == 0 {
				break
			}
			if again := x.try(less); x.problem(base, again) != "" {
				plan, t, what, shorter = less, again, x.problem(base, again), true
				break
			}
		}
	}
	if ordered, again := x.ordered(base, plan, t); again != nil {
		plan, t, what = ordered, again, x.problem(base, again)
	}
	hint := ""
	switch {
	case t.diverged:
		hint = "\nThe code did not run the operations again that the log holds: " + causes + "."
	case t.err == nil && !t.interrupted && !x.same(base, t):
		hint = "\nIf the handler is not deterministic, " + causes + ". If the result may differ, as one does that holds a time of replay.Now, " +
			"since interruptions take time, WithEqual says which results count as the same."
	}
	x.tb.Errorf("replaytest: %s%s\nTo run this execution alone:\n\treplaytest.WithSchedule(%q)\n%s", what, hint, plan.String(), x.history(t))
	return true
}

// mostEnds is how many bodies the order of a schedule has at most.
const mostEnds = 24

// ordered returns a schedule that also has the bodies which can run at the same time end in an
// order, so that it fails each time: in another one it may be right. It is looked for beside the
// order in which they seem to have ended: of two that end at the same time the engine may have seen
// the other one first. There is none if the schedule has an order already, or what fails does not
// depend on one.
func (x *explorer) ordered(base *trial, plan schedule, t *trial) (schedule, *trial) {
	if plan.order() != nil {
		return nil, nil
	}
	var ends []string
	t.note(func() { ends = slices.Clone(t.ended) }) // bodies that were abandoned may still run
	ends = slices.DeleteFunc(ends, func(at string) bool { return !x.together[pathOf(at)] })
	if len(ends) < 2 || len(ends) > mostEnds { //nolint:mnd // one has no order
		return nil, nil
	}
	for i := range ends { // the first is the order itself
		order := slices.Clone(ends)
		if i > 0 {
			order[i-1], order[i] = order[i], order[i-1]
		}
		ordered := append(slices.Clone(plan), fault{atOrder, strings.Join(order, before), kept})
		if again := x.always(base, ordered); again != nil {
			return ordered, again
		}
	}
	return nil, nil
}

// always tries a schedule a few times, and returns the last trial if each one failed; nil if one
// did not.
func (x *explorer) always(base *trial, plan schedule) (t *trial) {
	const times = 8
	for range times {
		if t = x.try(plan); x.problem(base, t) == "" {
			return nil
		}
	}
	return t
}

// history says what happened: of a long history how it began, where the cause may lie, and how it
// ended.
func (x *explorer) history(t *trial) string {
	first, last := 20, 40
	switch {
	case t.k.exec == nil:
		return ""
	case errors.Is(t.err, errTooMany): // it says the same again and again
		first, last = 8, 8
	}
	lines := strings.Split(x.traffic(t.k), "\n")
	if more := len(lines) - first - last; more > 0 {
		lines = slices.Concat(lines[:first], []string{fmt.Sprintf("… %d more lines …", more)}, lines[first+more:])
	}
	return strings.Join(lines, "\n")
}

// sharing and chances are where else to look when executions have different results.
const (
	sharing = "; what executions share, such as a fake that counts, is brought back with Reset"
	chances = "; if chance decides between operations that run beside each other, as in a race, WithEqual says which results " +
		"count as the same"
)

// sound reports whether executions that nothing interrupts agree.
func (x *explorer) sound(base *trial) bool {
	x.tb.Helper()
	for range undisturbed - 1 {
		t := x.try(nil)
		what, advice := x.differs(base, t), causes
		if what == "" && t.err != nil {
			what = t.err.Error()
		}
		if what == "" && !x.same(base, t) {
			what, advice = fmt.Sprintf("one ended as %s, another one as %s", base, t), causes+sharing
			if base.k.beside {
				advice += chances
			}
		}
		if what != "" {
			x.tb.Errorf("replaytest: the handler is not deterministic: of two executions that nothing has interrupted, %s; %s", what, advice)
			return false
		}
	}
	good := true
	if what := x.problem(base, base); what != "" {
		x.tb.Errorf("replaytest: an execution that nothing has interrupted: %s\n%s", what, x.history(base))
		return false
	}
	for _, c := range base.k.complaints() {
		x.tb.Errorf("replaytest: %s", c)
		good = false
	}
	for _, c := range x.cfg.budget.exceeded(costOf(base.k.exec)) {
		x.tb.Errorf("replaytest: %s", c)
		good = false
	}
	return good
}

// differs says in what two undisturbed executions differ: which operations they run, with which
// inputs, or in which order.
func (x *explorer) differs(a, b *trial) string {
	if path := onlyIn(a.k, b.k); path != "" {
		return fmt.Sprintf("one ran %q%s, the other one did not", path, a.k.at(path))
	}
	if path := onlyIn(b.k, a.k); path != "" {
		return fmt.Sprintf("one ran %q%s, the other one did not", path, b.k.at(path))
	}
	for _, path := range sortedKeys(a.k.same.inputs) {
		if got, ok := b.k.same.inputs[path]; ok && got != a.k.same.inputs[path] {
			return fmt.Sprintf("one ran %q%s with %s, the other one with %s", path, a.k.at(path), a.k.same.inputs[path], got)
		}
	}
	place := make(map[string]int)
	for i, id := range b.k.order {
		place[b.k.paths[id]] = i + 1
	}
	last := make(map[string]string) // by scope
	for _, id := range a.k.order {
		path := a.k.paths[id]
		scope := scopeOf(path)
		if place[path] == 0 || strings.HasSuffix(path, "]") && a.k.beside {
			continue
		}
		if before := last[scope]; before != "" && place[before] > place[path] {
			return fmt.Sprintf("one ran %q%s before %q%s, the other one after it", before, a.k.at(before), path, a.k.at(path))
		}
		last[scope] = path
	}
	return ""
}

// onlyIn is an operation that the first of two executions has run alone; empty for none, and if
// operations ran beside each other: which of them are reached before the end is chance then.
func onlyIn(a, b *kit) string {
	if a.beside || b.beside {
		return ""
	}
	for _, id := range a.order {
		if _, ok := b.paths[id]; !ok {
			return a.paths[id]
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
