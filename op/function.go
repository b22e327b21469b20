package op

// Function is a durable function of one's own with the types of its input and its result, so that
// the compiler compares what is passed and what is returned: declare it once, where both sides see
// it, serve it with replay.HandlerOf, and call it with its methods.
//
//	var Ship = op.FunctionOf[Order, Parcel]("shipping:live")
//
//	lambda.Start(replay.HandlerOf(Ship, ship))                       // in the function itself
//	parcel, err := replay.Run(ctx, Ship.Invoke("ship-order", order)) // in those that call it
//
// The zero value has no name: its operations are refused.
type Function[In, Out any] struct{ name string }

// FunctionOf declares a function by its name or its ARN, with a version, an alias or $LATEST after
// a colon. Operations of a function whose name is not valid
// fail with an error that says so.
func FunctionOf[In, Out any](function string) Function[In, Out] { return Function[In, Out]{function} }

// Name returns the name that the function was declared with, for replay.ContinueOn and
// replaytest.Host.
func (f Function[In, Out]) Name() string { return f.name }

// Invoke is [Invoke] of the function.
func (f Function[In, Out]) Invoke(name string, in In, opts ...InvokeOption) Op[Out] {
	return Invoke[Out](name, f.name, in, opts...)
}

// Start is [Start] of the function.
func (f Function[In, Out]) Start(name string, in In, opts ...StartOption) Op[string] {
	return Start(name, f.name, in, opts...)
}
