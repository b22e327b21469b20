package op_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// misusePrelude is what every snippet may use.
const misusePrelude = `package misuse

import (
	"context"
	"errors"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

type (
	Order   struct{ Total int }
	Hold    struct{ ID string }
	Receipt struct{ ID string }
	Stock   struct{}
)

func (Stock) Reserve(context.Context, Order) (Hold, error) { return Hold{}, nil }
func (Stock) Release(context.Context, Hold) error          { return nil }

var (
	stock       Stock
	reserve     = op.StepFunc("reserve-stock", stock.Reserve)
	release     = op.DoFunc("release-stock", stock.Release)
	ping        = func(context.Context) error { return nil }
	errDeclined = errors.New("declined")
	callback    op.CallbackOption
	orderCodec  = codec.Of(func(Order) ([]byte, error) { return nil, nil }, func([]byte) (Order, error) { return Order{}, nil })

	_ = retry.Never
	_ = time.Second
	_ node.Node
	_ = replay.Exec[Hold]
)
`

// misuses are mistakes that the compiler must refuse. Each snippet is the body
// of a function with a handler's context and an order.
var misuses = []struct {
	name, reason string
	body         string
	fixed        string // what to write instead: it must compile
	want         string // matches the only message
}{
	{
		name:   "another input for a declared function",
		reason: "the other function could not read it",
		body:   `return replay.Exec(ctx, op.FunctionOf[Order, Receipt]("pay:live").Invoke("pay", Hold{}))`,
		fixed:  `return replay.Exec(ctx, op.FunctionOf[Order, Receipt]("pay:live").Invoke("pay", o))`,
		want:   `cannot use Hold\{\} .* as Order value in argument to op\.FunctionOf\[Order, Receipt\]\("pay:live"\)\.Invoke`,
	},
	{
		name:   "another input for an execution of a declared function",
		reason: "the other function could not read it",
		body:   `return replay.Exec(ctx, op.FunctionOf[Order, Receipt]("pay:live").Start("pay", Hold{}))`,
		fixed:  `return replay.Exec(ctx, op.FunctionOf[Order, Receipt]("pay:live").Start("pay", o))`,
		want:   `cannot use Hold\{\} .* as Order value in argument to op\.FunctionOf\[Order, Receipt\]\("pay:live"\)\.Start`,
	},
	{
		name:   "a handler of other types than its declaration",
		reason: "those who call it would be compiled against something else",
		body:   `_ = replay.HandlerOf(op.FunctionOf[Order, Receipt]("pay:live"), func(op.Context, Order) (Hold, error) { return Hold{}, nil }); return nil`,
		fixed:  `_ = replay.HandlerOf(op.FunctionOf[Order, Receipt]("pay:live"), func(op.Context, Order) (Receipt, error) { return Receipt{}, nil }); return nil`,
		want:   `in call to replay\.HandlerOf, type func\(op\.Context, Order\) \(Hold, error\) of func.* does not match`,
	},
	{
		name:   "waiting for a start",
		reason: "a start has an ARN as its result, and not what the function returns",
		body:   `r, err := replay.Run(ctx, op.FunctionOf[Order, Receipt]("pay:live").Start("pay", o)); _ = r.ID; return err`,
		fixed:  `r, err := replay.Run(ctx, op.FunctionOf[Order, Receipt]("pay:live").Invoke("pay", o)); _ = r.ID; return err`,
		want:   `r\.ID undefined \(type string has no field or method ID\)`,
	},
	{
		name:   "I/O in handler code",
		reason: "it would happen again on every replay",
		body:   `_, err := stock.Reserve(ctx, o); return err`,
		fixed:  `_, err := replay.Run(ctx, reserve(o)); return err`,
		want:   `cannot use ctx .* as context\.Context value in argument to stock\.Reserve: op\.Context does not implement context\.Context`,
	},
	{
		name:   "operation inside a body",
		reason: "its record would be missing whenever the outer one is replayed",
		body:   `return replay.Exec(ctx, op.Step("outer", func(ctx context.Context) (Hold, error) { return replay.Run(ctx, reserve(o)) }))`,
		fixed:  `return replay.Exec(ctx, op.Group("outer", func(ctx op.Context) (Hold, error) { return replay.Run(ctx, reserve(o)) }))`,
		want:   `cannot use ctx .* as op\.Context value in argument to replay\.Run`,
	},
	{
		name:   "deadline derived in handler code",
		reason: "a replay would have another deadline",
		body:   `_, cancel := context.WithTimeout(ctx, time.Second); cancel()`,
		fixed:  `_, cancel := context.WithTimeout(ctx.InvocationContext(), time.Second); cancel()`,
		want:   `cannot use ctx .* as context\.Context value in argument to context\.WithTimeout`,
	},
	{
		name:   "asking the context for its end",
		reason: "an early return would end the execution for good",
		body:   `if ctx.Err() != nil { return errDeclined }`,
		fixed:  `if replay.Suspending(ctx) { return errDeclined }`,
		want:   `ctx\.Err undefined \(type op\.Context has no field or method Err\)`,
	},
	{
		name:   "waiting for the context's end",
		reason: "suspension is not a signal that handler code sees",
		body:   `<-ctx.Done()`,
		fixed:  `return replay.Exec(ctx, op.Wait("cool-off", time.Second))`,
		want:   `ctx\.Done undefined`,
	},
	{
		name:   "callback option on a step",
		reason: "a step has no heartbeat and would silently ignore it",
		body:   `return replay.Exec(ctx, op.Do("ping", ping, callback))`,
		fixed:  `return replay.Exec(ctx, op.Do("ping", ping, op.WithRetry(retry.Never())))`,
		want:   `cannot use callback .* as op\.StepOption value in argument to op\.Do: op\.CallbackOption does not implement op\.StepOption`,
	},
	{
		name:   "step option on a group",
		reason: "a group has no attempts",
		body:   `return replay.Exec(ctx, op.Group("both", func(op.Context) (Hold, error) { return Hold{}, nil }, op.WithRetry(retry.Never())))`,
		fixed:  `return replay.Exec(ctx, op.Group("both", func(op.Context) (Hold, error) { return Hold{}, nil }, op.WithCodec(codec.JSON())))`,
		want:   `cannot use op\.WithRetry\(retry\.Never\(\)\) .* as op\.GroupOption value in argument to op\.Group: op\.StepOption does not implement op\.GroupOption`,
	},
	{
		name:   "step option on a wait",
		reason: "a wait cannot fail",
		body:   `return replay.Exec(ctx, op.Wait("cool-off", time.Second, op.WithRetry(retry.Never())))`,
		fixed:  `return replay.Exec(ctx, op.Wait("cool-off", time.Second))`,
		want:   `too many arguments in call to op\.Wait`,
	},
	{
		name:   "codec of another type",
		reason: "the first run would fail to encode the result",
		body:   `return replay.Exec(ctx, reserve(o).WithCodec(orderCodec))`,
		fixed:  `return replay.Exec(ctx, reserve(o).WithCodec(codec.Typed[Hold]{}))`,
		want:   `cannot use orderCodec .* as codec\.Typed\[Hold\] value in argument to reserve\(o\)\.WithCodec`,
	},
	{
		name:   "typed codec as an option",
		reason: "an option does not know the type of the result",
		body:   `return replay.Exec(ctx, op.Do("ping", ping, op.WithCodec(orderCodec)))`,
		fixed:  `return replay.Exec(ctx, op.Do("ping", ping, op.WithCodec(codec.Raw())))`,
		want:   `cannot use orderCodec .* as codec\.Codec value in argument to op\.WithCodec: codec\.Typed\[Order\] does not implement codec\.Codec`,
	},
	{
		name:   "builder with a wrong input",
		reason: "a step of a method takes what the method takes",
		body:   `return replay.Exec(ctx, release(o))`,
		fixed:  `return replay.Exec(ctx, release(Hold{}))`,
		want:   `cannot use o .* as Hold value in argument to release`,
	},
	{
		name:   "undo of another value",
		reason: "a compensation gets the result of its operation",
		body:   `return replay.Exec(ctx, reserve(o).Undo(func(context.Context, Order) error { return nil }))`,
		fixed:  `return replay.Exec(ctx, reserve(o).Undo(stock.Release))`,
		want:   `cannot use func\(context\.Context, Order\) error .* as func\(context\.Context, Hold\) error value in argument to reserve\(o\)\.Undo`,
	},
	{
		name:   "operation instead of its result",
		reason: "an operation that is passed on has not been run",
		body:   `return replay.Exec(ctx, release(reserve(o)))`,
		fixed:  `hold, err := replay.Run(ctx, reserve(o)); if err != nil { return err }; return replay.Exec(ctx, release(hold))`,
		want:   `cannot use reserve\(o\) .* as Hold value in argument to release`,
	},
	{
		name:   "result of another type",
		reason: "what an operation returns is known where it is declared",
		body:   `var receipt Receipt; var err error; receipt, err = replay.Run(ctx, reserve(o)); _ = receipt; return err`,
		fixed:  `var hold Hold; var err error; hold, err = replay.Run(ctx, reserve(o)); _ = hold; return err`,
		want:   `cannot use (replay\.Run\(ctx, reserve\(o\)\)|1st function result) .* as Receipt value in (multiple )?assignment`,
	},
	{
		name:   "result without its error",
		reason: "every operation can fail",
		body:   `hold := replay.Run(ctx, reserve(o)); _ = hold`,
		fixed:  `hold, err := replay.Run(ctx, reserve(o)); _, _ = hold, err`,
		want:   `assignment mismatch: 1 variable but replay\.Run returns 2 values`,
	},
	{
		name:   "builder instead of an operation",
		reason: "the input is missing",
		body:   `return replay.Exec(ctx, reserve)`,
		fixed:  `return replay.Exec(ctx, reserve(o))`,
		want:   `in call to replay\.Exec, type op\.Builder\[Order, Hold\] of reserve does not match op\.Op\[T\]`,
	},
	{
		name:   "future instead of its result",
		reason: "a future is awaited by running its result",
		body:   `return replay.Exec(ctx, replay.Go(ctx, reserve(o)))`,
		fixed:  `return replay.Exec(ctx, replay.Go(ctx, reserve(o)).Result())`,
		want:   `in call to replay\.Exec, type \*replay\.Future\[Hold\] of replay\.Go\(ctx, reserve\(o\)\) does not match op\.Op\[T\]`,
	},
	{
		name:   "handler with a plain context",
		reason: "a handler without a scope cannot run operations",
		body:   `_ = replay.Handler(func(context.Context, Order) (Receipt, error) { return Receipt{}, nil })`,
		fixed:  `_ = replay.Handler(func(op.Context, Order) (Receipt, error) { return Receipt{}, nil })`,
		want:   `type func\(context\.Context, Order\) \(Receipt, error\) of .* does not match`,
	},
	{
		name:   "handler without an error",
		reason: "every operation can fail",
		body:   `_ = replay.Handler(func(op.Context, Order) Receipt { return Receipt{} })`,
		fixed:  `_ = replay.Handler(func(op.Context, Order) (Receipt, error) { return Receipt{}, nil })`,
		want:   `type func\(op\.Context, Order\) Receipt of .* does not match`,
	},
	{
		name:   "body with a handler's context",
		reason: "only groups run operations",
		body:   `_ = op.Step("outer", func(op.Context) (Hold, error) { return Hold{}, nil })`,
		fixed:  `_ = op.Group("outer", func(op.Context) (Hold, error) { return Hold{}, nil })`,
		want:   `type func\(op\.Context\) \(Hold, error\) of .* does not match`,
	},
	{
		name:   "node of one's own",
		reason: "the interpreter knows a closed set of nodes; operations are built from them",
		body:   `type mine struct{}; var n node.Node = mine{}; _ = n`,
		fixed:  `var n node.Node = reserve(o).Interpret().Node(); _ = n`,
		want:   `cannot use mine\{\} .* as node\.Node value in variable declaration: mine does not implement node\.Node`,
	},
	{
		name:   "operation in a struct of one's own",
		reason: "embedding must not smuggle a changed operation past the interpreter",
		body:   `type mine struct{ op.Op[Hold] }; return replay.Exec(ctx, mine{reserve(o)})`,
		fixed:  `type mine struct{ op.Op[Hold] }; return replay.Exec(ctx, mine{reserve(o)}.Op)`,
		want:   `type mine of mine\{…\} does not match op\.Op\[T\]`,
	},
	{
		name:   "option of one's own",
		reason: "options are a closed set",
		body:   `type mine struct{}; return replay.Exec(ctx, op.Do("ping", ping, mine{}))`,
		fixed:  `return replay.Exec(ctx, op.Do("ping", ping))`,
		want:   `cannot use mine\{\} .* as op\.StepOption value in argument to op\.Do: mine does not implement op\.StepOption`,
	},
	{
		name:   "error without a name",
		reason: "a registered error needs a name for the log",
		body:   `return replay.Exec(ctx, op.Do("ping", ping, op.WithErrors(errDeclined)))`,
		fixed:  `return replay.Exec(ctx, op.Do("ping", ping, op.WithErrors(codec.Sentinel("declined", errDeclined))))`,
		want:   `cannot use errDeclined .* as codec\.KnownError value in argument to op\.WithErrors`,
	},
	{
		name:   "filter instead of a policy",
		reason: "a filter does not say how often and when",
		body:   `return replay.Exec(ctx, op.Do("ping", ping, op.WithRetry(retry.OnIs(errDeclined))))`,
		fixed:  `return replay.Exec(ctx, op.Do("ping", ping, op.WithRetry(retry.Exponential(retry.OnIs(errDeclined)))))`,
		want:   `cannot use retry\.OnIs\(errDeclined\) .* as retry\.Policy value in argument to op\.WithRetry`,
	},
	{
		name:   "map with a builder of other items",
		reason: "a builder takes what the items are",
		body:   `return replay.Exec(ctx, op.Map("free", []Order{o}, release))`,
		fixed:  `return replay.Exec(ctx, op.Map("hold", []Order{o}, reserve))`,
		want:   `type op\.Builder\[Hold, op\.None\] of release does not match inferred type op\.Builder\[Order, Out\]`,
	},
	{
		name:   "heartbeat of an invoke",
		reason: "no one sends heartbeats for a function",
		body:   `return replay.Exec(ctx, op.Invoke[Hold]("call", "other", o, op.WithHeartbeatTimeout(time.Second)))`,
		fixed:  `return replay.Exec(ctx, op.Invoke[Hold]("call", "other", o, op.WithTenant("blue")))`,
		want:   `cannot use op\.WithHeartbeatTimeout\(time\.Second\) .* as op\.InvokeOption value`,
	},
	{
		name:   "retry of a condition",
		reason: "a condition is polled; its errors are not retried",
		body:   `return replay.Exec(ctx, op.WaitForCondition("ready", 0, func(context.Context, int) (int, bool, error) { return 0, true, nil }, op.WithRetry(retry.Never())))`,
		fixed:  `return replay.Exec(ctx, op.WaitForCondition("ready", 0, func(context.Context, int) (int, bool, error) { return 0, true, nil }, op.WithPolling(retry.Polling())))`,
		want:   `cannot use op\.WithRetry\(retry\.Never\(\)\) .* as op\.ConditionOption value`,
	},
	{
		name:   "race of different results",
		reason: "the winner has one type",
		body:   `return replay.Exec(ctx, op.Race("first", reserve(o), op.Wait("timer", time.Second)))`,
		fixed:  `return replay.Exec(ctx, op.Timeout("first", reserve(o), time.Second))`,
		want:   `type op\.Op\[op\.None\] of op\.Wait.* does not match inferred type op\.Op\[Hold\]`,
	},
	{
		name:   "key of another input",
		reason: "a key is derived from the input of the builder",
		body:   `_ = reserve.Key(func(h Hold) string { return h.ID })`,
		fixed:  `_ = release.Key(func(h Hold) string { return h.ID })`,
		want:   `cannot use func\(h Hold\) string .* as func\(Order\) string value in argument to reserve\.Key`,
	},
}

func TestMisuseDoesNotCompile(t *testing.T) {
	t.Parallel()
	// Each mistake is a package of its own, so that no message hides another; the
	// right ways share one.
	var packages []string
	right := []string{misusePrelude}
	for i, m := range misuses {
		packages = append(packages, misusePrelude+snippet("wrong", i, m.body))
		right = append(right, snippet("right", i, m.fixed))
	}
	messages := compilePackages(t, append(packages, strings.Join(right, "")))
	for i, m := range misuses {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if got := messages[fmt.Sprint("right", i)]; len(got) != 0 {
				t.Errorf("%s: the right way must compile, got %q", m.fixed, got)
			}
			got := messages[fmt.Sprint("wrong", i)]
			if len(got) != 1 || !regexp.MustCompile(m.want).MatchString(got[0]) {
				t.Errorf("%s (%s):\n got %q\nwant one message that matches %s", m.body, m.reason, got, m.want)
			}
		})
	}
}

// snippet wraps a body into a function whose messages are reported for the file
// kind and number.
func snippet(kind string, number int, body string) string {
	return fmt.Sprintf("func _(ctx op.Context, o Order) error {\n_, _ = ctx, o\n//line %s%d.snippet:1\n%s\nreturn nil\n}\n", kind, number, body)
}

// compilePackages compiles packages that exist in an overlay only and returns
// the compiler's messages by snippet.
func compilePackages(t *testing.T, packages []string) map[string][]string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	overlay := map[string]string{}
	args := []string{"build", "-gcflags=-e", "-overlay", filepath.Join(temp, "overlay.json")}
	for i, src := range packages {
		name := fmt.Sprint("misuse", i)
		file := filepath.Join(temp, name+".go")
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(root, "op", name, "misuse.go")] = file
		args = append(args, "./op/"+name)
	}
	data, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(temp, "overlay.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		t.Fatalf("go build: %v, want messages of the compiler\n%s", err, out)
	}

	messages := map[string][]string{}
	// The compiler writes "path/retry".Filter if the build has several packages retry.
	quoted := regexp.MustCompile(`"(?:[^"\s]*/)?(\w+)"\.`)
	position := regexp.MustCompile(`^.*?(\w+)\.snippet:\d+(?::\d+)?: (.*)$`)
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if m := position.FindStringSubmatch(line); m != nil {
			messages[m[1]] = append(messages[m[1]], quoted.ReplaceAllString(m[2], "$1."))
		} else if !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "\t") {
			t.Fatalf("%s\nis not about a snippet in:\n%s", line, out)
		}
	}
	return messages
}
