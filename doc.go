// Package perdure is the landing page of a durable execution SDK for AWS
// Lambda. It declares nothing: pick the package by what you are about to do.
//
//   - If you describe an operation (a step, a wait, a group), import
//     [github.com/perdure/perdure/op]. What it returns is a value; nothing has
//     run yet.
//   - If you write the handler that runs operations, import
//     [github.com/perdure/perdure/replay]. Its Handler makes a Lambda handler of
//     your function; its Run runs one operation, or takes the recorded result
//     when an earlier invocation has already run it.
//   - If a failed operation shall be tried again, or must not be, import
//     [github.com/perdure/perdure/retry] and give the operation a policy.
//   - If a value needs another form than JSON on the wire, or an error must keep
//     its identity across invocations, import
//     [github.com/perdure/perdure/codec].
//   - If you run a handler without AWS, in a test or on one machine, import
//     [github.com/perdure/perdure/checkpoint/local].
//   - Otherwise, if you talk to the service yourself (your own client, the log
//     of an execution, the invocation envelope), import
//     [github.com/perdure/perdure/checkpoint].
//
// Start with
//
//	go get github.com/perdure/perdure/replay
//
// and the quickstart in docs/quickstart.md.
package perdure
