package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/guard"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
)

// Names of errors on the wire belong to one of three spaces, which are never mixed: names of the
// user's registrations, names of the built-in errors, and names of Go types, which identify
// nothing. The names of built-in errors have a prefix; a registration has the other one if it would
// read as a built-in name of an older record, which had none.
const (
	builtinSpace    = "perdure."
	registeredSpace = "registered."
)

// undoErrorName is the name of [op.UndoError]. Of those in a tree the outermost counts, which has
// what those inside have.
const undoErrorName = "UndoError"

// Builtin are the registered errors that every execution knows. Their names are on the wire, after
// [builtinSpace], and never change.
func Builtin() []codec.KnownError {
	return []codec.KnownError{
		codec.Sentinel("Interrupted", op.ErrInterrupted),
		codec.Sentinel("HeartbeatMissed", op.ErrHeartbeatMissed),
		codec.Sentinel("TimedOut", op.ErrTimedOut),
		codec.Sentinel("Stopped", op.ErrStopped),
		codec.Sentinel("ConditionNotMet", op.ErrNotMet),
		codec.Sentinel("TooLarge", op.ErrTooLarge),
		codec.Sentinel("TooMany", op.ErrTooMany),
		codec.ErrorType[*countError]("Refused"),
		codec.Sentinel("Removed", op.ErrRemoved),
		codec.Sentinel("ContinuedAsNew", op.ErrContinued),
		codec.Sentinel("NotBegun", errNotBegun),
		codec.ErrorType[*op.UndoError](undoErrorName),
		codec.ErrorType[*op.BatchError]("BatchError"),
		codec.ErrorType[*codec.Error]("CodecError"),
		codec.ErrorType[*op.PanicError]("PanicError"),
		codec.Sentinel("ResultRefused", node.ErrRefused),
		codec.Sentinel("NestedOperation", ErrNested),
		codec.Sentinel("ConcurrentUse", ErrConcurrent),
		codec.Sentinel("ScopeEnded", ErrEnded),
		codec.Sentinel("GoroutineExited", ErrExited),
		codec.Sentinel("NotContinued", ErrContinuation),
		codec.Sentinel("context.DeadlineExceeded", context.DeadlineExceeded),
		codec.Sentinel("context.Canceled", context.Canceled),
	}
}

// maxMessage bounds the message and the data of a recorded error, in bytes. The service takes 1 MB
// for all fields together (Lambda API, ErrorObject).
const maxMessage = 128 << 10

// failure is err as the wire carries it. known are the registrations of the operation and the
// scopes around it; those of the handler and the built-in ones are added.
func (set *Config) failure(err error, known []codec.KnownError) *checkpoint.Failure {
	return set.failureOf(err, known, true)
}

// endFailure is the error of the execution: who reads it has registrations of its own.
func (set *Config) endFailure(err error) *checkpoint.Failure { return set.failureOf(err, nil, false) }

// failureOf is failure; inside says that this function reads it again.
func (set *Config) failureOf(err error, known []codec.KnownError, inside bool) *checkpoint.Failure {
	err = sound(err)
	f := &checkpoint.Failure{Message: clip(err.Error())}
	var ids []op.Identity
	f.Type = identify(err, concat(known, set.Known), set.registeredName, &ids)
	own := identify(err, set.Builtin, builtinName, &ids)
	outermostUndo(err, ids)
	if f.Type == "" {
		f.Type = TypeName(err)
	}
	if f.Type == "" {
		f.Type = own
	}
	if f.Type == "" {
		f.Type = "Error"
	}
	for i := range ids {
		_, here := set.find(ids[i].Name, known)
		ids[i].Passed = inside && !here
	}
	callback, data := callbackOf(err)
	if f.Data = identityData(ids); callback != "" {
		f.Data = withCallback(f.Data, callback, clip(data))
	}
	if _, registered := lookup(f.Type, known, set.Known); registered && f.Data == "" {
		f.Data = errorData{}.text() // the type of another error has the name of a registration: it identifies nothing
	}
	if e, ok := errors.AsType[*op.Error](err); ok && f.Data == "" {
		f.Data = clip(e.Data)
	}
	if p, ok := panicIn(err); ok && set.Stacks {
		f.Stack = p.Stack
	}
	return f
}

// builtinName is the name of a built-in error on the wire.
func builtinName(name string) string { return builtinSpace + name }

// registeredName is the name of a registration on the wire.
func (set *Config) registeredName(name string) string {
	_, asBuiltin := lookup(name, set.Builtin)
	if asBuiltin || strings.HasPrefix(name, builtinSpace) || strings.HasPrefix(name, registeredSpace) {
		return registeredSpace + name
	}
	return name
}

// nameToday is a name on the wire as it is written today: records of the first engine have built-in
// names without a prefix, and registrations may have been renamed.
func (set *Config) nameToday(name string, known []codec.KnownError) string {
	if bare := strings.TrimPrefix(name, registeredSpace); !strings.HasPrefix(name, builtinSpace) {
		if k, ok := lookup(bare, known, set.Known); ok && k.Name() != bare {
			return set.registeredName(k.Name()) // codec.Renamed
		}
	}
	if _, ok := lookup(name, known, set.Known); ok {
		return name
	}
	if _, ok := lookup(name, set.Builtin); ok {
		return builtinName(name)
	}
	return name
}

// find returns the registration that a name on the wire, as it is written today, stands for.
func (set *Config) find(name string, known []codec.KnownError) (codec.KnownError, bool) {
	if bare, ok := strings.CutPrefix(name, builtinSpace); ok {
		return lookup(bare, set.Builtin)
	}
	if bare, ok := strings.CutPrefix(name, registeredSpace); ok {
		return lookup(bare, known, set.Known)
	}
	return lookup(name, known, set.Known)
}

// identify walks the tree of err in the order of errors.Is, adds the registrations that match to
// ids under the names that named gives them, and returns the name of the first. What the record of
// an operation names is passed on, also if it is not registered here.
func identify(err error, known []codec.KnownError, named func(string) string, ids *[]op.Identity) (first string) {
	walk(err, func(e error, below []error) {
		if r, ok := e.(*op.Error); ok { //nolint:errorlint // the walk looks at each error by itself
			for _, id := range r.Identities {
				addIdentity(ids, id)
				for _, k := range known {
					if first == "" && named(k.Name()) == id.Name {
						first = k.Name()
					}
				}
			}
			return
		}
		for _, k := range known {
			if data, ok := k.Match(e); ok && !anyMatches(k, below) {
				addIdentity(ids, op.Identity{Name: named(k.Name()), Data: data})
				if first == "" {
					first = k.Name()
				}
			}
		}
	})
	return first
}

// outermostUndo gives the identity of an [op.UndoError] the data of the outermost one.
func outermostUndo(err error, ids []op.Identity) {
	i := slices.IndexFunc(ids, func(id op.Identity) bool { return id.Name == builtinName(undoErrorName) })
	if i < 0 {
		return
	}
	if u, ok := errors.AsType[*op.UndoError](err); ok {
		if data, err := json.Marshal(u); err == nil {
			ids[i].Data = string(data)
		}
	}
}

func addIdentity(ids *[]op.Identity, id op.Identity) {
	for _, have := range *ids {
		if have.Name == id.Name {
			return
		}
	}
	*ids = append(*ids, id)
}

func anyMatches(k codec.KnownError, errs []error) bool {
	for _, e := range errs {
		if _, ok := k.Match(e); ok {
			return true
		}
	}
	return false
}

// walk visits an error and everything it wraps, depth first.
func walk(err error, visit func(e error, below []error)) {
	if err == nil {
		return
	}
	below := guard.Unwrap(err)
	visit(err, below)
	for _, e := range below {
		walk(e, visit)
	}
}

// TypeName is the name of the outermost type of err's tree that is the user's: not one of fmt,
// errors or ours. The record of an operation counts as the type it names.
func TypeName(err error) (name string) {
	walk(err, func(e error, _ []error) {
		if name != "" {
			return
		}
		if r, ok := e.(*op.Error); ok { //nolint:errorlint // the walk looks at each error by itself
			name = r.Type
			return
		}
		full := fmt.Sprintf("%T", e)
		if m, ok := e.(*guard.Mute); ok { //nolint:errorlint // the walk looks at each error by itself
			full = m.Type
		}
		full = strings.TrimPrefix(full, "*")
		if foreign(full) {
			return
		}
		bare, _, _ := strings.Cut(full, "[")
		name = bare[strings.LastIndexByte(bare, '.')+1:]
	})
	return name
}

// foreign reports whether a type says nothing about the user's error.
func foreign(full string) bool {
	switch full {
	case "op.PanicError", "op.UndoError", "op.BatchError", "op.timeoutError", "op.refusedError", "codec.Error",
		"retry.permanentError", "retry.panicError", "retry.afterError", "retry.againError",
		"engine.misuse", "engine.brokenRuleError", "engine.sizeError", "engine.countError", "engine.fullError", "engine.attemptError", "engine.overrunError", "engine.cutShortError", "context.deadlineExceededError":
		return true
	}
	return strings.HasPrefix(full, "fmt.") || strings.HasPrefix(full, "errors.")
}

// clip cuts a text that is too long for the wire, at a character.
func clip(s string) string {
	if len(s) <= maxMessage {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return cut(s, maxMessage)
}

// ellipsis stands for what was cut off.
const ellipsis = "…"

// cut leaves the first n bytes of a text, at a character.
func cut(s string, n int) string { return strings.ToValidUTF8(s[:n], "") + ellipsis }

// dataMark begins the data of an error that we wrote.
const dataMark = `{"perdure":`

// errorData is what the data of a recorded error holds.
type errorData struct {
	Perdure struct {
		Known []op.Identity `json:"known,omitempty"`
		State *string       `json:"state,omitempty"`
		// Cuts is how many attempts in a row were cut short before a deadline.
		Cuts int `json:"cuts,omitempty"`
		// Closed is the payload of an error that has passed a codec.
		Closed *string `json:"encoded,omitempty"`
		// Callback is the ID of the callback whose error it is, and Outside the data that the
		// outside system has sent along.
		Callback string  `json:"callback,omitempty"`
		Outside  *string `json:"outside,omitempty"`
	} `json:"perdure"`
}

// identityData writes down the identities of an error. Values that are too long together for the
// wire are left out, the longest first: such an error is restored by its type alone. It changes
// ids.
func identityData(ids []op.Identity) string {
	if len(ids) == 0 {
		return ""
	}
	var d errorData
	d.Perdure.Known = ids
	for {
		text := d.text()
		longest := 0
		for i := range ids {
			if len(ids[i].Data) > len(ids[longest].Data) {
				longest = i
			}
		}
		if len(text) <= maxMessage || ids[longest].Data == "" {
			return text
		}
		ids[longest].Data = ""
	}
}

func (d errorData) text() string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a state may be full of what only HTML needs to be escaped
	if err := enc.Encode(d); err != nil {
		return ""
	}
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}

// readData splits the data of a recorded error into what we wrote and what came from outside.
func readData(data string) (d errorData, outside string) {
	if !strings.HasPrefix(data, dataMark) || json.Unmarshal([]byte(data), &d) != nil {
		return errorData{}, data
	}
	if d.Perdure.Outside != nil {
		outside = *d.Perdure.Outside
	}
	return d, outside
}

// callbackOf is the ID of the first callback whose error is in err, and what came along with it;
// empty if there is none.
func callbackOf(err error) (id, data string) {
	walk(err, func(e error, _ []error) {
		if r, ok := e.(*op.Error); ok && id == "" { //nolint:errorlint // the walk looks at each error by itself
			id, data = r.CallbackID, r.Data
		}
	})
	return id, data
}

// withoutCallback is the error of an execution, which others read than those that answer callbacks.
func withoutCallback(f *checkpoint.Failure) *checkpoint.Failure {
	d, outside := readData(f.Data)
	if d.Perdure.Callback == "" {
		return f
	}
	if d.Perdure.Callback, d.Perdure.Outside = "", nil; len(d.Perdure.Known) > 0 {
		f.Data = d.text()
	} else {
		f.Data = outside
	}
	return f
}

// withCallback adds the ID of a callback, and what came from outside, to the data of an error.
func withCallback(text, id, outside string) string {
	d, _ := readData(text)
	if d.Perdure.Callback = id; outside != "" && len(d.Perdure.Known) == 0 {
		d.Perdure.Outside = &outside
	}
	return d.text()
}

// identitiesOf are the registered errors that a failure names.
func identitiesOf(f *checkpoint.Failure) []op.Identity {
	d, _ := readData(f.Data)
	return d.Perdure.Known
}

// carried is the state that an attempt left behind.
type carried struct {
	payload []byte
	ok      bool
}

func (c carried) present() bool { return c.ok }

// stateOf reads the state out of the record of a step: its payload, or, after an attempt that
// failed, the data of its error.
func stateOf(rec *checkpoint.Operation) carried {
	if rec.Payload.Present() && rec.Attempt > 0 {
		return carried{payload: bytes.Clone(rec.Payload.Bytes()), ok: true} // a body may outlive the event it lies in
	}
	if rec.Failure == nil {
		return carried{}
	}
	d, _ := readData(rec.Failure.Data)
	if d.Perdure.State == nil {
		return carried{}
	}
	return carried{payload: []byte(*d.Perdure.State), ok: true}
}

// withState adds the carried state to the data of an error: the next attempt begins with it, for a
// RETRY takes an error or a payload, not both.
func withState(data string, c carried) string {
	if !c.ok {
		return data
	}
	d, _ := readData(data)
	text := string(c.payload)
	d.Perdure.State = &text
	return d.text()
}

// cutsOf is how many attempts before this one, in a row, were cut short before a deadline.
func cutsOf(rec *checkpoint.Operation) int {
	if rec == nil || rec.Failure == nil {
		return 0
	}
	d, _ := readData(rec.Failure.Data)
	return d.Perdure.Cuts
}

// withCuts adds the number of attempts that were cut short to the data of an error.
func withCuts(data string, cuts int) string {
	d, _ := readData(data)
	d.Perdure.Cuts = cuts
	return d.text()
}

// leastMessage is what is left of a message where the execution has hardly any room, in bytes.
const leastMessage = 512

// shortened makes an error small if the execution has no room for it: many of them fit into what is
// kept for its end.
func shortened(inv *invocation, f *checkpoint.Failure) *checkpoint.Failure {
	if inv.holds(failureSize(f)) {
		return f
	}
	f.Stack = nil
	if len(f.Message) > leastMessage {
		f.Message = cut(f.Message, leastMessage)
	}
	if len(f.Data) > leastMessage {
		d, _ := readData(f.Data)
		for i := range d.Perdure.Known {
			d.Perdure.Known[i].Data = ""
		}
		f.Data = d.text()
	}
	return f
}
