package oplog_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
)

// step returns a record of a step of the root scope.
func step(name string, status checkpoint.Status) checkpoint.Operation {
	return checkpoint.Operation{
		ID: oplog.ID("", name, "", 0), Name: name, SubType: "Step",
		Kind: checkpoint.KindStep, Status: status, Start: day(),
	}
}

func execution() checkpoint.Operation {
	return checkpoint.Operation{
		ID: "8f3c1a", Name: "order-42", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
		Start: day(), Payload: checkpoint.TextPayload(`{"orderId":42}`),
	}
}

func claim(log *oplog.Log, id string) (op *checkpoint.Operation, first bool) {
	op, _, first = log.Claim([]byte(id))
	return op, first
}

func TestLogFindsRecords(t *testing.T) {
	t.Parallel()
	a := step("a", checkpoint.StatusSucceeded)
	log := oplog.NewLog([]checkpoint.Operation{execution(), a})

	if got, ok := log.Get(a.ID); !ok || got.Name != "a" {
		t.Errorf("Get(a) = %+v, %t", got, ok)
	}
	if got, ok := log.Get(oplog.ID("", "b", "", 0)); ok {
		t.Errorf("Get of an unknown ID = %+v", got)
	}
	if got, ok := log.Execution(); !ok || got.Name != "order-42" {
		t.Errorf("Execution() = %+v, %t", got, ok)
	}
	if got := log.Len(); got != 1 {
		t.Errorf("Len() = %d, want 1: the execution does not count", got)
	}
	if _, ok := oplog.NewLog(nil).Execution(); ok {
		t.Error("an empty log has an execution")
	}
}

func TestLogClaims(t *testing.T) {
	t.Parallel()
	root := oplog.NewScope("")
	a := step("a", checkpoint.StatusSucceeded)
	log := oplog.NewLog([]checkpoint.Operation{execution(), a, step("b", checkpoint.StatusStarted)})

	op, name, first := log.Claim([]byte(a.ID))
	if op == nil || op.Name != "a" || name != a.ID || !first {
		t.Errorf("first claim = %+v, %q, %t", op, name, first)
	}
	if op, first := claim(log, a.ID); op == nil || first {
		t.Errorf("second claim = %+v, %t; want the record again, not first", op, first)
	}
	if got := log.Unclaimed(root); got != 1 {
		t.Errorf("Unclaimed = %d, want 1", got)
	}
	missing := oplog.ID("", "missing", "", 0)
	op, name, first = log.Claim([]byte(missing))
	if op != nil || name != missing || !first {
		t.Errorf("claim without a record = %+v, %q, %t", op, name, first)
	}
	if _, first := claim(log, missing); first {
		t.Error("second claim without a record is first")
	}
	if _, ok := log.Get(missing); ok {
		t.Error("a claim has made a record")
	}
	if got := log.Unclaimed(root); got != 1 {
		t.Errorf("Unclaimed = %d, want 1: a claim without a record does not count", got)
	}
}

// A replay reads what is recorded, claims what the code declares, and finds out what it declares no
// longer.
func TestReplayOfAChangedHandler(t *testing.T) {
	t.Parallel()
	root := oplog.NewScope("")
	log := oplog.NewLog([]checkpoint.Operation{execution(), step("reserve-stock", checkpoint.StatusSucceeded)})
	if log.AllClaimed() {
		t.Error("all is claimed before the code has run")
	}
	for _, name := range []string{"reserve-items", "charge-card"} { // reserve-stock, until it was renamed
		if op, first := claim(log, oplog.ID("", name, "", 0)); op != nil || !first {
			t.Errorf("claim of %s = %+v, %t; want no record, first", name, op, first)
		}
	}
	changed := log.Merge([]checkpoint.Operation{step("charge-card", checkpoint.StatusStarted)})
	if len(changed) != 1 || changed[0].Name != "charge-card" {
		t.Errorf("Merge = %+v, want the new record", changed)
	}
	left := log.UnclaimedRecords(root)
	if len(left) != 1 || left[0].Name != "reserve-stock" || log.Unclaimed(root) != 1 || log.AllClaimed() {
		t.Errorf("unclaimed are %+v, want reserve-stock alone", left)
	}
	if _, first := claim(log, oplog.ID("", "reserve-stock", "", 0)); !first || !log.AllClaimed() {
		t.Errorf("first %t, all claimed %t", first, log.AllClaimed())
	}
}

func TestLogCountsByScope(t *testing.T) {
	t.Parallel()
	group := step("group", checkpoint.StatusStarted)
	inner := step("inner", checkpoint.StatusSucceeded)
	inner.ID = oplog.ID(group.ID, "inner", "", 0)
	foreign := step("foreign", checkpoint.StatusSucceeded)
	foreign.ID = "c4ca4238a0b92382"
	undo := step("undo", checkpoint.StatusSucceeded)
	undo.ID = oplog.ID(oplog.UndoScope(""), "undo", "", 0)
	log := oplog.NewLog([]checkpoint.Operation{execution(), group, inner, foreign, undo})

	tests := []struct {
		reason string
		scope  string
		want   []string
	}{
		{"the root has the group and what no code of ours can claim", "", []string{"foreign", "group"}},
		{"a record belongs to the scope in its ID, not to its parent", group.ID, []string{"inner"}},
		{"compensations have a scope of their own", oplog.UndoScope(""), []string{"undo"}},
		{"the scope of an operation that has none below", inner.ID, nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			scope := oplog.NewScope(tt.scope)
			var got []string
			for _, op := range log.UnclaimedRecords(scope) {
				got = append(got, op.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("UnclaimedRecords (-want +got):\n%s", diff)
			}
			if n := log.Unclaimed(scope); n != len(tt.want) {
				t.Errorf("Unclaimed = %d, want %d", n, len(tt.want))
			}
		})
	}
}

func TestUnclaimedRecordsAreOrdered(t *testing.T) {
	t.Parallel()
	late, x, y := step("late", checkpoint.StatusStarted), step("x", checkpoint.StatusStarted), step("y", checkpoint.StatusStarted)
	late.Start = late.Start.Add(time.Second)
	x.ID, y.ID = oplog.ID("", "b", "", 0), oplog.ID("", "a", "", 0)
	log := oplog.NewLog([]checkpoint.Operation{late, x, y})
	want := []checkpoint.Operation{y, x, late}
	if diff := cmp.Diff(want, log.UnclaimedRecords(oplog.NewScope(""))); diff != "" {
		t.Errorf("by start, then by ID (-want +got):\n%s", diff)
	}
}

func TestLogKeepsTheLastRecordOfAnID(t *testing.T) {
	t.Parallel()
	log := oplog.NewLog([]checkpoint.Operation{
		step("a", checkpoint.StatusStarted), step("b", checkpoint.StatusStarted), step("a", checkpoint.StatusSucceeded),
	})
	if got, _ := log.Get(oplog.ID("", "a", "", 0)); got.Status != checkpoint.StatusSucceeded {
		t.Errorf("status %s, want that of the last record", got.Status)
	}
	if log.Len() != 2 || log.Unclaimed(oplog.NewScope("")) != 2 {
		t.Errorf("Len = %d, Unclaimed = %d; want 2 and 2", log.Len(), log.Unclaimed(oplog.NewScope("")))
	}
}

func TestLogTruncatesTimes(t *testing.T) {
	t.Parallel()
	exact := day().Add(999_999 * time.Nanosecond).In(time.FixedZone("CET", 3600))
	op := step("a", checkpoint.StatusPending)
	op.Start, op.End, op.Due = exact, time.Time{}, exact
	want := op
	want.Start, want.Due = day(), day()

	log := oplog.NewLog([]checkpoint.Operation{op})
	got, _ := log.Get(op.ID)
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("NewLog (-want +got):\n%s", diff)
	}
	if got.Start.Location() != time.UTC || got.End != (time.Time{}) {
		t.Errorf("times %v and %v, want UTC and the zero time", got.Start, got.End)
	}
	log.Merge([]checkpoint.Operation{op})
	got, _ = log.Get(op.ID)
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("Merge (-want +got):\n%s", diff)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	a := step("a", checkpoint.StatusStarted)
	log := oplog.NewLog([]checkpoint.Operation{execution(), a})
	before, _ := log.Get(a.ID)
	b := step("b", checkpoint.StatusStarted)
	claim(log, b.ID)

	done := step("a", checkpoint.StatusSucceeded)
	changed := log.Merge([]checkpoint.Operation{execution(), done, b})
	want := []*checkpoint.Operation{&done, &b}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if before.Status != checkpoint.StatusStarted {
		t.Error("a record that was read earlier has changed")
	}
	if now, _ := log.Get(a.ID); now.Status != checkpoint.StatusSucceeded {
		t.Error("the log does not have the newest record")
	}
	if got := log.Unclaimed(oplog.NewScope("")); got != 1 {
		t.Errorf("Unclaimed = %d, want 1: b was claimed before it was merged", got)
	}
	if got := log.Merge([]checkpoint.Operation{done, b}); got != nil {
		t.Errorf("merged again, changed = %+v", got)
	}
}

// Every field of a record counts: whoever waits for a record must learn of each difference.
func TestMergeSeesEachDifference(t *testing.T) {
	t.Parallel()
	base := step("a", checkpoint.StatusPending)
	base.Failure = &checkpoint.Failure{Type: "T", Stack: []string{"f"}}
	tests := []struct {
		reason string
		change func(*checkpoint.Operation)
		same   bool
	}{
		{"nothing", func(*checkpoint.Operation) {}, true},
		{"payload, quoted or not", func(op *checkpoint.Operation) { op.Payload = checkpoint.Payload{} }, true},
		{"parent", func(op *checkpoint.Operation) { op.ParentID = "p" }, false},
		{"name", func(op *checkpoint.Operation) { op.Name = "x" }, false},
		{"sub-type", func(op *checkpoint.Operation) { op.SubType = "x" }, false},
		{"kind", func(op *checkpoint.Operation) { op.Kind = checkpoint.KindWait }, false},
		{"status", func(op *checkpoint.Operation) { op.Status = checkpoint.StatusReady }, false},
		{"start", func(op *checkpoint.Operation) { op.Start = op.Start.Add(time.Second) }, false},
		{"end", func(op *checkpoint.Operation) { op.End = day() }, false},
		{"empty payload", func(op *checkpoint.Operation) { op.Payload = checkpoint.TextPayload("") }, false},
		{"no failure", func(op *checkpoint.Operation) { op.Failure = nil }, false},
		{"failure", func(op *checkpoint.Operation) { op.Failure = &checkpoint.Failure{Type: "T"} }, false},
		{"attempt", func(op *checkpoint.Operation) { op.Attempt = 1 }, false},
		{"due", func(op *checkpoint.Operation) { op.Due = day() }, false},
		{"callback ID", func(op *checkpoint.Operation) { op.CallbackID = "x" }, false},
		{"replay of children", func(op *checkpoint.Operation) { op.ReplayChildren = true }, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			log := oplog.NewLog([]checkpoint.Operation{base})
			op := base
			tt.change(&op)
			if changed := log.Merge([]checkpoint.Operation{op}); (changed == nil) != tt.same {
				t.Errorf("changed = %+v", changed)
			}
		})
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	id := oplog.ID("", "a", "", 0)
	now := day().Add(999 * time.Microsecond)
	failure := &checkpoint.Failure{Type: "Timeout"}
	result, state := checkpoint.TextPayload("1"), checkpoint.TextPayload("s")
	update := func(k checkpoint.Kind, a checkpoint.Action) checkpoint.Update {
		return checkpoint.Update{ID: id, ParentID: "p", Name: "a", SubType: "S", Kind: k, Action: a}
	}
	record := func(k checkpoint.Kind, s checkpoint.Status) checkpoint.Operation {
		return checkpoint.Operation{ID: id, ParentID: "p", Name: "a", SubType: "S", Kind: k, Status: s, Start: day()}
	}
	type change = func(*checkpoint.Operation)
	with := func(op checkpoint.Operation, c change) *checkpoint.Operation { c(&op); return &op }
	started := record(checkpoint.KindStep, checkpoint.StatusStarted)
	ready := record(checkpoint.KindStep, checkpoint.StatusReady)
	ready.Attempt, ready.Payload, ready.Due = 2, state, day()

	succeed := update(checkpoint.KindStep, checkpoint.ActionSucceed)
	succeed.Payload = result
	fail := update(checkpoint.KindStep, checkpoint.ActionFail)
	fail.Failure = failure
	again := update(checkpoint.KindStep, checkpoint.ActionRetry)
	again.Payload, again.NextAttemptDelay = state, time.Minute
	wait := update(checkpoint.KindWait, checkpoint.ActionStart)
	wait.Wait = time.Hour
	group := update(checkpoint.KindContext, checkpoint.ActionSucceed)
	group.ReplayChildren = true
	done := record(checkpoint.KindStep, checkpoint.StatusSucceeded)
	pending := record(checkpoint.KindStep, checkpoint.StatusPending)

	tests := []struct {
		reason string
		before *checkpoint.Operation
		update checkpoint.Update
		want   *checkpoint.Operation // nil: nothing is recorded
	}{
		{"START makes a record", nil, update(checkpoint.KindStep, checkpoint.ActionStart), &started},
		{"START of a wait knows its end", nil, wait, with(record(checkpoint.KindWait, checkpoint.StatusStarted),
			func(op *checkpoint.Operation) { op.Due = day().Add(time.Hour) })},
		{
			"START of a READY step keeps the state it carries", &ready, update(checkpoint.KindStep, checkpoint.ActionStart),
			with(ready, func(op *checkpoint.Operation) { op.Status, op.Due = checkpoint.StatusStarted, time.Time{} }),
		},
		{"START of what has started", &started, update(checkpoint.KindStep, checkpoint.ActionStart), nil},
		{"SUCCEED counts the attempt", &started, succeed, with(started, func(op *checkpoint.Operation) {
			op.Status, op.Attempt, op.Payload = checkpoint.StatusSucceeded, 1, result
		})},
		{"SUCCEED without a START", nil, succeed, with(started, func(op *checkpoint.Operation) {
			op.Status, op.Attempt, op.Payload = checkpoint.StatusSucceeded, 1, result
		})},
		{"FAIL drops the state", &ready, fail, with(ready, func(op *checkpoint.Operation) {
			op.Status, op.Attempt, op.Payload = checkpoint.StatusFailed, 3, checkpoint.Payload{}
			op.Failure, op.Due = failure, time.Time{}
		})},
		{"RETRY says when", &started, again, with(started, func(op *checkpoint.Operation) {
			op.Status, op.Attempt, op.Payload = checkpoint.StatusPending, 1, state
			op.Due = day().Add(time.Minute)
		})},
		{
			"CANCEL", nil, update(checkpoint.KindWait, checkpoint.ActionCancel),
			with(record(checkpoint.KindWait, checkpoint.StatusCancelled), func(*checkpoint.Operation) {}),
		},
		{"a group keeps its children", nil, group, with(record(checkpoint.KindContext, checkpoint.StatusSucceeded),
			func(op *checkpoint.Operation) { op.ReplayChildren = true })},
		{"what is finished stays so", &done, fail, nil},
		{"what waits for its next attempt has been retried already", &pending, again, nil},
		{"an action of a later version", &started, update(checkpoint.KindStep, "PAUSE"), nil},
		{"the execution ends outside of the log", nil, update(checkpoint.KindExecution, checkpoint.ActionSucceed), nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			log := oplog.NewLog(nil)
			if tt.before != nil {
				log.Merge([]checkpoint.Operation{*tt.before})
			}
			if diff := cmp.Diff(tt.want, log.Apply(tt.update, now)); diff != "" {
				t.Errorf("Apply (-want +got):\n%s", diff)
			}
			want := tt.want
			if want == nil {
				want = tt.before
			}
			got, _ := log.Get(id)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Get (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordsComeInOrder(t *testing.T) {
	t.Parallel()
	b, a := step("b", checkpoint.StatusStarted), step("a", checkpoint.StatusStarted)
	log := oplog.NewLog([]checkpoint.Operation{execution(), b})
	claim(log, oplog.ID("", "claimed only", "", 0))
	log.Merge([]checkpoint.Operation{a, step("b", checkpoint.StatusSucceeded)})
	var got []string
	for op := range log.Records() {
		got = append(got, op.Name+" "+string(op.Status))
	}
	if diff := cmp.Diff([]string{"b SUCCEEDED", "a STARTED"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for range log.Records() {
		break // stopping early is allowed
	}
}

//nolint:paralleltest // counts allocations of the whole process
func TestReplayingALogAllocatesLittle(t *testing.T) {
	ops := steps(records)
	root := oplog.NewScope("")
	n := testing.AllocsPerRun(3, func() {
		log := oplog.NewLog(ops)
		for i := range ops {
			var id [64]byte
			log.Claim(append(id[:0], ops[i].ID...))
		}
		if log.Unclaimed(root) != 0 || log.UnclaimedRecords(root) != nil {
			t.Error("a record was not claimed")
		}
	})
	if perRecord := n / records; perRecord > 0.1 {
		t.Errorf("%.2f allocations per record", perRecord)
	}
}

// sameRecords compares logs by what the properties put into them.
func sameRecords(a, b *oplog.Log) string {
	summary := func(log *oplog.Log) (lines []string) {
		for op := range log.Records() {
			lines = append(lines, op.ID+" "+string(op.Status)+" "+strconv.Itoa(op.Attempt))
		}
		return lines
	}
	if x, y := summary(a), summary(b); !slices.Equal(x, y) {
		return cmp.Diff(x, y)
	}
	return ""
}

// TestClaimers: the log knows who has claimed a place first, and places of other claimers are not
// theirs.
func TestClaimers(t *testing.T) {
	t.Parallel()
	id := []byte(oplog.ID("", "charge", "", 0))
	for _, recorded := range []bool{false, true} {
		var ops []checkpoint.Operation
		if recorded {
			ops = []checkpoint.Operation{{ID: string(id), Name: "charge", Kind: checkpoint.KindStep, Status: checkpoint.StatusStarted}}
		}
		l := oplog.NewLog(ops)
		if by := l.ClaimedBy(id); by != 0 {
			t.Errorf("recorded %v: claimed by %d before anyone has claimed it", recorded, by)
		}
		for _, claim := range []struct{ by, before oplog.Claimer }{{7, 0}, {7, 7}, {8, 7}, {7, 7}} {
			rec, name, before := l.ClaimBy(id, claim.by)
			if before != claim.before || name != string(id) || (rec != nil) != recorded {
				t.Errorf("recorded %v: claimed by %d, then by %d: %v, %s, %d", recorded, claim.before, claim.by, rec, name, before)
			}
		}
		if by := l.ClaimedBy(id); by != 7 || !l.AllClaimed() {
			t.Errorf("recorded %v: claimed by %d", recorded, by)
		}
	}
}
