package op_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"
)

// What cannot be meant is reported where it is declared, with the name that the user gave and with
// a way out.
func TestWhatCannotBeMeantIsReported(t *testing.T) {
	t.Parallel()
	step := op.Step("pay", func(context.Context) (int, error) { return 1, nil })
	build := op.StepFunc("pay", func(_ context.Context, in int) (int, error) { return in, nil })
	encode := func(int) ([]byte, error) { return nil, nil }
	submit := func(context.Context, string) error { return nil }
	first, second := errors.New("first"), errors.New("second")
	with := func(opts ...op.StepOption) op.Operation {
		return op.Step("pay", func(context.Context) (int, error) { return 1, nil }, opts...)
	}
	const kept = `op: "all": op.WithRemoved("pay"): the batch still has it, or it is named twice: name what is no operand of the batch, ` +
		`and no side of one, by the name and key that it had`
	tests := []struct {
		name, reason string
		op           op.Operation
		want         string
	}{
		{
			"a limit of zero", "the timer inside is not the user's, and cannot be left out", op.Timeout("limit", step, 0),
			`op: "limit": op.Timeout after 0s: a time limit is at least one second; to run the operation without one, leave op.Timeout out`,
		},
		{
			"a negative limit", "it is what a deadline that is over gives", op.Timeout("limit", step, -time.Minute),
			`op: "limit": op.Timeout after -1m0s: a time limit is at least one second; to run the operation without one, leave op.Timeout out`,
		},
		{
			"a limit that no execution reaches", "the service would refuse it", op.Timeout("limit", step, op.MaxWait+1),
			`op: "limit": op.Timeout after 8784h0m0.000000001s: a time limit is at most 8784h0m0s, the longest an execution can take`,
		},
		{
			"a limit of something invalid", "it is the operation inside that must be mended", op.Timeout("limit", op.Wait("nap", 0), time.Minute),
			`op: "limit": op.Timeout: op: "nap": wait for 0s: a wait lasts at least one second; leave it out, or use a timer in a step`,
		},
		{
			"sides that are one operation", "no log could say which one was begun", op.Replaces(step, step),
			`op: "pay": op.Replaces: both sides are a step of the name "pay" and the key "", so that no log says which one was begun: ` +
				`give the new one another name (or key), or put what both begin with before the declaration`,
		},
		{
			"a key that makes sides one operation", "a key behind the declaration is that of both sides", step.Key("a").WasKey("").Key("b"),
			`op: "pay": op.Replaces: both sides are a step of the name "pay" and the key "b", so that no log says which one was begun: ` +
				`give the new one another name (or key), or put what both begin with before the declaration`,
		},
		{
			"an Undo of code without a record", "there would be nothing to undo", op.Inline("both", func(op.Context) (int, error) { return 1, nil }).
				Undo(func(context.Context, int) error { return nil }),
			`op: "both": Op.Undo of an op.Inline: it has no record that could be undone; give the operations inside an Undo each`,
		},
		{
			"an Undo of sides one of which has no record", "executions would differ in what is undone",
			op.Replaces(step, op.Inline("both", func(op.Context) (int, error) { return 1, nil })).Undo(func(context.Context, int) error { return nil }),
			`op: "both": Op.Undo of an op.Inline: it has no record that could be undone; give the operations inside an Undo each`,
		},
		{
			"several operations removed at once", "each may have begun or not", op.Removed(op.Inline("both", func(op.Context) (int, error) { return 1, nil })),
			`op: "both": op.Removed of an op.Inline: declare op.Removed for each operation that it runs`,
		},
		{
			"a declared change that is retried", "the record of the retry would not say which side it has", op.Retry("again", op.Added(step, 1), retry.Default()),
			`op: "again": op.Retry of a declared change: put the declaration around it, op.Replaces(op.Retry(…), op.Retry(…))`,
		},
		{
			"sides that are one branch", "no log could say which one was begun", op.All("all", op.Replaces(step, op.Transform(op.Group("pay", none), toInt))),
			`op: "all": operand 0, "pay": each side of the declared change is "pay" with the key "", so that no log says which one was begun: ` +
				`give one of them another name or key, or put the declaration into an op.Group of that name`,
		},
		{
			"a side that another operand is", "its branch would be that of both", op.All("all", op.Replaces(step.Key("2"), step), step),
			`op: "all": operands 0 and 1 are both "pay" with the key "": give them names or keys (Op.Key) of their own`,
		},
		{
			"a side of a branch without a record", "nothing would say that it had begun", op.All("all", op.Replaces(step, op.Inline("in", func(op.Context) (int, error) { return 1, nil }))),
			`op: "all": operand 0: the op.Inline "in" has no record, so it is no branch: make it an op.Group`,
		},
		{
			"a branch that was a declared change", "it is the operation that it was", op.All("all", step).With(op.WithRemoved(op.Added(step, 1))),
			`op: "all": op.WithRemoved("pay"): it is a declared change: pass the operation that it was`,
		},
		{
			"an item without a key that is gone", "its index is that of another one now", op.Map("map", []int{1}, build, op.WithRemoved(step)),
			`op: "map": op.WithRemoved("pay"): the item had no key, so its index identifies it, and others have that now: ` +
				`write op.Replaces(new, old) around the map, with another name for the new one`,
		},
		{
			"a chunk that is gone", "items of chunks are not branches", op.Map("map", []int{1}, build, op.WithRemoved(step.Key("a")), op.WithChunks(1, 0)),
			`op: "map": op.WithRemoved: chunks are distinguished by their number: write op.Replaces(new, old) around the map, ` +
				`with another name for the new one`,
		},
		{
			"an operand that is said to be gone", "the log could not say which one was begun",
			op.Parallel("all", []op.Op[int]{step}, op.WithRemoved(step)), kept,
		},
		{
			"a side of an operand", "the same", op.All("all", op.Replaces(op.Step("new", func(context.Context) (int, error) { return 1, nil }), step)).With(op.WithRemoved(step)), kept,
		},
		{
			"an operand that is gone twice", "the same", op.All("all", op.Step("new", func(context.Context) (int, error) { return 1, nil })).With(op.WithRemoved(step, step)), kept,
		},
		{
			"nothing that is gone", "it has no name", op.All("all", step).With(op.WithRemoved(nil)),
			`op: "all": op.WithRemoved: op: the zero Op: make operations with op.Step, op.Wait and the other constructors`,
		},
		{
			"one side with an Undo", "executions would differ in what is undone",
			op.Timeout("limit", op.Replaces(op.Step("pay-2", func(context.Context) (int, error) { return 1, nil }), step.Undo(func(context.Context, int) error { return nil })), time.Minute),
			`op: "limit": op.Timeout: one side of the declared change "pay-2" has an Undo and the other one has none: give both one, ` +
				`or put the declaration around op.Timeout`,
		},
		{
			"another name for what names its inside", "the operations inside would keep the new name", op.Timeout("limit", step, time.Minute).Was("bound"),
			`op: "limit": Op.Was: operations inside are named after it: write op.Replaces(new, old), each made by its constructor`,
		},
		{
			"another name for a declared change", "it would be another old side", step.Was("b").Was("c"),
			`op: "pay": Op.Was of a declared change: write op.Replaces(new, old), in which old is what is declared so far`,
		},
		{
			"an old name that cannot be", "no execution has it", step.Was(""),
			`op: an operation without a name: give it one that is unique in its scope`,
		},
		{
			"code in place without a function", "there is nothing to run", op.Inline[int]("both", nil),
			`op: "both": op.Inline with a nil function: pass one`,
		},
		{
			"a nil filter", "it would be called when an attempt has failed", with(op.WithRetryIf(nil)),
			`op: "pay": op.WithRetryIf: retry: invalid policy: a filter is nil`,
		},
		{
			"a filter that matches nothing", "no error would ever be retried", with(op.WithRetryIf(retry.If(isIt), retry.OnIs())),
			`op: "pay": op.WithRetryIf: retry: invalid policy: OnIs has no target: pass the errors that errors.Is looks for`,
		},
		{
			"a filter without a function", "it would panic when an attempt has failed", with(op.WithRetryIf(retry.If(nil))),
			`op: "pay": op.WithRetryIf: retry: invalid policy: If has a nil function: pass one that reports whether an error matches`,
		},
		{
			"the zero codec", "nothing could be encoded: the body would have run for nothing", step.WithCodec(codec.Typed[int]{}),
			`op: "pay": Op.WithCodec: codec: a function of this codec is nil: make it with codec.Of and two functions`,
		},
		{
			"half a codec", "nothing could be decoded", step.WithCodec(codec.Of(encode, nil)),
			`op: "pay": Op.WithCodec: codec: a function of this codec is nil: make it with codec.Of and two functions`,
		},
		{
			"the zero codec of a builder", "as of the operation", build.WithCodec(codec.Typed[int]{})(1),
			`op: "pay": Op.WithCodec: codec: a function of this codec is nil: make it with codec.Of and two functions`,
		},
		{
			"the zero codec without its type", "as with it", with(op.WithCodec(codec.Typed[int]{}.Codec())),
			`op: "pay": op.WithCodec: codec: a function of this codec is nil: make it with codec.Of and two functions`,
		},
		{
			"the zero codec of an input", "the function could not be called", op.Invoke[int]("call", "f", 1, op.WithInputCodec(codec.Typed[int]{}.Codec())),
			`op: "call": op.WithInputCodec: codec: a function of this codec is nil: make it with codec.Of and two functions`,
		},
		{
			"a nil policy", "it says neither retry nor the default", with(op.WithRetry(nil)),
			`op: "pay": op.WithRetry: retry: invalid policy: it is nil: pass a policy, such as retry.Default() or retry.Never()`,
		},
		{
			"a nil summary", "it would be called for a large result only", step.WithSummary(nil),
			`op: "pay": op.Op.WithSummary with a nil function: pass one`,
		},
		{
			"a nil key function", "all would have the same key", build.Key(nil)(1), `op: "pay": op.Builder.Key with a nil function: pass one`,
		},
		{
			"a negative heartbeat", "the callback inside is not the user's",
			op.WaitForCallback[int]("ask", submit, op.WithHeartbeatTimeout(-1)),
			`op: "ask": op.WithHeartbeatTimeout(-1ns): a timeout is not negative; zero means none`,
		},
		{
			"two errors of one name", "the second could never be restored", with(op.WithErrors(codec.Sentinel("x", first), codec.Sentinel("x", second))),
			`op: "pay": op.WithErrors: codec: the name "x" is registered for two errors: a recorded failure would be restored as the first; give one of them another name`,
		},
		{
			"two errors of one name, given apart", "options add up", with(op.WithErrors(codec.Sentinel("x", first)), op.WithErrors(codec.Sentinel("x", second))),
			`op: "pay": op.WithErrors: codec: the name "x" is registered for two errors: a recorded failure would be restored as the first; give one of them another name`,
		},
		{
			"a value and a type of one name", "as two values", with(op.WithErrors(codec.Sentinel("x", first), codec.ErrorType[*op.PanicError]("x"))),
			`op: "pay": op.WithErrors: codec: the name "x" is registered for two errors: a recorded failure would be restored as the first; give one of them another name`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := op.Validate(tt.op); err == nil || err.Error() != tt.want {
				t.Errorf("%s:\n got %v\nwant %s", tt.reason, err, tt.want)
			}
		})
	}
}

func isIt(error) bool { return true }

func none(op.Context) (op.None, error) { return op.None{}, nil }

func toInt(op.None) (int, error) { return 1, nil }

// What looks like one of those mistakes and is none.
func TestWhatCanBeMeantIsNotReported(t *testing.T) {
	t.Parallel()
	err := errors.New("it")
	do := func(opts ...op.StepOption) op.Operation {
		return op.Do("pay", func(context.Context) error { return nil }, opts...)
	}
	tests := []struct {
		reason string
		op     op.Operation
	}{
		{"without filters the policy alone decides", do(op.WithRetryIf())},
		{"a nil codec is that of the handler", do(op.WithCodec(nil))},
		{"a list of errors may be given twice", do(op.WithErrors(codec.Sentinel("x", err)), op.WithErrors(codec.Sentinel("x", err)))},
		{"so may a type", do(op.WithErrors(codec.ErrorType[*op.PanicError]("x"), codec.ErrorType[*op.PanicError]("x")))},
		{"one error may have two names, of which an older log has one", do(op.WithErrors(codec.Sentinel("x", err), codec.Sentinel("y", err)))},
		{"the longest limit there is", op.Timeout("limit", op.Wait("nap", time.Second), op.MaxWait)},
	}
	for _, tt := range tests {
		if err := op.Validate(tt.op); err != nil {
			t.Errorf("%s: %v", tt.reason, err)
		}
	}
	if strings.Contains(op.Validate(op.Timeout("limit", op.Wait("nap", 0), 0)).Error(), "limit-timer") {
		t.Error("an error names an operation that is not the user's")
	}
}
