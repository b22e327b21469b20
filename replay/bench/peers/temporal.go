package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
)

// temporal replays with Temporal's WorkflowReplayer.
func temporal(context.Context) (peer, error) {
	history, err := temporalHistory(replayed)
	if err != nil {
		return peer{}, err
	}
	bytes, err := proto.Marshal(history)
	if err != nil {
		return peer{}, err
	}
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(temporalSteps, workflow.RegisterOptions{Name: "steps"})
	return peer{
		name: "Temporal " + version("go.temporal.io/sdk"),
		replay: func(context.Context) (float64, error) {
			began := time.Now()
			var h historypb.History
			if err := proto.Unmarshal(bytes, &h); err != nil {
				return 0, err
			}
			if err := replayer.ReplayWorkflowHistory(quiet, &h); err != nil {
				return 0, err
			}
			return perStep(time.Since(began), replayed), nil
		},
		note: "its first run needs a server",
	}, nil
}

// temporalSteps is a workflow of activities, one after the other.
func temporalSteps(ctx workflow.Context) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for i := range replayed {
		var result string
		if err := workflow.ExecuteActivity(ctx, "charge-card", i).Get(ctx, &result); err != nil {
			return "", err
		}
		if len(result) != resultBytes-len(`""`) {
			return "", fmt.Errorf("the result of activity %d is %q", i, result)
		}
	}
	return "paid", nil
}

// temporalHistory is the history of a workflow of n activities that has ended.
func temporalHistory(n int) (*historypb.History, error) {
	payloads := func(v any) (*commonpb.Payloads, error) { return converter.GetDefaultDataConverter().ToPayloads(v) }
	result, err := payloads(strings.Repeat("x", resultBytes-len(`""`)))
	if err != nil {
		return nil, err
	}
	paid, err := payloads("paid")
	if err != nil {
		return nil, err
	}
	h := &historypb.History{}
	add := func(e *historypb.HistoryEvent) int64 {
		e.EventId = int64(len(h.Events)) + 1
		h.Events = append(h.Events, e)
		return e.EventId
	}
	queue := &taskqueuepb.TaskQueue{Name: "orders"}
	task := func() int64 {
		scheduled := add(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
			Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{
				WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{TaskQueue: queue},
			},
		})
		started := add(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
			Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{
				WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{ScheduledEventId: scheduled},
			},
		})
		return add(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
			Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
				WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
					ScheduledEventId: scheduled, StartedEventId: started,
				},
			},
		})
	}
	add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
				WorkflowType: &commonpb.WorkflowType{Name: "steps"}, TaskQueue: queue, OriginalExecutionRunId: "run",
			},
		},
	})
	done := task()
	for i := range n {
		input, err := payloads(i)
		if err != nil {
			return nil, err
		}
		scheduled := add(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
			Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
				ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
					ActivityType: &commonpb.ActivityType{Name: "charge-card"}, TaskQueue: queue, Input: input,
					ActivityId: strconv.FormatInt(int64(len(h.Events))+1, 10), WorkflowTaskCompletedEventId: done,
				},
			},
		})
		started := add(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
			Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
				ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{ScheduledEventId: scheduled},
			},
		})
		add(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
			Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
				ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
					Result: result, ScheduledEventId: scheduled, StartedEventId: started,
				},
			},
		})
		done = task()
	}
	add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{
				Result: paid, WorkflowTaskCompletedEventId: done,
			},
		},
	})
	return h, nil
}
