package op_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/replay"
)

func ExampleOp_Key() {
	notify := op.DoFunc("notify", func(ctx context.Context, to string) error {
		info, _ := op.InfoFrom(ctx)
		fmt.Println(info.Path)
		return nil
	})
	show(func(ctx op.Context, _ op.None) (op.None, error) {
		for _, to := range []string{"ada", "grace"} {
			if err := replay.Exec(ctx, notify(to).Key(to)); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	})
	// Output:
	// notify[ada]
	// notify[grace]
	// {} <nil>
}

func ExampleOp_WithCodec() {
	hex := codec.Of(
		func(n int) ([]byte, error) { return strconv.AppendInt(nil, int64(n), 16), nil },
		func(b []byte) (int, error) {
			n, err := strconv.ParseInt(string(b), 16, 64)
			return int(n), err
		})
	showOp(number("answer", 42).WithCodec(hex))
	// Output: 42 <nil>
}

func ExampleOp_WithSummary() {
	all := op.Group("export", func(op.Context) ([]string, error) { return []string{"a", "b"}, nil }).
		WithSummary(func(rows []string) string { return fmt.Sprint(len(rows), " rows") })
	showOp(all)
	// Output: ["a","b"] <nil>
}

func ExampleOp_MapError() {
	errUnavailable := errors.New("unavailable")
	o := failing("fetch").MapError(func(err error) error { return fmt.Errorf("%w: %w", errUnavailable, err) })
	show(func(ctx op.Context, _ op.None) (string, error) {
		_, err := replay.Run(ctx, o)
		return err.Error(), nil
	})
	// Output: "unavailable: fetch failed" <nil>
}

func ExampleOp_Undo() {
	reserve := op.Step("reserve", func(context.Context) (string, error) { return "hold-1", nil }).
		Undo(func(_ context.Context, hold string) error {
			fmt.Println("release", hold)
			return nil
		})
	show(func(ctx op.Context, _ op.None) (int, error) {
		if err := replay.Exec(ctx, reserve); err != nil {
			return 0, err
		}
		return replay.Run(ctx, failing("charge"))
	})
	// Output:
	// release hold-1
	// Error: charge failed
}

func ExampleOp_UndoAttempted() {
	o := failing("order").UndoAttempted(func(context.Context) error {
		fmt.Println("look for the order and cancel it")
		return nil
	}, never())
	showOp(o)
	// Output:
	// look for the order and cancel it
	// Error: order failed
}

func ExampleInterpretation_Decl() {
	double := op.StepFunc("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	fmt.Println(double(1).Interpret().Decl().Name, double(1).Interpret().Decl() == double(2).Interpret().Decl())
	// Output: double true
}

func ExampleInterpretation_Node() {
	n := number("answer", 42).Key("k").Interpret().Node()
	fmt.Printf("%T %s %s\n", n, n.Head().Name, n.Head().Key)
	// Output: *node.Step answer k
}

func ExampleInterpretation_Decode() {
	_, err := number("answer", 42).Interpret().Decode(node.Result{Err: op.ErrStopped})
	fmt.Println(err)
	// Output: stopped
}

func ExampleInterpretation_Await() {
	o := number("answer", 42)
	fmt.Printf("%T\n", o.Interpret().Await(node.Result{}).Interpret().Node())
	// Output: *node.Await
}

func ExampleOp_With() {
	first := op.Race("first", number("a", 1), number("b", 1)).With(op.WithMaxRunning(1))
	showOp(first)
	// Output: 1 <nil>
}

func ExampleTransform() {
	showOp(op.Transform(number("cents", 1250), func(cents int) (string, error) {
		return fmt.Sprintf("%d.%02d EUR", cents/100, cents%100), nil
	}))
	// Output: "12.50 EUR" <nil>
}

func ExampleWait() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, op.Wait("cool-off", 24*time.Hour)); err != nil {
			return "", err
		}
		return replay.Now(ctx).Format(time.DateTime), nil
	})
	// Output: "2026-01-02 09:00:00" <nil>
}

func ExampleWaitUntil() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		noon := replay.Now(ctx).Truncate(24 * time.Hour).Add(12 * time.Hour)
		if err := replay.Exec(ctx, op.WaitUntil("noon", noon)); err != nil {
			return "", err
		}
		return replay.Now(ctx).Format(time.TimeOnly), nil
	})
	// Output: "12:00:00" <nil>
}

func ExampleValidate() {
	fmt.Println(op.Validate(op.Wait("short", time.Millisecond), number("twice", 1), number("twice", 2)))
	// Output:
	// op: "short": wait for 1ms: a wait lasts at least one second; leave it out, or use a timer in a step
	// op: "twice": declared twice with the key "": give each operation of one name its own key (Op.Key, Builder.Key)
}
