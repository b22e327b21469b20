package handlers

import (
	"context"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// until returns a check that counts up to n.
func until(n int) func(context.Context, int) (int, bool, error) {
	return func(_ context.Context, count int) (int, bool, error) {
		count++
		return count, count >= n, nil
	}
}

func countTo(ctx op.Context, n int) (int, error) {
	return replay.Run(ctx, op.WaitForCondition("count", 0, until(n)))
}

func metAtOnce(ctx op.Context, n int) (int, error) {
	return replay.Run(ctx, op.WaitForCondition("met", n, func(_ context.Context, state int) (int, bool, error) {
		return state, state >= n, nil
	}))
}

func pollStatus(ctx op.Context, n int) (int, error) {
	return replay.Run(ctx, op.WaitForCondition("poll-status", 0, until(n)))
}

func countFromFive(ctx op.Context, n int) (int, error) {
	return replay.Run(ctx, op.WaitForCondition("count", 5, until(n)))
}

func countEveryTwoSeconds(ctx op.Context, n int) (int, error) {
	return replay.Run(ctx, op.WaitForCondition("count", 0, until(n), op.WithPolling(retry.Fixed(2*time.Second))))
}

func neverMet(ctx op.Context, _ int) (int, error) {
	return replay.Run(ctx, op.WaitForCondition("count", 0, func(_ context.Context, state int) (int, bool, error) {
		return state + 1, false, nil
	}, op.WithPolling(retry.Fixed(time.Second, retry.MaxAttempts(3)))))
}

// broken is a condition whose check fails.
func broken() op.Op[string] {
	return op.WaitForCondition("broken", "", func(_ context.Context, state string) (string, bool, error) {
		return state, false, errRefused
	})
}

func checkFails(ctx op.Context, _ op.None) (string, error) { return replay.Run(ctx, broken()) }

func checkFailsCaught(ctx op.Context, _ op.None) (string, error) {
	state, err := replay.Run(ctx, broken())
	if err != nil {
		return "recovered", nil //nolint:nilerr // the error is what the function recovers from
	}
	return state, nil
}

// Job is the state of work that goes on elsewhere.
type Job struct {
	Status   string `json:"status"`
	Attempts int    `json:"attempts"`
}

func pollJob(ctx op.Context, _ op.None) (Job, error) {
	return replay.Run(ctx, op.WaitForCondition("poll-job", Job{Status: "PENDING"},
		func(_ context.Context, job Job) (Job, bool, error) {
			job.Attempts++
			if job.Attempts == 2 {
				job.Status = "DONE"
			}
			return job, job.Status == "DONE", nil
		}))
}

func metWithNil(ctx op.Context, _ op.None) (*Job, error) {
	return replay.Run(ctx, op.WaitForCondition("met", &Job{}, func(context.Context, *Job) (*Job, bool, error) {
		return nil, true, nil
	}))
}
