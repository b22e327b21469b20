package op_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func upper() op.Builder[string, string] {
	return op.StepFunc("upper", func(_ context.Context, s string) (string, error) {
		if s == "" {
			return "", errors.New("nothing")
		}
		return strings.ToUpper(s), nil
	}, never())
}

func ExampleBuilder_Key() {
	showOp(op.Transform(op.Map("shout", []string{"a", "b"}, upper().Key(strings.Clone)),
		func(b op.Batch[string]) (string, error) { return b.Items[1].Key + b.Items[1].Value, nil }))
	// Output: "bB" <nil>
}

func ExampleBuilder_WithCodec() {
	plain := codec.Of(
		func(s string) ([]byte, error) { return []byte(s), nil },
		func(b []byte) (string, error) { return string(b), nil })
	showOp(upper().WithCodec(plain)("a"))
	// Output: "A" <nil>
}

func ExampleBuilder_WithSummary() {
	showOp(upper().WithSummary(func(s string) string { return s[:1] })("abc"))
	// Output: "ABC" <nil>
}

func ExampleBuilder_MapError() {
	b := upper().MapError(func(err error) error { return fmt.Errorf("shout: %w", err) })
	showOp(b(""))
	// Output: Error: shout: nothing
}

func ExampleBuilder_Undo() {
	b := upper().Undo(func(_ context.Context, s string) error {
		fmt.Println("undo", s)
		return nil
	})
	show(func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, b("a")); err != nil {
			return "", err
		}
		return "", errors.New("too late")
	})
	// Output:
	// undo A
	// Error: too late
}

func ExampleGroup() {
	showOp(op.Group("sum", func(ctx op.Context) (int, error) {
		a, err := replay.Run(ctx, number("a", 1))
		if err != nil {
			return 0, err
		}
		b, err := replay.Run(ctx, number("b", 2))
		return a + b, err
	}, op.WithSubType("Sum")))
	// Output: 3 <nil>
}

func ExampleGroupFunc() {
	twice := op.GroupFunc("twice", func(ctx op.Context, s string) (string, error) {
		s, err := replay.Run(ctx, upper()(s))
		return s + s, err
	})
	showOp(twice("a"))
	// Output: "AA" <nil>
}

func ExampleWithSubType() {
	o := op.Group("sum", func(op.Context) (int, error) { return 3, nil }, op.WithSubType("Sum"))
	fmt.Println(o.Interpret().Node().Head().SubType)
	// Output: Sum
}
