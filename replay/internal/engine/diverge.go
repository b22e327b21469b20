package engine

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/paste"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// Divergence says in what the code is not the code that wrote the log.
type Divergence struct {
	// Scope is the path of the handler's scope, group or branch; empty for the handler itself.
	Scope string
	// Path is that of the operation that the code has reached, or of the last one it ran before it
	// returned; that of the scope if it is none of these.
	Path string
	// Log is what the checkpoint log holds, Code what the code declared.
	Log, Code string
	// Reason says what does not fit.
	Reason string
	// Advice says what to do: see [invocation.advised].
	Advice string
	// Declare is what declares the change, so that the execution fits; empty if nothing does.
	Declare string
}

// nonDeterministic is the type of a divergence on the wire, which the service's other SDKs use as
// well.
const nonDeterministic = "NonDeterministicExecutionError"

// What to do about a divergence.
const (
	ifFailed = "this execution has failed; those that still run end with the code that began them: deploy changed code as a " +
		"version of its own, or have them held until the code fits (replay.WithDivergence)"
	ifHeld = "the execution is held, and goes on as soon as code is deployed that fits what is checkpointed, such as the code " +
		"that began it"
	ifRehearsed = "an execution with this log ends so if this code is deployed: change the code so that it fits what is checkpointed, " +
		"or leave the execution the code that began it"
	ifUnchanged = "if no other code was deployed, the handler is not deterministic: what it declares depends on something else than its " +
		"input and the results of operations, such as the time, chance, the order of a map, a variable of the process or the " +
		"environment (docs/determinism.md; perdure check and replaytest.Explore find it)"
)

// advised adds to a divergence what to do about it, beside declaring the change.
func (inv *invocation) advised(d Divergence) Divergence {
	switch {
	case inv.Rehearsal != nil:
		d.Advice = ifRehearsed
	case inv.cfg.Hold:
		d.Advice = ifHeld
	default:
		d.Advice = ifFailed
	}
	d.Advice += "; " + ifUnchanged
	return d
}

// diverged is a divergence on its way to the outcome.
type diverged struct{ Divergence }

func (d *diverged) Error() string { return d.Reason }

// diverge ends the execution and the goroutine. What is only looked at does not matter so much:
// there the look ends.
func (s *scope) diverge(d *Divergence) {
	f := s.inv.running()
	if f.logOnly {
		f.stop(s)
	}
	f.fatal(divergence(s, d))
}

func divergence(s *scope, d *Divergence) error {
	d.Scope = s.path()
	d.Path = cmp.Or(d.Path, d.Scope)
	return &diverged{*d}
}

// missingRecord describes an operation that has no record although the log holds later ones.
// Whether it was added, or one before it removed, the log cannot say: what the code does next is
// not known.
func missingRecord(s *scope, n node.Node, kind checkpoint.Kind, occurrence int) *Divergence {
	h := n.Head()
	e := &Divergence{
		Reason: "an operation was inserted, renamed or moved before operations that have been recorded, or one of those was removed",
		Log:    unreachedRecords(s),
		Path:   s.pathOf(h, occurrence),

		Declare: declaredAdded(s, n, kind),
	}
	e.Code = declared(h, kind, e.Path)
	if s.readOnly && s.unclaimed() == 0 {
		e.Reason = "an operation was added to a group that has completed"
		e.Log = "no further operation in the group"
	}
	return e
}

// changedRecord describes a record that belongs to another operation.
func changedRecord(s *scope, n node.Node, kind checkpoint.Kind, occurrence int, rec *checkpoint.Operation) *Divergence {
	h := n.Head()
	reason := "the name differs"
	switch {
	case rec.Kind != kind:
		reason = "the kind of operation differs"
	case rec.SubType != h.SubType:
		reason = "the sub-type differs"
	case rec.ParentID != s.real:
		reason = "the operation has moved to another group"
	}
	return &Divergence{
		Reason: reason,
		Log:    recorded(rec),
		Code:   declared(h, kind, s.pathOf(h, occurrence)) + parentOf(s.real),
		Path:   s.pathOf(h, occurrence),

		Declare: declaredReplaced(n, kind, rec),
	}
}

// beyondFrontier describes records that lie after an operation which is not finished.
func beyondFrontier(s *scope, o *operation) *Divergence {
	return &Divergence{
		Reason: "a recorded operation was removed, renamed or moved: the code waits for one that is not finished, and did not reach it before",
		Log:    unreachedRecords(s),
		Code:   declared(o.head, o.kind, o.path()),
		Path:   o.path(),

		Declare: declaredRemoved(s.inv.log.UnclaimedRecords(s.ids)),
	}
}

// unreachedAtReturn describes records that the code returned without reaching, with err: for one
// thing because it declares what is refused.
func unreachedAtReturn(s *scope, err error) *Divergence {
	if s.refused != nil && errors.Is(err, s.refused) {
		return &Divergence{
			Reason: "an operation was refused, and the code returned that error without reaching what is recorded",
			Log:    unreachedRecords(s),
			Code:   "an operation that is refused: " + s.refused.Error(),
			Path:   s.lastPath(),
		}
	}
	return &Divergence{
		Reason: "a recorded operation was removed: the code returned without reaching it",
		Log:    unreachedRecords(s),
		Code:   "no further operation",
		Path:   s.lastPath(),

		Declare: declaredRemoved(s.inv.log.UnclaimedRecords(s.ids)),
	}
}

// unfinishedInside describes an operation that a finished group waits for.
func unfinishedInside(o *operation) *Divergence {
	return &Divergence{
		Reason: "the code of a completed group waits for an operation that it did not wait for before",
		Log:    "the operation, not finished",
		Code:   declared(o.head, o.kind, o.path()),
		Path:   o.path(),
	}
}

// refailed describes an operation that has succeeded and whose result cannot be computed again.
func refailed(rec *checkpoint.Operation, err error) *Divergence {
	return &Divergence{
		Reason: "what succeeded fails when it is run again to compute its large result",
		Log:    recorded(rec),
		Code:   "the error " + quote(err.Error()),
	}
}

// undecodablePayload describes a payload that the code cannot read.
func undecodablePayload(s *scope, r node.Result, err error) *Divergence {
	return &Divergence{
		Reason: fmt.Sprintf("the recorded payload does not fit the declared type: %v", err),
		Log:    fmt.Sprintf("the payload of %s (ID %s)", quote(r.Meta.OperationName), r.Meta.OperationID),
		Code:   "another type or codec",
		Path:   pathOfMeta(s, r.Meta),

		Declare: paste.Type(r.Meta.OperationName),
	}
}

// unreadableError describes a recorded error that the code cannot read.
func unreadableError(s *scope, m codec.Meta, err error) *Divergence {
	return &Divergence{
		Reason: fmt.Sprintf("the recorded error cannot be read: %v", err),
		Log:    fmt.Sprintf("the error of %s (ID %s)", quote(m.OperationName), m.OperationID),
		Code:   "another codec of errors",
		Path:   pathOfMeta(s, m),
	}
}

// unregisteredError describes a recorded error whose registration the code does not have.
func unregisteredError(e *op.Error, name string) *Divergence {
	return &Divergence{
		Reason: fmt.Sprintf("the recorded error was registered as %s, and nothing registers that name: errors.Is and errors.As "+
			"would find nothing in it; register it again, or as codec.Renamed(%s, …)", quote(name), quote(name)),
		Log:  fmt.Sprintf("the error of %s (ID %s)", quote(e.Path), e.ID),
		Code: "no registration of " + quote(name),
		Path: e.Path,
	}
}

// unreadableInput describes an input that the code cannot read although operations have been
// recorded with it.
func unreadableInput(s *scope, err error) *Divergence {
	return &Divergence{
		Reason: fmt.Sprintf("%v; for inputs of an older type use replay.WithOldInput", err),
		Log:    unreachedRecords(s),
		Code:   "another input",
	}
}

// unreachedRecords lists the records of the scope that are not claimed.
func unreachedRecords(s *scope) string {
	const most = 3
	recs := s.inv.log.UnclaimedRecords(s.ids)
	var b strings.Builder
	for i := range recs {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(recs)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(recorded(&recs[i]))
	}
	return b.String()
}

func recorded(rec *checkpoint.Operation) string {
	return fmt.Sprintf("%s %s %s (%s, ID %s%s)", rec.Kind, rec.SubType, quote(rec.Name), rec.Status, rec.ID, parentOf(rec.ParentID))
}

func declared(h *node.Header, kind checkpoint.Kind, path string) string {
	return fmt.Sprintf("%s %s at %s", kind, h.SubType, quote(path))
}

func parentOf(id string) string {
	if id == "" {
		return ""
	}
	return ", in " + id
}

// undeclaredBranch describes what the log holds of a branch that the code does not have; rec is the
// record of the branch itself, nil if it has none.
func undeclaredBranch(s *scope, what string, rec *checkpoint.Operation) *Divergence {
	return &Divergence{
		Reason: "a branch was removed that is checkpointed: an item is missing, its key or name changed, " +
			"or the batch is flat now or was",
		Log:  what,
		Code: "other branches in " + quote(s.path()),

		Declare: declaredBranch(rec),
	}
}

// notUndone describes a compensation that is in the log and that the code has no reason for.
func notUndone(what string) *Divergence {
	return &Divergence{
		Reason: "the scope had failed and was being compensated, but now the code does not reach that failure: " +
			"an error or panic that does not come again on a replay is not deterministic",
		Log:  what,
		Code: "no such compensation",
	}
}
