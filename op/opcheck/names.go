package opcheck

import (
	"go/types"
	"slices"
	"strings"
)

// This file is the only one that knows what the packages it checks the use of are called. A name
// that changes there changes here and nowhere else.

const (
	root       = "github.com/perdure/perdure"
	opPath     = root + "/op"
	replayPath = root + "/replay"
	retryPath  = root + "/retry"
	codecPath  = root + "/codec"
)

// Names that rules ask for, as apiName writes them.
const (
	apiGo         = "replay.Go"
	apiOnEnd      = "replay.OnEnd"
	apiHandler    = "replay.Handler"
	apiSuspending = "replay.Suspending"
	apiNow        = "replay.Now"
	apiInvocation = "op.Context.InvocationContext"
	apiHandlerOf  = "replay.HandlerOf"
	apiInvoke     = "op.Invoke"
	apiInvokeOf   = "op.Function.Invoke"
	apiStart      = "op.Start"
	apiStartOf    = "op.Function.Start"
	apiCondition  = "op.WaitForCondition"
	apiInfoFrom   = "op.InfoFrom"
	apiSentinel   = "codec.Sentinel"
	apiErrorType  = "codec.ErrorType"
	apiNever      = "retry.Never"
	apiUnless     = "retry.Unless"
	apiTransform  = "op.Transform"
	apiSemantics  = "op.WithSemantics"
	apiWithRetry  = "op.WithRetry"
	apiRetryIf    = "op.WithRetryIf"
	apiRegister   = "op.WithErrors"
	apiExecution  = "op.Context.Execution"
	apiLogger     = "op.Context.Logger"
	apiReplaces   = "op.Replaces"
	apiAdded      = "op.Added"
	apiRemoved    = "op.Removed"
	apiInline     = "op.Inline"
	apiPastResult = "op.Past.Result"
	apiPastBegun  = "op.Past.Begun"
	apiLoggerFrom = "op.LoggerFrom"
	apiRetry      = "op.Retry"
	apiBatchErr   = "op.Batch.Err"

	// Words of messages.
	sayRun   = "replay.Run or replay.Exec"
	sayNow   = "replay.Now"
	sayRand  = "replay.Rand or replay.UUID"
	sayGo    = "replay.Go"
	sayWait  = "op.Wait"
	sayGroup = "op.Group"
	replay   = "replay" // the package's name at a call
)

// atMostOnce is the value of op.AtMostOncePerRetry.
const atMostOnce = "AtMostOncePerRetry"

// errRemoved is the error of a removed operation that an execution has not begun.
const errRemoved = "ErrRemoved"

// apiPackages are the packages whose functions apiName knows. They are trusted: nothing below them
// is analysed.
func apiPackages() []string {
	return []string{
		root, opPath, opPath + "/node", replayPath, replayPath + "/replaytest", retryPath, codecPath,
		root + "/checkpoint", root + "/checkpoint/local", root + "/checkpoint/local/process",
		root + "/checkpoint/local/storetest", root + "/checkpoint/sqlite",
	}
}

// apiName names a function of the API, such as "op.Step" or "op.Op.Key"; "" for others.
func apiName(fn *types.Func) string {
	if fn == nil || fn.Pkg() == nil || !slices.Contains(apiPackages(), fn.Pkg().Path()) {
		return ""
	}
	name := fn.Pkg().Name() + "."
	if recv := fn.Signature().Recv(); recv != nil {
		name += typeName(recv.Type()) + "."
	}
	return name + fn.Name()
}

// handles reports whether the function makes a durable function of a handler, and which of its
// arguments that is.
func handles(api string) (at int, ok bool) {
	switch api {
	case apiHandler:
		return 0, true
	case apiHandlerOf:
		return 1, true
	}
	return 0, false
}

// passes reports whether what the function declares gives an input to another function, and which
// of its arguments that is, a receiver included.
func passes(api string) (at int, ok bool) {
	switch api {
	case apiInvoke, apiStart, apiInvokeOf, apiStartOf:
		return 2, true //nolint:mnd // after the name, and the function or the receiver
	}
	return 0, false
}

// runs reports whether the function runs the operation that is its second argument.
func runs(api string) bool {
	switch api {
	case "replay.Run", "replay.Exec", apiGo:
		return true
	}
	return false
}

// constructor reports whether the function declares an operation, or a builder, whose name is its
// first argument.
func constructor(api string) bool {
	switch api {
	case "op.Step", "op.StepFunc", "op.Do", "op.DoFunc", "op.Wait", "op.WaitUntil", "op.Group", "op.GroupFunc",
		apiInvoke, apiStart, "op.CreateCallback", "op.WaitForCallback", apiCondition, "op.Map", "op.Parallel",
		"op.All", "op.AllSettled", "op.Any", "op.Race", "op.RaceWinner", "op.Join2", "op.Join3", "op.Join4", "op.Join5",
		"op.Retry", "op.Timeout", "op.Branch", "op.OpenParallel", "op.Saga":
		return true
	}
	return false
}

// combines reports whether the function declares a batch of the operations that it is given.
func combines(api string) bool {
	switch api {
	case "op.Parallel", "op.All", "op.AllSettled", "op.Any", "op.Race", "op.RaceWinner", "op.Join2", "op.Join3", "op.Join4", "op.Join5":
		return true
	}
	return false
}

// kindOf is what kind of operation the function declares: two of one kind have the same records.
func kindOf(api string) string {
	kind := strings.TrimSuffix(strings.TrimPrefix(api, "op."), "Func")
	switch kind {
	case "Do":
		return "Step"
	case "WaitUntil":
		return "Wait"
	}
	return kind
}

// keepsResult reports whether what a function of the API declares records one value as its result:
// batches keep those of their branches.
func keepsResult(api string) bool {
	switch kindOf(api) {
	case "Step", "Group", "Branch", "OpenParallel", "Saga", "WaitForCondition":
		return true
	}
	_, handler := handles(api)
	return handler
}

// leftBehind reports whether what the function declares is left behind by a scope that returns;
// steps and groups are waited for.
func leftBehind(api string) bool {
	switch api {
	case "op.Wait", "op.WaitUntil", apiInvoke, apiInvokeOf, "op.CreateCallback", "op.WaitForCallback":
		return true
	}
	return false
}

// outcomeOfCallback reports whether the result of what the function declares is sent by another
// system.
func outcomeOfCallback(api string) bool {
	return api == "op.CreateCallback" || api == "op.WaitForCallback"
}

// knows reports whether the function returns what the scope knows, and runs no operation: in a body
// it returns what the scope knew when the body began.
func knows(api string) bool { return api == apiNow || api == "replay.UUID" || api == "replay.Rand" }

// claimsNothing reports whether the function gives an operation that leaves no record.
func claimsNothing(api string) bool {
	return api == "replay.Future.Result" || api == "op.Callback.Result" || api == "op.Interpretation.Await"
}

// keys reports whether the method gives an operation or a builder its key.
func keys(api string) bool { return api == "op.Op.Key" || api == "op.Builder.Key" }

// adapts reports whether the function changes an operation that is its first argument, or its
// receiver, and keeps its name.
func adapts(api string) bool {
	return strings.HasPrefix(api, "op.Op.") || strings.HasPrefix(api, "op.Builder.") || api == apiTransform
}

// compensates reports whether the function's argument is a compensation.
func compensates(api string) bool {
	return strings.HasSuffix(api, ".Undo") || strings.HasSuffix(api, ".UndoAttempted")
}

// withCodec reports whether the function replaces how values become payloads.
func withCodec(api string) bool {
	return strings.HasPrefix(api, "op.") && strings.HasSuffix(api, "Codec") || api == "replay.WithCodec"
}

// bodyOf reports whether a function that is given to the API function becomes a body. Functions
// with an op.Context are groups; those of policies, codecs and tests are neither, and no part of
// handler code.
func bodyOf(api string, fn *types.Signature) bool {
	return fn.Params().Len() > 0 && isStdContext(fn.Params().At(0).Type()) &&
		(strings.HasPrefix(api, "op.") || strings.HasPrefix(api, "replay."))
}

// replayed reports whether a function that is given to the API function is called again on each
// replay, as handler code is, though it has no op.Context.
func replayed(api string, fn *types.Signature) bool {
	return (strings.HasPrefix(api, "op.") || strings.HasPrefix(api, "replay.")) && !bodyOf(api, fn) && !hasContext(fn)
}

func isContext(t types.Type) bool  { return isNamed(t, opPath, "Context") }
func isOp(t types.Type) bool       { return isNamed(t, opPath, "Op") }
func isBuilder(t types.Type) bool  { return isNamed(t, opPath, "Builder") }
func isCallback(t types.Type) bool { return isNamed(t, opPath, "Callback") }
func isFuture(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && isNamed(p.Elem(), replayPath, "Future")
}

// futureOf is the T of a *replay.Future[T].
func futureOf(t types.Type) types.Type {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		if n, ok := types.Unalias(p.Elem()).(*types.Named); ok && n.TypeArgs().Len() == 1 {
			return n.TypeArgs().At(0)
		}
	}
	return nil
}

// isNone reports whether a type is that of an operation without a result.
func isNone(t types.Type) bool { return t == nil || isNamed(t, opPath, "None") }

// ofAPI reports whether the type belongs to the API: how it becomes a payload is known.
func ofAPI(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && slices.Contains(apiPackages(), n.Obj().Pkg().Path())
}

func isItem(t types.Type) bool { return isNamed(t, opPath, "Item") }

// itemErr is the field of an item that has its error.
const itemErr = "Err"

// executionReplaying is the field that says whether the execution is replaying.
const executionReplaying = "Replaying"

// errorCallbackID is the field of an error that names the callback that failed.
const errorCallbackID = "CallbackID"

// callbackID is the field that names a callback.
const callbackID = "ID"

// result is the T of an op.Op[T], and the Out of an op.Builder[In, Out]; nil for others.
func result(t types.Type) types.Type {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.TypeArgs() == nil || !isOp(n) && !isBuilder(n) {
		return nil
	}
	return n.TypeArgs().At(n.TypeArgs().Len() - 1)
}

// hasContext reports whether a function of the signature is handler code by its type: a parameter
// or the receiver is an op.Context, or a struct that has one in a field.
func hasContext(sig *types.Signature) bool {
	if recv := sig.Recv(); recv != nil && holdsContext(recv.Type()) {
		return true
	}
	for p := range sig.Params().Variables() {
		if holdsContext(p.Type()) {
			return true
		}
	}
	return false
}

func holdsContext(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	if isContext(t) {
		return true
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range s.Fields() {
		if isContext(f.Type()) {
			return true
		}
	}
	return false
}

func isStdContext(t types.Type) bool { return isNamed(t, "context", "Context") }

func isNamed(t types.Type, path, name string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Name() == name && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == path
}

// typeName is the name of a type or of what it points to.
func typeName(t types.Type) string {
	t = types.Unalias(t)
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	switch t := t.(type) {
	case *types.Named:
		return t.Obj().Name()
	case *types.TypeParam:
		return t.Obj().Name()
	}
	return types.TypeString(t, nil)
}
