package sqlite_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestFileFormat: the file has a write-ahead log and room for checksums.
func TestFileFormat(t *testing.T) {
	t.Parallel()
	path := file(t)
	closeStore(t, open(t, path))
	header, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// https://www.sqlite.org/fileformat.html: the versions for writing and for reading, and the
	// bytes of each page that are kept for something else.
	if diff := cmp.Diff([]byte{2, 2, 8}, header[18:21]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// versions is how many versions of the schema have a file in testdata. A file is never rewritten
// when its version has been released.
const versions = 4

// TestEarlierVersions: every version of perdure opens the files of all before it, and can go on
// with them.
func TestEarlierVersions(t *testing.T) {
	t.Parallel()
	model := local.NewMemoryStore()
	commit(t, model, versionTransitions()...)
	for version := 1; version <= versions; version++ {
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			t.Parallel()
			kept := filepath.Join("testdata", fmt.Sprintf("version-%d.db", version))
			if *update && version == versions {
				if err := os.Remove(kept); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
				s := open(t, kept)
				commit(t, s, versionTransitions()...)
				commit(t, s, withPayloads())
				commit(t, s, thatIsPaused())
				closeStore(t, s)
				if err := os.Remove(kept + "-lock"); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(kept)
			if err != nil {
				t.Fatal(err)
			}
			path := file(t)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, path)
			if diff := cmp.Diff(content(model), content(s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if version >= versionOfInputs {
				expectPayloads(t, s)
			}
			if version >= versionOfPauses {
				expectPaused(t, s)
			}
			again := versionTransitions()[1]
			again.Events[0].ID = 2
			commit(t, s, again)
		})
	}
}

// versionOfInputs is the first version of the schema in which inputs and results are outside of
// records.
const versionOfInputs = 3

// withPayloads is an execution with an input and a result, of which each is kept once.
func withPayloads() local.Transition {
	at := time.UnixMilli(1_772_442_000_123).UTC()
	input := checkpoint.TextPayload("{\"id\":\"\\u0000 \x00é\"}")
	return local.Transition{
		Execution: local.ExecutionRecord{
			ARN: "payloads", Name: "A-3", Function: "order", Status: local.StatusSucceeded, Start: at, End: at.Add(time.Hour),
			Input: input, Result: checkpoint.TextPayload(""), Closing: true, // else it would be deleted one day
		},
		Records: []local.Record{
			{Operation: checkpoint.Operation{ID: "payloads", Kind: checkpoint.KindExecution, Status: checkpoint.StatusSucceeded, Payload: input}},
			{Operation: checkpoint.Operation{ID: "step", Kind: checkpoint.KindStep, Status: checkpoint.StatusSucceeded, Payload: input}},
		},
	}
}

// versionOfPauses is the first version of the schema in which executions may be paused.
const versionOfPauses = 4

// thatIsPaused is an execution that is paused.
func thatIsPaused() local.Transition {
	at := time.UnixMilli(1_772_442_000_123).UTC()
	pause := local.Pause{Requested: at.Add(time.Second), At: at.Add(time.Minute), Reason: "bad deploy", TimeoutPaused: true}
	id := checkpoint.Operation{ID: "paused", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted}
	return local.Transition{
		Execution: local.ExecutionRecord{
			ARN: "paused", Name: "A-4", Function: "order", Status: local.StatusPaused, Start: at, Pause: pause, Extended: time.Hour, Due: true,
		},
		Records: []local.Record{{Operation: id}},
		Events: []local.Event{{
			ID: 1, Type: local.EventExecutionPaused, OperationID: "paused", Time: pause.At, Requested: pause.Requested,
			Reason: pause.Reason, TimeoutPaused: true,
		}},
	}
}

func expectPaused(t *testing.T, s local.Store) {
	t.Helper()
	want := thatIsPaused()
	got, err := s.Load(want.Execution.ARN)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(local.Snapshot{Execution: want.Execution, Records: want.Records}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	events, err := s.Events(want.Execution.ARN, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Events, events); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	left, err := s.List(local.Query{Unfinished: true, Status: []local.Status{local.StatusPaused}})
	if err != nil || len(left) != 1 {
		t.Errorf("paused and not finished: %v, %v", left, err)
	}
}

func expectPayloads(t *testing.T, s local.Store) {
	t.Helper()
	want := withPayloads()
	got, err := s.Load(want.Execution.ARN)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(local.Snapshot{Execution: want.Execution, Records: want.Records}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// versionTransitions use every column and every table.
func versionTransitions() []local.Transition {
	at := time.UnixMilli(1_772_442_000_123).UTC()
	return []local.Transition{
		{
			Execution: local.ExecutionRecord{
				ARN: "even", Name: "A-1", Function: "arn:aws:lambda:us-east-1:123456789012:function:order:7", Tenant: "blue",
				ParentARN: "parent", ParentOperation: "call", Input: checkpoint.TextPayload(`{"id":"A-1"}`), Status: local.StatusRunning,
				Start: at, Timeout: time.Hour, Invocations: 3, InvocationStart: at.Add(time.Second), Due: true,
				Updated: []string{"nap"}, FailedInRow: 1, InvalidInRow: 2, Metered: 4, DataBytes: 500,
			},
			Records: []local.Record{
				{Operation: checkpoint.Operation{
					ID: "charge", Name: "charge", SubType: "Step", Kind: checkpoint.KindStep, Status: checkpoint.StatusPending,
					Start: at, Attempt: 2, Due: at.Add(time.Minute), Failure: &checkpoint.Failure{
						Type: "Declined", Message: "no money", Data: "17", Stack: []string{"a", "b"},
					},
				}},
				{
					Operation: checkpoint.Operation{
						ID: "nap", ParentID: "group", Name: "nap", SubType: "Wait", Kind: checkpoint.KindWait,
						Status: checkpoint.StatusSucceeded, Start: at, End: at.Add(time.Second), Due: at.Add(time.Second),
					},
					Wait: time.Second,
				},
				{
					Operation: checkpoint.Operation{ID: "ask", Kind: checkpoint.KindCallback, Status: checkpoint.StatusStarted, Start: at, CallbackID: "cb"},
					Heartbeat: time.Minute,
				},
				{
					Operation: checkpoint.Operation{ID: "call", Kind: checkpoint.KindChainedInvoke, Status: checkpoint.StatusStarted, Start: at},
					Function:  "payment", Tenant: "blue", Input: checkpoint.TextPayload(`1`), Target: "target",
				},
			},
			Events: []local.Event{{ID: 1, Type: local.EventStepStarted, OperationID: "charge", Name: "charge", Time: at}},
			Set: []local.Timer{
				{TimerKey: local.TimerKey{Operation: "charge", Purpose: local.PurposeAttempt}, At: at.Add(time.Minute)},
				{TimerKey: local.TimerKey{Purpose: local.PurposeExecutionTimeout}, At: at.Add(time.Hour)},
			},
		},
		{
			Execution: local.ExecutionRecord{
				ARN: "odd", Name: "A-2", Function: "order", Plain: true, Status: local.StatusFailed, Start: at, End: at.Add(time.Hour),
				Failure: &checkpoint.Failure{Type: "Timeout"}, Closing: true,
			},
			Records: []local.Record{{Operation: checkpoint.Operation{
				ID: "group", Kind: checkpoint.KindContext, Status: checkpoint.StatusSucceeded, Start: at, End: at,
				Payload: checkpoint.TextPayload("null"), ReplayChildren: true,
			}}},
			Events: []local.Event{{ID: 1, Type: local.EventInvocationCompleted, RequestID: "r", Time: at, Start: at, End: at}},
		},
	}
}
