package op

import (
	"context"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// Callback is a result that an outside system will send.
type Callback[T any] struct {
	// ID is what the outside system names the callback by, in the API calls that succeed it, fail
	// it or send a heartbeat.
	ID string

	result Op[T]
}

// Result returns the operation that waits for the outcome. It leaves no record of its own and may
// be run any number of times, in the callback's scope and those inside it, and take part in a
// [Race].
//
// It fails with [ErrTimedOut] or [ErrHeartbeatMissed] if the outcome stayed away, and with an
// [*Error] of the type and message that the outside system sent if that failed the callback.
func (c Callback[T]) Result() Op[T] { return c.result }

// CreateCallback makes a callback: its result is the ID to give to the outside system and the
// operation that waits for the outcome. If the callback fails or times out later, that is the error
// of its Result, not of this operation.
//
// The outcome is a text. For a T of string or []byte it is taken as it stands, for others it is
// decoded by the callback's codec; one that does not fit is a *codec.Error of Result, which code
// may handle. Without a text the result is the zero value. See [WithTimeout],
// [WithHeartbeatTimeout].
func CreateCallback[T any](name string, opts ...CallbackOption) Op[Callback[T]] {
	n := &node.Callback{Header: callbackHeader[T](name)}
	for _, o := range opts {
		if o != nil {
			o.applyCallback(n)
		}
	}
	return Op[Callback[T]]{n: n, decode: func(r node.Result) (Callback[T], error) {
		if r.Err != nil {
			return Callback[T]{}, r.Err
		}
		return Callback[T]{ID: r.CallbackID, result: Op[T]{n: n}.await(r)}, nil
	}}
}

// callbackHeader is the header of an operation whose result comes from outside.
func callbackHeader[T any](name string) node.Header {
	h := header[T](name, subtype.Callback)
	switch any(*new(T)).(type) {
	case string, []byte:
		h.Codec = codec.Raw()
	}
	return h
}

type heartbeatOption time.Duration

func (o heartbeatOption) check(h *node.Header) {
	if o < 0 && h.Err == nil {
		h.Err = misuse(h.Name, "op.WithHeartbeatTimeout(%v): a timeout is not negative; zero means none", time.Duration(o))
	}
	if time.Duration(o) > MaxWait && h.Err == nil {
		h.Err = misuse(h.Name, "op.WithHeartbeatTimeout(%v): at most %v, the longest an execution can last", time.Duration(o), MaxWait)
	}
}

func (o heartbeatOption) applyCallback(n *node.Callback) {
	o.check(&n.Header)
	n.Heartbeat = wholeSeconds(time.Duration(o))
}

func (o heartbeatOption) applyWaitForCallback(w *waitForCallback) {
	o.check(&w.group.Header)
	o.applyCallback(&w.callback)
}

// WithHeartbeatTimeout fails the callback with [ErrHeartbeatMissed] when neither a heartbeat nor
// an outcome arrives within d, rounded up to whole seconds. Zero means no such limit, the default.
func WithHeartbeatTimeout(d time.Duration) CallbackOption { return heartbeatOption(d) }

// waitForCallback is what options configure.
type waitForCallback struct {
	group    node.Group
	callback node.Callback
	submit   []StepOption
}

type submitOption []StepOption

func (o submitOption) applyWaitForCallback(w *waitForCallback) { w.submit = append(w.submit, o...) }

// WithSubmit configures the step that submits the callback's ID.
func WithSubmit(opts ...StepOption) WaitForCallbackOption { return submitOption(opts) }

// WaitForCallback creates a callback, hands its ID to the outside system, and waits for the
// outcome: a group of the callback, the step that runs submit, and the wait. submit is a step with
// its own retries ([WithSubmit]): it may run more than once with the same ID. If it fails for
// good, so does the operation.
//
// For the outcome and its errors see [CreateCallback].
func WaitForCallback[T any](
	name string, submit func(ctx context.Context, callbackID string) error, opts ...WaitForCallbackOption,
) Op[T] {
	w := waitForCallback{group: node.Group{Header: callbackHeader[T](name), Outside: true}}
	w.group.SubType = subtype.WaitForCallback
	w.callback.Header = callbackHeader[string](inner(name, "-callback"))
	if submit == nil {
		w.group.Err = nilBody(w.group.Err, "WaitForCallback", name)
	}
	for _, o := range opts {
		if o != nil {
			o.applyWaitForCallback(&w)
		}
	}
	b := callbackBody{name: name, callback: &w.callback, submit: submit, opts: w.submit}
	for _, err := range []error{w.callback.Err, b.submitter("").Head().Err} {
		if w.group.Err == nil && err != nil {
			w.group.Err = misuse(name, "op.WaitForCallback: %v", err)
		}
	}
	w.group.Body = b
	return Op[T]{n: &w.group}
}

// callbackBody is the body of WaitForCallback.
type callbackBody struct {
	name     string
	callback *node.Callback
	submit   func(ctx context.Context, callbackID string) error
	opts     []StepOption
}

// Run creates the callback, submits its ID and waits.
func (b callbackBody) Run(s node.Scope) (any, error) {
	created := s.Run(b.callback)
	if created.Err != nil {
		return nil, created.Err
	}
	submitted := s.Run(b.submitter(created.CallbackID))
	if submitted.Err != nil {
		return nil, submitted.Err
	}
	outcome := s.Run(&node.Await{Header: b.callback.Header, Target: created.Target, Of: b.callback})
	return node.Verbatim{Payload: outcome.Payload}, outcome.Err
}

// submitter is the step that hands over the ID.
func (b callbackBody) submitter(id string) node.Node {
	return Do(inner(b.name, "-submitter"), func(ctx context.Context) error { return b.submit(ctx, id) }, b.opts...).node()
}

// inner names an operation inside one of ours, within the limit of a name.
func inner(name, suffix string) string {
	return name[:min(len(name), limits.Name-len(suffix))] + suffix
}
