package replay

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// HandlerOption configures a [Handler]. Of options of one kind the last one counts.
type HandlerOption interface{ apply(set *settings) }

type handlerOption func(set *settings)

func (o handlerOption) apply(set *settings) { o(set) }

// WithClient sets the client that talks to the service. A client that the host put into the
// invocation's context (checkpoint.WithClient) comes first; without either the client is made from
// Lambda's environment, once for all invocations.
func WithClient(c checkpoint.Client) HandlerOption {
	return handlerOption(func(set *settings) { set.client = c })
}

// WithErrors registers errors that keep their identity in the log, for all operations and for the
// handler's own error; see op.WithErrors. Repeated use adds to the list. An invalid registration,
// and one name for two errors, are reported by the first invocation.
func WithErrors(known ...codec.KnownError) HandlerOption {
	return handlerOption(func(set *settings) {
		set.Known = append(set.Known, known...)
		set.refuse(codec.ValidateKnown(set.Known...))
	})
}

// WithCodec encodes and decodes the results, the states and the inputs of operations that have no
// codec of their own. The default is JSON. For the handler's input and result see
// [WithHandlerCodec], for errors [WithErrorCodec].
func WithCodec(c codec.Codec) HandlerOption {
	return handlerOption(func(set *settings) {
		if c != nil {
			set.Codec = c
		}
		if err := codec.Validate(c); err != nil {
			set.refuse(fmt.Errorf("replay.WithCodec: %w", err))
		}
	})
}

// WithHandlerCodec decodes the input of the handler and encodes its result. The default is JSON.
//
// The input is written by whoever starts the execution. A [codec.Chain] reads plain JSON too, so
// that executions can be started from outside; codec.Required refuses it. A handler without input
// gets the zero value, whatever the codec. Those who read the result need the codec: a handler that
// invokes the function passes it with op.WithCodec.
func WithHandlerCodec(c codec.Codec) HandlerOption {
	return handlerOption(func(set *settings) {
		if c != nil {
			set.check("WithHandlerCodec", c)
			set.HandlerCodec = c
		}
	})
}

// WithErrorCodec encodes with c the errors with which operations and the execution fail: their
// messages, their stacks, and the values of registered errors. The history then shows their type,
// and a message that names the operation. The default, and nil, record errors as they are.
//
// c must take structs, as JSON does and every codec.Chain of it. Errors that were recorded without
// it are read as they stand, those of other functions too; whoever invokes this function reads its
// errors with the same codec. An error that cannot be read any more is a divergence.
//
// Not errors, and so not encoded, are log records, the summaries of [op.Op.WithSummary], and names
// and keys.
func WithErrorCodec(c codec.Codec) HandlerOption {
	return handlerOption(func(set *settings) {
		set.check("WithErrorCodec", c)
		set.ErrorCodec = c
	})
}

// WithStrictRecords makes an execution diverge where its code would otherwise go on with less than
// was recorded, as can happen after a change of types:
//
//   - where [codec.Strict] refuses a payload: it is the default of [WithCodec] and
//     [WithHandlerCodec] instead of JSON. An operation without a result when it was recorded, of
//     which one is wanted now, is refused as well.
//   - where a step has failed with a registered error (op.WithErrors, [WithErrors]) and nothing
//     registers its name any more: errors.Is and errors.As would find nothing in it.
//     [codec.Renamed] takes over the former name.
//
// The default is to go on with the zero value. A codec that an option names reads as it does
// elsewhere: codec.JSON leaves zero values, and a chain refuses them if its base is strict. Not
// checked are results of callbacks and invoked functions, which others write, the errors of groups
// and batches, of which [Function.Rehearse] warns ([Rehearsal.Unregistered]), and results that
// nothing asks for.
//
// An input with members that its type has no place for is refused too, at the first invocation:
// events of AWS services have many. Give the handler codec.JSON by [WithHandlerCodec] then, or name
// them in codec.Strict. For executions that began under another input type see [WithOldInput].
func WithStrictRecords() HandlerOption {
	return handlerOption(func(set *settings) { set.Strict = true })
}

// check notes what a codec says is wrong with it.
func (set *settings) check(option string, c codec.Codec) {
	if err := codec.Validate(c); err != nil {
		set.refuse(fmt.Errorf("replay.%s: %w", option, err))
	}
}

// WithStepDefaults sets options for all steps that do not set them themselves. The retry policy
// does not hold for steps that are declared at-most-once: without a policy of their own they are
// not retried.
func WithStepDefaults(opts ...op.StepOption) HandlerOption {
	return handlerOption(func(set *settings) {
		n, ok := op.Do("replay.WithStepDefaults", func(context.Context) error { return nil }, opts...).Interpret().Node().(*node.Step)
		if !ok {
			return
		}
		set.Steps.StepConfig = n.Config
		set.refuse(n.Err)
		if n.Codec != nil {
			set.Codec = n.Codec
		}
		set.Known = append(set.Known, n.Known...)
		set.refuse(codec.ValidateKnown(set.Known...))
	})
}

// WithLogHandler writes the records of the execution's loggers to h. The default is [JSONLogs] on
// the standard output in a process that Lambda runs (AWS_LAMBDA_FUNCTION_NAME is set), else the
// handler of [slog.Default] at the time of the invocation.
func WithLogHandler(h slog.Handler) HandlerOption {
	return handlerOption(func(set *settings) { set.logs = h })
}

// WithReplayLogs lets records of at least this level come out also while the log is replayed:
// [slog.LevelDebug] for all, [slog.LevelWarn] for warnings and errors, [slog.LevelError] for
// errors. Without it a scope is silent until it reaches what no invocation has done before.
// Bodies are never silent.
func WithReplayLogs(least slog.Leveler) HandlerOption {
	return handlerOption(func(set *settings) { set.Logs.Replay = least })
}

// WithStackTraces records the stack of a panic with the failure. By default failures have no stack.
func WithStackTraces() HandlerOption {
	return handlerOption(func(set *settings) { set.Stacks = true })
}

// DivergenceMode is what an execution does that diverged.
type DivergenceMode int

const (
	// DivergenceFail ends the execution as FAILED.
	DivergenceFail DivergenceMode = iota
	// DivergenceHold pauses the execution, with the divergence as the reason, until it is resumed:
	// deploying code that fits, and resuming it, rescues the execution, even a month later. The
	// function needs the permission lambda:PauseDurableExecution for itself. Without it, or with a
	// client that cannot pause, the invocation ends with an error, and the service repeats it:
	// about nine times within some minutes, then it ends the execution as FAILED.
	DivergenceHold
)

// divergenceVariable is the environment variable that chooses a mode for handlers that do not.
const divergenceVariable = "PERDURE_DIVERGENCE"

// WithDivergence sets what happens when the code is not the code that wrote the log. The default
// is the mode that the environment variable PERDURE_DIVERGENCE names, "fail" or "hold" (the
// command perdure dev sets "hold" for its functions), and [DivergenceFail] if that is unset or
// empty. Any other mode or value is reported by the first invocation.
func WithDivergence(r DivergenceMode) HandlerOption {
	return handlerOption(func(set *settings) {
		if r != DivergenceFail && r != DivergenceHold {
			set.refuse(fmt.Errorf("replay.WithDivergence(%d): want replay.DivergenceFail or replay.DivergenceHold", int(r)))
		}
		set.Hold, set.chosen = r == DivergenceHold, true
	})
}

// divergenceFromEnv takes the mode from the environment if no option has chosen one.
func (set *settings) divergenceFromEnv() {
	if set.chosen {
		return
	}
	switch v := os.Getenv(divergenceVariable); v {
	case "", "fail":
	case "hold":
		set.Hold = true
	default:
		set.refuse(fmt.Errorf("the environment variable %s is %q: want fail or hold", divergenceVariable, v))
	}
}

// WithDeadlineMargin cuts attempts short before the invocation's deadline takes the whole function
// down: d before it, the contexts of bodies are cancelled with the cause [op.ErrInterrupted]. An
// attempt that then returns an error is recorded as interrupted and made again in a later
// invocation, whatever the step's policy says, at most three times in a row or as
// [WithMaxInterruptions] says; after that, and for an at-most-once step always, the policy decides.
// What a body completes in spite of the cancellation counts as usual.
//
// The default is no margin, as is zero: a body may run into the deadline, the service invokes
// again, and the attempt begins from its start. A body that takes longer than an invocation lasts
// needs a margin, [retry.Again] to keep its progress, and enough interruptions. A negative margin
// is reported by the first invocation.
func WithDeadlineMargin(d time.Duration) HandlerOption {
	return handlerOption(func(set *settings) {
		if d < 0 {
			set.refuse(fmt.Errorf("replay.WithDeadlineMargin(%v): the margin is not negative; zero means none", d))
		}
		set.Margin = d
	})
}

// WithMaxInterruptions bounds how many attempts in a row [WithDeadlineMargin] interrupts, in which
// the step's policy is not asked. The default is 3; zero asks the policy about each. Without a
// margin nothing is interrupted. A negative number is reported by the first invocation.
func WithMaxInterruptions(n int) HandlerOption {
	return handlerOption(func(set *settings) {
		if n < 0 {
			set.refuse(fmt.Errorf("replay.WithMaxInterruptions(%d): the number is not negative; zero asks the step's policy", n))
		}
		set.Cuts = n
	})
}

// WithReadyStart says whether a step that is attempted again sends START once more, so that its
// history shows when each attempt began. The default is true. Without it an attempt costs one
// update less; steps whose start must be durable, at-most-once ones above all, send it anyway.
func WithReadyStart(on bool) HandlerOption {
	return handlerOption(func(set *settings) { set.ReadyStart = on })
}

// WithGrace bounds how long an invocation that has its answer waits for bodies and deferred
// functions that do not end. What is left then is reported with its stack, and what it returns
// is dropped. The default is one second; zero does not wait. A negative time is reported by the
// first invocation.
func WithGrace(d time.Duration) HandlerOption {
	return handlerOption(func(set *settings) {
		if d < 0 {
			set.refuse(fmt.Errorf("replay.WithGrace(%v): the time is not negative; zero does not wait", d))
		}
		set.Grace = d
	})
}
