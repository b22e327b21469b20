package oplog

import (
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Log is what an execution has done so far: the records of its operations, and which of them the
// running code has claimed. It is pure: it knows no clock and does no I/O. It is not safe for
// concurrent use.
//
// A record is immutable once it is in the log. A change replaces it, so a pointer that was read
// earlier keeps showing the state of then; ask the log again for the newest.
type Log struct {
	index     index // operation ID → entries
	entries   []entry
	scopes    map[uint64]int32 // number of a tag → left
	last      place            // of the scope that was looked for last: neighbours mostly share it
	claimed   []string         // IDs that are claimed and were not recorded then
	left      []left           // per scope
	open      int              // how many records are not claimed, of all scopes
	root      uint64           // the number of the root scope's tag
	execution *checkpoint.Operation
	records   int
}

// entry is an operation ID that is recorded, claimed, or both. It is small, for each record has
// one: a record has its ID itself.
type entry struct {
	op   *checkpoint.Operation // nil: no record
	at   int32                 // of a record: its scope, in Log.left; else its ID, in Log.claimed
	by   Claimer               // which has claimed it first
	next int32                 // in left
}

// left is a scope's records that are not claimed: how many there are, and the list of them in the
// order of the entries. Those of the list that have been claimed since are passed when it is read.
// first and last are one more than a place in the entries, as entry.next is; zero is none.
type left struct{ n, first, last int32 }

// id returns the ID of the entry at a place.
func (l *Log) id(place int32) string {
	if e := &l.entries[place]; e.op == nil {
		return l.claimed[e.at]
	}
	return l.entries[place].op.ID
}

// place is the place of a scope in Log.left.
type place struct {
	num uint64 // of its tag
	at  int32
	set bool
}

// NewLog returns the log of these records and takes ownership of ops. Of records with the same
// ID the last one counts. Times are truncated to milliseconds, which is what all sources of
// records have in common.
func NewLog(ops []checkpoint.Operation) *Log {
	l := &Log{
		index:   newIndex(len(ops)),
		entries: make([]entry, 0, len(ops)),
		scopes:  make(map[uint64]int32),
		root:    NewScope("").num,
	}
	for i := range ops {
		l.put(&ops[i])
	}
	return l
}

// Execution returns the record of the execution itself, whose payload is its input.
func (l *Log) Execution() (*checkpoint.Operation, bool) { return l.execution, l.execution != nil }

// Get returns the newest record of an operation.
func (l *Log) Get(id string) (*checkpoint.Operation, bool) {
	if i, ok := l.index.findText(l, id); ok && l.entries[i].op != nil {
		return l.entries[i].op, true
	}
	return nil, false
}

// Find returns the record of an operation, nil if there is none, and its place in the order in
// which the operations became known, which is the order of their start. It claims nothing.
func (l *Log) Find(id []byte) (op *checkpoint.Operation, place int) {
	i, ok := l.index.find(l, id)
	if !ok || l.entries[i].op == nil {
		return nil, 0
	}
	return l.entries[i].op, int(i)
}

// Claimer is a number of who claims, such as the scope of the code. Zero is no one.
type Claimer int32

// Claim says that the running code has reached the operation with this ID. It returns its
// record, nil if there is none, and the ID as a string, without allocating one if the log has it.
// first is false if the ID was claimed before.
func (l *Log) Claim(id []byte) (op *checkpoint.Operation, name string, first bool) {
	op, name, before := l.ClaimBy(id, 1)
	return op, name, before == 0
}

// ClaimedBy returns who has claimed an ID first; zero if it was not claimed.
func (l *Log) ClaimedBy(id []byte) Claimer {
	if i, ok := l.index.find(l, id); ok {
		return l.entries[i].by
	}
	return 0
}

// ClaimBy is [Log.Claim] for one claimer of several, who is not zero. It returns who has claimed
// the ID first before; zero if it was not claimed.
func (l *Log) ClaimBy(id []byte, by Claimer) (op *checkpoint.Operation, name string, before Claimer) {
	i, ok := l.index.find(l, id)
	if !ok {
		i = l.addClaimed(string(id))
	}
	return l.claimAt(i, by)
}

// ClaimAt is [Log.ClaimBy] for the operation in a place that [Log.Find] or [Log.Next] has returned.
func (l *Log) ClaimAt(place int, by Claimer) (op *checkpoint.Operation, name string, before Claimer) {
	return l.claimAt(int32(place), by) //nolint:gosec // it was one before
}

func (l *Log) claimAt(i int32, by Claimer) (op *checkpoint.Operation, name string, before Claimer) {
	e := &l.entries[i]
	if e.by != 0 {
		return e.op, l.id(i), e.by
	}
	e.by = by
	if e.op != nil {
		l.left[e.at].n--
		l.open--
	}
	return e.op, l.id(i), 0
}

// Merge puts records into the log, each in place of the one with its ID, and takes ownership of
// ops. It returns the records that are new or differ from those they replace. A record of an ID
// that was claimed earlier counts as claimed.
func (l *Log) Merge(ops []checkpoint.Operation) (changed []*checkpoint.Operation) {
	for i := range ops {
		if l.put(&ops[i]) {
			changed = append(changed, &ops[i])
		}
	}
	return changed
}

// Apply records an update of our own that the service has acknowledged, for the case that its reply
// did not contain the operation: a result that is committed must not be missing from the log. Call
// it for no other update. It changes nothing if the record is terminal or if the service would not
// allow the update; it returns the new record, else nil. now becomes the start of an operation that
// had no record. The end of an operation stays zero: only the service knows it.
func (l *Log) Apply(u checkpoint.Update, now time.Time) *checkpoint.Operation {
	if u.Kind == checkpoint.KindExecution {
		return nil
	}
	op := checkpoint.Operation{
		ID: u.ID, ParentID: u.ParentID, Name: u.Name, SubType: u.SubType, Kind: u.Kind, Start: now,
	}
	known := false
	if old, ok := l.Get(u.ID); ok {
		if old.Status.Terminal() || old.Status == checkpoint.StatusPending {
			return nil
		}
		op, known = *old, true
		if op.Kind == checkpoint.KindStep {
			op.Due = time.Time{}
		}
	}
	switch u.Action {
	case checkpoint.ActionStart:
		if known && op.Status != checkpoint.StatusReady {
			return nil
		}
		op.Status = checkpoint.StatusStarted
		if u.Kind == checkpoint.KindWait {
			op.Due = now.Add(u.Wait)
		}
	case checkpoint.ActionSucceed:
		op.Status, op.Payload, op.Failure = checkpoint.StatusSucceeded, u.Payload, nil
		op.ReplayChildren = u.ReplayChildren
	case checkpoint.ActionFail:
		op.Status, op.Payload, op.Failure = checkpoint.StatusFailed, checkpoint.Payload{}, u.Failure
	case checkpoint.ActionRetry:
		op.Status, op.Payload, op.Failure = checkpoint.StatusPending, u.Payload, u.Failure
		op.Due = now.Add(u.NextAttemptDelay)
	case checkpoint.ActionCancel:
		op.Status = checkpoint.StatusCancelled
	default:
		return nil
	}
	if u.Kind == checkpoint.KindStep && u.Action != checkpoint.ActionStart {
		op.Attempt++
	}
	l.put(&op)
	return &op
}

// Unclaimed returns how many records of a scope are not claimed. Records whose ID another SDK
// made count as unclaimed ones of the root scope: our code cannot reach them. The record of the
// execution counts nowhere.
func (l *Log) Unclaimed(s Scope) int {
	if i, ok := l.known(s.num); ok {
		return int(l.left[i].n)
	}
	return 0
}

// Next returns the first of the records that [Log.Unclaimed] counts, and its place, as [Log.Find]
// does; nil if there is none.
func (l *Log) Next(s Scope) (op *checkpoint.Operation, place int) {
	i, ok := l.known(s.num)
	if !ok || l.left[i].n == 0 {
		return nil, 0
	}
	in := &l.left[i]
	for l.entries[in.first-1].by != 0 {
		in.first = l.entries[in.first-1].next
	}
	return l.entries[in.first-1].op, int(in.first - 1)
}

// AllClaimed reports whether [Log.Unclaimed] is zero for every scope.
func (l *Log) AllClaimed() bool { return l.open == 0 }

// UnclaimedRecords returns the records that [Log.Unclaimed] counts, by start and then by ID.
func (l *Log) UnclaimedRecords(s Scope) []checkpoint.Operation {
	scope, ok := l.known(s.num)
	if !ok || l.left[scope].n == 0 {
		return nil
	}
	ops := make([]checkpoint.Operation, 0, l.left[scope].n)
	for i := range l.entries {
		if e := &l.entries[i]; e.op != nil && e.at == scope && e.by == 0 {
			ops = append(ops, *e.op)
		}
	}
	// Not slices.SortFunc: sorting large structs by value is code of its own in every program.
	sort.Slice(ops, func(i, j int) bool {
		if c := ops[i].Start.Compare(ops[j].Start); c != 0 {
			return c < 0
		}
		return ops[i].ID < ops[j].ID
	})
	return ops
}

// Records returns the newest record of each operation, that of the execution not included, in the
// order in which the operations became known, which is the order of their start. The log must not
// change while it is read.
func (l *Log) Records() iter.Seq[*checkpoint.Operation] {
	return func(yield func(*checkpoint.Operation) bool) {
		for i := range l.entries {
			if op := l.entries[i].op; op != nil && !yield(op) {
				return
			}
		}
	}
}

// Len returns the number of records, that of the execution not included.
func (l *Log) Len() int { return l.records }

// put makes op the record of its ID and reports whether that changed anything.
func (l *Log) put(op *checkpoint.Operation) bool {
	op.Start = truncate(op.Start)
	op.End = truncate(op.End)
	op.Due = truncate(op.Due)
	if op.Kind == checkpoint.KindExecution {
		changed := l.execution == nil || !same(l.execution, op)
		l.execution = op
		return changed
	}
	i, ok := l.index.findText(l, op.ID)
	if !ok {
		at := l.scope(op.ID)
		l.leave(at, l.add(entry{op: op, at: at}))
		l.records++
		return true
	}
	e := &l.entries[i]
	old := e.op
	if old != nil {
		e.op = op
		return !same(old, op)
	}
	l.claimed[e.at] = "" // the record has it
	e.op, e.at = op, l.scope(op.ID)
	l.records++
	return true
}

// leave puts a record that is not claimed at the end of those of its scope.
func (l *Log) leave(scope, place int32) {
	in := &l.left[scope]
	if in.last == 0 {
		in.first = place + 1
	} else {
		l.entries[in.last-1].next = place + 1
	}
	in.last = place + 1
	in.n++
	l.open++
}

// addClaimed makes an entry for an ID without a record.
func (l *Log) addClaimed(id string) int32 {
	l.claimed = append(l.claimed, id)
	return l.add(entry{at: int32(len(l.claimed)) - 1}) //nolint:gosec // thousands, as below
}

// add makes an entry for an ID that has none.
func (l *Log) add(e entry) int32 {
	i := int32(len(l.entries)) //nolint:gosec // an execution has thousands of operations
	l.entries = append(l.entries, e)
	l.index.added(l)
	return i
}

// scope returns the place in left of the scope that an ID belongs to.
func (l *Log) scope(id string) int32 {
	num := l.root
	if n, ok := scopeNumber(id); ok {
		num = n
	}
	i, ok := l.known(num)
	if !ok {
		i = int32(len(l.left)) //nolint:gosec // at most one per operation
		l.left = append(l.left, left{})
		l.scopes[num] = i
		l.last = place{num: num, at: i, set: true}
	}
	return i
}

// known returns the place in left of a scope that has, or had, records that are not claimed.
func (l *Log) known(num uint64) (at int32, ok bool) {
	if l.last.set && l.last.num == num {
		return l.last.at, true
	}
	if at, ok = l.scopes[num]; ok {
		l.last = place{num: num, at: at, set: true}
	}
	return at, ok
}

func truncate(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		t = t.Truncate(time.Millisecond)
	}
	return t.Round(0).UTC() // without the reading of a monotonic clock
}

// same reports whether two records say the same.
func same(o, p *checkpoint.Operation) bool {
	return o.ID == p.ID && o.ParentID == p.ParentID && o.Name == p.Name && o.SubType == p.SubType &&
		o.Kind == p.Kind && o.Status == p.Status && o.Start.Equal(p.Start) && o.End.Equal(p.End) &&
		o.Attempt == p.Attempt && o.Due.Equal(p.Due) && o.CallbackID == p.CallbackID &&
		o.ReplayChildren == p.ReplayChildren && o.Payload.Equal(p.Payload) && sameFailure(o.Failure, p.Failure)
}

func sameFailure(f, g *checkpoint.Failure) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f.Type == g.Type && f.Message == g.Message && f.Data == g.Data && slices.Equal(f.Stack, g.Stack)
}
