package oldlogs

import (
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// Engine names the engine that writes histories now. It changes with the first engine whose logs
// differ from those of the one before.
const Engine = "engine 1"

// Program is code whose executions are recorded. Its histories are in the file that its name says.
type Program struct {
	// Name is unique in a directory of histories.
	Name string
	// New makes the functions of one execution. What they count or keep is not that of another one.
	New func(w World) Functions
	// Prepare returns what an execution is given and how its callbacks are answered; nil is no
	// input and no answer. It is called while a history is recorded, before each execution, and
	// never again: the history holds both.
	Prepare func() (input []byte, outside Outside)
	// Racy, unless empty, says why interruptions or the order of bodies may change how the program
	// ends. It may then end at each cut as it has ended at any of them, with operations of any of
	// them.
	Racy string
}

// World is the machine that functions of a program run on.
type World struct {
	Service *local.Service
	Clock   *local.VirtualClock
}

// Functions are the function of a program and those that it invokes, by name.
type Functions struct {
	Function local.Handler
	Hosts    map[string]local.Handler
}

// Outside says what is done next to a callback that is open while the function is suspended; ok is
// false if nothing is. number counts from zero.
type Outside func(callback checkpoint.Operation, number int, now time.Time) (a Answer, ok bool)

// Answer is what the outside does to a callback, at a time: it succeeds it, it fails it if there is
// a failure, or it says that it is at work.
type Answer struct {
	At        time.Time
	Result    []byte
	Failure   *checkpoint.Failure
	Heartbeat bool
}

// Exception says that the log of a program, cut in a place, is not ended as the history says, and
// why that is right: the engine that has written it was wrong. One that is of no use any more fails
// the test.
type Exception struct{ Program, Cut, Reason string }
