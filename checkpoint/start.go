package checkpoint

import "context"

// Starter starts durable executions. A [Client] may be one: the local service is, and that of
// [NewClient] for a client of the AWS SDK. op.Start and replay.ContinueAsNew need it.
type Starter interface {
	// StartExecution starts an execution and does not wait for it. If the function has an execution
	// of this name that was started with the same payload, nothing is started: that one is the
	// answer, whether it has ended or not. The error is an [*APIError]; see [APIError.NameTaken],
	// [APIError.Denied] and [APIError.NotFound].
	StartExecution(ctx context.Context, in StartInput) (StartOutput, error)
}

// StartInput is what an execution is started with (Lambda API, Invoke).
type StartInput struct {
	// Function is the name of a durable function or its ARN, with a version, an alias or $LATEST
	// after a colon.
	Function string
	// Name is the name of the execution, unique for the function: 1 to 64 of [a-zA-Z0-9-_] (Lambda
	// API, DurableExecutionName).
	Name string
	// Own says that no one else can have chosen the name: an execution that has it is the one that
	// was asked for, whatever its payload is. On AWS that needs
	// lambda:ListDurableExecutionsByFunction if the payloads differ, as they do with a codec that
	// encrypts.
	Own bool
	// Tenant is the tenant of the function; empty for none.
	Tenant string
	// TraceHeader is the X-Ray trace header that the execution is given; empty for none.
	TraceHeader string
	// Payload is the input. Limit: 1 MB (Lambda quotas, asynchronous invocations).
	Payload Payload
}

// StartOutput is the answer to it.
type StartOutput struct {
	// ARN is that of the execution.
	ARN string
}
