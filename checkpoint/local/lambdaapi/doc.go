// Package lambdaapi is the HTTP front of the local service: [Handler] returns a service as the
// Lambda API. It reads requests, asks the service, and writes answers; what happens to an execution
// is decided by package local alone.
//
// What the calls of the API stand on:
//
//	CheckpointDurableExecution               Service.CheckpointOnce
//	GetDurableExecutionState                 Service.State
//	GetDurableExecution                      Service.Record
//	GetDurableExecutionHistory               Service.Events
//	ListDurableExecutionsByFunction          Service.List
//	StopDurableExecution                     Service.Record, Service.Execution, Execution.Stop
//	SendDurableExecutionCallbackSuccess      Service.CompleteCallback
//	SendDurableExecutionCallbackFailure      Service.FailCallback
//	SendDurableExecutionCallbackHeartbeat    Service.Heartbeat
//	Skip (not of AWS)                        Service.Skip
//	Invoke                                   Service.Function, Service.StartWith, Execution.Wait
//	GetFunction, GetFunctionConfiguration    Service.Function
//	ListFunctions                            Service.Functions
//	all                                      Service.Limits, Service.RequestID, Service.Err
package lambdaapi
