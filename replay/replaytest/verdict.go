package replaytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// verdict says what is to become of an effect.
type verdict struct {
	// must is undo or stand; neither if that is not known.
	must string
	// why says how the scope has ended that decides.
	why string
}

const (
	undo  = "undo"
	stand = "stand"
)

// judgement compares the effects of an execution that has ended with how its scopes have ended.
type judgement struct {
	*effects

	k       *kit
	status  local.Status
	records map[string]checkpoint.Operation // by path
	byID    map[string]checkpoint.Operation
	sound   map[int]bool // invocations that nothing has interrupted
	unknown []string     // paths that an op.UndoError lists
}

// effectsProblem says what is wrong with what became of effects; empty for nothing.
func (t *trial) effectsProblem(f restorer) string {
	if t.k.effects == nil {
		return ""
	}
	j := &judgement{
		effects: t.k.effects, k: t.k, status: t.status, records: make(map[string]checkpoint.Operation),
		byID: make(map[string]checkpoint.Operation), sound: make(map[int]bool),
	}
	for _, rec := range t.k.exec.Operations() {
		j.byID[rec.ID] = rec
		j.records[t.k.path(rec)] = rec
	}
	number := 0
	for _, e := range t.k.exec.History() {
		if e.Type == local.EventInvocationCompleted {
			number++
			j.sound[number] = e.Failure == nil
		}
	}
	failure := t.k.exec.Failure()
	t.k.mu.Lock()
	defer t.k.mu.Unlock() // what was left behind may still run
	j.reports(f, failure)
	for _, path := range sortedKeys(j.undoable) {
		if what := j.judge(j.undoable[path]); what != "" {
			return what
		}
	}
	return j.order()
}

// order says which effects of one scope were undone in another order than the last one first; empty
// for none. Of a batch that failed because its losers could not be undone, its winner is undone
// last.
func (j *judgement) order() string {
	last := make(map[string]*effect) // by owner
	var list []*effect
	for _, e := range j.undoable {
		_, isBranch := j.branches[e.path]
		if len(e.undone) > 0 && (!isBranch || j.records[e.owner].Status == checkpoint.StatusSucceeded) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *effect) int { return a.undone[0].turn - b.undone[0].turn })
	for _, e := range list {
		if before := last[e.owner]; before != nil && before.place < e.place {
			return fmt.Sprintf("%q was undone before %q, which came later: the last one is to be undone first", before.path, e.path)
		}
		last[e.owner] = e
	}
	return ""
}

// report is an error that the log was given, of an operation or, without an ID, of the execution.
type report struct {
	id, name, parent string
	failure          checkpoint.Failure
}

// reports collects what is reported as not known to be undone.
func (j *judgement) reports(f restorer, last *checkpoint.Failure) {
	list := slices.Clone(j.failures)
	if last != nil {
		list = append(list, report{failure: *last})
	}
	for i := range list {
		if f == nil {
			j.texts = append(j.texts, list[i].failure.Message)
			continue
		}
		e := restoreReport(f, j.k.exec.ARN(), j.byID, &list[i], j.k.known)
		j.texts = append(j.texts, e.Message)
		if u, ok := errors.AsType[*op.UndoError](error(e)); ok {
			j.unknown = append(j.unknown, u.Unknown...)
		}
	}
}

// reported reports whether an error says that it is not known what came of an effect.
func (j *judgement) reported(e *effect) bool {
	for _, path := range []string{e.path, e.op} {
		if slices.Contains(j.unknown, path) {
			return true
		}
		for _, text := range j.texts {
			if _, list, ok := strings.Cut(text, notKnown()); ok && strings.Contains(list, path) {
				return true
			}
		}
	}
	return false
}

// judge says what is wrong with what became of an effect; empty for nothing.
func (j *judgement) judge(e *effect) string {
	happened, what := j.happened(e)
	ids := j.undoneBy(e)
	v := j.fate(e)
	switch {
	case len(ids) > 1:
		return fmt.Sprintf("%q was undone %d times, as the operations %s", e.path, len(ids), strings.Join(ids, ", "))
	case len(ids) == 1 && v.must == stand:
		return fmt.Sprintf("%q was undone, although it is to stand: %s", e.path, v.why)
	case len(e.undone) > 0 && v.must == stand:
		return fmt.Sprintf("%q was undone by an invocation that was lost, although it is to stand: %s", e.path, v.why)
	case len(ids) == 1 && happened == no && !e.attempted:
		return fmt.Sprintf("%q was undone, although it had not completed: %s", e.path, what)
	case len(ids) == 1:
		return j.given(e)
	case v.must != undo || j.reported(e):
		return ""
	case happened == yes && !j.failed(e):
		return fmt.Sprintf("the effect of %q is lost: %s, and %s, but it was not undone, and no op.UndoError lists it", e.path, what, v.why)
	case happened == no && !e.attempted && j.begun(e):
		return fmt.Sprintf("the body of %q had begun, and what became of it is unknown; %s, and no op.UndoError lists it", e.path, v.why)
	}
	return ""
}

// How sure it is that an operation had its effect.
const (
	no = iota
	perhaps
	yes
)

// happened reports whether an operation has had an effect that is recorded, and what the log says
// of it.
func (j *judgement) happened(e *effect) (int, string) {
	rec, ok := j.records[e.op]
	b, isBranch := j.branches[e.path]
	switch {
	case isBranch && b.plain && b.flat:
		return j.flatGroup(e.path)
	case isBranch && !ok:
		rec, ok = j.records[e.path]
	}
	if !ok {
		return no, "the log has no record of it"
	}
	what := fmt.Sprintf("the log says %s %s", rec.Status, brief(rec.Payload.String()))
	ran := rec.Kind != checkpoint.KindStep || j.k.runs[e.op] > 0
	switch outside := rec.Kind != checkpoint.KindStep && rec.Kind != checkpoint.KindContext; {
	case rec.Status == checkpoint.StatusSucceeded && rec.Kind == checkpoint.KindContext && (j.batchFailed(e.op) || j.timedOut(e.op)):
		return no, what
	case rec.Status == checkpoint.StatusSucceeded && outside && !j.past[e.op] && (!isBranch || j.branchStatus(e.path) != node.ItemSucceeded):
		return perhaps, what // the service may have reported it too late
	case rec.Status == checkpoint.StatusSucceeded:
		return yes, what
	case e.attempted && rec.Status.Terminal() && ran && !outside:
		return yes, what
	case e.attempted:
		return perhaps, what
	}
	return no, what
}

// flatGroup is happened for a group that is a branch and leaves no record.
func (j *judgement) flatGroup(path string) (int, string) {
	switch j.branchStatus(path) {
	case node.ItemSucceeded:
		return yes, fmt.Sprintf("the batch %q has counted its success", j.branches[path].batch)
	case node.ItemFailed:
		if j.refused(path) {
			return yes, "it completed, and its result was refused"
		}
		return no, "it failed"
	case node.ItemStarted:
	}
	switch g := j.groups[path]; {
	case g == nil || len(g.returned) == 0:
		return no, "it has not ended"
	case j.leftBehind(path):
		return no, fmt.Sprintf("the batch %q was decided without it", j.branches[path].batch)
	case j.cameToRest(path):
		return yes, "it ended before what decided"
	}
	return perhaps, "it may have ended"
}

// leftBehind reports whether the batch of a branch was decided without it, however far it had got.
func (j *judgement) leftBehind(path string) bool {
	b := j.branches[path]
	rec := j.records[b.batch]
	_, settled := j.byID[settlementOf(rec.ID)]
	if !rec.Status.Terminal() && !settled {
		return false
	}
	o := j.outcome(b.batch)
	return o != nil && (b.index >= len(o.Items) || o.Items[b.index].Status == node.ItemStarted)
}

// cameToRest reports whether a group that leaves no record had ended in an invocation before that
// in which it was decided what becomes of it, with everything in it.
func (j *judgement) cameToRest(path string) bool {
	decided := j.decidedIn(path)
	for at, rec := range j.records {
		if strings.HasPrefix(at, path+"/") && rec.Status != checkpoint.StatusSucceeded && !strings.HasSuffix(rec.Name, "-undo") {
			return false
		}
	}
	return slices.ContainsFunc(j.groups[path].returned, func(n int) bool { return n < decided && j.sound[n] })
}

// decidedIn is the invocation in which the fate of a branch was decided: by its batch, or by what
// that is in.
func (j *judgement) decidedIn(path string) int {
	for at := path; at != ""; {
		if b, ok := j.branches[at]; ok {
			at = b.batch
		}
		if n := j.decided[j.records[at].ID]; n > 0 {
			return n
		}
		at = scopeOf(at)
	}
	return j.k.exec.Invocations()
}

// undoneBy lists the records of compensations of an effect that succeeded.
func (j *judgement) undoneBy(e *effect) (ids []string) {
	for _, u := range e.undone {
		if j.byID[u.id].Status == checkpoint.StatusSucceeded && !slices.Contains(ids, u.id) {
			ids = append(ids, u.id)
		}
	}
	return ids
}

// failed reports whether a compensation of the effect has failed for good: the error says so then.
func (j *judgement) failed(e *effect) bool {
	return slices.ContainsFunc(e.tried, func(id string) bool { return j.byID[id].Status == checkpoint.StatusFailed })
}

// begun reports whether the body of a step is recorded as running, and has run.
func (j *judgement) begun(e *effect) bool {
	rec := j.records[e.op]
	return rec.Kind == checkpoint.KindStep && rec.Status == checkpoint.StatusStarted && j.k.runs[e.op] > 0
}

// fate says what is to become of an effect.
func (j *judgement) fate(e *effect) verdict {
	b, isBranch := j.branches[e.path]
	if !isBranch {
		v := j.keeps(e.owner)
		if g := j.groups[e.owner]; v.must == stand && g != nil && g.again {
			return j.beyond(e.owner)
		}
		return v
	}
	v := j.branchFate(e.path)
	if v.must == stand && j.batches[b.batch].limit {
		return j.beyond(b.batch)
	}
	return v
}

// beyond is the fate of what an op.Retry or op.Timeout has succeeded with: people think of these as
// of the operation itself, and so it is their scope that decides, unless they have an Undo of their
// own.
func (j *judgement) beyond(path string) verdict {
	if j.undoable[path] != nil {
		return verdict{}
	}
	e := &effect{path: path, op: path, owner: scopeOf(path)}
	if b, ok := j.branchOf(path); ok {
		e.path, e.owner = b, j.branches[b].batch
		if j.undoable[b] != nil {
			return verdict{}
		}
	}
	return j.fate(e)
}

// branchOf is the branch of which an operation is the only one.
func (j *judgement) branchOf(path string) (string, bool) {
	at := scopeOf(path)
	b, ok := j.branches[at]
	return at, ok && b.op == path
}

// branchFate is the fate of an operation that is a branch of a batch.
func (j *judgement) branchFate(path string) verdict {
	b := j.branches[path]
	rec, ok := j.records[b.batch]
	switch {
	case !ok || !rec.Status.Terminal():
		return j.abandoned(b.batch)
	case rec.Status != checkpoint.StatusSucceeded || j.batchFailed(b.batch):
		return verdict{undo, fmt.Sprintf("%q failed", b.batch)}
	}
	switch j.branchStatus(path) {
	case node.ItemFailed:
		if j.refused(path) {
			return verdict{undo, fmt.Sprintf("%q ended with its result refused", b.batch)}
		}
		return verdict{stand, fmt.Sprintf("%q succeeded", b.batch)}
	case node.ItemSucceeded:
		return verdict{stand, fmt.Sprintf("%q succeeded", b.batch)}
	case node.ItemStarted:
		return verdict{undo, fmt.Sprintf("%q ended without it", b.batch)}
	}
	return verdict{}
}

// keeps is the fate of what completed in a scope: the handler, a group, or a branch.
func (j *judgement) keeps(scope string) verdict {
	if scope == "" {
		switch j.status {
		case local.StatusSucceeded:
			return verdict{stand, "the execution succeeded"}
		case local.StatusFailed:
			return verdict{undo, "the execution failed"}
		case local.StatusRunning, local.StatusPausing, local.StatusPaused, local.StatusTimedOut, local.StatusStopped, local.StatusDeleting:
		}
		return verdict{}
	}
	b, isBranch := j.branches[scope]
	if isBranch && !b.plain {
		return verdict{} // its one operation is the batch's concern
	}
	status := j.scopeStatus(scope)
	switch status {
	case node.ItemSucceeded:
		return verdict{stand, fmt.Sprintf("%q succeeded", scope)}
	case node.ItemFailed:
		return verdict{undo, fmt.Sprintf("%q failed", scope)}
	case node.ItemStarted:
	default:
		return verdict{}
	}
	if !isBranch {
		return j.abandoned(scope)
	}
	if v := j.branchFate(scope); v.must == undo {
		return v
	}
	return verdict{}
}

// scopeStatus is how a group or a branch that is one has ended; ItemStarted if it has not, zero if
// that is not known.
func (j *judgement) scopeStatus(scope string) node.ItemStatus {
	b, isBranch := j.branches[scope]
	if isBranch && b.flat {
		switch happened, _ := j.flatGroup(scope); happened {
		case yes:
			return node.ItemSucceeded
		case perhaps:
			if e := j.undoable[scope]; e != nil && len(j.undoneBy(e)) > 0 {
				return node.ItemSucceeded // it was undone as a whole
			}
			return 0
		}
		if j.branchStatus(scope) == node.ItemFailed {
			return node.ItemFailed
		}
		return node.ItemStarted
	}
	rec, ok := j.records[scope]
	switch {
	case !ok && len(j.returnedBy(scope)) > 0 || ok && !rec.Status.Terminal() && len(j.returnedBy(scope)) > 0 && isBranch:
		return 0 // its end was on its way
	case !ok || !rec.Status.Terminal():
		return node.ItemStarted
	case rec.Status == checkpoint.StatusSucceeded:
		return node.ItemSucceeded
	}
	return node.ItemFailed
}

func (j *judgement) returnedBy(scope string) []int {
	if g := j.groups[scope]; g != nil {
		return g.returned
	}
	return nil
}

// abandoned is the fate of what a group or batch that has not ended has left behind.
func (j *judgement) abandoned(path string) verdict {
	if at, ok := j.branchOf(path); ok {
		if v := j.branchFate(at); v.must == undo {
			return v
		}
		return verdict{}
	}
	if v := j.keeps(scopeOf(path)); v.must == undo {
		return v
	}
	return verdict{} // what a scope has started has ended before it succeeds
}
