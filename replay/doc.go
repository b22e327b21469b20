// Package replay runs durable functions: handlers whose operations are recorded in a checkpoint
// log, and which are invoked again and again until they have ended.
//
//	func main() { lambda.Start(replay.Handler(processOrder)) }
//
//	func processOrder(ctx op.Context, o Order) (Receipt, error) {
//		pay, err := replay.Run(ctx, charge(o)) // charge: an op.Builder
//		…
//	}
//
// What happens when a handler runs an operation:
//
//  1. If its declaration is invalid, the handler gets an error and nothing is recorded.
//  2. Otherwise the name and key of the operation are looked up in the log, in the scope that runs
//     it. If the log holds its result or failure, the handler gets that; no body runs.
//  3. If the record there is another operation's, or operations that were recorded later have not
//     been reached, the code is not the code that wrote the log: the execution has diverged, and
//     ends before any body runs ([DivergedError], [WithDivergence]).
//  4. Otherwise the operation is carried out and recorded.
//  5. If that takes waiting and nothing else is left to do, the invocation is suspended: the
//     handler does not go on, its deferred functions run, and the service invokes again when there
//     is something to do.
//
// [Run] waits for the result, [Exec] drops it, [Go] starts an operation that goes on beside others.
// Only the goroutine that an [op.Context] was given to may use it: what is to run concurrently is
// declared, with [Go], [op.Map], [op.Parallel] and the like.
//
// Code between operations runs in every invocation and must do the same each time: what depends
// on the clock, on chance or on the world is an operation, or comes from [Now], [UUID] or [Rand].
//
// Options of [Handler] set:
//
//   - how payloads are written: [WithCodec], [WithHandlerCodec], [WithErrorCodec], [WithErrors];
//   - what happens when the code has changed: [WithDivergence], [WithStrictRecords],
//     [WithOldInput];
//   - what all steps do, and when an invocation ends: [WithStepDefaults], [WithReadyStart],
//     [WithDeadlineMargin], [WithMaxInterruptions], [WithGrace];
//   - what is logged and observed: [WithLogHandler], [WithReplayLogs], [WithStackTraces],
//     [WithInterceptors];
//   - how the service is reached: [WithClient].
//
// [Function.Rehearse] finds out, without any effect, whether changed code fits the log of an
// execution that is under way.
package replay
