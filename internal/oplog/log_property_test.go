package oplog_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
)

// A logModel says what a Log must answer, in the dullest way.
type logModel struct {
	records map[string]checkpoint.Operation
	order   []string // of the records
	claimed map[string]bool
}

// put makes a record that of its ID.
func (m *logModel) put(op checkpoint.Operation) {
	if _, known := m.records[op.ID]; !known {
		m.order = append(m.order, op.ID)
	}
	m.records[op.ID] = op
}

// in reports whether an ID belongs to a scope.
func (*logModel) in(scope, id string) bool {
	tag, ok := oplog.ScopeTag(id)
	return ok && tag == oplog.NewScope(scope).Tag() || !ok && scope == ""
}

// next is the ID of the first record of a scope that is not claimed; empty if there is none.
func (m *logModel) next(scope string) string {
	for _, id := range m.order {
		if m.in(scope, id) && !m.claimed[id] {
			return id
		}
	}
	return ""
}

func (m *logModel) unclaimed(scope string) (n int) {
	for id := range m.records {
		if m.in(scope, id) && !m.claimed[id] {
			n++
		}
	}
	return n
}

// modelIDs are the IDs that the properties play with: of three scopes, and one of another SDK.
func modelIDs() []string {
	group := oplog.ID("", "group", "", 0)
	return []string{
		group, oplog.ID("", "a", "", 0), oplog.ID("", "a", "", 1), oplog.ID("", "a", "k", 0),
		oplog.ID(group, "a", "", 0), oplog.ID(group, "b", "", 0),
		oplog.ID(oplog.UndoScope(""), "a", "", 0), "c4ca4238a0b92382",
	}
}

// do runs the command that a number stands for on the log and on the model.
func (m *logModel) do(log *oplog.Log, command uint16) string {
	ids := modelIDs()
	id := ids[int(command)%len(ids)]
	statuses := []checkpoint.Status{checkpoint.StatusStarted, checkpoint.StatusPending, checkpoint.StatusSucceeded}
	status := statuses[int(command>>3)%len(statuses)]
	switch command >> 6 % 4 {
	case 0, 1:
		op, name, first := log.Claim([]byte(id))
		record, known := m.records[id]
		if (op != nil) != known || known && op.Status != record.Status || name != id || first == m.claimed[id] {
			return fmt.Sprintf("Claim(%s) = %+v, %q, %t", id, op, name, first)
		}
		m.claimed[id] = true
	case 2:
		record := checkpoint.Operation{ID: id, Kind: checkpoint.KindStep, Status: status}
		old, known := m.records[id]
		changed := log.Merge([]checkpoint.Operation{record})
		if (len(changed) == 1) != (!known || old.Status != status) {
			return fmt.Sprintf("Merge(%s, %s) changed %d", id, status, len(changed))
		}
		m.put(record)
	case 3:
		u := checkpoint.Update{ID: id, Kind: checkpoint.KindWait, Action: checkpoint.ActionCancel}
		old, known := m.records[id]
		final := known && (old.Status.Terminal() || old.Status == checkpoint.StatusPending)
		if applied := log.Apply(u, day()); (applied == nil) != final {
			return fmt.Sprintf("Apply(%s) over %q = %+v", id, old.Status, applied)
		}
		if !final {
			old.ID, old.Status = id, checkpoint.StatusCancelled
			m.put(old)
		}
	}
	return ""
}

// claimNext claims what comes next in a scope, where it is.
func (m *logModel) claimNext(log *oplog.Log, scope string) string {
	s, want := oplog.NewScope(scope), m.next(scope)
	op, place := log.Next(s)
	if (op == nil) != (want == "") || op != nil && op.ID != want {
		return fmt.Sprintf("scope %q: Next = %+v, want %q", scope, op, want)
	}
	if op == nil {
		return ""
	}
	claimed, name, before := log.ClaimAt(place, 1)
	if _, again, twice := log.ClaimAt(place, 2); again != want || twice != 1 {
		return fmt.Sprintf("ClaimAt(%d) again = %q, %d", place, again, twice)
	}
	if claimed != op || name != want || before != 0 {
		return fmt.Sprintf("ClaimAt(%d) = %+v, %q, %d, want %q", place, claimed, name, before, want)
	}
	m.claimed[want] = true
	return ""
}

func TestLogAgreesWithItsModel(t *testing.T) {
	t.Parallel()
	p := properties(500)
	p.Property("claims, merges and applied updates, in any order", prop.ForAll(
		func(commands []uint16) string {
			log := oplog.NewLog(nil)
			m := &logModel{records: map[string]checkpoint.Operation{}, claimed: map[string]bool{}}
			for _, c := range commands {
				fault := m.do(log, c)
				if scopes := []string{"", modelIDs()[0], oplog.UndoScope("")}; fault == "" && c>>8%4 == 0 {
					fault = m.claimNext(log, scopes[int(c>>10)%len(scopes)])
				}
				if fault != "" {
					return fault
				}
				if log.Len() != len(m.records) {
					return fmt.Sprintf("Len = %d, want %d", log.Len(), len(m.records))
				}
				for _, scope := range []string{"", modelIDs()[0], oplog.UndoScope("")} {
					s := oplog.NewScope(scope)
					n := m.unclaimed(scope)
					if log.Unclaimed(s) != n || len(log.UnclaimedRecords(s)) != n {
						return fmt.Sprintf("scope %q: Unclaimed = %d, records %v, want %d",
							scope, log.Unclaimed(s), log.UnclaimedRecords(s), n)
					}
				}
				all := true
				for id := range m.records {
					all = all && m.claimed[id]
				}
				if log.AllClaimed() != all {
					return fmt.Sprintf("AllClaimed = %t, want %t", log.AllClaimed(), all)
				}
			}
			return ""
		}, gen.SliceOf(gen.UInt16())))
	p.TestingRun(t)
}

func TestMergeLaws(t *testing.T) {
	t.Parallel()
	p := properties(500)
	batch := func(numbers []uint16) []checkpoint.Operation {
		var ops []checkpoint.Operation
		for _, n := range numbers {
			ids := modelIDs()
			status := checkpoint.StatusStarted
			if n>>3%2 == 1 {
				status = checkpoint.StatusSucceeded
			}
			ops = append(ops, checkpoint.Operation{
				ID: ids[int(n)%len(ids)], Kind: checkpoint.KindStep, Status: status, Attempt: int(n >> 4 % 4),
			})
		}
		return ops
	}
	numbers := gen.SliceOf(gen.UInt16())
	p.Property("merging is idempotent", prop.ForAll(func(a, b []uint16) string {
		once, twice := oplog.NewLog(batch(a)), oplog.NewLog(batch(a))
		once.Merge(batch(b))
		twice.Merge(batch(b))
		twice.Merge(batch(b))
		return sameRecords(once, twice)
	}, numbers, numbers))
	p.Property("a log read in pages is the log read at once", prop.ForAll(func(a, b []uint16) string {
		merged := oplog.NewLog(batch(a))
		merged.Merge(batch(b))
		return sameRecords(oplog.NewLog(slices.Concat(batch(a), batch(b))), merged)
	}, numbers, numbers))
	p.Property("nothing is unclaimed once all is claimed", prop.ForAll(func(a, b []uint16, before bool) bool {
		log := oplog.NewLog(batch(a))
		if before {
			for _, id := range modelIDs() {
				log.Claim([]byte(id))
			}
		}
		log.Merge(batch(b))
		for _, id := range modelIDs() {
			log.Claim([]byte(id))
		}
		for _, scope := range append(modelIDs(), "") {
			if log.Unclaimed(oplog.NewScope(scope)) != 0 {
				return false
			}
		}
		return true
	}, numbers, numbers, gen.Bool()))
	p.TestingRun(t)
}
