package replay_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/outbox"
)

// sameEnd compares two executions of one program: result or error, and the final records.
func sameEnd(want, got *lawOutcome) error {
	if got.err != nil {
		return fmt.Errorf("the execution did not end: %w", got.err)
	}
	if got.failure != nil && strings.Contains(got.failure.Message, "diverged") {
		return fmt.Errorf("an unchanged program diverged: %s", got.failure.Message)
	}
	if want.String() != got.String() {
		return fmt.Errorf("result (-want +got):\n%s", cmp.Diff(
			strings.Split(want.String(), ";"), strings.Split(got.String(), ";")))
	}
	loose := func(num int) bool { return want.run.loose[num] || got.run.loose[num] }
	if diff := cmp.Diff(want.finals(loose), got.finals(loose)); diff != "" {
		return fmt.Errorf("records (-want +got):\n%s", diff)
	}
	return nil
}

// finals are the final records as text, sorted. Of the statements that are left behind the
// program does not say how far they come, so they do not count.
func (o *lawOutcome) finals(loose func(num int) bool) []string {
	scripts := o.run.scripts()
	var all []string
	for id, rec := range o.records {
		num := stmtOf(rec.Name)
		s := scripts[num]
		if loose(num) || s.kind == doUntil {
			continue
		}
		text := fmt.Sprintf("%s %s %s %s in %q: %s %s", id, rec.Kind, rec.SubType, rec.Name, rec.ParentID, rec.Status, rec.Payload)
		if f := rec.Failure; f != nil {
			text += fmt.Sprintf(" %s: %s %s", f.Type, f.Message, f.Data)
		}
		if rec.Kind == checkpoint.KindStep && !s.script.strict() {
			text += fmt.Sprintf(" after %d", rec.Attempt)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// scripts finds statements by their number.
func (r *lawRun) scripts() map[int]*stmt {
	m := make(map[int]*stmt)
	walkStmts(r.p.body, 0, func(s *stmt, _ int) { m[s.num] = s })
	return m
}

// effects checks how often bodies ran.
func (o *lawOutcome) effects() error {
	scripts := o.run.scripts()
	o.run.mu.Lock()
	defer o.run.mu.Unlock()
	for id, rec := range o.records {
		if rec.Kind != checkpoint.KindStep {
			continue
		}
		s, runs := scripts[stmtOf(rec.Name)], o.run.bodies[id]
		total := 0
		for attempt, n := range runs {
			total += n
			if n > 1 && s.script.semantics == atMostOnce {
				return fmt.Errorf("the body of at-most-once %s ran %d times in attempt %d", rec.Name, n, attempt)
			}
			if n > 1 && o.cuts == 0 {
				return fmt.Errorf("undisturbed, the body of %s ran %d times in attempt %d", rec.Name, n, attempt)
			}
		}
		if f := rec.Failure; f != nil && f.Type == "NotBegun" {
			if total > 0 {
				return fmt.Errorf("%s is recorded as not begun, and its body ran %d times", rec.Name, total)
			}
			continue // it was left behind
		} else if f != nil && f.Type == "LeftBehind" {
			continue
		}
		if want := s.script.attempts(); rec.Status.Terminal() && rec.Attempt != want && (o.cuts == 0 || !s.script.strict()) {
			return fmt.Errorf("%s took %d attempts; its script takes %d", rec.Name, rec.Attempt, want)
		}
		if rec.Status == checkpoint.StatusSucceeded && total == 0 {
			return fmt.Errorf("%s succeeded without its body", rec.Name)
		}
		if rec.Status == checkpoint.StatusSucceeded && runs[rec.Attempt] == 0 {
			return fmt.Errorf("%s succeeded in attempt %d, whose body did not run", rec.Name, rec.Attempt)
		}
		if o.cuts == 0 && !o.run.loose[stmtOf(rec.Name)] && len(runs) != rec.Attempt {
			return fmt.Errorf("undisturbed, %s has %d attempts, and bodies ran in %d", rec.Name, rec.Attempt, len(runs))
		}
	}
	return nil
}

// traffic checks the updates that the service has accepted.
func (o *lawOutcome) traffic() error {
	scripts := o.run.scripts()
	ended := make(map[string]bool)   // by ID: SUCCEED or FAIL was sent
	attempts := make(map[string]int) // by ID: RETRYs
	started := make(map[string]bool) // by ID
	last := make(map[string]int)     // by parent: the statement started last
	for i, call := range o.committed {
		if len(call) > outbox.MaxUpdates {
			return fmt.Errorf("call %d has %d updates", i+1, len(call))
		}
		for j, u := range call {
			switch {
			case u.Kind == checkpoint.KindExecution:
				if i != len(o.committed)-1 || j != len(call)-1 {
					return errors.New("an update follows that of the EXECUTION")
				}
				continue
			case ended[u.ID]:
				return fmt.Errorf("%s of %s after its end", u.Action, u.Name)
			case u.ParentID != "" && !started[u.ParentID]:
				return fmt.Errorf("%s of %s before the START of its parent", u.Action, u.Name)
			case u.Action != checkpoint.ActionStart && !started[u.ID]:
				return fmt.Errorf("%s of %s before its START", u.Action, u.Name)
			}
			switch u.Action {
			case checkpoint.ActionStart:
				if started[u.ID] && attempts[u.ID] == 0 {
					return fmt.Errorf("START of %s twice", u.Name)
				}
				if num := stmtOf(u.Name); !started[u.ID] {
					if num < last[u.ParentID] {
						return fmt.Errorf("START of %s was overtaken by that of statement %d", u.Name, last[u.ParentID])
					}
					last[u.ParentID] = num
				}
				started[u.ID] = true
			case checkpoint.ActionRetry:
				attempts[u.ID]++
			case checkpoint.ActionSucceed, checkpoint.ActionFail:
				ended[u.ID] = true
			case checkpoint.ActionCancel:
				return fmt.Errorf("CANCEL of %s, which was not asked for", u.Name)
			}
		}
	}
	for id, rec := range o.records {
		if s := scripts[stmtOf(rec.Name)]; rec.Kind == checkpoint.KindContext && !rec.Status.Terminal() && !o.run.loose[s.num] {
			return fmt.Errorf("the group %s (%s) has not ended", rec.Name, id)
		}
	}
	return nil
}

// ordinary reports whether an execution ended as programs can.
func (o *lawOutcome) ordinary() error {
	switch {
	case o.err != nil:
		return fmt.Errorf("the execution did not end: %w", o.err)
	case o.status != local.StatusSucceeded && o.status != local.StatusFailed:
		return fmt.Errorf("the execution ended as %s", o.status)
	case o.failure != nil && strings.Contains(o.failure.Message, "replay:"):
		return fmt.Errorf("the engine failed a correct program: %s", o.failure.Message)
	case o.left > 0:
		return fmt.Errorf("%d invocations ended before their goroutines", o.left)
	case strings.Contains(o.result, "not decoded"):
		return fmt.Errorf("the program has seen a value that is not in the log: %s", o.result)
	}
	return nil
}
