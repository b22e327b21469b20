package engine

import (
	"encoding/json"
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/quota"
	"github.com/perdure/perdure/internal/subtype"
)

// usage is what an execution holds of what it may: nothing that the service would refuse is begun.
//
// The service leaves out what is inside groups that have completed, and payloads that were
// overwritten. What becomes hidden so is noted in a record of its own, which travels in the call
// that hides it, so that each later invocation counts it as this one does. Invocations that failed
// count too, and no record says so: some operations are kept for them.
type usage struct {
	quota quota.Quota
	// operations are those that the log holds or hides and those that were begun since; retries
	// count like operations.
	operations, retries, bytes int
	// promised are the records of branches that batches which had room have not begun yet.
	promised int
	warned   bool
	compensable
	hiding
}

// compensable is what is to be compensated if its scope fails.
type compensable struct {
	any  bool // something was claimed that is
	open int  // operations whose scope has not ended
}

// hiding is what the service does not show.
type hiding struct {
	// hidden is what it leaves out, noted what the log says of that.
	hidden, noted amount
	notes         int // how many the log has
	// inside is what contexts hold that would be hidden if they ended; nil before the first call.
	inside map[string]*content
	// full says that nothing more is recorded, not even what is refused; fullSeq is the update that
	// says so.
	full    bool
	fullSeq uint64
}

// amount is a part of what an execution holds.
type amount struct {
	Operations int `json:"operations"`
	Bytes      int `json:"bytes"`
}

func (a *amount) add(b amount) {
	a.Operations += b.Operations
	a.Bytes += b.Bytes
}

// content is what a context holds: its own operations, and contexts in it whose content is shown as
// well.
type content struct {
	amount

	open []string
}

// note is the payload of a record that says what is hidden.
type note struct {
	amount

	// Full says that whatever the log does not hold was refused.
	Full bool `json:"full,omitempty"`
}

// noteName is the name of the records that say what is hidden.
const noteName = "usage"

// notesMark is the scope of their IDs. No operation ID contains a tilde.
const notesMark = "~usage"

// noteID is the ID of the n-th of these records.
func noteID(n int) []byte { return oplog.NewScope(notesMark).AppendID(nil, noteName, "", n) }

// usageOf counts what the log holds and what it says is hidden.
func usageOf(inv *invocation) (u usage) {
	u.quota = inv.Quota.OrService()
	for {
		id := noteID(u.notes)
		rec, ok := inv.log.Get(string(id))
		if !ok {
			break
		}
		inv.log.Claim(id)
		u.notes++
		var n note
		if json.Unmarshal(rec.Payload.Bytes(), &n) == nil {
			u.noted, u.full = n.amount, u.full || n.Full
		}
	}
	u.hidden = u.noted
	u.operations, u.bytes = inv.log.Len()+u.hidden.Operations, u.hidden.Bytes
	for rec := range inv.log.Records() {
		u.retries += retriesOf(rec)
		u.bytes += recordSize(rec)
	}
	return u
}

// retriesOf is how many attempts of an operation followed another one.
func retriesOf(rec *checkpoint.Operation) int {
	if rec.Attempt > 0 && rec.Status.Terminal() {
		return rec.Attempt - 1 // nothing followed the last attempt
	}
	return rec.Attempt
}

func recordSize(rec *checkpoint.Operation) int { return rec.Payload.Size() + failureSize(rec.Failure) }

func failureSize(f *checkpoint.Failure) (n int) {
	if f == nil {
		return 0
	}
	for _, line := range f.Stack {
		n += len(line)
	}
	return n + len(f.Type) + len(f.Message) + len(f.Data)
}

// addResults counts what came from outside.
func (u *usage) addResults(changed []*checkpoint.Operation) {
	for _, rec := range changed {
		if rec.Status.Terminal() && (rec.Kind == checkpoint.KindCallback || rec.Kind == checkpoint.KindChainedInvoke) {
			u.bytes += recordSize(rec)
		}
	}
}

// sending takes in what a call adds, and what it is going to hide.
func (u *usage) sending(log *oplog.Log, updates []checkpoint.Update) {
	if u.inside == nil {
		u.look(log)
	}
	for i := range updates {
		up := &updates[i]
		rec, known := log.Get(up.ID)
		in, size := u.in(up.ParentID), up.Payload.Size()+failureSize(up.Failure)
		u.bytes += size
		if up.Action == checkpoint.ActionRetry || up.Action == checkpoint.ActionStart && !known {
			in.Operations++
		}
		if known && (i == 0 || updates[i-1].ID != up.ID) { // what it said is overwritten
			old := recordSize(rec)
			u.hidden.Bytes += old
			in.Bytes -= old
		}
		if up.Kind == checkpoint.KindChainedInvoke {
			u.hidden.Bytes += size // its input
		} else {
			in.Bytes += size
		}
		if up.Kind != checkpoint.KindContext {
			continue
		}
		switch {
		case up.Action == checkpoint.ActionStart:
			in.open = append(in.open, up.ID)
		case !up.ReplayChildren:
			u.hidden.add(u.hide(up.ID))
		}
	}
}

// look takes in what contexts hold.
func (u *usage) look(log *oplog.Log) {
	u.inside = make(map[string]*content)
	for rec := range log.Records() {
		if rec.ParentID == "" {
			continue
		}
		in := u.in(rec.ParentID)
		in.add(amount{1 + retriesOf(rec), recordSize(rec)})
		if rec.Kind == checkpoint.KindContext {
			in.open = append(in.open, rec.ID)
		}
	}
}

// in is the content of a context. That of the handler is never hidden.
func (u *usage) in(id string) *content {
	if id == "" {
		return &content{}
	}
	c := u.inside[id]
	if c == nil {
		c = &content{}
		u.inside[id] = c
	}
	return c
}

// hide takes out what a context holds.
func (u *usage) hide(id string) (all amount) {
	c := u.inside[id]
	if c == nil {
		return all
	}
	delete(u.inside, id)
	all = c.amount
	for _, open := range c.open {
		all.add(u.hide(open))
	}
	return all
}

// withNote adds to a call that hides much a record of what is hidden then.
func withNote(inv *invocation, updates []checkpoint.Update) []checkpoint.Update {
	u := &inv.usage
	if len(updates) == 0 || updates[len(updates)-1].Kind == checkpoint.KindExecution {
		return updates
	}
	u.sending(inv.log, updates)
	operations, bytes := u.hidden.Operations-u.noted.Operations, u.hidden.Bytes-u.noted.Bytes
	if operations <= mostUnnoted(u.quota.Operations) && bytes <= mostUnnoted(u.quota.Bytes) {
		return updates
	}
	switch held := u.held(); {
	case !u.full && held >= u.mostRecorded():
		u.full, u.fullSeq = true, inv.out.LastSent()
	case u.full && held >= u.mostCounted():
		return updates
	}
	start, end := newNote(inv)
	return append([]checkpoint.Update{start, end}, updates...)
}

// newNote makes the updates of a record of what is hidden.
func newNote(inv *invocation) (start, end checkpoint.Update) {
	u := &inv.usage
	id := noteID(u.notes)
	inv.log.Claim(id)
	u.notes++
	u.operations++
	u.noted = u.hidden
	payload, _ := json.Marshal(note{amount: u.hidden, Full: u.full}) //nolint:errchkjson // numbers
	start = checkpoint.Update{
		ID: string(id), Name: noteName, SubType: subtype.Usage, Kind: checkpoint.KindStep, Action: checkpoint.ActionStart,
	}
	end = start
	end.Action, end.Payload = checkpoint.ActionSucceed, checkpoint.NewPayload(payload)
	return start, end
}

// warnOfUsage says, once in an invocation, when four fifths of what an execution may hold are used.
// An operation counts once, and once more for each retry.
func warnOfUsage(inv *invocation) {
	const part, of = 4, 5
	u := &inv.usage
	operations, bytes, most := u.operations+u.retries, u.bytes, u.quota
	if u.warned || operations*of < most.Operations*part && bytes*of < most.Bytes*part {
		return
	}
	u.warned = true
	say(inv, func(l *slog.Logger) {
		l.Warn("the execution comes near what the service keeps of one, and then it is refused more; "+
			"let parts of it be executions of their own (op.Invoke)",
			slog.Int("operations", operations), slog.Int("mostOperations", most.Operations),
			slog.Int("bytes", bytes), slog.Int("mostBytes", most.Bytes))
	})
}
