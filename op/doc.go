// Package op declares operations: typed values that say what is to be done, durably.
//
// Declaring does nothing. Package replay runs an operation, matches it with the checkpoint log,
// and gives back what the log holds:
//
//	charge := op.StepFunc("charge-card", cards.Charge)   // a builder: func(Order) op.Op[Payment]
//	pay, err := replay.Run(ctx, charge(order))
//
// Which operation to declare:
//
//  1. If it touches the world or must not be computed twice, it is a [Step]; [StepFunc] makes a
//     builder of an existing method. [Do] and [DoFunc] are steps without a result.
//  2. If it is the passing of time, it is a [Wait] or a [WaitUntil].
//  3. If it is several operations that belong together, it is a [Group].
//
// What keeps the type of a result is a method (Key, WithCodec, MapError, Undo), what changes it
// is a function ([Transform]), what ignores it is an option ([WithRetry]). A wrong option does
// not compile. What is wrong with a declaration all the same, such as an empty name, is reported
// by [Validate] and by the first run, before anything is written to the log.
package op
