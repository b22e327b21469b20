package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Poll is what is known of a job from one question to the next.
type Poll struct {
	Job string `json:"job"`
	Status
	// Silent is how many questions in a row had no answer.
	Silent int `json:"silent,omitempty"`
}

// unanswered counts a question without an answer. Too many in a row are an error.
func (p Poll) unanswered(err error) (Poll, error) {
	const most = 5
	if p.Silent++; p.Silent > most {
		return p, fmt.Errorf("asked %d times without an answer: %w", p.Silent, err)
	}
	return p, nil
}

// Transcoding declares what is done to a film.
type Transcoding struct {
	farm     *Farm
	deadline time.Duration

	submit op.Builder[Film, string]
	cancel op.Builder[string, Status]
	fetch  op.Builder[string, Movie]
}

// NewFunction returns the durable function: what lambda.Start takes. A film has until the deadline.
func NewFunction(farm *Farm, deadline time.Duration, opts ...replay.HandlerOption) *replay.Function[Film, Movie] {
	known := replay.WithErrors(codec.Sentinel("TooSlow", ErrTooSlow), codec.Sentinel("Refused", ErrRefused))
	return replay.Handler(newTranscoding(farm, deadline).Transcode, append(opts, known)...)
}

func newTranscoding(farm *Farm, deadline time.Duration) *Transcoding {
	again := op.WithRetry(retry.Exponential(retry.MaxAttempts(8), retry.OnIs(ErrUnavailable)))
	known := op.WithErrors(codec.Sentinel("FarmUnavailable", ErrUnavailable))
	return &Transcoding{
		farm:     farm,
		deadline: deadline,

		submit: op.StepFunc("submit-job", farm.Submit, again, known),
		cancel: op.StepFunc("cancel-job", farm.Cancel, again, known),
		fetch:  op.StepFunc("fetch-movie", farm.Movie, again, known),
	}
}

// ended waits until the job has ended. The second question comes within 10 seconds, and each pause
// is up to half as long again as the one before, at most 10 minutes: 200 questions are enough for a
// day.
func (t *Transcoding) ended(job string) op.Op[Poll] {
	return op.WaitForCondition("job-ended", Poll{Job: job}, t.ask,
		op.WithPolling(retry.Polling(retry.InitialDelay(10*time.Second), retry.MaxDelay(10*time.Minute),
			retry.MaxAttempts(200), retry.HalfJitter())),
		op.WithTimeout(30*time.Second))
}

// The ways a film does not become a movie.
var (
	ErrTooSlow = errors.New("not done within the deadline, and cancelled")
	ErrRefused = errors.New("the farm cannot do it")
)
