package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
)

// Errors may pass a codec, as results do. What stands in the log of such an error is its type, a
// message that names the operation, the payload with all else, and what the engine must read
// without a codec: the state of the next attempt, which has passed the codec of its own, and how
// often attempts were cut short.

// failureText is what a codec is given of an error.
type failureText struct {
	Message string   `json:"message,omitempty"`
	Data    string   `json:"data,omitempty"`
	Stack   []string `json:"stack,omitempty"`
}

// roomOfFailure is how many bytes of JSON an error may take before it passes the codec, beside a
// state of that length: sealing and base64 make a third more of it, and the service takes
// maxFailure in all.
func roomOfFailure(state int) int {
	const overhead = 4 << 10
	return max((maxFailure-state-overhead)/2, overhead)
}

// fittingText takes apart what passes the codec, so that it fits its record: first the stack goes,
// then the values of identities, then the end of the message.
func fittingText(message, data string, stack []string, room int) failureText {
	o := failureText{Message: message, Data: data, Stack: stack}
	if sizeOf(o) > room {
		o.Stack = nil
	}
	if sizeOf(o) > room {
		o.Data = ""
	}
	for n := len(o.Message); sizeOf(o) > room && n > 0; {
		n /= 2
		o.Message = cut(message, n)
	}
	return o
}

func sizeOf(o failureText) int {
	b, _ := json.Marshal(o) // strings alone
	return len(b)
}

// closeFailure has an error pass the codec of errors, if there is one. It is called by code that
// insists.
func closeFailure(ctx context.Context, c codec.Codec, m codec.Meta, f *checkpoint.Failure) (*checkpoint.Failure, error) {
	d, outside := readData(f.Data)
	closed, known := errorData{}, errorData{}
	closed.Perdure.State, closed.Perdure.Cuts = d.Perdure.State, d.Perdure.Cuts
	known.Perdure.Known = d.Perdure.Known
	known.Perdure.Callback, known.Perdure.Outside = d.Perdure.Callback, d.Perdure.Outside
	data := outside
	if len(d.Perdure.Known) > 0 || d.Perdure.Callback != "" {
		data = known.text()
	}
	state := 0
	if d.Perdure.State != nil {
		state = len(closed.text())
	}
	payload, err := codec.Encode(ctx, c, m, fittingText(f.Message, data, f.Stack, roomOfFailure(state)))
	if err != nil {
		return nil, err
	}
	text := string(payload)
	closed.Perdure.Closed = &text
	return &checkpoint.Failure{Type: f.Type, Message: closedMessage(m), Data: closed.text()}, nil
}

// closedMessage is what the log shows in place of a message.
func closedMessage(m codec.Meta) string {
	return "the error of " + placeOfMeta(m) + " is encoded"
}

// unclosed is recorded in place of an error that its codec cannot encode.
func unclosed(m codec.Meta, f *checkpoint.Failure, err error) *checkpoint.Failure {
	d, _ := readData(f.Data)
	var left errorData
	left.Perdure.State, left.Perdure.Cuts = d.Perdure.State, d.Perdure.Cuts
	out := &checkpoint.Failure{Type: f.Type, Message: fmt.Sprintf("the error of %s could not be encoded: %v", placeOfMeta(m), err)}
	if left.Perdure.State != nil || left.Perdure.Cuts > 0 {
		out.Data = left.text()
	}
	return out
}

// closedFailure is an error of an operation as the log keeps it. With the turn, which it gives away
// if the codec may wait.
func closedFailure(f *fiber, m codec.Meta, fail *checkpoint.Failure) *checkpoint.Failure {
	c := f.inv.cfg.ErrorCodec
	if c == nil {
		return fail
	}
	m.Part = codec.PartFailure
	var out *checkpoint.Failure
	ctx := f.inv.ctx
	err := convertPatiently(ctx, f, c, untilDeadline, m, func() (err error) {
		_, err = f.call(ofCodec, m.OperationName, func() (_ any, err error) {
			out, err = closeFailure(ctx, c, m, fail)
			return nil, err
		})
		return err
	})
	if err != nil {
		return unclosed(m, fail, err)
	}
	return out
}

// closedText is the message of an error where there is room for a text alone.
func closedText(f *fiber, m codec.Meta, text string) string {
	if f.inv.cfg.ErrorCodec == nil {
		return text
	}
	fail := closedFailure(f, m, &checkpoint.Failure{Message: text})
	if isClosed(fail) {
		return fail.Data
	}
	return fail.Message
}

// openedText reads what closedText made.
func openedText(s *scope, m codec.Meta, text string) string {
	if f := (&checkpoint.Failure{Data: text}); isClosed(f) {
		return openedIn(s, m, f).Message
	}
	return text
}

// closeOutcome has the error that the execution fails with pass the codec of errors. It is called
// when nothing of the invocation is left.
func closeOutcome(ctx context.Context, inv *invocation, o *Outcome) {
	c := inv.cfg.ErrorCodec
	if c != nil && o.repeat {
		o.closedErr = errRepeatClosed
	}
	if c == nil || o.Failure == nil {
		return
	}
	m := handlerMeta(inv, codec.PartFailure)
	run := func() (err error) {
		o.closed, err = guarded(func() (*checkpoint.Failure, error) { return closeFailure(ctx, c, m, o.Failure) })
		return err
	}
	switch err := insist(ctx, inv, untilDeadline, run(), run); {
	case err == nil:
	case codec.IsTransient(err):
		o.Err = unconverted(m, err)
	default:
		o.closed = unclosed(m, o.Failure, err)
	}
}

// openedFailure is an error of the log as the code that reads it sees it. With the turn, which it
// gives away if the codec may wait; the error is permanent.
func openedFailure(f *fiber, m codec.Meta, fail *checkpoint.Failure) (*checkpoint.Failure, error) {
	c := f.inv.cfg.ErrorCodec
	if c == nil || !isClosed(fail) {
		return fail, nil
	}
	m.Part = codec.PartFailure
	var out *checkpoint.Failure
	err := convertPatiently(f.inv.ctx, f, c, aFewTimes, m, func() (err error) {
		out, err = openFailure(f.inv.ctx, c, m, fail)
		return err
	})
	return out, err
}

// isClosed reports whether an error has passed a codec.
func isClosed(f *checkpoint.Failure) bool {
	if f == nil {
		return false
	}
	d, _ := readData(f.Data)
	return d.Perdure.Closed != nil
}

// openFailure reads an error back that has passed the codec.
func openFailure(ctx context.Context, c codec.Codec, m codec.Meta, f *checkpoint.Failure) (*checkpoint.Failure, error) {
	d, _ := readData(f.Data)
	var o failureText
	if err := codec.Decode(ctx, c, m, []byte(*d.Perdure.Closed), &o); err != nil {
		return nil, err
	}
	return &checkpoint.Failure{Type: f.Type, Message: o.Message, Data: o.Data, Stack: o.Stack}, nil
}

// openOutside is openedFailure for code that is in no invocation. An error that cannot be read says
// so, too.
func openOutside(ctx context.Context, set *Config, m codec.Meta, f *checkpoint.Failure) (*checkpoint.Failure, error) {
	if !isClosed(f) {
		return f, nil
	}
	m.Part = codec.PartFailure
	err := errNoErrorCodec
	if set.ErrorCodec != nil {
		var out *checkpoint.Failure
		if out, err = openFailure(ctx, set.ErrorCodec, m, f); err == nil {
			return out, nil
		}
	}
	return unread(f, err), err
}

var errNoErrorCodec = errors.New("replay: the error has passed a codec, and there is none to read it with")

// unread stands for an error that cannot be read.
func unread(f *checkpoint.Failure, err error) *checkpoint.Failure {
	return &checkpoint.Failure{Type: f.Type, Message: fmt.Sprintf("%s, and cannot be read: %v", f.Message, err)}
}
