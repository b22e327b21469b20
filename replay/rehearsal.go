package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/substitute"
	"github.com/perdure/perdure/internal/wire"
	"github.com/perdure/perdure/replay/internal/engine"
)

// Verdict says whether the code of a function fits the log of an execution.
type Verdict string

// The verdicts of a rehearsal.
const (
	// VerdictFits means that the next invocation does not diverge, and none after it for what the
	// log holds.
	VerdictFits Verdict = "fits"
	// VerdictDiverges means that the next invocation ends with the [DivergedError] of the
	// rehearsal.
	VerdictDiverges Verdict = "diverges"
	// VerdictUndecided means that the log alone does not say it: see [Rehearsal.Undecided].
	VerdictUndecided Verdict = "undecided"
	// VerdictFails means that the next invocation ends with another error, that of [Rehearsal.Err].
	VerdictFails Verdict = "fails"
)

// Rehearsal is what [Function.Rehearse] has found.
type Rehearsal struct {
	Verdict Verdict
	// Diverged says what does not fit, with both sides; nil unless the verdict is
	// [VerdictDiverges].
	Diverged *DivergedError
	// Undecided is why the verdict is [VerdictUndecided]; it may hold something beside
	// [VerdictDiverges], too.
	Undecided []Undecided
	// Err is the error of [VerdictFails]: nothing can go on and nothing is waited for, for example.
	Err error
	// Lossy are recorded values that the code can decode and does not keep whole: a renamed JSON
	// tag, a field that was moved. They are no reason for a verdict.
	Lossy []LossyValue
	// Unregistered are recorded errors whose registration the code does not have: errors.Is and
	// errors.As answer otherwise than they did. They are no reason for a verdict.
	Unregistered []UnregisteredError
	// Declared are the declared changes that the code reached, in the order of the code.
	Declared []DeclaredChange
	// Waiting is where the code has stopped, in the order of the code: operations that would begin,
	// run again or be waited for.
	Waiting []WaitingOperation
	// Outcome is how the execution would end, if the log is all that it takes; nil if not.
	Outcome *checkpoint.Outcome
}

// Undecided is something that a rehearsal could not decide.
type Undecided struct {
	// Path is that of an operation; empty for the handler.
	Path string
	// Withheld says why a payload that the code needs is not known: see checkpoint.WithheldPayload.
	// What comes after it was not looked at. Empty if Diverged or Err is set.
	Withheld string
	// Diverged is how the execution will diverge if the code comes that far, which depends on what
	// has not happened yet: a branch that is opened when another one has ended, a result that is
	// asked for later.
	Diverged *DivergedError
	// Err is any other error that would end the execution then, or a payload that could not be read
	// for now.
	Err error
}

// String says what is not decided, and why.
func (u Undecided) String() string {
	where := "the handler"
	if u.Path != "" {
		where = fmt.Sprintf("%q", u.Path)
	}
	switch {
	case u.Diverged != nil:
		return "depending on what happens next: " + u.Diverged.Error()
	case u.Err != nil:
		return u.Err.Error()
	}
	return fmt.Sprintf("a payload of %s is withheld: %s", where, u.Withheld)
}

// LossyValue is a recorded value that the declared type does not keep whole.
type LossyValue struct {
	// Path is that of the operation; empty for the input of the handler.
	Path string
	// Members are the members of the recorded JSON that have no place in the type, such as
	// ".Amount" or ".Items[].ID". None means that nothing was recorded for a type that has members.
	Members []string
	// Type is the declared type.
	Type string
	// Declare is what keeps the value, with three dots for what the log does not hold.
	Declare string
}

// String says what is lost.
func (l LossyValue) String() string {
	where := "the input"
	if l.Path != "" {
		where = fmt.Sprintf("the result of %q", l.Path)
	}
	if len(l.Members) == 0 {
		return fmt.Sprintf("%s was recorded without anything in it, and is read as the zero value of %s", where, l.Type)
	}
	return fmt.Sprintf("%s has recorded members that have no place in %s: %v", where, l.Type, l.Members)
}

// UnregisteredError is a recorded error whose registration the code does not have.
type UnregisteredError struct {
	// Path is that of the operation that failed, Name the name of the registration.
	Path, Name string
	// Declare is what registers it again.
	Declare string
}

// String says what is missing.
func (u UnregisteredError) String() string {
	return fmt.Sprintf("the error of %q was recorded as %q, which nothing registers", u.Path, u.Name)
}

// DeclaredChange is a declared change that the code reached, and which of its sides was taken.
type DeclaredChange struct {
	// Path is that of the operation that was taken, or, if that is nothing, of the one it is about.
	// As is the function that declares it: "Replaces", "Added" or "Removed".
	Path, As string
	// Old says that the execution had begun what was there before, or had gone past the place.
	Old bool
	// Name is the name of the operation that was taken; empty if nothing runs.
	Name string
	// Change is the path of the newest operation that the change is about: the same for all
	// executions, whichever side they take.
	Change string
	// ID is that of the operation, or branch, in the log which the execution ends as the code was
	// before; empty if it takes the new side, or the log has no such record. Now is the name that
	// this has in the code today, with its key; empty if it was removed.
	ID, Now string
}

// String says which side was taken.
func (c DeclaredChange) String() string {
	side := "new"
	if c.Old {
		side = "old"
	}
	what := "nothing"
	if c.Name != "" {
		what = strconv.Quote(c.Name)
	}
	return fmt.Sprintf("op.%s at %q takes the %s side: %s", c.As, c.Path, side, what)
}

// NeedsDeclarations reports whether the execution takes an old side of a declared change: then the
// declaration must stay as long as the execution runs. A change that it has not reached does not
// need one, for an execution that reaches it later takes the new side. If it is false for all that
// run, the declarations may be dropped.
func (r *Rehearsal) NeedsDeclarations() bool {
	return slices.ContainsFunc(r.Declared, func(c DeclaredChange) bool { return c.Old })
}

// WaitingOperation is an operation that the code has reached and that has not ended.
type WaitingOperation struct {
	Path string
	Kind checkpoint.Kind
	// New says that the log does not hold it: it would begin.
	New bool
}

var errPartOfLog = errors.New("replay: Rehearse: the log goes on after a marker: read all pages of it first (checkpoint.LoadState)")

// Rehearse runs the function's code against the log of an execution, as the next invocation would,
// up to where something new would happen. It reports whether the code fits the log. The verdict is
// that of the engine itself, which is the one that runs executions.
//
//  1. Nothing is sent, and nothing is read but the log. No body runs, no condition, submitter or
//     compensation, and no function of OnEnd; interceptors are not called, log records are dropped.
//  2. What is new parks where it would begin, beside everything else. The verdict comes when all of
//     it is at rest.
//  3. If something does not fit on the way there, it diverges.
//  4. Otherwise, if it does not fit where the code may come later, or depends on a payload that is
//     not known, it is undecided.
//  5. Otherwise it fits.
//
// of is what the function would be invoked with: the ARN, of which identifiers and random numbers
// are made, and the log, all pages of it. The token is not used. Operations inside contexts that
// have ended are left out as the service does it, so that a log that was put together from a
// history will do. The code of the handler, of groups and of builders runs, its deferred functions
// too: like any replay it must have no effects of its own.
//
// An error says that there was no rehearsal: the function is not valid, the log has no EXECUTION
// record, or ctx is over.
func (f *Function[In, Out]) Rehearse(ctx context.Context, of checkpoint.Invocation) (*Rehearsal, error) {
	return f.core.rehearse(ctx, of)
}

func (c *core) rehearse(ctx context.Context, of checkpoint.Invocation) (*Rehearsal, error) {
	if err := c.valid(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("replay: Rehearse: %w", context.Cause(ctx))
	}
	if of.NextMarker != "" {
		return nil, errPartOfLog
	}
	log := oplog.NewLog(oplog.Visible(keepingChildren(of.Operations)))
	exec, ok := log.Execution()
	if !ok {
		return nil, errNoExecution
	}
	set := *c.set
	set.Logs.Handler = func() slog.Handler { return slog.DiscardHandler }
	o, found := engine.Rehearse(ctx, &set.Config, engine.Run{
		ARN: of.ARN, Clock: checkpoint.ClockFrom(ctx), Log: log, Execution: exec, Updated: of.Updated,
		ForkedFrom: of.ForkedFrom,
		Substitute: substitute.From(ctx), Durations: new(engine.Durations), Input: c.input, Handler: c.run,
	})
	return rehearsalOf(ctx, o, found)
}

// keepingChildren marks the contexts that keep their results in their children, which a history
// does not say: their own result is empty, or says only how their branches ended, and the
// operations inside are there.
func keepingChildren(ops []checkpoint.Operation) []checkpoint.Operation {
	isShort := func(o *checkpoint.Operation) bool {
		if o.Kind != checkpoint.KindContext || o.Status != checkpoint.StatusSucceeded || o.ReplayChildren {
			return false
		}
		_, withheld := o.Payload.Withheld()
		return !withheld && (o.Payload.Size() == 0 || wire.IsShort(o.Payload.Bytes()))
	}
	if !slices.ContainsFunc(ops, func(o checkpoint.Operation) bool { return isShort(&o) }) {
		return ops // as almost always: nothing is copied
	}
	parents := make(map[string]bool)
	for i := range ops {
		parents[ops[i].ParentID] = true
	}
	ops = slices.Clone(ops)
	for i := range ops {
		if o := &ops[i]; isShort(o) && parents[o.ID] {
			o.ReplayChildren = true
		}
	}
	return ops
}

// rehearsalOf makes the answer of a rehearsal.
func rehearsalOf(ctx context.Context, o engine.Outcome, found *engine.Rehearsal) (*Rehearsal, error) {
	r := &Rehearsal{Verdict: VerdictFits}
	for _, d := range found.Doubts {
		u := Undecided{Path: d.Path, Withheld: d.Withheld}
		if d.Err != nil {
			u.Diverged, u.Err = divergedOr(d.Err)
		}
		r.Undecided = append(r.Undecided, u)
		r.Verdict = VerdictUndecided
	}
	for _, l := range found.Losses {
		r.Lossy = append(r.Lossy, LossyValue{Path: l.Path, Members: l.Members, Type: l.Type, Declare: engine.KeepsType(l.Path)})
	}
	for _, u := range found.Unregistered {
		r.Unregistered = append(r.Unregistered, UnregisteredError{
			Path: u.Path, Name: u.Name, Declare: fmt.Sprintf("codec.Renamed(%q, …) where the error is registered now", u.Name),
		})
	}
	for _, d := range found.Decisions {
		r.Declared = append(r.Declared, DeclaredChange{Path: d.Path, As: d.As, Old: d.Side == engine.OldSide, Name: d.Name, Change: d.Change, ID: d.ID, Now: d.Now})
	}
	for _, p := range found.Waiting {
		r.Waiting = append(r.Waiting, WaitingOperation(p))
	}
	switch diverged, err := divergedOr(o.Err); {
	case diverged != nil:
		r.Verdict, r.Diverged = VerdictDiverges, diverged
	case err != nil && ctx.Err() != nil:
		return nil, err
	case engine.IsUnconverted(err):
		r.Verdict, r.Undecided = VerdictUndecided, append(r.Undecided, Undecided{Err: err})
	case err != nil:
		r.Verdict, r.Err = VerdictFails, err
	case o.Status != checkpoint.OutcomePending:
		r.Outcome = &checkpoint.Outcome{Status: o.Status, Result: o.Payload, Failure: o.Failure}
	}
	return r, nil
}

// divergedOr distinguishes a divergence from other errors.
func divergedOr(err error) (*DivergedError, error) {
	if d, ok := errors.AsType[*DivergedError](err); ok {
		return d, nil
	}
	return nil, err
}
