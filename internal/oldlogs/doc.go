// Package oldlogs keeps the logs that executions of earlier engines have left behind, and holds the
// engine of today to them: for tests.
//
// An execution lives for months, and the function that ends it is not the one that began it. So
// histories are recorded once, with the engine whose logs are to be kept, and never again: see
// [Test]. A history is the checkpoint calls of one execution, with their times, what the outside
// did, and how it ended. It is cut in many places: after each call, within calls, and wherever the
// function was suspended. At each cut the durable service in process is given the calls so far, as
// the function of that engine made them; then that function is lost, or is invoked again, and the
// engine of today goes on with what the service has kept.
package oldlogs
