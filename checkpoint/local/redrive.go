package local

import (
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/internal/wire"
)

// againDelay is the pause before the attempt of a step that is attempted again where its policy had
// no further one: the shortest that there is.
const againDelay = time.Second

const (
	// allCompleted is why a batch has ended whose branches were all through.
	allCompleted = "ALL_COMPLETED"
	// timerSuffix ends the name of the wait in a Timeout.
	timerSuffix = "-timer"
)

// past is one operation of a [pastLog] on its way through the history.
type past struct {
	r      *Record
	parent *past
	kids   []*past
	// began and ended are the places of its events in the history; ended is -1 if it has not ended.
	began, ended int
	failed       bool
	// batch says that its branches know nothing of each other; timer is the wait of a Timeout that
	// was over.
	batch bool
	timer *past
	// again says that its failure is taken back.
	again bool
}

// dropFailures takes back the failures that nothing has answered, so that what is left is a log
// that an execution of the same code could have held:
//
//   - A failure was answered if, later, another operation began in the same scope or below it: that
//     one may be what the code does about the failure. Branches of a batch know nothing of each
//     other: what runs on in another branch answers nothing.
//   - It stays as well inside a context that has ended well or whose own failure stays: the code
//     there is not run again.
//   - A context whose failure is taken back goes on. A step, a callback or an invoke has not begun;
//     unless what began after it in its scope stays, for then no code could have got that far
//     without it. It is open then: a step waits for its second attempt, an invoke starts its
//     target once more, and a callback has a new ID.
//   - What submits a callback that has failed so, or that is open, runs again, with the new ID.
//   - A Timeout whose time was over begins it again.
func (l *pastLog) dropFailures() {
	all, byID := l.walk()
	for _, p := range all { // the outer ones come first
		p.again = p.failed && p.livesOn() && !answered(p, all)
	}
	gone := make(map[int]bool)
	for _, p := range slices.Backward(all) { // what began last comes first
		switch {
		case l.dropped[p.r.ID] || !p.livesOn() || p.ended >= 0 && !p.again:
		case p.r.Kind == checkpoint.KindCallback && p.parent != nil && p.parent.r.SubType == subtype.WaitForCallback:
			for _, k := range p.parent.kids {
				l.dropped[k.r.ID] = true
			}
		case p.ended < 0:
		case p.r.Kind == checkpoint.KindContext:
			l.opened[p.r.ID], gone[p.ended] = true, true
			if p.timer != nil {
				l.dropped[p.timer.r.ID] = true
			}
		case l.isLast(p, all):
			l.dropped[p.r.ID] = true
		default:
			l.opened[p.r.ID] = true
		}
	}
	l.cut(byID, gone)
}

// walk returns the operations of the log in the order in which they began.
func (l *pastLog) walk() (all []*past, byID map[string]*past) {
	byID = make(map[string]*past)
	records := make(map[string]*Record)
	for i := range l.records {
		records[l.records[i].ID] = &l.records[i]
	}
	for i, ev := range l.events {
		r := records[ev.OperationID]
		if r == nil || r.Kind == checkpoint.KindExecution {
			continue
		}
		p := byID[r.ID]
		if p == nil {
			p = &past{r: r, parent: byID[r.ParentID], began: i, ended: -1, batch: r.SubType == subtype.Map || r.SubType == subtype.Parallel}
			byID[r.ID], all = p, append(all, p)
			if p.parent != nil {
				p.parent.kids = append(p.parent.kids, p)
			}
		}
		if !strings.HasSuffix(string(ev.Type), "Started") && ev.NextAttemptDelay == 0 {
			p.end(i, &ev)
		}
	}
	return all, byID
}

// end takes in the event that ends the operation. A batch always ends well for the log: it has
// failed if its result says so, or if branches of it have and nothing ended it before all were
// through, or if it is a Timeout that its timer has ended. What a codec of the user's has written
// says nothing.
func (p *past) end(at int, ev *Event) {
	p.ended, p.failed = at, ev.Failure != nil
	if p.r.Kind != checkpoint.KindContext || !ev.Result.Present() {
		return
	}
	e, ok := wire.ReadEnvelope(ev.Result.Bytes())
	if !ok {
		return
	}
	p.batch = true
	p.failed = e.Failed || e.Reason == allCompleted && strings.ContainsRune(e.Status, wire.BranchFailed)
	timer := p.r.Name[:min(len(p.r.Name), limits.Name-len(timerSuffix))] + timerSuffix
	if n := len(p.kids); e.Winner == 1 && !p.failed && n > 0 && p.kids[n-1].r.Kind == checkpoint.KindWait && p.kids[n-1].r.Name == timer {
		p.failed, p.timer = true, p.kids[n-1]
	}
}

// livesOn reports whether the code around the operation is run again: no context around it has an
// end that stays.
func (p *past) livesOn() bool {
	for c := p.parent; c != nil; c = c.parent {
		if c.ended >= 0 && !c.again {
			return false
		}
	}
	return true
}

// answered reports whether the code may have begun something because an operation has failed. A
// scope that has no end yet may have been left behind by the one around it, which then answers.
func answered(p *past, all []*past) bool {
	for inner := p; ; inner = inner.parent {
		scope := inner.parent
		for _, later := range all {
			if at := later.below(scope); later.began > p.ended && at != nil && at != inner && (scope == nil || !scope.batch || at == later) {
				return true
			}
		}
		if scope == nil || scope.ended >= 0 {
			return false
		}
	}
}

// below returns the operation directly inside a context, nil for the handler, that p is or is
// inside of; nil if p is elsewhere.
func (p *past) below(scope *past) *past {
	for ; p != nil; p = p.parent {
		if p.parent == scope {
			return p
		}
	}
	return nil
}

// isLast reports whether what began after an operation in its scope has not begun in the new log
// either.
func (l *pastLog) isLast(p *past, all []*past) bool {
	return !slices.ContainsFunc(all, func(o *past) bool {
		return o.parent == p.parent && o.began > p.began && !l.dropped[o.r.ID]
	})
}

// cut removes the events that have not happened in the new log.
func (l *pastLog) cut(byID map[string]*past, gone map[int]bool) {
	failed := make(map[string]bool) // of the opened steps, whose first attempt stays
	events := make([]Event, 0, len(l.events))
	for i, ev := range l.events {
		p := byID[ev.OperationID]
		if gone[i] {
			continue
		}
		if p != nil && l.opened[p.r.ID] && p.r.Kind != checkpoint.KindContext {
			switch started := strings.HasSuffix(string(ev.Type), "Started"); {
			case failed[p.r.ID], !started && p.r.Kind != checkpoint.KindStep:
				continue
			case !started:
				failed[p.r.ID] = true
				ev.NextAttemptDelay = max(ev.NextAttemptDelay, againDelay)
			}
		}
		events = append(events, ev)
	}
	l.events = events
}
