package replay

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/perdure/perdure/internal/callsite"
	"github.com/perdure/perdure/internal/rehearsal"
)

// answerRehearsal answers an event of the perdure command, in a process that carries out no
// invocations.
func (c *core) answerRehearsal(ctx context.Context, payload []byte) ([]byte, error) {
	log, err := rehearsal.Asked(payload)
	if err != nil {
		return nil, err
	}
	a := rehearsal.Answer{Version: rehearsal.Version}
	if log.ARN == "" {
		return json.Marshal(a)
	}
	r, err := c.rehearse(ctx, log)
	if err != nil {
		a.Error = err.Error()
		return json.Marshal(a)
	}
	var at callsite.Lines
	if r.complains() { // once more, for the lines: to note those of all operations takes longer than a rehearsal
		if again, err := c.rehearse(at.Watch(ctx), log); err == nil {
			r = again
		}
	}
	line := func(path string) rehearsal.Line { return rehearsal.Line(at.Of(path)) }
	a.Verdict, a.Diverged = string(r.Verdict), sides(r.Diverged, line)
	for _, u := range r.Undecided {
		a.Undecided = append(a.Undecided, rehearsal.Undecided{Text: u.String(), Diverged: sides(u.Diverged, line)})
	}
	if r.Err != nil {
		a.Error = r.Err.Error()
	}
	for _, d := range r.Declared {
		a.Declared = append(a.Declared, rehearsal.Declared{As: d.As, Change: d.Change, Old: d.Old, Text: d.String(), ID: d.ID, Now: d.Now})
	}
	for _, l := range r.Lossy {
		a.Warnings = append(a.Warnings, rehearsal.Warning{Text: l.String(), Declare: l.Declare, Line: line(l.Path)})
	}
	for _, u := range r.Unregistered {
		a.Warnings = append(a.Warnings, rehearsal.Warning{Text: u.String(), Declare: u.Declare, Line: line(u.Path)})
	}
	if r.Outcome != nil {
		a.Ends = string(r.Outcome.Status)
	}
	return json.Marshal(a)
}

// complains reports whether something is said of the code that a line of it belongs to.
func (r *Rehearsal) complains() bool {
	return r.Diverged != nil || len(r.Lossy)+len(r.Unregistered) > 0 ||
		slices.ContainsFunc(r.Undecided, func(u Undecided) bool { return u.Diverged != nil })
}

func sides(d *DivergedError, line func(path string) rehearsal.Line) *rehearsal.Divergence {
	if d == nil {
		return nil
	}
	return &rehearsal.Divergence{Scope: d.Scope, Reason: d.Reason, Log: d.Log, Code: d.Code, Declare: d.Declare, Line: line(d.Path)}
}
