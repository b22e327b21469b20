package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// BarKind says what an operation does for a while.
type BarKind string

// What operations do.
const (
	BarAttempt  BarKind = "attempt"  // the body of a step runs
	BarBackoff  BarKind = "backoff"  // a step waits for its next attempt
	BarWait     BarKind = "wait"     // a wait
	BarCallback BarKind = "callback" // someone else is to answer
	BarInvoke   BarKind = "invoke"   // another function runs
	BarGroup    BarKind = "group"    // what is inside of it runs
)

// Bar is what an operation did, or does, for a while.
type Bar struct {
	Kind  BarKind
	Start time.Time
	// End is zero while it goes on. Until is when it will end by itself, or time out; zero for not
	// known.
	End, Until time.Time
	// Attempt is the number of a step's attempt, the first is 1; of a backoff that of the attempt
	// that it follows.
	Attempt int
	// Failure is why an attempt failed, or the operation. Cut says that the attempt was not ended
	// by its body, but with its invocation.
	Failure *checkpoint.Failure
	Cut     bool
}

// Going reports whether the bar has no end yet.
func (b *Bar) Going() bool { return b.End.IsZero() }

// last returns the bar that goes on, nil if none does.
func (o *Operation) last() *Bar {
	if n := len(o.Bars); n > 0 && o.Bars[n-1].Going() {
		return &o.Bars[n-1]
	}
	return nil
}

// kindOfBar returns the kind of the bar of an operation that has one.
func kindOfBar(o *Operation) BarKind {
	switch o.Kind {
	case "wait":
		return BarWait
	case "callback":
		return BarCallback
	case "invoke":
		return BarInvoke
	}
	return BarGroup
}

// draw adds to the bars of an operation what its next event says. What the event changes of the
// operation is not applied yet.
func (h *History) draw(o *Operation, e *local.Event) {
	started := strings.HasSuffix(string(e.Type), "Started")
	if o.Kind != "step" {
		if started && o.last() == nil {
			o.Bars = append(o.Bars, Bar{Kind: kindOfBar(o), Start: e.Time, Until: untilOf(e)})
		}
		if last := o.last(); last != nil && !started {
			last.End, last.Failure, last.Until = e.Time, e.Failure, time.Time{}
		}
		return
	}
	if last := o.last(); last != nil && last.Kind == BarBackoff {
		// Without an event of its own the attempt began when it was due, and not after what it did.
		last.End, last.Until = e.Time, time.Time{}
		if !started && o.Until != nil && o.Until.Before(e.Time) {
			last.End = *o.Until
		}
	}
	if o.last() == nil {
		begin, attempt := e.Time, o.Attempts+1
		if n := len(o.Bars); n > 0 && !started {
			begin = o.Bars[n-1].End
		}
		o.Bars = append(o.Bars, Bar{Kind: BarAttempt, Start: begin, Attempt: attempt})
		if n := len(o.Bars); n > 1 && o.Bars[n-2].Cut {
			h.restarted[o.ID] = o
		}
	}
	if started {
		return
	}
	last := o.last()
	last.End, last.Failure = e.Time, e.Failure
	if e.NextAttemptDelay > 0 {
		o.Bars = append(o.Bars, Bar{
			Kind: BarBackoff, Start: e.Time, Until: e.Time.Add(e.NextAttemptDelay), Attempt: last.Attempt,
		})
	}
}

func untilOf(e *local.Event) time.Time {
	switch {
	case e.Type == local.EventWaitStarted:
		return e.ScheduledEnd
	case e.CallbackID != "" && e.Timeout > 0:
		return e.Time.Add(e.Timeout)
	}
	return time.Time{}
}

// drawInvocation ends the bars of bodies that an invocation has cut off, and moves the beginnings
// of those that it began again.
func (h *History) drawInvocation(e *local.Event) {
	for id, o := range h.restarted {
		for i := range slices.Backward(o.Bars) {
			if b := &o.Bars[i]; i > 0 && b.Kind == BarAttempt && o.Bars[i-1].Cut && b.Start.Before(e.Start) {
				b.Start, o.Event = e.Start, e.ID
				break
			}
		}
		delete(h.restarted, id)
	}
	for _, o := range h.Open {
		if o.Kind != "step" || o.Status != checkpoint.StatusStarted {
			continue
		}
		last := o.last()
		if last == nil { // it was begun again, and cut off again
			o.Bars = append(o.Bars, Bar{Kind: BarAttempt, Start: e.Start, Attempt: o.Attempts + 1})
			last = o.last()
		}
		last.End, last.Failure, last.Cut = e.End, e.Failure, true
		o.Event = e.ID
	}
}

// end takes in the end of the execution: with it ends what goes on. It has cut that off, unless the
// code had left it behind.
func (h *History) end(e *local.Event) {
	h.End, h.ends = e.Time, e.Type
	for _, o := range h.Open {
		o.shown, o.Event, o.Running = CutOff, e.ID, false
		if e.Type == local.EventExecutionSucceeded || o.left() {
			o.shown = Left
		}
		if last := o.last(); last != nil {
			last.End, last.Until, last.Cut = e.Time, time.Time{}, o.shown == CutOff
		}
	}
}

// Level is how many bodies run from a time on.
type Level struct {
	At     time.Time
	Bodies int
}

// Concurrency returns how many bodies ran at once: a level from each time on at which the number
// changed, and the most of them. Bodies that run now count until now.
func (h *History) Concurrency(now time.Time) (levels []Level, most int) {
	type change struct {
		at time.Time
		by int
	}
	var changes []change
	for _, o := range h.All {
		for i := range o.Bars {
			b := &o.Bars[i]
			if b.Kind != BarAttempt {
				continue
			}
			end := b.End
			if b.Going() {
				end = now
			}
			if end.After(b.Start) {
				changes = append(changes, change{b.Start, 1}, change{end, -1})
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), a.by-b.by) })
	bodies := 0
	for i, c := range changes {
		bodies += c.by
		if i+1 < len(changes) && changes[i+1].at.Equal(c.at) {
			continue
		}
		if n := len(levels); n == 0 || levels[n-1].Bodies != bodies {
			levels = append(levels, Level{c.at, bodies})
			most = max(most, bodies)
		}
	}
	return levels, most
}

// Span returns from when to when the history reaches: until now if the execution has not ended.
func (h *History) Span(now time.Time) (from, to time.Time) {
	if to = h.End; to.IsZero() {
		to = now
	}
	if h.Start.After(to) {
		to = h.Start
	}
	return h.Start, to
}
