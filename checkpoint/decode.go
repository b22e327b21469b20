package checkpoint

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/internal/subtype"
)

// DecodeInvocation decodes the event of a durable function. Unknown fields are skipped, null is
// the same as absent, the order of the fields is free and their case is ignored, as in
// encoding/json. A time that cannot be read is zero. Payloads of operations are not decoded:
// they stay inside event, which must not change as long as one of them is in use.
//
// The error is [ErrNotDurable] if the event is JSON without the two fields that every durable
// invocation has. Records that no version of the protocol can mean (no ID, no Status, an unknown
// Type) are errors, too. A Status that this version does not know stays as it is: see
// [Status.Terminal].
func DecodeInvocation(event []byte) (Invocation, error) {
	d := decoder{scanner: scanner{data: event}}
	if d.peek() != '{' {
		if err := d.skip(); err != nil {
			return Invocation{}, fmt.Errorf("checkpoint: decode invocation: %w", err)
		}
		return Invocation{}, notDurable("it is not a JSON object")
	}
	var inv Invocation
	err := d.object(func(key []byte) error { return d.invocation(&inv, key) })
	if err == nil {
		err = d.end()
	}
	switch {
	case err != nil:
		return Invocation{}, fmt.Errorf("checkpoint: decode invocation: %w", err)
	case inv.ARN == "":
		return Invocation{}, notDurable("DurableExecutionArn is missing")
	case inv.Token == "":
		return Invocation{}, notDurable("CheckpointToken is missing")
	}
	return inv, nil
}

func notDurable(why string) error {
	return fmt.Errorf("checkpoint: decode invocation: %w: %s; "+
		"the function was probably created without DurableConfig, which cannot be added later: "+
		"create it again with DurableConfig and invoke a version, an alias or $LATEST", ErrNotDurable, why)
}

// forkedFrom is a member that the event of a fork has, which only the local service makes.
const forkedFrom = "PerdureForkedFrom"

// decoder reads the envelope in one pass.
type decoder struct {
	scanner
	arena  strings.Builder // holds the short strings of many records
	parent string          // the last ParentId: neighbours mostly share it
}

func (d *decoder) invocation(inv *Invocation, key []byte) (err error) {
	switch string(key) {
	case "DurableExecutionArn":
		inv.ARN, err = d.text()
	case "CheckpointToken":
		inv.Token, err = d.text()
	case "InitialExecutionState":
		err = d.object(func(key []byte) error { return d.state(inv, key) })
	case "UpdatedOperationIds":
		inv.Updated, err = d.texts()
	case forkedFrom:
		inv.ForkedFrom, err = d.texts()
	default:
		if name := foldKey(key, "DurableExecutionArn", "CheckpointToken", "InitialExecutionState",
			"UpdatedOperationIds", forkedFrom); name != nil {
			return d.invocation(inv, name)
		}
		err = d.skip()
	}
	return err
}

func (d *decoder) state(inv *Invocation, key []byte) (err error) {
	switch string(key) {
	case "Operations":
		inv.Operations, err = d.operations()
	case "NextMarker":
		inv.NextMarker, err = d.text()
	default:
		if name := foldKey(key, "Operations", "NextMarker"); name != nil {
			return d.state(inv, name)
		}
		err = d.skip()
	}
	return err
}

func (d *decoder) operations() ([]Operation, error) {
	var ops []Operation
	var begin, from int // where the record of that number begins, up to which there was room before
	err := d.array(func() error {
		if null, err := d.null(); null || err != nil {
			return err
		}
		switch {
		case len(ops) == 0:
			begin = d.pos
			ops = make([]Operation, 0, 4)
		case len(ops) == cap(ops):
			more := d.more(len(ops)-from, d.pos-begin)
			begin, from = d.pos, len(ops)
			ops = slices.Grow(ops, more)
		}
		ops = append(ops, Operation{})
		op := &ops[len(ops)-1]
		if err := d.object(func(key []byte) error { return d.operation(op, key) }); err != nil {
			return err
		}
		return op.check()
	})
	return ops, err
}

// more guesses how many records follow the last n, which took size bytes: as many as fit into the
// rest of the event, but not more than some multiple of them as long as they are few. The last ones
// are more like those that follow than the first ones are: one of these holds the input of the
// execution. Room that stays empty lives as long as the records do.
func (d *decoder) more(n, size int) int {
	const few, enough, times, smallest = 8, 128, 8, 64
	each := max(size/n, smallest)
	guess := (len(d.data)-d.pos)/each + 1
	switch {
	case n < few:
		return min(guess, few*times)
	case n < enough:
		return min(guess, n*times)
	}
	return guess + guess/256
}

// check reports what makes a record unusable.
func (o *Operation) check() error {
	switch o.Kind {
	case KindExecution, KindContext, KindStep, KindWait, KindCallback, KindChainedInvoke:
	default:
		return fmt.Errorf("operation %q has Type %q; this version knows %s, %s, %s, %s, %s and %s",
			o.ID, string(o.Kind),
			KindExecution, KindContext, KindStep, KindWait, KindCallback, KindChainedInvoke)
	}
	if o.Status == "" {
		return fmt.Errorf("operation %q has no Status", o.ID)
	}
	if o.ID == "" {
		return fmt.Errorf("an operation of Type %s and Name %q has no Id", o.Kind, o.Name)
	}
	return nil
}

func (d *decoder) operation(op *Operation, key []byte) (err error) {
	switch string(key) {
	case "Id":
		op.ID, err = d.text()
	case "ParentId":
		op.ParentID, err = d.parentID()
	case "Name":
		op.Name, err = d.name(op.ID)
	case "Type":
		op.Kind, err = d.kind()
	case "SubType":
		op.SubType, err = d.subType()
	case "Status":
		op.Status, err = d.status()
	case "StartTimestamp":
		op.Start, err = d.time()
	case "EndTimestamp":
		op.End, err = d.time()
	case "ExecutionDetails", "ContextDetails", "StepDetails", "WaitDetails", "CallbackDetails",
		"ChainedInvokeDetails":
		err = d.object(func(key []byte) error { return d.details(op, key) })
	default:
		if name := foldKey(key, "Id", "ParentId", "Name", "Type", "SubType", "Status",
			"StartTimestamp", "EndTimestamp", "ExecutionDetails", "ContextDetails", "StepDetails",
			"WaitDetails", "CallbackDetails", "ChainedInvokeDetails"); name != nil {
			return d.operation(op, name)
		}
		err = d.skip()
	}
	return err
}

// details reads a field of the object that belongs to the kind of an operation. An operation has
// at most one of them, and a field means the same in all that have it.
func (d *decoder) details(op *Operation, key []byte) (err error) {
	switch string(key) {
	case "Result", "InputPayload":
		op.Payload, err = d.payload()
	case "Error":
		op.Failure, err = d.failure()
	case "ReplayChildren":
		op.ReplayChildren, err = d.boolean()
	case "Attempt":
		op.Attempt, err = d.integer()
	case "NextAttemptTimestamp", "ScheduledEndTimestamp":
		var due time.Time
		if due, err = d.time(); !due.IsZero() { // null is the same as absent
			op.Due = due
		}
	case "CallbackId":
		op.CallbackID, err = d.text()
	default:
		if name := foldKey(key, "Result", "InputPayload", "Error", "ReplayChildren", "Attempt",
			"NextAttemptTimestamp", "ScheduledEndTimestamp", "CallbackId"); name != nil {
			return d.details(op, name)
		}
		err = d.skip()
	}
	return err
}

func (d *decoder) failure() (*Failure, error) {
	if null, err := d.null(); null || err != nil {
		return nil, err
	}
	f := new(Failure)
	return f, d.object(func(key []byte) error { return d.failureField(f, key) })
}

func (d *decoder) failureField(f *Failure, key []byte) (err error) {
	switch string(key) {
	case "ErrorType":
		f.Type, err = d.text()
	case "ErrorMessage":
		f.Message, err = d.text()
	case "ErrorData":
		f.Data, err = d.text()
	case "StackTrace":
		f.Stack, err = d.texts()
	default:
		if name := foldKey(key, "ErrorType", "ErrorMessage", "ErrorData", "StackTrace"); name != nil {
			return d.failureField(f, name)
		}
		err = d.skip()
	}
	return err
}

// foldKey returns the name that key is in another case, nil if it is none of them.
func foldKey(key []byte, names ...string) []byte {
	for _, name := range names {
		if b := []byte(name); !bytes.Equal(key, b) && bytes.EqualFold(key, b) {
			return b
		}
	}
	return nil
}

func (d *decoder) payload() (Payload, error) {
	if null, err := d.null(); null || err != nil {
		return Payload{}, err
	}
	l, err := d.literal()
	if err != nil {
		return Payload{}, err
	}
	if l.wide && !utf8.Valid(l.text) {
		return NewPayload(unquote(l.text)), nil
	}
	return QuotedPayload(l.text), nil
}

// raw reads a string, or null as an empty one, and returns the decoded bytes.
func (d *decoder) raw() ([]byte, error) {
	if null, err := d.null(); null || err != nil {
		return nil, err
	}
	l, err := d.literal()
	if err != nil {
		return nil, err
	}
	if l.escaped || l.wide {
		return unquote(l.text), nil
	}
	return l.text[1 : len(l.text)-1], nil
}

func (d *decoder) text() (string, error) {
	b, err := d.raw()
	return d.keep(b), err
}

// name is text for the name of an operation, which its ID mostly begins with.
func (d *decoder) name(id string) (string, error) {
	b, err := d.raw()
	if len(b) <= len(id) && id[:len(b)] == string(b) {
		return id[:len(b)], err
	}
	return d.keep(b), err
}

func (d *decoder) texts() (texts []string, err error) {
	err = d.array(func() error {
		if null, err := d.null(); null || err != nil {
			return err
		}
		s, err := d.text()
		texts = append(texts, s)
		return err
	})
	return texts, err
}

// keep returns b as a string. Short strings share their memory: an event of thousands of records
// would otherwise need several allocations for each.
func (d *decoder) keep(b []byte) string {
	const chunk = 16 << 10
	if len(b) > chunk/16 {
		return string(b)
	}
	if len(b) == 0 {
		return ""
	}
	if d.arena.Cap()-d.arena.Len() < len(b) {
		d.arena.Reset() // leaves the memory to the strings in it
		d.arena.Grow(max(len(b), min(chunk, (len(d.data)-d.pos)/4)))
	}
	start := d.arena.Len()
	d.arena.Write(b)
	return d.arena.String()[start:]
}

func (d *decoder) parentID() (string, error) {
	b, err := d.raw()
	if string(b) != d.parent {
		d.parent = d.keep(b)
	}
	return d.parent, err
}

func (d *decoder) kind() (Kind, error) {
	b, err := d.raw()
	switch Kind(b) {
	case KindExecution:
		return KindExecution, err
	case KindContext:
		return KindContext, err
	case KindStep:
		return KindStep, err
	case KindWait:
		return KindWait, err
	case KindCallback:
		return KindCallback, err
	case KindChainedInvoke:
		return KindChainedInvoke, err
	default:
		return Kind(b), err
	}
}

func (d *decoder) status() (Status, error) {
	b, err := d.raw()
	switch Status(b) {
	case StatusStarted:
		return StatusStarted, err
	case StatusPending:
		return StatusPending, err
	case StatusReady:
		return StatusReady, err
	case StatusSucceeded:
		return StatusSucceeded, err
	case StatusFailed:
		return StatusFailed, err
	case StatusCancelled:
		return StatusCancelled, err
	case StatusTimedOut:
		return StatusTimedOut, err
	case StatusStopped:
		return StatusStopped, err
	default:
		return Status(b), err
	}
}

// subType saves the memory of the sub-types that SDKs use most.
func (d *decoder) subType() (string, error) {
	b, err := d.raw()
	switch string(b) {
	case subtype.Step:
		return subtype.Step, err
	case subtype.Wait:
		return subtype.Wait, err
	case subtype.Callback:
		return subtype.Callback, err
	case subtype.Invoke:
		return subtype.Invoke, err
	case subtype.Group:
		return subtype.Group, err
	case subtype.MapItem:
		return subtype.MapItem, err
	case subtype.ParallelBranch:
		return subtype.ParallelBranch, err
	}
	return d.keep(b), err
}

// time reads a time in any of the encodings that the service and its emulators use.
func (d *decoder) time() (time.Time, error) {
	switch c := d.peek(); {
	case c == '"':
		b, err := d.raw()
		return parseTimeText(b), err
	case c == '-' || '0' <= c && c <= '9':
		if ms, ok := d.shortInteger(); ok {
			return unixMilli(ms), nil
		}
		text, err := d.number()
		return parseTimeNumber(text), err
	default:
		return time.Time{}, d.skip()
	}
}

// shortInteger reads an integer of up to 18 digits, and nothing if something else comes next.
func (d *decoder) shortInteger() (n int64, ok bool) {
	i := d.pos
	for ; i < len(d.data) && i < d.pos+19; i++ {
		c := d.data[i]
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	digits := i - d.pos
	if digits == 0 || digits > 18 || digits > 1 && d.data[d.pos] == '0' || i == len(d.data) {
		return 0, false
	}
	switch d.data[i] {
	case ',', '}', ']', ' ', '\t', '\n', '\r':
		d.pos = i
		return n, true
	}
	return 0, false
}

// parseTimeNumber reads an integer as milliseconds since 1970, the encoding of the event. A number
// with a fraction or an exponent is in seconds, the encoding of the API, unless that would be
// after the year 5000.
func parseTimeNumber(text []byte) time.Time {
	if ms, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return unixMilli(ms)
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return time.Time{}
	}
	if -1e11 < f && f < 1e11 {
		f *= 1000
	}
	if f < -1e15 || f > 1e15 {
		return time.Time{}
	}
	return unixMilli(int64(f))
}

// parseTimeText reads RFC 3339, the form with a blank that Java writes, or a number.
func parseTimeText(b []byte) time.Time {
	s := string(b)
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	number := scanner{data: b}
	if text, err := number.number(); err == nil && number.pos == len(b) {
		return parseTimeNumber(text)
	}
	return time.Time{}
}

// unixMilli returns a time within the years 1 to 9999, the zero time for any other.
func unixMilli(ms int64) time.Time {
	if ms < -62135596800000 || ms > 253402300799999 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
