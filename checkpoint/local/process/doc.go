// Package process runs a compiled function in a process of its own and lets the local service call
// it: the program that runs on AWS Lambda, unchanged, talks to it by the Lambda Runtime API
// (version 2018-06-01).
//
//	order, err := process.New("./bootstrap", process.WithEndpoint("http://127.0.0.1:9090"))
//	…
//	defer order.Close()
//	err = service.Host("order", order)
//
// What happens to an invocation, in order of application:
//
//   - If as many invocations run as there may be processes, it waits for one of them to end. That
//     takes none of the time that the function has.
//   - If a process of the present program is idle, that one gets it: processes are kept warm.
//     Otherwise a process is started, with the environment of a Lambda function, and gets it when
//     it asks for its first event.
//   - If the function answers, its process becomes idle. If it reports an error, the invocation
//     fails with a [*local.FunctionError] of what it reported.
//   - If the process ends, the invocation fails with "Runtime.ExitError", as on Lambda.
//   - If the context of the invocation ends, because its time is over or the service is closed, the
//     process and all of its children are killed. They are never asked to end: Lambda does not
//     either.
//
// Each process has a loopback port of its own, so that one that was given up cannot talk into the
// invocation of its successor.
package process
