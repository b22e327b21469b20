// Package checkpoint is what an execution remembers and the one place that knows how the Lambda
// API writes it down: records, updates and calls. Handlers do not need it; hosts, clients and the
// interpreter do.
//
// An invocation uses it in this order:
//
//   - The event is decoded by [DecodeInvocation]. If it is not the event of a durable function,
//     the error is [ErrNotDurable]; otherwise it holds a token, and some or all of the records.
//   - If the event has a marker, [LoadState] reads the other pages. Nothing can be decided before.
//   - The records become a log, in which the interpreter finds an operation by its ID. If there is
//     a record, it says how far the operation has come; its payload is decoded when it is used.
//     Otherwise the operation has never been started.
//   - What changes is an [Update]. The interpreter sends updates through a [Client], one call at a
//     time, each with the token of the answer before it; the answer is merged into the log.
//   - If a call fails, the [APIError] says what ends: the execution if it is permanent, otherwise
//     the invocation alone, and the service invokes again.
//   - [EncodeOutcome] encodes the answer of the function. If the result is [ErrTooLarge], it is
//     checkpointed instead, and the answer is empty.
package checkpoint
