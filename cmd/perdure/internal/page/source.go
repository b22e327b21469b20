package page

import (
	"context"
	"errors"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// ErrNotFound says that there is no such execution, function or callback.
var ErrNotFound = errors.New("there is no such execution")

// Function is a durable function.
type Function struct {
	Name string `json:"name"`
	// Qualifiers are what an execution can be started with beside the name; the first is taken
	// unless the user says otherwise.
	Qualifiers []string `json:"qualifiers,omitempty"`
}

// Execution is an execution as a source has it.
type Execution struct {
	ARN, Name, Function string // Function is an ARN
	Status              string
	Start, End          time.Time // End is zero while it goes on
	Input, Result       *string
	Failure             *checkpoint.Failure
	// Failing is how many of its last invocations have failed in a row, if the source knows that.
	Failing int
	// Pause says since when it is paused, and why; zero if it is not.
	Pause Pause
	// Deadline is when it times out, zero for never and for not known.
	Deadline time.Time
	// FunctionTimeout is how long an invocation may take, zero for not known.
	FunctionTimeout time.Duration
	// Invoked is when the invocation began that runs, zero if none does, and for not known.
	Invoked time.Time
	// Due is when operations that have not ended go on by themselves, or time out, by their IDs. An
	// operation that is not in it goes on when the history says.
	Due map[string]time.Time
	// Parent is the ARN of the execution that has invoked it, empty if there is none, or if the
	// source does not say.
	Parent string
}

// Pause is how an execution is paused.
type Pause struct {
	Since  time.Time
	Reason string
}

// Query says which executions are listed: those of a function, or of all; the last first.
type Query struct {
	Function string
	// Marker is where a page before has ended, empty for the first.
	Marker string
	Limit  int
}

// Line is a line that a function has written.
type Line struct {
	Time      time.Time `json:"-"`
	RequestID string    `json:"requestId,omitempty"`
	Text      string    `json:"text"`
	Errors    bool      `json:"errors,omitempty"` // to the standard error
}

// Source is where executions are read. Its methods are safe for concurrent use; an execution that
// there is not is an [ErrNotFound].
type Source interface {
	Functions(ctx context.Context) ([]Function, error)
	// List returns executions without their inputs and results, and the marker of the next page.
	List(ctx context.Context, q Query) (found []Execution, next string, err error)
	Execution(ctx context.Context, arn string) (*Execution, error)
	// Events returns the events after one, in order.
	Events(ctx context.Context, arn string, after int) ([]local.Event, error)
	// Forks returns the executions that were made of one, by a redrive or a fork, as far as that is
	// found without reading all there are.
	Forks(ctx context.Context, e *Execution) ([]Execution, error)
}

// Actions are what can be done to executions. An action that is nil cannot be done here, and the
// page does not offer it.
type Actions struct {
	Succeed   func(ctx context.Context, callback string, result []byte) error
	Fail      func(ctx context.Context, callback string, failure checkpoint.Failure) error
	Heartbeat func(ctx context.Context, callback string) error
	Pause     func(ctx context.Context, arn, reason string) error
	Resume    func(ctx context.Context, arn, reason string) error
	Stop      func(ctx context.Context, arn string, failure checkpoint.Failure) error
	Skip      func(ctx context.Context, arn, operation string, by time.Duration) error
	Redrive   func(ctx context.Context, arn, name string) (started string, err error)
	Fork      func(ctx context.Context, arn, before, name string) (started string, err error)
	Start     func(ctx context.Context, function, name string, input []byte) (started string, err error)
}

// Options are what a page is made of.
type Options struct {
	Source  Source
	Actions Actions
	// Place says where the executions are, in a few words, such as "AWS eu-west-1".
	Place string
	// Key has the page be opened with ?key=KEY alone; empty for a page that anyone on this machine
	// may open.
	Key string
	// Bus is what says that executions have changed; nil if that has to be asked for, every
	// Every.
	Bus   *Bus
	Every time.Duration
	// Build returns which build of a function ran at a time, empty for not known; nil if none is.
	Build func(function string, at time.Time) string
	// Today returns the operations of an execution that the code of today has under other names, or
	// has no more; nil if that is not known here.
	Today func(ctx context.Context, arn string) []view.Today
	// Written returns what a function has written in an execution; nil if that is not known here.
	// Hint is what says where it is then.
	Written func(arn string, requests map[string]bool) []Line
	Hint    func(function string) string
	// Open opens what is sealed, compressed or kept elsewhere, when the user asks for it; nil if it
	// stays closed.
	Open Opener
	// Now is the time of the executions.
	Now func() time.Time
}
