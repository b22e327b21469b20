// Package engine runs one invocation of a durable function: it replays what the log holds, carries
// out what it does not hold, and decides when to suspend.
//
// All of it runs on one turn (package turn): what has the turn may touch the engine's state, and
// nothing else can. The code of a strand is straight-line: it claims an operation, queues its
// START, waits, runs the body off the turn, queues how it ended and waits again. What happens when
// no strand can run is in loop.go.
package engine
