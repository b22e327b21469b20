package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

var (
	// ErrNoTarget is the error of awaiting what was not started.
	ErrNoTarget        = errors.New("replay: an operation that was not started is awaited")
	errAgainAtMostOnce = errors.New("replay: retry.Again needs at-least-once semantics: " +
		"an at-most-once step cannot keep its state over an interruption")
)

// failed builds the error that user code gets of a record that did not succeed.
func (s *scope) failed(h *node.Header, nth int, rec *checkpoint.Operation) error {
	e := &op.Error{
		ID: rec.ID, Name: h.Name, Path: s.pathOf(h, nth), Kind: string(rec.Kind), Attempt: rec.Attempt,
	}
	s.fill(e, rec.Failure, concat(h.Known, s.known))
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

// fill takes over what a record says of its error, and restores the registered errors in it.
func (s *scope) fill(e *op.Error, f *checkpoint.Failure, known []codec.KnownError) {
	if f == nil {
		return
	}
	var d errorData
	d, e.Data = readData(f.Data)
	e.Type, e.Message, e.Stack, e.Identities = f.Type, f.Message, f.Stack, d.Perdure.Known
	e.Known = s.restore(known, e)
}

// timedOut tells a missed heartbeat from the end of the time. Source: the error types that the
// service gives callbacks.
func timedOut(kind string) error {
	if strings.EqualFold(kind, "Callback.Heartbeat") {
		return op.ErrHeartbeatMissed
	}
	return op.ErrTimedOut
}

// restore brings back the registered errors of a record. A record that names none, because it was
// written outside, is looked up by its type.
func (s *scope) restore(known []codec.KnownError, e *op.Error) []error {
	ids := e.Identities
	if len(ids) == 0 && e.Type != "" {
		ids = []op.Identity{{Name: e.Type, Data: e.Data}}
	}
	var errs []error
	for _, id := range ids {
		if k, ok := lookup(id.Name, known, s.inv.cfg.Known, s.inv.cfg.Builtin); ok {
			errs = append(errs, restored(k, id))
		}
	}
	return errs
}

func lookup(name string, lists ...[]codec.KnownError) (codec.KnownError, bool) {
	for _, list := range lists {
		for _, k := range list {
			if k.Name() == name {
				return k, true
			}
		}
	}
	return codec.KnownError{}, false
}

// permanent reports whether trying again cannot help: a conversion failed.
func permanent(err error) bool {
	_, ok := errors.AsType[*codec.Error](err)
	return ok
}

// errCutOff is the error of an invocation whose time was over while a body ran.
func errCutOff(path string, cause error) error {
	return fmt.Errorf("replay: the invocation ended while %s was running: %w", quote(path), cause)
}

// Restore returns the error that an execution failed with, in which the errors registered with the
// handler, and those of known, are restored.
func (set *Config) Restore(failure *checkpoint.Failure, known []codec.KnownError) error {
	e := &op.Error{Kind: string(checkpoint.KindExecution)}
	s := scope{inv: &invocation{facts: facts{cfg: set}}}
	s.fill(e, failure, known)
	if e.Type == "" {
		e.Type = "Error"
	}
	return e
}

// restored brings back one registered error. One that cannot be is replaced by what says so.
func restored(k codec.KnownError, id op.Identity) error {
	e, err := guarded(func() (error, error) { return k.Restore(id.Data), nil })
	if err == nil {
		err = sound(e)
	}
	return err
}
