package replay

import (
	"context"
	"encoding/json"

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
	a.Verdict, a.Diverged = string(r.Verdict), sides(r.Diverged)
	for _, u := range r.Undecided {
		a.Undecided = append(a.Undecided, rehearsal.Undecided{Text: u.String(), Diverged: sides(u.Diverged)})
	}
	if r.Err != nil {
		a.Error = r.Err.Error()
	}
	for _, l := range r.Lossy {
		a.Warnings = append(a.Warnings, l.String())
	}
	for _, u := range r.Unregistered {
		a.Warnings = append(a.Warnings, u.String())
	}
	if r.Outcome != nil {
		a.Ends = string(r.Outcome.Status)
	}
	return json.Marshal(a)
}

func sides(d *DivergedError) *rehearsal.Divergence {
	if d == nil {
		return nil
	}
	return &rehearsal.Divergence{Scope: d.Scope, Reason: d.Reason, Log: d.Log, Code: d.Code}
}
