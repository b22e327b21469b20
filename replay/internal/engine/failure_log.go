package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/stacks"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"
)

// What fails is logged where it fails, once: an attempt or a function that panics as a warning, the
// execution as an error. What is read from the log of the execution was logged when it was written.

// Keys of attributes that only these records have.
const (
	keyNextAttempt = "nextAttempt"
	keyFunction    = "function"
)

// failedAttrs describe an error as the log of the execution has it. A panic among what it was made
// from has a stack there in any case.
func failedAttrs(inv *invocation, f *checkpoint.Failure, kind checkpoint.Kind, from error) []slog.Attr {
	err := &op.Error{Kind: string(kind), Type: f.Type, Message: f.Message}
	return append([]slog.Attr{usersError(inv, err)}, StackOf(from)...)
}

// usersError describes an error that a function of the user's has made. Where errors pass a codec,
// what they say is not for everyone who reads logs: the record has the type.
func usersError(inv *invocation, err error) slog.Attr {
	if inv.cfg.ErrorCodec == nil {
		return errorAttr(err)
	}
	return slog.String(keyError, typeOf(err)+" (what it says passes the codec of errors)")
}

// typeOf names the type of an error as the log of the execution does.
func typeOf(err error) string {
	if e, ok := errors.AsType[*op.Error](err); ok && e.Type != "" {
		return e.Type
	}
	if _, ok := errors.AsType[*op.PanicError](err); ok {
		return "PanicError"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
}

// StackOf is the stack of the first panic in err that happened here; nil if there is none. One that
// is read from the log has no stack.
func StackOf(err error) []slog.Attr {
	if stack := retry.PanicStack(err); stack != "" {
		return []slog.Attr{stackAttr(stacks.FromPanic([]byte(stack)))}
	}
	var attrs []slog.Attr
	walk(err, func(e error, _ []error) {
		if p, ok := e.(*op.PanicError); ok && p != nil && attrs == nil && len(p.Stack) > 0 { //nolint:errorlint // the walk looks at each error by itself
			attrs = []slog.Attr{slog.String(keyStack, strings.Join(p.Stack, "\n"))}
		}
	})
	return attrs
}

// panicIn is the first panic in err, unless it is a nil pointer that a user has wrapped.
func panicIn(err error) (p *op.PanicError, ok bool) {
	p, ok = errors.AsType[*op.PanicError](err)
	return p, ok && p != nil
}

// sayAttemptFailed logs an attempt that has failed, with what follows it: when the next one is due,
// or that it was the last. u has its failure; err is what that was made from.
func sayAttemptFailed(st *step, number int, u *checkpoint.Update, err error) {
	inv := st.s.inv
	attrs := append([]slog.Attr{pathAttr(st.path()), idAttr(st.id), nameAttr(st.head.Name), slog.Int(keyAttempt, number)},
		failedAttrs(inv, u.Failure, checkpoint.KindStep, err)...)
	if u.Action != checkpoint.ActionRetry {
		warn(inv, "an attempt failed, and it was the last one", attrs...)
		return
	}
	next := inv.Clock.Now().Add(u.NextAttemptDelay).UTC().Truncate(time.Second)
	warn(inv, "an attempt failed", append(attrs, slog.Time(keyNextAttempt, next))...)
}

// sayPanicked logs a panic of a function that runs operations, unless it is the handler's: that
// fails the execution, which says so.
func sayPanicked(f *fiber, err error) {
	if f.logOnly || f == f.inv.end.root && f.where() == "" {
		return
	}
	attrs := []slog.Attr{pathAttr(f.where()), usersError(f.inv, err)}
	warn(f.inv, "a function that runs operations panicked", append(attrs, StackOf(err)...)...)
}

// sayCallPanicked logs a panic of another function of the user's that the engine calls.
func sayCallPanicked(f *fiber, r role, name string, err error) {
	if f.logOnly {
		return
	}
	attrs := []slog.Attr{slog.String(keyFunction, r.String()), pathAttr(f.where()), nameAttr(name), usersError(f.inv, err)}
	warn(f.inv, "a function that an operation is declared with panicked", append(attrs, StackOf(err)...)...)
}

// Failed logs a panic of a function of the user's that a call of [Handle.Call] has ended with, and
// that is in no record: each replay makes it again.
func (h *Handle) Failed(err error) {
	p, ok := panicIn(err)
	if !ok || len(p.Stack) == 0 || h.s.f.Dead() || silentResult(h.s, slog.LevelWarn) {
		return
	}
	sayCallPanicked(h.s.f, h.s.f.calling.role, h.s.f.calling.name, p)
}

// sayFailed logs that the execution has failed.
func sayFailed(ctx context.Context, inv *invocation, o *Outcome) {
	if o.Err != nil || o.Status != checkpoint.OutcomeFailed || inv.Rehearsal != nil {
		return
	}
	attrs := failedAttrs(inv, o.Failure, checkpoint.KindExecution, o.from)
	if e, ok := errors.AsType[*op.Error](o.from); ok && e.Path != "" {
		attrs = append([]slog.Attr{pathAttr(e.Path), idAttr(e.ID), nameAttr(e.Name)}, attrs...)
	}
	sayLast(inv, func(l *slog.Logger) { l.LogAttrs(ctx, slog.LevelError, "the execution failed", attrs...) })
}

// sayCallFailed logs that the invocation fails because a call of the service has: the runtime of
// Lambda answers with the error, and logs nothing.
func sayCallFailed(ctx context.Context, inv *invocation, o *Outcome) {
	if _, ok := errors.AsType[*CheckpointCallError](o.Err); !ok || inv.Rehearsal != nil {
		return
	}
	sayLast(inv, func(l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelWarn, "a call of the service failed: the invocation fails, and the service repeats it", errorAttr(o.Err))
	})
}
