package local

import (
	"slices"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Moment is where something can go wrong.
type Moment int

// The moments of an invocation.
const (
	// MomentBegin is when the function is about to be given the event.
	MomentBegin Moment = iota
	// MomentBeforeCall is when a call has been made and nothing has come of it yet.
	MomentBeforeCall
	// MomentAfterCall is when a call has been committed and not been answered yet.
	MomentAfterCall
	// MomentAnswer is when the function has answered and the service has not read the answer.
	MomentAnswer
)

// Point is where faults are consulted.
type Point struct {
	// ARN is that of the execution.
	ARN    string
	Moment Moment
	// Invocation and Call count from one. Call is zero outside of calls.
	Invocation, Call int
	// API is the call that is made, "CheckpointDurableExecution" or "GetDurableExecutionState".
	API string
	// Updates are those of a checkpoint call, Marker that of a call that reads the state.
	Updates []checkpoint.Update
	Marker  string
}

func (p Point) at(m Moment) Point {
	p.Moment = m
	return p
}

// Faults breaks things on purpose. Each field may be nil. The functions are called without locks
// and may use the service, but not drive it; calls of different executions overlap.
type Faults struct {
	// Fail makes a call fail with the error it returns: before it is committed, at BeforeCall, or
	// afterwards, so that only the reply is lost, at AfterCall. An error that is not a
	// [*checkpoint.APIError] is one of the network. It is not asked at Begin and Answer.
	Fail func(Point) error
	// Lose says that the function is lost at this point, as if its process were killed: the context
	// of the invocation ends with [ErrLost], all its later calls are refused as stale, its answer
	// is ignored, and after a pause it is invoked again.
	Lose func(Point) bool
	// Duplicate says, at Begin, that the event is delivered twice. Both copies run at the same
	// time, under a virtual clock the second after the first; its answer counts only if the
	// first one has failed.
	Duplicate func(Point) bool
	// Delay holds a call, or its reply, for so long. It is not asked under a virtual clock.
	Delay func(Point) time.Duration
	// Committed is informed of every checkpoint call that was committed, before its reply can get
	// lost.
	Committed func(Point)
}

// loses reports whether a fault loses the function at this point.
func (s *Service) loses(p Point) bool {
	return slices.ContainsFunc(s.faults, func(f Faults) bool { return f.Lose != nil && f.Lose(p) })
}

// duplicates reports whether a fault delivers the event twice.
func (s *Service) duplicates(p Point) bool {
	return slices.ContainsFunc(s.faults, func(f Faults) bool { return f.Duplicate != nil && f.Duplicate(p) })
}
