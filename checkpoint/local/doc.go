// Package local is the durable execution service in one process: it keeps the log of
// executions, applies checkpoint calls to it, fires timers and invokes functions again. It is the
// service's own state machine and not a mock: what the Lambda API refuses, this refuses.
//
// What happens to an execution, in order of application:
//
//   - If [Service.Start] is given a name that the function has used, the same payload finds that
//     execution, another payload is an [*AlreadyStartedError]. Otherwise an execution begins.
//   - If an execution has something to do (it is new, something it may wait for has changed, a
//     pause is over) and none of its invocations is running, it is invoked. The event holds the
//     log, or its first page, and a token.
//   - If a checkpoint call carries the token of the last accepted call and every update is allowed,
//     all of its updates are committed and the reply holds a new token and every operation that
//     changed since the function was last answered. Otherwise nothing changes.
//   - If a timer is due, its operation changes: a WAIT succeeds, a PENDING step becomes READY, a
//     CALLBACK times out.
//   - If a function answers SUCCEEDED or FAILED, the execution ends.
//   - If it answers PENDING and something changed that it does not know of, it is invoked at once;
//     otherwise, if something is pending, when that changes; otherwise the answer is invalid.
//   - If the answer is invalid, or the invocation failed, crashed or ran out of time, the
//     invocation is repeated after a pause; the budgets are in [Limits].
//   - If the execution timeout passes or someone stops it, the execution ends at once, and its
//     tokens with it.
//
// # Time
//
// Under the real clock the service runs by itself. Under a [VirtualClock] nothing happens until
// someone asks for it: [Execution.RunUntilSuspended] runs what is due, one invocation after the
// other, [Service.Advance] moves the time and fires timers, and [Execution.Drive] does both in
// turn until the execution ends. The same program then makes the same history, every time.
//
// All times are truncated to milliseconds.
//
// # Breaking things
//
// [WithFaults] makes calls fail before or after they are committed, loses functions at any point,
// delivers events twice and delays replies; [Kill] ends a function from inside. [Limits] splits
// states and replies into pages of a few operations.
//
// # Over the wire
//
// The service is a [checkpoint.Client] by itself. Package lambdaapi, below this one, has it speak
// the Lambda API over HTTP, for AWS SDKs and for functions in processes of their own.
//
// # Keeping things
//
// Every transition is committed to a [Store] before it is reported to anyone. If the store cannot
// keep a call, the call fails; if it cannot keep what the service does by itself, the service stops
// and all who wait are given the reason.
//
// A service that is made with a store takes over what an earlier one has left there: timers, pauses
// and callbacks go on, what was due meanwhile happens at once, and an invocation that ran when the
// earlier service ended is shown as failed with the type "Service.Interrupted" and repeated. An
// execution goes on when its function is hosted. One that has ended stays in memory only if there
// is nothing but a [MemoryStore] to keep it.
package local
