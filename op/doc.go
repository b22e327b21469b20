// Package op declares the operations of durable functions: steps, waits, callbacks, calls of other
// functions, and groups and batches of these. An operation is a typed value, an [Op], that says
// what is to be done, durably. Declaring one does nothing: package replay runs it, matches it with
// the checkpoint log, and returns what the log holds.
//
//	charge := op.StepFunc("charge-card", cards.Charge)   // a builder: func(Order) op.Op[Payment]
//	pay, err := replay.Run(ctx, charge(order))
//
// Which operation to declare:
//
//  1. If it touches the world or must not be computed twice, it is a [Step]; [StepFunc] makes a
//     builder of an existing method. [Do] and [DoFunc] are steps without a result.
//  2. If it is the passing of time, it is a [Wait] or a [WaitUntil].
//  3. If an outside system sends the result, it is a [WaitForCallback], or a [CreateCallback]
//     where the ID is handed over separately. If the system has to be asked again and again, it is
//     a [WaitForCondition].
//  4. If another Lambda function does it, it is an [Invoke].
//  5. If it is several operations that belong together, it is a [Group].
//  6. If it is operations that run concurrently, it is a [Map] for a list of items, a [Parallel]
//     for a list of operations, an [All], [AllSettled], [Any] or [Race] for a rule on how it ends,
//     and one of [Join2] to [Join5] for results of different types.
//
// [Retry], [Timeout] and [Transform] wrap an operation of any kind, [Op.Undo] compensates it when
// its scope fails. [Replaces], [Added], [Removed], [Op.Was] and [Op.WasKey] declare what changed in
// code that has executions under way.
//
// What keeps the type of a result is a method (Key, WithCodec, MapError, Undo), what changes it
// is a function ([Transform]), what ignores it is an option ([WithRetry]). A wrong option does
// not compile. What is wrong with a declaration all the same, such as an empty name, is reported
// by [Validate] and by the first run, before anything is written to the log.
package op
