// Package checkpoint is what an execution remembers and the one place that knows how the Lambda
// API writes it down: records, updates and calls, the log they make up, and the IDs by which the
// running code finds its records. Handlers do not need it; hosts, clients and the interpreter do.
//
// An invocation uses it in this order:
//
//   - The event is decoded by [DecodeInvocation]. If it is not the event of a durable function,
//     the error is [ErrNotDurable]; otherwise it holds a token, and some or all of the records.
//   - If the event has a marker, [LoadState] reads the other pages. Nothing can be decided before.
//   - The records become a [Log]. An operation is found in it by its ID, which [Scope.AppendID]
//     derives from the operation's scope, name, key and occurrence, never from its position.
//   - If the log has a record of the ID, it says how far the operation has come; its payload is
//     decoded when it is used. Otherwise the operation has never been started.
//   - Either way the operation is claimed. Records that stay unclaimed were made by code that is
//     no longer there: [Log.Unclaimed] counts them for each scope.
//   - What changes is an [Update]. The [Writer] sends updates in the order they came in, one call
//     at a time, each with the token of the answer before it; the answer is merged into the log.
//   - If a call fails, the [APIError] says what ends: the execution if it is permanent, otherwise
//     the invocation alone, and the service invokes again.
//   - [EncodeOutcome] encodes the answer of the function. If the result is [ErrTooLarge], it is
//     checkpointed instead, and the answer is empty.
//
// The log and the IDs are pure: they know no clock, no context and no I/O. The derivation of IDs
// is part of the wire format and never changes.
package checkpoint
