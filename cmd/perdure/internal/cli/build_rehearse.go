package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/rehearsal"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// The bounds of a rehearsal on save: who saves waits for the answer.
const (
	mostRehearsed    = 200
	mostRehearsing   = 15 * time.Second
	mostVerdictLines = 5
)

// rehearse says of executions whether the code that was just built fits them. Those whose last
// invocation has failed, held ones for example, are invoked at once if it does. It keeps in
// fit of which executions a line has said that it fits them.
func (f *function) rehearse(ctx context.Context, running []*local.Execution, fit map[string]bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, mostRehearsing)
	defer cancel()
	r, err := newRehearser(ctx, f.name, f.binary, folderOf(f.path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	all := verdicts{Function: f.name}
	first := make(map[string]string) // execution, by what does not fit
	for i, e := range running[:min(len(running), mostRehearsed)] {
		answer, err := r.ask(ctx, e.Log())
		if err != nil {
			return err
		}
		if e.Status().Terminal() {
			continue
		}
		v := verdict{e.ARN(), e.Name(), answer}
		all.add(v)
		if i < mostVerdictLines {
			line := f.verdictLine(e, &v)
			if like := first[line]; like != "" && v.class() != classFits {
				verb, _, _ := strings.Cut(line, ": ")
				line = verb + ": as " + like
			} else {
				first[line] = e.Name()
			}
			f.site.say("  %s %s", e.Name(), line)
			fit[e.ARN()] = v.class() == classFits
		}
		if v.class() != classFits {
			continue
		}
		if again, err := f.site.service.InvokeAgain(e.ARN()); err == nil && again {
			f.site.say("  %s is invoked again at once: its last invocation had failed", e.Name())
		}
	}
	if all.Rehearsed > mostVerdictLines {
		f.site.say("  %s", all.headline())
		for _, g := range all.sorted() {
			for _, line := range g.lines() {
				f.site.say("    %s", line)
			}
		}
	}
	if left := len(running) - mostRehearsed; left > 0 {
		f.site.say("  %d more were not rehearsed: perdure compat does", left)
	}
	return nil
}

// oldSides says which declared changes an execution takes the old side of; empty if of none.
func oldSides(declared []rehearsal.Declared) string {
	var text strings.Builder
	for _, d := range declared {
		if d.Old {
			text.WriteString("; " + d.Text)
		}
	}
	return text.String()
}

// verdictLine says in a line whether the code fits an execution.
func (f *function) verdictLine(e *local.Execution, v *verdict) string {
	d, text := v.difference()
	if d.Reason != "" {
		text = fmt.Sprintf("%s; checkpointed %s, current code %s%s", d.Reason, d.Log, d.Code, inLine(d.Line))
		if d.Declare != "" {
			text += "; declare: " + d.Declare
		}
	}
	switch v.class() {
	case classDiverges:
		return "would diverge: " + text
	case classFails:
		return "would fail: " + text
	case classMay:
		return "may diverge, depending on what happens next: " + text
	case classUndecided:
		return "cannot be decided: " + text
	}
	h := view.Read(e.History())
	line, waits := "fits", ": "+h.WaitingFor(f.site.Now())
	if heldByDivergence(e.Record()) { // it is resumed next: why it was held is not so any more
		line, waits = "fits again, and is resumed", ""
		if pending := h.Pending(f.site.Now()); pending != "" {
			waits = ": " + pending
		}
	}
	if len(v.Warnings) > 0 {
		w := v.Warnings[0]
		line += ", but " + w.Text + inLine(w.Line) + "; declare: " + w.Declare
	}
	return line + waits + oldSides(v.Declared)
}
