package local_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestEventsAreNumbered: the events of an execution are numbered from one without gaps, however
// many updates a call has and however many calls there are.
func TestEventsAreNumbered(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][]int{{1}, {2, 1}, {63}, {64, 1}, {65}, {99, 101}, {128, 129}, {249}, {250, 250}, {1, 250, 2}} {
		events := 1 // the execution starts
		e := inside(t, func(k *talk) string {
			for call, size := range sizes {
				updates := make([]checkpoint.Update, 0, size)
				for i := range size {
					id := strconv.Itoa(call) + "-" + strconv.Itoa(i/2)
					if i%2 == 0 {
						updates = append(updates, stepStart(id))
					} else {
						updates = append(updates, stepSucceed(id, "1"))
					}
				}
				k.must(t, updates...)
				events += size
			}
			return ""
		})
		history := e.History()
		if len(history) < events {
			t.Errorf("calls of %v updates: %d events, want at least %d", sizes, len(history), events)
		}
		seen := make(map[int]local.Event)
		for i, ev := range history {
			if before, twice := seen[ev.ID]; ev.ID != i+1 {
				t.Errorf("calls of %v updates: event %d, %s of %q, has the number %d (twice: %t, %s of %q)",
					sizes, i+1, ev.Type, ev.Name, ev.ID, twice, before.Type, before.Name)
				break
			}
			seen[ev.ID] = ev
		}
	}
}

// TestExecutionEventsHaveAnID: the events of the execution itself carry the ID of its EXECUTION
// operation, the last segment of the ARN. AWS's test libraries refuse a history without it.
func TestExecutionEventsHaveAnID(t *testing.T) {
	t.Parallel()
	answer := func(text string) local.HandlerFunc {
		return func(context.Context, []byte) ([]byte, error) { return []byte(text), nil }
	}
	waits := function(func(k *talk) (string, error) {
		_, err := k.send(waitStart("w", 48*time.Hour))
		return pending, err
	})
	for _, tt := range []struct {
		reason  string
		handler local.Handler
		opts    []local.HostOption
		end     func(*local.Execution) error
		want    local.EventType
	}{
		{"the function succeeds", answer(`{"Status":"SUCCEEDED"}`), nil, nil, local.EventExecutionSucceeded},
		{"the function fails", answer(`{"Status":"FAILED"}`), nil, nil, local.EventExecutionFailed},
		{"it answers nonsense four times", answer(`{}`), nil, nil, local.EventExecutionFailed},
		{"it is not durable", answer(`1`), []local.HostOption{local.WithPlainFunction()}, nil, local.EventExecutionSucceeded},
		{"its time is over", waits, []local.HostOption{local.WithExecutionTimeout(time.Hour)}, nil, local.EventExecutionTimedOut},
		{"it is stopped", waits, nil, func(e *local.Execution) error { return e.Stop(nil) }, local.EventExecutionStopped},
		{
			"it ends by a checkpoint", function(func(k *talk) (string, error) {
				_, err := k.send(update(checkpoint.KindExecution, checkpoint.ActionSucceed, "any"))
				return `{"Status":"SUCCEEDED"}`, err
			}), nil, nil, local.EventExecutionSucceeded,
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, _ := newVirtual(t)
			if err := s.Host("f", tt.handler, tt.opts...); err != nil {
				t.Fatal(err)
			}
			e, err := s.Start(t.Context(), "f", "order-1", []byte(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			if tt.end != nil {
				err = e.RunUntilSuspended(t.Context())
				if err == nil {
					err = tt.end(e)
				}
			} else {
				err = e.Drive(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			history := e.History()
			first, last := history[0], history[len(history)-1]
			if first.Type != local.EventExecutionStarted || last.Type != tt.want {
				t.Fatalf("the history is from %s to %s, want from ExecutionStarted to %s", first.Type, last.Type, tt.want)
			}
			id := e.ARN()[strings.LastIndexByte(e.ARN(), '/')+1:]
			for _, ev := range []local.Event{first, last} {
				if ev.OperationID != id || ev.ParentID != "" || ev.SubType != "" {
					t.Errorf("%s is of the operation %q (parent %q, subtype %q), want %q", ev.Type, ev.OperationID, ev.ParentID, ev.SubType, id)
				}
			}
			for _, ev := range history[1 : len(history)-1] {
				if ev.Type == local.EventInvocationCompleted && ev.OperationID != "" {
					t.Errorf("the end of an invocation is of the operation %q", ev.OperationID)
				}
			}
		})
	}
}

// TestEventsKeptWithoutAnID: a store may hold events of executions that an earlier version has
// written, without an ID of the execution; they are read with it.
func TestEventsKeptWithoutAnID(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST/durable-execution/old/0a1b"
	for _, tt := range []struct {
		reason string
		status local.Status
		events []local.EventType
	}{
		{"an execution that has ended", local.StatusSucceeded, []local.EventType{local.EventExecutionStarted, local.EventExecutionSucceeded}},
		{"an execution that goes on", local.StatusRunning, []local.EventType{local.EventExecutionStarted}},
	} {
		store := local.NewMemoryStore()
		tr := local.Transition{Execution: local.ExecutionRecord{
			ARN: arn, Name: "old", Function: "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST", Status: tt.status, Start: start, End: start,
		}}
		for i, kind := range tt.events {
			tr.Events = append(tr.Events, local.Event{ID: i + 1, Type: kind, Time: start})
		}
		if err := store.Commit(tr); err != nil {
			t.Fatal(err)
		}
		s := local.New(local.WithStore(store), local.WithClock(local.NewVirtualClock(start)))
		for _, reverse := range []bool{false, true} {
			events, _, err := s.Events(arn, 0, 10, reverse)
			if err != nil || len(events) != len(tt.events) {
				t.Fatalf("%s: %d events, %v", tt.reason, len(events), err)
			}
			for _, ev := range events {
				if ev.OperationID != "0a1b" {
					t.Errorf("%s, reverse %t: %s is of the operation %q, want 0a1b", tt.reason, reverse, ev.Type, ev.OperationID)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		kept, err := store.Events(arn, 0, 1)
		if err != nil || kept[0].OperationID != "" {
			t.Errorf("%s: reading has changed what is kept: %+v, %v", tt.reason, kept, err)
		}
	}
}
