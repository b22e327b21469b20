package handlers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// each makes the builder of an item's branch from a function of the item.
func each[In, Out any](fn func(In) (Out, error)) op.Builder[In, Out] {
	return op.GroupFunc("item", func(_ op.Context, in In) (Out, error) { return fn(in) })
}

// upper is an item's function.
func upper(s string) (string, error) { return strings.ToUpper(s), nil }

// accept is an item's function that refuses one kind of item.
func accept(s string) (string, error) {
	if s == "fail" {
		return "", errRefused
	}
	return s, nil
}

func mapSteps(ctx op.Context, names []string) ([]string, error) {
	hello := op.GroupFunc("item", func(ctx op.Context, name string) (string, error) {
		return replay.Run(ctx, op.Step("greet", give("Hello, "+name+"!")))
	})
	return values(ctx, op.Map("map", names, hello, oneByOne()))
}

func mapDoubles(ctx op.Context, numbers []int) ([]int, error) {
	double := each(func(n int) (int, error) { return 2 * n, nil })
	return values(ctx, op.Map("double", numbers, double, oneByOne()))
}

func mapFails(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Map("throwing", []string{"fail", "ok"}, each(accept), oneByOne()))
}

func mapTolerates(ctx op.Context, _ op.None) (Judged, error) {
	b, err := replay.Run(ctx, op.Map("tolerated", []string{"a", "fail", "b"}, each(accept), oneByOne(),
		op.WithCompletion(op.Tolerate(1))))
	return judged(b), err
}

func mapToleratesTooFew(ctx op.Context, _ op.None) (Counted, error) {
	b, err := settle(ctx, op.Map("exceeded", []string{"fail", "fail", "never"}, each(accept), oneByOne(),
		op.WithCompletion(op.Tolerate(1))))
	return counted(b), err
}

func mapKeyed(ctx op.Context, numbers []int) ([]int, error) {
	tenfold := each(func(n int) (int, error) { return 10 * n, nil }).
		Key(func(n int) string { return "item-" + strconv.Itoa(n) })
	return values(ctx, op.Map("named-items", numbers, tenfold, oneByOne()))
}

func mapWithItemCodec(ctx op.Context, _ op.None) ([]string, error) {
	wrap := codec.Of(
		func(v string) ([]byte, error) { return []byte("wrapped:" + v), nil },
		func(p []byte) (string, error) { return strings.TrimPrefix(string(p), "wrapped:"), nil },
	)
	return values(ctx, op.Map("wrapped", []string{"x", "y"}, each(upper).WithCodec(wrap), oneByOne()))
}

func mapWaits(ctx op.Context, _ op.None) ([]string, error) {
	work := op.GroupFunc("item", func(ctx op.Context, item string) (string, error) {
		if item == "r1" {
			if err := replay.Exec(ctx, op.Wait("pause", time.Second)); err != nil {
				return "", err
			}
		}
		return replay.Run(ctx, op.Step("work", give(item)))
	})
	return values(ctx, op.Map("suspend", []string{"r0", "r1"}, work, oneByOne()))
}

func mapThenWait(ctx op.Context, _ op.None) ([]string, error) {
	results, err := values(ctx, op.Map("then-wait", []string{"a", "b"}, each(upper), oneByOne()))
	if err != nil {
		return nil, err
	}
	return results, replay.Exec(ctx, op.Wait("pause", time.Second))
}

func mapFailsThenWait(ctx op.Context, _ op.None) (Judged, error) {
	b, err := replay.Run(ctx, op.Map("fail-then-wait", []string{"ok", "fail"}, each(accept), oneByOne(),
		op.WithCompletion(op.Tolerate(1))))
	if err != nil {
		return Judged{}, err
	}
	return judged(b), replay.Exec(ctx, op.Wait("pause", time.Second))
}

// joined keeps the results of a whole batch in one line.
func joined() codec.Typed[op.Batch[string]] {
	const mark = "OPSERDE:"
	return codec.Of(
		func(b op.Batch[string]) ([]byte, error) {
			return []byte(mark + strings.Join(b.Values(), ",")), nil
		},
		func(p []byte) (op.Batch[string], error) {
			text, ok := strings.CutPrefix(string(p), mark)
			if !ok {
				return op.Batch[string]{}, fmt.Errorf("%q does not begin with %s", p, mark)
			}
			b := op.Batch[string]{Reason: op.ReasonAllCompleted}
			for i, v := range strings.Split(text, ",") {
				b.Items = append(b.Items, op.Item[string]{Index: i, Status: op.StatusSucceeded, Value: v})
			}
			return b, nil
		},
	)
}

func mapWithCodec(ctx op.Context, _ op.None) ([]string, error) {
	return values(ctx, op.Map("joined", []string{"x", "y"}, each(upper), oneByOne()).WithCodec(joined()))
}

func mapWithCodecThenWait(ctx op.Context, in op.None) ([]string, error) {
	results, err := mapWithCodec(ctx, in)
	if err != nil {
		return nil, err
	}
	return results, replay.Exec(ctx, op.Wait("pause", time.Second))
}
