package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/cschleiden/go-workflows/backend"
	"github.com/cschleiden/go-workflows/backend/converter"
	"github.com/cschleiden/go-workflows/backend/history"
	"github.com/cschleiden/go-workflows/backend/metadata"
	"github.com/cschleiden/go-workflows/backend/payload"
	"github.com/cschleiden/go-workflows/core"
	"github.com/cschleiden/go-workflows/registry"
	"github.com/cschleiden/go-workflows/workflow"
	"github.com/cschleiden/go-workflows/workflow/executor"
	"go.opentelemetry.io/otel/trace/noop"
)

// events are a history that is in memory.
type events []*history.Event

// GetWorkflowInstanceHistory implements executor.WorkflowHistoryProvider.
func (e events) GetWorkflowInstanceHistory(context.Context, *core.WorkflowInstance, *int64) ([]*history.Event, error) {
	return e, nil
}

// goWorkflows drives the executor of go-workflows, without a backend around it.
func goWorkflows(ctx context.Context) (peer, error) {
	result := payload.Payload(`"` + strings.Repeat("x", resultBytes-len(`""`)) + `"`)
	recorded, err := goRun(ctx, goSteps(replayed), replayed, result)
	if err != nil {
		return peer{}, err
	}
	bytes, err := json.Marshal(recorded)
	if err != nil {
		return peer{}, err
	}
	return peer{
		name: "go-workflows " + version("github.com/cschleiden/go-workflows"),
		replay: func(ctx context.Context) (float64, error) {
			began := time.Now()
			var past events
			if err := json.Unmarshal(bytes, &past); err != nil {
				return 0, err
			}
			x, instance, err := goExecutor(goSteps(replayed), past)
			if err != nil {
				return 0, err
			}
			defer x.Close()
			if _, err := x.ExecuteTask(ctx, &backend.WorkflowTask{
				WorkflowInstance: instance, LastSequenceID: past[len(past)-1].SequenceID,
			}); err != nil {
				return 0, err
			}
			return perStep(time.Since(began), replayed), nil
		},
		first: func(ctx context.Context) (float64, error) {
			began := time.Now()
			if _, err := goRun(ctx, goSteps(run), run, payload.Payload(`""`)); err != nil {
				return 0, err
			}
			return perStep(time.Since(began), run), nil
		},
	}, nil
}

// chargeCard is what the activities are declared by. It does not run: their results are given.
func chargeCard(context.Context, int) (string, error) {
	return "", errors.New("an activity ran whose result is given")
}

// goSteps is a workflow of n activities, one after the other, and a timer.
func goSteps(n int) func(workflow.Context) error {
	return func(ctx workflow.Context) error {
		for i := range n {
			if _, err := workflow.ExecuteActivity[string](ctx, workflow.ActivityOptions{RetryOptions: workflow.RetryOptions{MaxAttempts: 1}}, chargeCard, i).Get(ctx); err != nil {
				return err
			}
		}
		return workflow.Sleep(ctx, time.Hour)
	}
}

func goExecutor(steps func(workflow.Context) error, past events) (executor.WorkflowExecutor, *core.WorkflowInstance, error) {
	r := registry.New()
	if err := r.RegisterWorkflow(steps, registry.WithName("steps")); err != nil {
		return nil, nil, err
	}
	instance := core.NewWorkflowInstance("order-42", "1")
	const most = 1 << 30 // events
	x, err := executor.NewExecutor(slog.New(slog.DiscardHandler), noop.NewTracerProvider().Tracer(""), r,
		converter.DefaultConverter, nil, past, instance, &metadata.WorkflowMetadata{}, clock.New(), most)
	return x, instance, err
}

// goRun runs a workflow of n activities, each of which has this result, until it waits for its
// timer, and returns its history.
func goRun(ctx context.Context, steps func(workflow.Context) error, n int, result payload.Payload) (events, error) {
	x, instance, err := goExecutor(steps, nil)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	var all events
	next := history.NewPendingEvent(time.Now(), history.EventType_WorkflowExecutionStarted,
		&history.ExecutionStartedAttributes{Name: "steps", Metadata: &metadata.WorkflowMetadata{}})
	for ended := 0; ; ended++ {
		last := int64(0)
		if len(all) > 0 {
			last = all[len(all)-1].SequenceID
		}
		done, err := x.ExecuteTask(ctx, &backend.WorkflowTask{
			WorkflowInstance: instance, LastSequenceID: last, NewEvents: []*history.Event{next},
		})
		if err != nil {
			return nil, err
		}
		all = append(all, done.Executed...)
		if len(done.ActivityEvents) == 0 {
			if ended != n || len(done.TimerEvents) != 1 {
				return nil, fmt.Errorf("%d of %d activities ran, and %d timers are set", ended, n, len(done.TimerEvents))
			}
			return all, nil
		}
		if len(done.ActivityEvents) > 1 {
			return nil, errors.New("more than one activity at once")
		}
		next = history.NewPendingEvent(time.Now(), history.EventType_ActivityCompleted,
			&history.ActivityCompletedAttributes{Result: result},
			history.ScheduleEventID(done.ActivityEvents[0].ScheduleEventID))
	}
}
