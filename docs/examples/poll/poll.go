package main

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Transcode has a farm transcode a film. The farm calls no one back: it has to be asked, less and
// less often, until the job has ended. A job that is not waited for any more is cancelled.
func (t *Transcoding) Transcode(ctx op.Context, f Film) (Movie, error) {
	job, err := replay.Run(ctx, t.submit(f))
	if err != nil {
		return Movie{}, fmt.Errorf("submit %s: %w", f.ID, err)
	}
	poll, err := replay.Run(ctx, op.Timeout("in-time", t.ended(job), t.deadline))
	last := poll.Status
	if err != nil { // too late, or the farm has been silent for too long
		last, err = replay.Run(ctx, t.cancel(job)) // which is how the job has ended: it may just be done
	}
	switch {
	case err != nil:
		return Movie{}, fmt.Errorf("job %s: %w", job, err)
	case last.Phase == cancelled:
		return Movie{}, fmt.Errorf("job %s, at %d %%: %w", job, last.Percent, ErrTooSlow)
	case last.Phase == failed:
		return Movie{}, fmt.Errorf("job %s: %w: %s", job, ErrRefused, last.Reason)
	}
	return replay.Run(ctx, t.fetch(job))
}

// ask is one question. What it returns is what the next one begins with. An error of a check would
// not be retried: it counts.
func (t *Transcoding) ask(ctx context.Context, p Poll) (next Poll, ended bool, err error) {
	status, err := t.farm.Status(ctx, p.Job)
	if err != nil {
		next, err = p.unanswered(err)
		return next, false, err
	}
	return Poll{Job: p.Job, Status: status}, status.Phase != running, nil
}
