// Package replaytest is the kit for tests of durable functions. It runs the function that
// production runs, not a copy of it, against the durable service in the test's own process
// ([local.Service]), under a clock that jumps from timer to timer.
//
//	func TestCheckout(t *testing.T) {
//		r := replaytest.Run(t, checkout, order, replaytest.StubResult(charge, Payment{ID: "p1"}))
//		if r.Err != nil || r.Value.Payment != "p1" {
//			t.Errorf("got %+v, %v", r.Value, r.Err)
//		}
//	}
//
// Which function to call:
//
//   - If the test is about how an execution ends, use [Run].
//   - If something happens from outside while it is suspended, a callback or the passing of time
//     that the test wants to look into, use [Start].
//   - If it must survive every crash, lost reply and repeated delivery, use [Explore].
//   - If the deployed function is to be tested with the same cases, use [Run] with [Cloud].
//   - If changed code must fit executions that are under way, use [Compatible] with their
//     histories, [Shape] or [Result.Golden] to see in a review what a change does to them, and
//     [Execution.Continue] to deploy it in the middle of one.
//
// What the options do, and which mistakes fail the test, in order of application:
//
//   - If a stub is given for an operation ([Stub], [StubPath], [StubResult], [StubFailure]), it
//     runs in place of the body: its result goes through the codec and its error through the retry
//     policy, as the body's would. A stub that is never used fails the test.
//   - If an operation calls another function, [Host] says which. A function that is never called
//     fails the test.
//   - If an operation waits for a callback, [CallbackResult] or [CallbackFailure] answers it; with
//     [Start] the test may do so itself. A reply that is never used fails the test.
//   - If an invocation runs operations in another order than an earlier one, or with other inputs,
//     the test fails: the handler is not deterministic.
//   - If two operations of one scope have the same name and neither has a key, the test fails: an
//     operation inserted between them would take the record of the second ([AllowRepeats]).
//   - If the execution needs more than [WithBudget] allows, the test fails.
//
// Paths name operations as the logs and errors of package replay do: "charge-card",
// "ship[2]/pack-item" for the third item of a map, "remind#2" for a repeated name,
// "notify[customer]" for a keyed one. A star in the path of an option stands for any text without
// a slash.
package replaytest
