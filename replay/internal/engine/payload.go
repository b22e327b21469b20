package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// A conversion that fails for now ([codec.IsTransient]) is made again after a pause, off the turn,
// for as long as its patience says. If it has not succeeded then, the invocation ends with an error
// and the service invokes again: what failed for now is no result of the operation, and no sign of
// other code.

// patience is how long a conversion that fails for now is repeated within an invocation.
type patience int

const (
	// untilDeadline is for what must not be lost: a result that a body has computed.
	untilDeadline patience = iota
	// aFewTimes is for what the next invocation can do as well: reading what is in the log.
	aFewTimes
)

// The pauses before a conversion is repeated: the first one, doubled each time up to the longest.
// The last one ends before the deadline by a margin; without a deadline they take at most
// mostPauses together.
const (
	firstPause  = 100 * time.Millisecond
	mostPause   = 5 * time.Second
	mostPauses  = time.Minute
	fewPauses   = 700 * time.Millisecond // three of them
	pauseMargin = time.Second
)

// insist makes a conversion again that has failed with err for now. It is called off the turn.
func insist(ctx context.Context, inv *invocation, p patience, err error, run func() error) error {
	waited := time.Duration(0)
	for pause := firstPause; codec.IsTransient(err); pause = min(2*pause, mostPause) {
		deadline, bounded := inv.ctx.Deadline()
		switch waited += pause; {
		case p == aFewTimes && waited > fewPauses, !bounded && waited > mostPauses,
			bounded && deadline.Sub(inv.Clock.Now()) < pause+pauseMargin, !sleep(ctx, inv.Clock, pause):
			return err
		}
		err = run()
	}
	return err
}

// sleep waits for d, and reports whether ctx has not ended by then. A clock that stands still until
// it is advanced is: time passes for who waits.
func sleep(ctx context.Context, clock checkpoint.Clock, d time.Duration) bool {
	if c, ok := clock.(interface{ Advance(d time.Duration) }); ok {
		c.Advance(d)
		return ctx.Err() == nil
	}
	over := make(chan struct{})
	stop := clock.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// convertContext is the context of conversions for a scope: its own, or, once the scope was left
// behind and what it did is undone, that of the invocation with its values.
func convertContext(s *scope) context.Context {
	if s.ctx.Err() == nil {
		return s.ctx
	}
	return withValues{s.inv.ctx, s.ctx}
}

// withValues is a context with the values of another one.
type withValues struct {
	context.Context //nolint:containedctx // it is one

	values context.Context //nolint:containedctx // see there
}

// Value returns a value of the other one.
func (c withValues) Value(key any) any { return c.values.Value(key) }

// convert runs a conversion with a codec: one of the user's off the turn, for it may take time, a
// pure one at once.
func convert(f *fiber, c codec.Codec, run func()) {
	if codec.IsPure(c) || f.Dead() {
		run()
		return
	}
	f.offWork(run)
}

// convertPatiently is convert for a conversion that may fail for now. If it still does in the end,
// the invocation ends with an error that names the payload.
func convertPatiently(ctx context.Context, f *fiber, c codec.Codec, p patience, m codec.Meta, run func() error) (err error) {
	convert(f, c, func() { err = run() })
	if codec.IsTransient(err) && !f.Dead() {
		f.offWork(func() { err = insist(ctx, f.inv, p, err, run) })
	}
	endIfTransient(f, m, err)
	return err
}

// endIfTransient ends the invocation, and the goroutine, if a conversion has failed for now. With
// the turn.
func endIfTransient(f *fiber, m codec.Meta, err error) {
	if codec.IsTransient(err) {
		endUnconverted(f.inv, m, err)
		f.exitIfOver()
	}
}

// endUnconverted ends the invocation for a conversion that failed for now: the service invokes
// again. It needs no turn.
func endUnconverted(inv *invocation, m codec.Meta, err error) {
	if inv.over() {
		return
	}
	warn(inv, "a payload could not be converted for now; the invocation ends, and the service invokes again",
		nameAttr(m.OperationName), idAttr(m.OperationID), errorAttr(err))
	inv.endWith(Outcome{Err: unconverted(m, err)})
}

// unconverted is the error of an invocation that ends because a payload could not be converted for
// now.
func unconverted(m codec.Meta, err error) error {
	return &unconvertedError{fmt.Errorf("replay: the %s of %s could not be converted for now, the service invokes again: %w",
		m.Part, placeOfMeta(m), err)}
}

// unconvertedError is the error of an invocation that ends because a payload could not be converted
// for now.
type unconvertedError struct{ error }

func (e *unconvertedError) Unwrap() error { return e.error }

// IsUnconverted reports whether an invocation ended because a payload could not be converted for
// now.
func IsUnconverted(err error) bool {
	_, ok := errors.AsType[*unconvertedError](err)
	return ok
}

// placeOfMeta names the operation of a payload for people.
func placeOfMeta(m codec.Meta) string {
	if m.OperationName == "" {
		return "the handler"
	}
	return fmt.Sprintf("operation %s (ID %s)", quote(m.OperationName), m.OperationID)
}

// binding is what codecs are given of an operation beside its name.
type binding struct {
	// boundTo is the ID that the operation's payloads are written under, if it is not its own: that
	// of the operation around it which passes them on as they stand. They are read there.
	boundTo string
	// function is the function that the operation invokes; else empty.
	function string
}

// bound is the ID that the operation's payloads are written under.
func (o *operation) bound() string { return cmp.Or(o.boundTo, o.id) }

// passOn has the payloads in the scope of a group written under the ID of the group, if it records
// one of them as it stands: all attempts of an [op.Retry], or the callback inside an operation that
// waits for one.
func passOn(o *operation, n *node.Group, in *scope) {
	if n.Of != nil || n.Outside {
		in.passesTo, in.passesCallback = o.bound(), n.Of == nil
	}
}

// passing is the ID that payloads in a scope are written under that passes them on; empty for their
// own.
type passing struct {
	passesTo string
	// passesCallback says that only those of callbacks are.
	passesCallback bool
}

// boundIn is the ID that the payloads of an operation of the scope are written under.
func boundIn(s *scope, kind checkpoint.Kind, id string) string {
	if s.passesTo == "" || s.passesCallback && kind != checkpoint.KindCallback && kind != checkpoint.KindContext {
		return id
	}
	return s.passesTo
}

// originID is the ID that the payload of a branch is written under.
func originID(k *branch) string {
	if k.origin == "" {
		k.origin, _ = originOf(k, k.b.bound(), "")
	}
	return k.origin
}

// failureMeta says which payload the error of a branch is: that of its operation.
func failureMeta(k *branch) codec.Meta {
	return codec.Meta{
		ExecutionARN: k.b.s.inv.ARN, ForkedFrom: k.b.s.inv.ForkedFrom, OperationID: originID(k), OperationName: k.head.Name, Part: codec.PartFailure, Function: functionOf(k.n),
	}
}

// functionOf returns the function that an operation, or the one whose payload it passes on,
// invokes; else nothing.
func functionOf(n node.Node) string {
	if i, ok := node.Origin(n).(*node.Invoke); ok {
		return i.Function
	}
	return ""
}

// meta says which payload of the operation is converted.
func (o *operation) meta(p codec.Part) codec.Meta {
	return codec.Meta{
		ExecutionARN: o.s.inv.ARN, ForkedFrom: o.s.inv.ForkedFrom, OperationID: o.bound(), OperationName: o.head.Name, Part: p, Function: o.function,
	}
}

// metaIn says which payload the record of an operation of the scope holds as its result.
func metaIn(s *scope, n node.Node, rec *checkpoint.Operation) codec.Meta {
	return codec.Meta{
		ExecutionARN: s.inv.ARN, ForkedFrom: s.inv.ForkedFrom, OperationID: boundIn(s, rec.Kind, rec.ID), OperationName: n.Head().Name, Function: functionOf(n),
	}
}

// decodeInBody decodes what a body asks for, off the turn. A body that cannot have it for now ends
// with the invocation.
func decodeInBody(s *scope, c codec.Codec, m codec.Meta, payload []byte, v any) error {
	return convertInBody(s, m, aFewTimes, func(ctx context.Context) error { return codec.Decode(ctx, c, m, payload, v) })
}

// convertInBody is decodeInBody for other conversions.
func convertInBody(s *scope, m codec.Meta, p patience, convert func(ctx context.Context) error) error {
	ctx := convertContext(s)
	run := func() error { return convert(ctx) }
	err := insist(ctx, s.inv, p, run(), run)
	if codec.IsTransient(err) {
		endUnconverted(s.inv, m, err)
		runtime.Goexit()
	}
	return err
}

// handlerMeta says which payload of the execution is converted.
func handlerMeta(inv *invocation, p codec.Part) codec.Meta {
	return codec.Meta{ExecutionARN: inv.ARN, ForkedFrom: inv.ForkedFrom, Part: p}
}

// decodeInput decodes the input of the handler. Without one it is the zero value.
func decodeInput(inv *invocation, root *scope) (in any, err error) {
	f, m := root.f, handlerMeta(inv, codec.PartInput)
	return inv.Input(func(v any) error {
		if inv.Rehearsal != nil {
			stopIfWithheld(root, &inv.Execution.Payload, root.path)
		}
		payload := inv.Execution.Payload.Bytes()
		if event := bytes.TrimSpace(payload); len(event) == 0 || string(event) == "null" {
			return nil
		}
		err := convertPatiently(root.ctx, f, inv.cfg.HandlerCodec, aFewTimes, m, func() error {
			_, err := f.call(ofCodec, "", func() (any, error) {
				return nil, codec.Decode(root.ctx, inv.cfg.HandlerCodec, m, payload, v)
			})
			return err
		})
		if inv.Rehearsal != nil {
			if err == nil {
				inv.Rehearsal.decoded(root, inv.cfg.HandlerCodec, m, payload, v)
			}
			stopIfClosed(root, err, m)
		}
		return err
	})
}

// encodeResult makes the payload of the handler's result.
func encodeResult(inv *invocation, root *scope, v any) (payload []byte, err error) {
	if raw, ok := v.(json.RawMessage); ok && len(raw) == 0 {
		v = json.RawMessage("null")
	}
	f, m := root.f, handlerMeta(inv, codec.PartResult)
	err = convertPatiently(root.ctx, f, inv.cfg.HandlerCodec, untilDeadline, m, func() error {
		_, err := f.call(ofCodec, "", func() (_ any, err error) {
			payload, err = codec.Encode(root.ctx, inv.cfg.HandlerCodec, m, v)
			return nil, err
		})
		return err
	})
	return payload, err
}
