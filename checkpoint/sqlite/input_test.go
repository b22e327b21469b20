package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

const largeBytes = 1 << 20

// TestInputIsWrittenOnce: what is written does not grow with the transitions times the input.
func TestInputIsWrittenOnce(t *testing.T) {
	t.Parallel()
	path := file(t)
	s := open(t, path)
	tr := withInput(largeBytes)
	for n := range 10 {
		tr.Execution.Invocations = n
		commit(t, s, tr)
	}
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(2 * largeBytes); info.Size() > most {
		t.Errorf("ten transitions with an input of %d bytes have written %d, at most %d are allowed", largeBytes, info.Size(), most)
	}
	expect(t, s, tr)
}

// withInput is a transition of an execution with an input of that many bytes.
func withInput(bytes int) local.Transition {
	input := checkpoint.TextPayload(strings.Repeat("x", bytes))
	return local.Transition{
		Execution: local.ExecutionRecord{ARN: "one", Name: "n", Function: "f", Status: local.StatusRunning, Input: input},
		Records: []local.Record{{Operation: checkpoint.Operation{
			ID: "one", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Payload: input,
		}}},
	}
}

// expect expects what a transition says of its execution.
func expect(t *testing.T, s local.Store, want local.Transition) {
	t.Helper()
	got, err := s.Load(want.Execution.ARN)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Execution, got.Execution); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Records, got.Records[:len(want.Records)]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestInputIsKept: whatever a store has written before, and whatever of it was taken back, an
// execution has the input of its last transition.
func TestInputIsKept(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		between      func(t *testing.T, s local.Store, path string)
		then         func(tr *local.Transition)
	}{
		{name: "nothing happens", reason: "the input is there already"},
		{
			name: "a failure", reason: "a transition that was taken back has not written the input",
			between: func(t *testing.T, s local.Store, _ string) {
				t.Helper()
				bad := withInput(7)
				bad.Events = []local.Event{{ID: 1}, {ID: 1}}
				if err := s.Commit(bad); err == nil {
					t.Error("two events have the same number")
				}
			},
		},
		{
			name: "another input", reason: "a transition says what the state is after it",
			then: func(tr *local.Transition) { tr.Execution.Input = checkpoint.TextPayload("other") },
		},
		{
			name: "no input", reason: "a transition says what the state is after it",
			then: func(tr *local.Transition) { tr.Execution.Input = checkpoint.Payload{} },
		},
		{
			name: "another payload of the EXECUTION", reason: "only one that is the input is left out",
			then: func(tr *local.Transition) { tr.Records[0].Payload = checkpoint.TextPayload("other") },
		},
		{
			name: "the execution is deleted by another program", reason: "it is written again, with its input",
			between: func(t *testing.T, _ local.Store, path string) {
				t.Helper()
				change(t, path, `DELETE FROM executions; DELETE FROM inputs`)
			},
		},
		{
			name: "an end", reason: "one that has ended may still close",
			then: func(tr *local.Transition) {
				tr.Execution.Status, tr.Execution.End = local.StatusSucceeded, time.UnixMilli(5).UTC()
				tr.Execution.Result = checkpoint.TextPayload("")
			},
		},
	}
	for _, first := range []bool{false, true} { // whether the failure is the first transition
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s/first=%v", tt.name, first), func(t *testing.T) {
				t.Parallel()
				path := file(t)
				s := open(t, path)
				if !first {
					commit(t, s, withInput(5))
				}
				if tt.between != nil {
					tt.between(t, s, path)
				}
				for range 2 {
					tr := withInput(5)
					if tt.then != nil {
						tr.Records = append([]local.Record{}, tr.Records...)
						tt.then(&tr)
					}
					commit(t, s, tr)
					expect(t, s, tr)
				}
			})
		}
	}
}

// change changes a file as another program would that has no lock to respect.
func change(t *testing.T, path, statements string) {
	t.Helper()
	c, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

// TestInputOfAnEarlierVersion: an execution that an earlier version has begun keeps its input when
// it goes on, and lists leave it out before and after.
func TestInputOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "version-2.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := file(t)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	tr := versionTransitions()[0]
	tr.Events, tr.Clear, tr.Set = nil, nil, nil
	for range 2 {
		expect(t, s, tr)
		all, err := s.List(local.Query{Function: tr.Execution.Function})
		if err != nil || len(all) != 1 || all[0].Input.Present() || all[0].Tenant != "blue" {
			t.Errorf("the list is %+v, %v", all, err)
		}
		tr.Execution.Invocations++
		commit(t, s, tr)
	}
	tr.Execution.Input = checkpoint.Payload{}
	commit(t, s, tr)
	expect(t, s, tr)
}
