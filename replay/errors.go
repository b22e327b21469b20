package replay

import (
	"fmt"
	"strconv"

	"github.com/perdure/perdure/replay/internal/engine"
)

var (
	// ErrNested is the error of an operation that was run inside the body of another operation of
	// the same scope. A body does I/O; what is to be durable in it is an operation of its own,
	// before or after, or in a group.
	ErrNested = engine.ErrNested
	// ErrConcurrent is the error of a goroutine that used the context of another one. Declare
	// concurrency: op.Map, op.Parallel and the combinators, or [Go].
	ErrConcurrent = engine.ErrConcurrent
	// ErrEnded is the error of a call in a handler, group or branch that has returned.
	ErrEnded = engine.ErrEnded
	// ErrNothingPending is the error of an invocation in which nothing can go on, and the service
	// has nothing to end either: nothing would ever invoke the function again. The service repeats
	// the invocation.
	ErrNothingPending = engine.ErrNothingPending
	// ErrExited is the error of a handler, group or body that ended its goroutine without
	// returning, as runtime.Goexit and testing.T.FailNow do.
	ErrExited = engine.ErrExited
	// ErrRepeat is returned by a handler, by itself or wrapped in another error, to have the
	// invocation repeated: the invocation fails, the execution does not.
	//
	//  1. How the handler ended is not recorded, nothing is undone and no function of [OnEnd]
	//     runs. What has completed is in the log; what the handler has started and not waited for
	//     is left.
	//  2. The service invokes again after a pause, about nine times in a row: 1.1 s, 2.1 s,
	//     3.1 s, 5.1 s, 1.1 s, 31 s, 58 s and 103 s were seen on AWS. After the ninth it ends the
	//     execution as FAILED, and nothing is undone.
	//  3. [InvocationEnd] has the status RETRYING and the error; it is logged as a warning.
	//  4. With [WithErrorCodec] the service is not given what the error says.
	//
	// Use it where this process cannot go on and another one may: its file system is full, for
	// example, or a credential does not load. For a call that may fail, use a step: it has a
	// retry policy, no limit of nine failures in a row, and pauses that cost no invocation.
	//
	// Returned by the function of a group, a branch or a body it is an error as any other: that
	// operation fails, and its record does not wrap ErrRepeat.
	ErrRepeat = engine.ErrRepeat
)

// DivergedError says that the code is not the code that wrote the log: it reached an operation
// that the log does not have where it would have to be, or did not reach one that it has.
// The execution cannot go on with this code. No body of the scope has run, nothing was written. On
// the wire the type of the error is NonDeterministicExecutionError, as in the service's other SDKs.
type DivergedError struct {
	// Scope is the path of the handler's scope, group or branch; empty for the handler itself.
	Scope string
	// Path is that of the operation that the code has reached, or of the last one it ran before it
	// returned; that of the scope if it is none of these.
	Path string
	// Log is what the checkpoint log holds, Code what the code declares.
	Log, Code string
	// Reason says what does not fit.
	Reason string
	// Declare is what declares the change, so that the execution fits, with three dots for what
	// the log does not hold; it is empty if nothing does. If it lists alternatives, choose the one
	// that matches what was changed.
	Declare string

	advice string
}

func diverged(d engine.Divergence) error {
	return &DivergedError{Scope: d.Scope, Path: d.Path, Log: d.Log, Code: d.Code, Reason: d.Reason, Declare: d.Declare, advice: d.Advice}
}

// Error says what each side has, and, of an error that perdure has made, what to do.
func (e *DivergedError) Error() string {
	where := "the handler"
	if e.Scope != "" {
		where = strconv.Quote(e.Scope)
	}
	text := fmt.Sprintf("replay: the execution diverged in %s: %s; checkpointed %s, current code %s", where, e.Reason, e.Log, e.Code)
	if e.Declare != "" {
		text += "; declare the change (docs/changing-code.md): " + e.Declare
	}
	if e.advice != "" {
		text += "; " + e.advice
	}
	return text
}
