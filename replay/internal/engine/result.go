package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/lossless"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

var (
	// ErrNoTarget is the error of awaiting what was not started.
	ErrNoTarget        = errors.New("replay: an operation that was not started is awaited")
	errAgainAtMostOnce = errors.New("replay: retry.Again needs at-least-once semantics: " +
		"an at-most-once step cannot keep its state over an interruption")
)

// failureOf builds the error that user code gets of a record that did not succeed.
func failureOf(s *scope, h *node.Header, m codec.Meta, nth int, rec *checkpoint.Operation) error {
	e := &op.Error{
		ID: rec.ID, Name: h.Name, Path: s.pathOf(h, nth), Kind: string(rec.Kind), Attempt: rec.Attempt, CallbackID: rec.CallbackID,
	}
	if r := s.inv.Rehearsal; r != nil {
		stopIfWithheld(s, &rec.Payload, func() string { return e.Path })
		defer func() { r.unregistered(s.inv.cfg, e, concat(h.Known, s.known)) }()
	}
	failure, known := openedIn(s, m, rec.Failure), concat(h.Known, s.known)
	outside := fromOutside(rec.Kind, h.SubType)
	s.inv.running().convertErrors(known, hasUsersData(failure, outside), func() {
		fillError(s.inv.cfg, e, failure, known, outside)
	})
	switch rec.Status {
	case checkpoint.StatusTimedOut:
		e.Known = append(e.Known, timedOut(e.Type))
	case checkpoint.StatusCancelled, checkpoint.StatusStopped:
		e.Known = append(e.Known, op.ErrStopped)
	case checkpoint.StatusFailed, checkpoint.StatusStarted, checkpoint.StatusPending,
		checkpoint.StatusReady, checkpoint.StatusSucceeded:
	}
	if e.Type == "" {
		e.Type = string(rec.Status)
	}
	if e.Message == "" && rec.Status != checkpoint.StatusFailed {
		e.Message = "the operation ended as " + string(rec.Status)
	}
	return e
}

// fillError takes over what a record says of its error, and restores the registered errors in it.
func fillError(cfg *Config, e *op.Error, f *checkpoint.Failure, known []codec.KnownError, outside bool) {
	if f == nil {
		return
	}
	e.Type, e.Message, e.Stack = f.Type, f.Message, f.Stack
	d, data := readData(f.Data)
	e.Identities, e.Data = d.Perdure.Known, data
	if d.Perdure.Callback != "" {
		e.CallbackID = d.Perdure.Callback
	}
	for i, id := range e.Identities {
		e.Identities[i].Name = cfg.nameToday(id.Name, known)
	}
	if k, ok := lookup(e.Type, known, cfg.Known); ok {
		switch {
		case outside && e.Type != "" && (d.Perdure.Outside != nil || !strings.HasPrefix(f.Data, dataMark)): // never a built-in one: none comes from outside
			e.Identities = []op.Identity{{Name: cfg.registeredName(k.Name()), Data: e.Data}}
			e.Type = k.Name()
		case hasIdentity(e, cfg.registeredName(k.Name())):
			e.Type = k.Name()
		}
	}
	e.Known = restoredErrors(cfg, known, e)
}

// hasUsersData reports whether a recorded error holds what code of the user's may unmarshal.
func hasUsersData(f *checkpoint.Failure, outside bool) bool {
	if f == nil {
		return false
	}
	d, data := readData(f.Data)
	return outside && data != "" || slices.ContainsFunc(d.Perdure.Known, func(id op.Identity) bool {
		return id.Data != "" && !strings.HasPrefix(id.Name, builtinSpace)
	})
}

// hasIdentity reports whether an error names a registration.
func hasIdentity(e *op.Error, name string) bool {
	return slices.ContainsFunc(e.Identities, func(id op.Identity) bool { return id.Name == name })
}

// checkIdentities ends the execution if a step has failed with an error that was registered when
// that was recorded and is no more: errors.Is and errors.As would find nothing in it. What the
// record of an earlier operation names is passed on by a body that returns its error. Groups and
// batches pass on what is registered inside of them, and the first engine did not write down of
// which it was so: of theirs a rehearsal warns.
func checkIdentities(s *scope, kind checkpoint.Kind, known []codec.KnownError, err error) {
	e, ok := err.(*op.Error) //nolint:errorlint // ours, just made
	if !ok || !s.inv.cfg.Strict {
		return
	}
	for _, id := range e.Identities {
		if _, ok := s.inv.cfg.find(id.Name, known); !ok && !id.Passed && kind == checkpoint.KindStep && !s.inv.named[id.Name] {
			s.diverge(unregisteredError(e, id.Name))
		}
		if s.inv.named == nil {
			s.inv.named = make(map[string]bool)
		}
		s.inv.named[id.Name] = true
	}
}

// namesOwn reports whether the errors of an operation are named by registrations of this function.
// Others name those of invokes and callbacks, and nothing says which of them were registered here.
func namesOwn(kind checkpoint.Kind) bool {
	return kind == checkpoint.KindStep || kind == checkpoint.KindContext
}

// openedIn reads a recorded error for the scope. What we wrote and cannot read any more has been
// written by other code.
func openedIn(s *scope, m codec.Meta, f *checkpoint.Failure) *checkpoint.Failure {
	if s.inv.cfg.ErrorCodec == nil || f == nil {
		return f
	}
	out, err := openedFailure(s.inv.running(), m, f)
	if err != nil && s.inv.Rehearsal != nil {
		stopIfClosed(s, err, m)
	}
	if err != nil && m.Function == "" {
		s.diverge(unreadableError(s, m, err))
	}
	if err != nil { // written by another function
		return unread(f, err)
	}
	return out
}

// timedOut distinguishes a missed heartbeat from the end of the time. Source: the error types that
// the service gives callbacks.
func timedOut(kind string) error {
	if strings.EqualFold(kind, "Callback.Heartbeat") {
		return op.ErrHeartbeatMissed
	}
	return op.ErrTimedOut
}

// fromOutside reports whether the failure of an operation is written outside, where registrations
// have no names on the wire but the type of the failure.
func fromOutside(kind checkpoint.Kind, sub string) bool {
	return kind == checkpoint.KindCallback || kind == checkpoint.KindChainedInvoke || sub == subtype.WaitForCallback
}

// restoredErrors brings back the registered errors of a record.
func restoredErrors(cfg *Config, known []codec.KnownError, e *op.Error) []error {
	var errs []error
	for _, id := range e.Identities {
		if k, ok := cfg.find(id.Name, known); ok {
			errs = append(errs, restored(k, id))
		}
	}
	return errs
}

func lookup(name string, lists ...[]codec.KnownError) (codec.KnownError, bool) {
	for _, list := range lists {
		for _, k := range list {
			if k.Reads(name) {
				return k, true
			}
		}
	}
	return codec.KnownError{}, false
}

// permanent reports whether trying again cannot help: a conversion failed, or the result is too
// large.
func permanent(err error) bool {
	if e, ok := errors.AsType[*codec.Error](err); ok {
		return !e.Transient
	}
	_, ok := err.(*sizeError) //nolint:errorlint // ours, never wrapped: a body may return what another operation failed with
	return ok
}

// errCutOff is the error of an invocation whose time was over while a body ran.
func errCutOff(path string, cause error) error {
	return fmt.Errorf("replay: the invocation ended while %s was running: %w", quote(path), cause)
}

// Restore returns an error that m names as an execution or operation has recorded it, in which the
// errors registered with the handler, and those of known, are restored. It fails if the codec of
// errors cannot read it.
func (set *Config) Restore(
	ctx context.Context, m codec.Meta, failure *checkpoint.Failure, known ...codec.KnownError,
) (*op.Error, error) {
	failure, err := openOutside(ctx, set, m, failure)
	e := &op.Error{ID: m.OperationID, Name: m.OperationName, Kind: string(checkpoint.KindExecution)}
	fillError(set, e, failure, known, true)
	if e.Type == "" {
		e.Type = "Error"
	}
	return e, err
}

// restored brings back one registered error. One that cannot be is replaced by what says so.
func restored(k codec.KnownError, id op.Identity) error {
	e, err := guarded(func() (error, error) { return k.Restore(id.Data), nil })
	if err == nil {
		err = sound(e)
	}
	return err
}

// Decode decodes a payload of one of the scope's operations. What we wrote and cannot read any
// more has been written by other code; what cannot be read for now ends the invocation. It is
// called with the turn, or by code that is off it.
func (s *scope) Decode(r node.Result, payload []byte, v any) error {
	c := codecOf(s, &r)
	f := s.inv.caller()
	if f == nil {
		return plainDecode(s, c, r, payload, v)
	}
	if s.inv.Rehearsal != nil {
		stopIfWithheld(s, r.Payload, func() string { return pathOfMeta(s, r.Meta) })
	}
	err := decodeHere(s, f, c, r, payload, v)
	if s.inv.Rehearsal != nil {
		if err == nil {
			s.inv.Rehearsal.decoded(s, c, r.Meta, payload, v)
		}
		stopIfClosed(s, err, r.Meta)
	}
	if err != nil && r.Replayed && !r.Outside {
		if f.logOnly {
			f.stop(s)
		}
		f.fatal(divergence(s, undecodablePayload(s, r, err)))
	}
	return err
}

// decodeHere decodes for a caller that has the turn: off it, unless the codec is pure.
func decodeHere(s *scope, f *fiber, c codec.Codec, r node.Result, payload []byte, v any) error {
	ctx := convertContext(s)
	if codec.IsPure(c) { // without a function that is allocated for each payload
		if err := codec.Decode(ctx, c, r.Meta, payload, v); !codec.IsTransient(err) {
			return err
		}
	}
	return convertPatiently(ctx, f, c, aFewTimes, r.Meta, func() error { return codec.Decode(ctx, c, r.Meta, payload, v) })
}

// Absent is called for the value of a record that has none. A strict codec refuses that where a
// replay finds it: the code that recorded it had no result there.
func (s *scope) Absent(r node.Result, v any) error {
	if rehearsal := s.inv.Rehearsal; rehearsal != nil && r.Replayed && !r.Outside && lossless.HasValues(v) {
		rehearsal.lost(s, r.Meta, nil, v)
	}
	if !r.Replayed || r.Outside || !codec.IsStrict(codecOf(s, &r)) {
		return nil
	}
	return s.Decode(r, nil, v)
}

// Text returns the string of a payload that the built-in codec has written and that needs no
// decoding: most results of a replay are taken right out of the event. It needs no turn.
func (s *scope) Text(r node.Result) (text string, ok bool) {
	if !codec.IsJSON(codecOf(s, &r)) {
		return "", false
	}
	p, ok := r.Payload.(*checkpoint.Payload)
	if !ok {
		return "", false
	}
	return p.JSONString()
}

// plainDecode decodes without the turn: in the body of an operation.
func plainDecode(s *scope, c codec.Codec, r node.Result, payload []byte, v any) error {
	err := decodeInBody(s, c, r.Meta, payload, v)
	if err != nil && r.Replayed && !r.Outside && !s.inv.over() {
		s.inv.fail(divergence(s, undecodablePayload(s, r, err)))
		runtime.Goexit()
	}
	return err
}

// plainSource decodes where that is no divergence: to see whether a payload can be read at all.
type plainSource struct{ s *scope }

func (p plainSource) Decode(r node.Result, payload []byte, v any) error {
	return codec.Decode(convertContext(p.s), codecOf(p.s, &r), r.Meta, payload, v)
}

// running is the fiber that has the turn. It is often, but not always, that of a scope's function:
// an operation that was started by Go has a fiber of its own, and the scope's may be inside a body
// meanwhile. With the turn, on the goroutine of a fiber.
func (inv *invocation) running() *fiber {
	f, _ := inv.turn.Running().Task().(*fiber) // no others are spawned
	return f
}

// caller is the fiber whose goroutine is calling, if it has the turn; nil if not.
func (inv *invocation) caller() *fiber {
	s := inv.turn.Caller()
	if s == nil {
		return nil
	}
	f, _ := s.Task().(*fiber)
	return f
}

// finishedResult returns what user code gets of an operation whose end is in the log: as something
// to wait for if it was to be started.
func finishedResult(ctx context.Context, s *scope, n node.Node, c claim, start bool) node.Result {
	h := n.Head()
	r := resultOf(s, h, metaIn(s, n, c.rec), c.occurrence, c.rec, true)
	var o *operation
	if start {
		o = newOperation(ctx, s, h, c.rec.Kind, c)
		o.separate, o.done, o.what = true, true, n
		s.started = append(s.started, o)
	} else {
		wentPast(s, c.rec)
		s.f.because(cause{at: c.rec.End})
	}
	if _, step := n.(*node.Step); !step {
		r = addBatchOutcome(s, n, func() string { return s.pathOf(h, c.occurrence) }, r)
	}
	if o == nil {
		return r
	}
	o.rec = r
	return node.Result{Target: o}
}

// resultOf builds what user code gets of a terminal record.
func resultOf(s *scope, h *node.Header, m codec.Meta, nth int, rec *checkpoint.Operation, replayed bool) node.Result {
	r := node.Result{
		Meta:  m,
		Codec: h.Codec, Replayed: replayed, Source: s,
		CallbackID: rec.CallbackID,
	}
	if rec.Status != checkpoint.StatusSucceeded {
		r.Err = failureOf(s, h, m, nth, rec)
		if replayed {
			checkIdentities(s, rec.Kind, concat(h.Known, s.known), r.Err)
		}
		return r
	}
	if next, ok := continuedBy(rec); ok {
		r.Err = &op.Error{
			ID: rec.ID, Name: h.Name, Path: s.pathOf(h, nth), Kind: string(rec.Kind), Type: "ContinuedAsNew", Known: []error{op.ErrContinued},
			Message: "the function continues as the execution " + next + ", and the result is of the last one of its chain: " +
				"start it with op.Start, and have that one answer a callback", Data: next,
		}
		return r
	}
	if rec.Payload.Present() {
		r.Payload = &rec.Payload
	}
	return r
}

// continuedBy is the successor of an invoked function that has ended by starting it.
func continuedBy(rec *checkpoint.Operation) (arn string, ok bool) {
	if rec.Kind != checkpoint.KindChainedInvoke || rec.Payload.Size() > longestARN {
		return "", false
	}
	return checkpoint.ContinuedAs(rec.Payload.Bytes())
}

// longestARN bounds a result that names an execution (Lambda API, DurableExecutionArn: 1,024
// characters).
const longestARN = 2048

// outcomeOf is what user code gets of an operation's terminal record.
func outcomeOf(s *scope, f *fiber, o *operation, rec *checkpoint.Operation) node.Result {
	replayed := o.found != nil && o.found.Status.Terminal()
	f.becauseOf(rec, o.found)
	if !o.separate {
		o.read = true
		s.observe(rec)
		if replayed {
			wentPast(s, rec)
		}
	}
	r := resultOf(s, o.head, o.meta(codec.PartResult), o.nth, rec, replayed)
	r.Outside = o.outside
	return r
}
