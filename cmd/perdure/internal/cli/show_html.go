package cli

import (
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
	"github.com/perdure/perdure/cmd/perdure/internal/redact"
	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// printPage prints the page of an execution as a file.
func (a *app) printPage(d *described, events []local.Event, today []view.Today, without bool) error {
	e := a.shown(d)
	if without {
		r := redact.Redactor{}
		events = slices.Clone(events)
		for i := range events {
			events[i] = r.Event(events[i])
		}
		// The execution has its data as its first and its last event have them.
		e.Input, e.Result = nil, nil
		if len(events) > 0 && events[0].Input.Present() {
			e.Input = text(events[0].Input)
		}
		if e.Failure != nil {
			e.Failure = r.Event(local.Event{Type: local.EventExecutionFailed, Failure: e.Failure}).Failure
		}
		if last := len(events) - 1; last >= 0 && events[last].Type == local.EventExecutionSucceeded && events[last].Result.Present() {
			e.Result = text(events[last].Result)
		}
		e.Pause.Reason = ""
		for i := range events {
			events[i].Reason = ""
		}
	} else {
		a.say("the file holds the payloads of the execution: --redact replaces them")
	}
	return page.Write(a.Out, e, events, today, "as it was at "+stamp(a.Now()), a.Now())
}

func text(p checkpoint.Payload) *string {
	s := p.String()
	return &s
}
