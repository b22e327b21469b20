// Package conformance judges durable functions by requirements that are written down in YAML,
// offline.
//
// A requirement says what a function is given, which events its history holds, what it results in
// and what it logs. It is judged in this order:
//
//  1. Its variables are made: some are given, some random, some are bound by what is seen first.
//  2. The function with the requirement's ID ([handlers.Table]) is hosted by the durable service
//     in process, under a virtual clock, and run to its end. Callbacks are answered as the
//     requirement says.
//  3. The listed events must be in the history under their IDs: see [Vars.History].
//  4. The status and the result must be those of the requirement: see [Vars.Outcome].
//  5. The listed log lines must have been written: see [Vars.Logs].
//
// Functions that end their process run in one, as do all others if asked to: see [Processes].
// [Stack] is what the published runner of these requirements can be pointed at.
//
// The requirements are data that this module reads, from the directories that the environment
// variable CONFORMANCE_REQUIREMENTS lists.
//
// [handlers.Table]: https://pkg.go.dev/github.com/perdure/perdure/replay/conformance/handlers#Table
package conformance
