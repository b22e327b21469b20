package replay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// stepStatus is one case of the table of statuses, and what must come of it.
type stepStatus struct {
	reason    string
	log       []checkpoint.Operation
	semantics op.Semantics
	policy    retry.Policy
	opts      []replay.HandlerOption

	// attempts are the numbers that the body saw, durable the calls that were answered when it
	// began.
	attempts []int
	durable  []int
	calls    []string
	answer   string
}

func stepStatuses() []stepStatus {
	const (
		least  = op.AtLeastOncePerRetry
		most   = op.AtMostOncePerRetry
		failed = checkpoint.StatusFailed
	)
	never := retry.Never()
	again := retry.Fixed(0)
	ready := stepRecord("charge", checkpoint.StatusReady, withAttempt(2))
	started := stepRecord("charge", checkpoint.StatusStarted)
	secondStarted := stepRecord("charge", checkpoint.StatusStarted, withAttempt(1))
	pending := stepRecord("charge", checkpoint.StatusPending, withAttempt(1))
	log := func(op checkpoint.Operation) []checkpoint.Operation { return []checkpoint.Operation{op} }
	quiet := []replay.HandlerOption{replay.WithReadyStart(false)}
	return []stepStatus{
		{
			reason: "no record: START is not awaited and travels with the completion", semantics: least,
			attempts: []int{1}, durable: []int{0}, calls: []string{"START charge, SUCCEED charge"}, answer: `SUCCEEDED "paid 1"`,
		},
		{
			reason: "no record: START is durable before the body begins", semantics: most,
			attempts: []int{1}, durable: []int{1}, calls: []string{"START charge", "SUCCEED charge"}, answer: `SUCCEEDED "paid 1"`,
		},
		{
			reason: "STARTED: the body runs again without another START", semantics: least, log: log(started),
			attempts: []int{1}, durable: []int{0}, calls: []string{"SUCCEED charge"}, answer: `SUCCEEDED "paid 1"`,
		},
		{
			reason: "STARTED in the second attempt: it is still the second one", semantics: least, log: log(secondStarted),
			attempts: []int{2}, durable: []int{0}, calls: []string{"SUCCEED charge"}, answer: `SUCCEEDED "paid 2"`,
		},
		{
			reason: "STARTED: the attempt was interrupted, and without a policy it was the only one", semantics: most,
			log: log(started), policy: never, calls: []string{"FAIL charge"},
			answer: "FAILED Interrupted: interrupted before its result was recorded",
		},
		{
			reason: "STARTED: the interrupted attempt is consumed and the policy asked", semantics: most,
			log: log(started), policy: again, calls: []string{"RETRY charge"}, answer: "PENDING",
		},
		{
			reason: "STARTED in the last attempt: the policy says no", semantics: most, policy: retry.Fixed(0, retry.MaxAttempts(2)),
			log: log(secondStarted), calls: []string{"FAIL charge"},
			answer: "FAILED Interrupted: interrupted before its result was recorded",
		},
		{
			reason: "READY: START is sent again", semantics: least, log: log(ready),
			attempts: []int{3}, durable: []int{0}, calls: []string{"START charge, SUCCEED charge"}, answer: `SUCCEEDED "paid 3"`,
		},
		{
			reason: "READY without START", semantics: least, log: log(ready), opts: quiet,
			attempts: []int{3}, durable: []int{0}, calls: []string{"SUCCEED charge"}, answer: `SUCCEEDED "paid 3"`,
		},
		{
			reason: "READY: START is durable before the body begins", semantics: most, log: log(ready),
			attempts: []int{3}, durable: []int{1}, calls: []string{"START charge", "SUCCEED charge"}, answer: `SUCCEEDED "paid 3"`,
		},
		{
			reason: "READY: at-most-once cannot do without START", semantics: most, log: log(ready), opts: quiet,
			attempts: []int{3}, durable: []int{1}, calls: []string{"START charge", "SUCCEED charge"}, answer: `SUCCEEDED "paid 3"`,
		},
		{reason: "PENDING: the pause is not over", semantics: least, log: log(pending), answer: "PENDING"},
		{reason: "PENDING: the pause is not over", semantics: most, log: log(pending), answer: "PENDING"},
		{
			reason: "SUCCEEDED: the result is read", semantics: least, answer: `SUCCEEDED "paid before"`,
			log: log(stepRecord("charge", checkpoint.StatusSucceeded, withResult(`"paid before"`))),
		},
		{
			reason: "SUCCEEDED: the result is read", semantics: most, answer: `SUCCEEDED "paid before"`,
			log: log(stepRecord("charge", checkpoint.StatusSucceeded, withResult(`"paid before"`))),
		},
		{
			reason: "SUCCEEDED without a payload is the zero value", semantics: least, answer: `SUCCEEDED ""`,
			log: log(stepRecord("charge", checkpoint.StatusSucceeded)),
		},
		{
			reason: "FAILED: the failure is read", semantics: least, answer: "FAILED DeclinedError: no funds",
			log: log(stepRecord("charge", failed, withFailure(checkpoint.Failure{Type: "DeclinedError", Message: "no funds"}))),
		},
		{
			reason: "FAILED: the failure is read", semantics: most, answer: "FAILED DeclinedError: no funds",
			log: log(stepRecord("charge", failed, withFailure(checkpoint.Failure{Type: "DeclinedError", Message: "no funds"}))),
		},
		{
			reason: "CANCELLED is a failure", semantics: least, answer: "FAILED CANCELLED: the operation ended as CANCELLED",
			log: log(stepRecord("charge", checkpoint.StatusCancelled)),
		},
		{
			reason: "STOPPED is a failure", semantics: least, answer: "FAILED STOPPED: the operation ended as STOPPED",
			log: log(stepRecord("charge", checkpoint.StatusStopped)),
		},
		{
			reason: "TIMED_OUT is a failure", semantics: most, answer: "FAILED TIMED_OUT: the operation ended as TIMED_OUT",
			log: log(stepRecord("charge", checkpoint.StatusTimedOut)),
		},
	}
}

func TestStepOnEveryStatusOfItsRecord(t *testing.T) {
	t.Parallel()
	for _, tt := range stepStatuses() {
		for _, via := range []string{"Run", "Go"} {
			t.Run(fmt.Sprintf("%s/%d/%s", via, tt.semantics, tt.reason), func(t *testing.T) {
				t.Parallel()
				client := &tape{}
				var attempts, durable []int
				opts := []op.StepOption{op.WithSemantics(tt.semantics)}
				if tt.policy != nil {
					opts = append(opts, op.WithRetry(tt.policy))
				}
				charge := op.Step("charge", func(ctx context.Context) (string, error) {
					info, _ := op.InfoFrom(ctx)
					attempts = append(attempts, info.Attempt)
					durable = append(durable, client.accepted())
					return fmt.Sprint("paid ", info.Attempt), nil
				}, opts...)
				f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					if via == "Go" {
						return replay.Run(ctx, replay.Go(ctx, charge).Result())
					}
					return replay.Run(ctx, charge)
				}, tt.opts...)

				answer := once(t, f, client, tt.log...)
				if answer != tt.answer {
					t.Errorf("answer %s, want %s", answer, tt.answer)
				}
				if diff := cmp.Diff(tt.calls, client.calls()); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.attempts, attempts); diff != "" {
					t.Errorf("attempts (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.durable, durable); diff != "" {
					t.Errorf("calls answered before the body (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestStepThatDidNotSucceedHasAnIdentity(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		status checkpoint.Status
		want   error
	}{
		{"a cancelled step was stopped", checkpoint.StatusCancelled, op.ErrStopped},
		{"a stopped step was stopped", checkpoint.StatusStopped, op.ErrStopped},
		{"a step that timed out", checkpoint.StatusTimedOut, op.ErrTimedOut},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got error
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				got = replay.Exec(ctx, op.Do("charge", func(context.Context) error { return nil }))
				return op.None{}, nil
			})
			if answer := once(t, f, &tape{}, stepRecord("charge", tt.status)); answer != "SUCCEEDED {}" {
				t.Fatalf("answer %s", answer)
			}
			if !errors.Is(got, tt.want) {
				t.Errorf("errors.Is(%v, %v) = false", got, tt.want)
			}
		})
	}
}
