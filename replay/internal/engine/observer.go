package engine

import (
	"context"
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
)

// Observer sees what happens in an invocation. Reached, Changed and Flush are called with the turn,
// one after the other; Changed in an event, so that it must not call functions of the user's: what
// there is to report is reported by the next Flush.
type Observer interface {
	// Reached says that the code has reached an operation; rec is its record, nil for a new one.
	Reached(o Sight)
	// Changed says which records have changed, and with which updates of ours.
	Changed(recs []*checkpoint.Operation, sent []checkpoint.Update)
	// Pending reports whether there is something to report.
	Pending() bool
	// Flush reports it.
	Flush()

	// Attempt runs a body, Group the function of a group or branch. Attempt is called off the turn.
	Attempt(ctx context.Context, o Sight, number int, run func(context.Context) error)
	Group(ctx context.Context, o Sight, run func(context.Context) error)
	// TraceHeader returns the X-Ray trace header for the target of an invoke that is about to be
	// started, given that of the invocation. It is called with the turn.
	TraceHeader(o Sight, header string) string
	// Attrs are added to the log records of a body. It is called off the turn.
	Attrs(o Sight, number int) []slog.Attr
}

// Sight is an operation as it is seen at one time.
type Sight struct {
	ID, ParentID, Name, SubType, Path string

	Kind checkpoint.Kind
	// Record is its record at that time; nil if there is none.
	Record *checkpoint.Operation
	// Replay says that an earlier invocation has begun it.
	Replay bool
	// Virtual says that it leaves no record.
	Virtual bool
}

// sight is the operation as it is now. With the turn.
func (o *operation) sight() Sight {
	u := o.update(checkpoint.ActionStart)
	rec, _ := o.s.inv.log.Get(o.id)
	return Sight{
		ID: u.ID, ParentID: u.ParentID, Name: u.Name, SubType: u.SubType, Path: o.path(),
		Kind: u.Kind, Record: rec, Replay: o.found != nil,
	}
}
