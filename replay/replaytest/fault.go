package replaytest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/op"
)

// The places of interruptions.
const (
	atCall       = "call"
	atInvocation = "invocation"
	atBody       = "body"
	atCrash      = "crash"
	atPage       = "page"
	atCallback   = "callback"
	atOrder      = "order"
)

// The ways of interrupting.
const (
	lostBefore = "lost-before"
	lostBegun  = "lost-begun"
	lostAfter  = "lost-after"
	replyLost  = "reply-lost"
	stale      = "stale-token"
	paused     = "paused"
	throttled  = "throttled"
	duplicate  = "duplicate"
	deadline   = "deadline"
	early      = "early"
	during     = "during"
	after      = "after"
	lost       = "lost"
	split      = "split"
	late       = "late"
	slow       = "slow"
	kept       = "kept"
)

// callFaults are those of the calls of a function; beside a slow one concurrent operations go on.
func callFaults(concurrent bool) []string {
	if concurrent {
		return []string{lostBefore, lostAfter, replyLost, stale, paused, throttled, slow}
	}
	return []string{lostBefore, lostAfter, replyLost, stale, paused, throttled}
}
func invocationFaults() []string { return []string{lostBefore, lostAfter, duplicate, paused} }
func pageFaults() []string       { return []string{split, throttled} }
func callbackFaults() []string   { return []string{early, during, after} }

// bodyFaults are those of the bodies of a function; concurrent ones may end in another order.
func bodyFaults(concurrent bool) []string {
	if concurrent {
		return []string{lostBefore, lostBegun, lostAfter, deadline, late}
	}
	return []string{lostBefore, lostBegun, lostAfter, deadline}
}

// fault is one interruption.
type fault struct{ place, at, how string }

// harmless reports whether the interruption loses no function and no reply: bodies then run as
// often as they do undisturbed.
func (f fault) harmless() bool {
	switch f.how {
	case early, during, after, split, late, slow, kept:
		return true
	}
	return false
}

// failing reports whether the interruption may have an invocation fail. One that is paused never
// does.
func (f fault) failing() bool { return !f.harmless() && f.how != paused }

// String is the fault as a schedule spells it.
func (f fault) String() string { return f.place + ":" + f.at + "=" + f.how }

// schedule is a list of interruptions.
type schedule []fault

const separator = "; "

// before stands between the bodies of an order.
const before = " < "

// String is the schedule as [WithSchedule] takes it.
func (s schedule) String() string {
	parts := make([]string, len(s))
	for i, f := range s {
		parts[i] = f.String()
	}
	return strings.Join(parts, separator)
}

// spelled is a path as schedules spell it: without what stands between their parts. Paths escape
// the percent sign themselves.
func spelled(path string) string {
	return strings.NewReplacer(";", "%3B", "<", "%3C").Replace(path)
}

// parseSchedule reads what String has written.
func parseSchedule(text string) (schedule, error) {
	var s schedule
	for part := range strings.SplitSeq(text, separator) {
		place, rest, ok := strings.Cut(part, ":")
		eq := strings.LastIndexByte(rest, '=')
		if !ok || eq <= 0 {
			return nil, fmt.Errorf("replaytest: %q is no interruption: pass the line that Explore has printed", part)
		}
		f := fault{place, rest[:eq], rest[eq+1:]}
		if hows := faultsAt(place); !slices.Contains(hows, f.how) {
			return nil, fmt.Errorf("replaytest: %q is no interruption: there is no %q at a %q; pass the line that Explore has printed", part, f.how, place)
		}
		s = append(s, f)
	}
	return s, nil
}

// faultsAt are the ways of interrupting at a place; none if there is no such place.
func faultsAt(place string) []string {
	switch place {
	case atCall:
		return callFaults(true)
	case atInvocation:
		return invocationFaults()
	case atBody:
		return bodyFaults(true)
	case atCrash:
		return []string{lost}
	case atPage:
		return pageFaults()
	case atCallback:
		return callbackFaults()
	case atOrder:
		return []string{kept}
	}
	return nil
}

// has reports whether the schedule interrupts in this way at this place.
func (s schedule) has(place, at, how string) bool {
	return slices.Contains(s, fault{place, at, how})
}

// any reports whether the schedule interrupts in this way at any place.
func (s schedule) any(how string) bool {
	for _, f := range s {
		if f.how == how {
			return true
		}
	}
	return false
}

// only reports whether the schedule interrupts in no other way: no second function runs beside the
// first one then.
func (s schedule) only(how string) bool {
	return len(s) > 0 && !slices.ContainsFunc(s, func(f fault) bool { return f.how != how })
}

// order is the order in which the schedule has bodies end, as "path@run"; nil for any.
func (s schedule) order() []string {
	for _, f := range s {
		if f.place == atOrder {
			return strings.Split(f.at, before)
		}
	}
	return nil
}

// page is the size of the pages of the state; zero for no bound.
func (s schedule) page() int {
	for _, f := range s {
		if f.place == atPage {
			n, _ := strconv.Atoi(f.at)
			return n
		}
	}
	return 0
}

type crashKey struct{}

// Crash marks a place in a body at which [Explore] ends the function, as if its process were
// killed there. It does nothing in other tests and in production; a body that is tested for what it
// leaves half done calls it between its effects.
func Crash(ctx context.Context) {
	crash, ok := ctx.Value(crashKey{}).(func(ctx context.Context, path string) bool)
	if !ok {
		return
	}
	info, _ := op.InfoFrom(ctx)
	if crash(ctx, info.Path) {
		runtime.Goexit()
	}
}
