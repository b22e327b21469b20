package lambdaapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// pause serves PauseDurableExecution.
func (f *front) pause(r request) (any, error) {
	var in struct {
		ClientToken, Reason string
		// TimeoutPaused is nil for the default, which is true.
		TimeoutPaused *bool `json:"ExecutionTimeoutPaused"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := checkClientToken(in.ClientToken); err != nil {
		return nil, err
	}
	return accepted{struct{}{}}, f.svc.Pause(r.Context(), checkpoint.PauseInput{
		ARN: r.labels[0], Reason: in.Reason, TimeoutRuns: in.TimeoutPaused != nil && !*in.TimeoutPaused, ClientToken: in.ClientToken,
	})
}

// resume serves ResumeDurableExecution.
func (f *front) resume(r request) (any, error) {
	var in struct{ ClientToken, Reason string }
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := checkClientToken(in.ClientToken); err != nil {
		return nil, err
	}
	return accepted{struct{}{}}, f.svc.Resume(r.Context(), checkpoint.ResumeInput{
		ARN: r.labels[0], Reason: in.Reason, ClientToken: in.ClientToken,
	})
}

// remove serves DeleteDurableExecution.
func (f *front) remove(r request) (any, error) {
	out, err := f.svc.Delete(r.Context(), checkpoint.DeleteInput{ARN: r.labels[0]})
	return accepted{struct {
		Requested json.Number `json:"DeletionRequestTimestamp"`
	}{api.Timestamp(out.Requested)}}, err
}

func checkClientToken(token string) error {
	if len(token) > limits.ClientToken {
		return notValid("clientToken", token, "Member must have length less than or equal to 64")
	}
	return nil
}

// fork serves Fork, which Lambda does not have.
func (f *front) fork(r request) (any, error) { return forked(r, f.svc.Fork) }

// redrive serves Redrive, which Lambda does not have.
func (f *front) redrive(r request) (any, error) { return forked(r, f.svc.Redrive) }

func forked(r request, call func(context.Context, local.ForkInput) (*local.Execution, error)) (any, error) {
	var in struct{ Before, Name string }
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	e, err := call(r.Context(), local.ForkInput{ARN: r.labels[0], Before: in.Before, Name: in.Name})
	if err != nil {
		return nil, err
	}
	return struct {
		ARN string `json:"DurableExecutionArn"`
	}{e.ARN()}, nil
}

// skip serves Skip, which Lambda does not have.
func (f *front) skip(r request) (any, error) {
	var in struct {
		Operation string
		Seconds   float64
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	by := time.Duration(in.Seconds * float64(time.Second))
	return struct{}{}, f.svc.Skip(r.Context(), local.SkipInput{ARN: r.labels[0], Operation: in.Operation, By: by})
}
