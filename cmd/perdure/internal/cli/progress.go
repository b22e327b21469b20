package cli

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// progress says what an execution waits for, whenever that changes. It is reported by the events
// and not by looking now and then, so that nothing is missed that was over before someone looked:
// an execution that is waited for from its start has all of its waits reported, once each.
type progress struct {
	app  *app
	seen []local.Event
	last string
}

// take takes in new events.
func (p *progress) take(news []local.Event) error {
	known, over := len(p.seen), ended(news)
	p.seen = append(p.seen, news...)
	end := len(p.seen)
	if !over {
		end-- // after the last event comes what it waits for now
	}
	if known > 0 { // what was over before the first look is not new
		p.passed(known, end)
	}
	if !over {
		p.say(view.Read(p.seen), p.app.Now())
	}
	return nil
}

// passed says what the execution waited for after each of the invocations that ended in a part of
// the events.
func (p *progress) passed(from, to int) {
	for i := from; i < to; i++ {
		e := &p.seen[i]
		if e.Type != local.EventInvocationCompleted {
			continue
		}
		if h := view.Read(p.seen[:i+1]); e.Failure != nil || h.Pending(e.Time) != "" {
			p.say(h, e.Time)
		}
	}
}

// say prints what an execution waits for, at a time, unless it was the last thing that was printed.
func (p *progress) say(h *view.History, at time.Time) {
	if state := h.WaitingFor(time.Time{}); state != p.last { // without the time that is left
		fmt.Fprintln(p.app.Err, h.WaitingFor(at))
		p.last = state
	}
}
