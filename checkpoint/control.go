package checkpoint

import (
	"context"
	"time"
)

// Pauser pauses executions. A [Client] may be one: the local service is, and that of [NewClient]
// for a client of the AWS SDK.
type Pauser interface {
	// Pause asks for an execution to be paused: while it is, its function is not invoked, but waits
	// and callbacks complete. An invocation that runs goes on until its next checkpoint call, which
	// is answered without a token. The error is an [*APIError]; see [APIError.Denied],
	// [APIError.Conflict] and [APIError.NotFound].
	Pause(ctx context.Context, in PauseInput) error
}

// Control is the part of the Lambda API that pauses, resumes and deletes executions from outside.
// Implementations are safe for concurrent use; errors of the service are [*APIError].
type Control interface {
	Pauser
	// Resume has a paused execution go on. If it is still to be paused, it never is. It is invoked
	// if the pause has cut an invocation short, or something has completed meanwhile.
	Resume(ctx context.Context, in ResumeInput) error
	// Delete deletes an execution that has ended, with all that is kept of it.
	Delete(ctx context.Context, in DeleteInput) (DeleteOutput, error)
}

// PauseInput asks for an execution to be paused (Lambda API, PauseDurableExecution).
type PauseInput struct {
	ARN string
	// Reason is why, for whoever looks at the execution; it may be empty.
	// Limit: 1,024 characters (Lambda API, PauseReason).
	Reason string
	// TimeoutRuns says that the execution timeout runs on while the execution is paused. By default
	// it is extended by that time. In any case an execution times out 366 days after its start.
	TimeoutRuns bool
	// ClientToken names the request: the same request with the same token, within 15 minutes, is
	// answered as the first was. An empty one stands for one that is made up.
	ClientToken string
}

// ResumeInput asks for a paused execution to go on (Lambda API, ResumeDurableExecution).
type ResumeInput struct {
	ARN string
	// Reason is why, for whoever looks at the execution; it may be empty.
	// Limit: 1,024 characters (Lambda API, ResumeReason).
	Reason string
	// ClientToken names the request: see [PauseInput].
	ClientToken string
}

// DeleteInput asks for an execution to be deleted (Lambda API, DeleteDurableExecution).
type DeleteInput struct{ ARN string }

// DeleteOutput is the answer to it.
type DeleteOutput struct {
	// Requested is when the service took the request. On AWS the execution has the status DELETING
	// until it is gone.
	Requested time.Time
}
