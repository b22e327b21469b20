package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
)

// holdTime is how long pausing an execution may take.
const holdTime = 10 * time.Second

// mostHoldPolls is how often an invocation asks whether the service has taken a pause in.
const mostHoldPolls = 3

// hold keeps an execution that has diverged from going on until it is resumed.
//
//  1. If the service pauses it, and a checkpoint call without updates is answered without a token,
//     as it is then, the invocation answers PENDING.
//  2. Otherwise the invocation fails, as one does whose pause was accepted and is not seen yet:
//     that is over with it.
//  3. Otherwise it fails and says so: the service repeats it a few times, and then ends the
//     execution.
func hold(ctx context.Context, inv *invocation, o *Outcome) {
	err := pause(ctx, inv, o.Err)
	if err != nil {
		o.Err = &DivergedError{err: o.Err, note: fmt.Sprintf("; the execution cannot be held: %v; the service tries about %d more times, "+
			"within some minutes, and then ends the execution as FAILED", err, limits.FailedInvocations)}
		return
	}
	sayLast(inv, func(l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelError, "the execution is paused, because its code is not the code that wrote the log: deploy code that fits, "+
			"and resume it", errorAttr(o.Err))
	})
	if stopsUs(ctx, inv, o) {
		*o = Outcome{Status: checkpoint.OutcomePending, Held: o.Err, Left: o.Left}
		return
	}
	o.Err = &DivergedError{err: o.Err, note: "; the execution is paused: deploy code that fits, and resume it"}
}

// errNoPauser says that a client has no call that pauses.
var errNoPauser = errors.New("the client has no call that pauses executions (checkpoint.Pauser)")

// pause asks the service to pause the execution, with the divergence as the reason.
func pause(ctx context.Context, inv *invocation, why error) error {
	p, ok := checkpoint.ClientAs[checkpoint.Pauser](inv.Client)
	if !ok {
		return errNoPauser
	}
	reason := why.Error()
	if inv.cfg.ErrorCodec != nil { // what the message holds is not for everybody
		reason = "the execution diverged; the log of the function says where"
	}
	ctx, cancel := context.WithTimeout(ctx, holdTime)
	defer cancel()
	err := p.Pause(ctx, checkpoint.PauseInput{ARN: inv.ARN, Reason: firstRunes(reason, limits.Reason)})
	api, refused := errors.AsType[*checkpoint.APIError](err)
	switch {
	case refused && api.Conflict(): // it is paused, or about to be
		return nil
	case refused && api.Denied():
		return fmt.Errorf("permit the function lambda:PauseDurableExecution for itself: %w", err)
	}
	return err
}

// stopsUs reports whether the service has stopped the invocation, as it does when the execution is
// paused.
func stopsUs(ctx context.Context, inv *invocation, o *Outcome) bool {
	if o.Left != nil { // a call may be in flight, and its answer has the token
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, holdTime)
	defer cancel()
	token := inv.send.token
	for range mostHoldPolls {
		out, err := inv.Client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: inv.ARN, Token: token})
		if err != nil {
			return false
		}
		if token = out.Token; token == "" {
			return true
		}
	}
	return false
}

// firstRunes cuts a text to n characters.
func firstRunes(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	r := []rune(s)
	return string(r[:most-1]) + "…"
}

// DivergedError is the error of an invocation whose execution diverged and is held. It has this
// name because Lambda reports the type of an error by the name of its Go type, and users know that
// of package replay.
type DivergedError struct {
	err  error
	note string
}

// Error is the divergence, and what becomes of the execution.
func (e *DivergedError) Error() string { return e.err.Error() + e.note }

// Unwrap returns the divergence.
func (e *DivergedError) Unwrap() error { return e.err }
