package op_test

import (
	"context"
	"fmt"
	"time"

	"github.com/samber/lo"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// odd is a builder of steps that fail for even numbers.
func odd() op.Builder[int, int] {
	return op.StepFunc("odd", func(_ context.Context, n int) (int, error) {
		if n%2 == 0 {
			return 0, fmt.Errorf("%d is even", n)
		}
		return n, nil
	}, never())
}

// outcome runs a batch and prints its values, why it ended, and its error.
func outcome(o op.Op[op.Batch[int]]) {
	show(func(ctx op.Context, _ op.None) (string, error) {
		b, err := replay.Run(ctx, o)
		return fmt.Sprintln(b.Values(), b.Reason, err != nil), nil
	})
}

func ExampleMap() {
	outcome(op.Map("odds", []int{1, 3, 5}, odd()))
	// Output: "[1 3 5] ALL_COMPLETED false\n" <nil>
}

func ExampleParallel() {
	outcome(op.Parallel("both", []op.Op[int]{number("a", 1), number("b", 2)}))
	// Output: "[1 2] ALL_COMPLETED false\n" <nil>
}

func ExampleAll() {
	showOp(op.All("both", number("a", 1), number("b", 2)))
	// Output: [1,2] <nil>
}

func ExampleAllSettled() {
	outcome(op.AllSettled("both", failing("a"), number("b", 2)))
	// Output: "[2] ALL_COMPLETED false\n" <nil>
}

func ExampleAny() {
	showOp(op.Any("mirror", failing("near"), number("far", 2)))
	// Output: 2 <nil>
}

func ExampleRace() {
	slow := op.Transform(op.Wait("day", 24*time.Hour), func(op.None) (string, error) { return "a day", nil })
	fast := op.Transform(op.Wait("hour", time.Hour), func(op.None) (string, error) { return "an hour", nil })
	showOp(op.Race("first", slow, fast))
	// Output: "an hour" <nil>
}

func ExampleRaceWinner() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		w, err := replay.Run(ctx, op.RaceWinner("first", op.Wait("day", 24*time.Hour), op.Wait("hour", time.Hour)))
		return w.Name, err
	})
	// Output: "hour" <nil>
}

func ExampleTimeout() {
	showOp(op.Timeout("in-time", op.Wait("day", 24*time.Hour), time.Hour))
	// Output: TimedOut: "in-time": timed out after 1h0m0s
}

func ExampleJoin2() {
	name := op.Step("name", func(context.Context) (string, error) { return "Ada", nil })
	showOp(op.Transform(op.Join2("profile", name, number("age", 36)), func(t lo.Tuple2[string, int]) (string, error) {
		return fmt.Sprint(t.A, " ", t.B), nil
	}))
	// Output: "Ada 36" <nil>
}

func ExampleJoin3() {
	showOp(op.Transform(op.Join3("sum", number("a", 1), number("b", 2), number("c", 3)),
		func(t lo.Tuple3[int, int, int]) (int, error) { return t.A + t.B + t.C, nil }))
	// Output: 6 <nil>
}

func ExampleJoin4() {
	showOp(op.Transform(op.Join4("sum", number("a", 1), number("b", 2), number("c", 3), number("d", 4)),
		func(t lo.Tuple4[int, int, int, int]) (int, error) { return t.A + t.B + t.C + t.D, nil }))
	// Output: 10 <nil>
}

func ExampleJoin5() {
	showOp(op.Transform(op.Join5("sum", number("a", 1), number("b", 2), number("c", 3), number("d", 4), number("e", 5)),
		func(t lo.Tuple5[int, int, int, int, int]) (int, error) { return t.A + t.B + t.C + t.D + t.E, nil }))
	// Output: 15 <nil>
}

func ExampleWithMaxConcurrency() {
	outcome(op.Map("odds", []int{1, 3, 5}, odd(), op.WithMaxConcurrency(1)))
	// Output: "[1 3 5] ALL_COMPLETED false\n" <nil>
}

func ExampleWithMaxRunning() {
	outcome(op.Map("odds", []int{1, 3, 5}, odd(), op.WithMaxRunning(1)))
	// Output: "[1 3 5] ALL_COMPLETED false\n" <nil>
}

func ExampleWithFlat() {
	outcome(op.Map("odds", []int{1, 3, 5}, odd(), op.WithFlat()))
	// Output: "[1 3 5] ALL_COMPLETED false\n" <nil>
}

func ExampleWithCancelLosers() {
	outcome(op.Map("odds", []int{1, 3}, odd(), op.WithCancelLosers()))
	// Output: "[1 3] ALL_COMPLETED false\n" <nil>
}

// mixed runs a batch in which the second of three operations fails, and prints what f says of it.
func mixed[T any](f func(op.Batch[int]) T) {
	show(func(ctx op.Context, _ op.None) (string, error) {
		b, err := replay.Run(ctx, op.Map("odds", []int{1, 2, 3}, odd(), op.WithCompletion(op.AllCompleted())))
		return fmt.Sprint(f(b)), err
	})
}

// indexes are the places of items in the input.
func indexes(items []op.Item[int]) (at []int) {
	for i := range items {
		at = append(at, items[i].Index)
	}
	return at
}

func ExampleBatch_Values() {
	mixed(op.Batch[int].Values)
	// Output: "[1 3]" <nil>
}

func ExampleBatch_Succeeded() {
	mixed(func(b op.Batch[int]) []int { return indexes(b.Succeeded()) })
	// Output: "[0 2]" <nil>
}

func ExampleBatch_Failed() {
	mixed(func(b op.Batch[int]) []int { return indexes(b.Failed()) })
	// Output: "[1]" <nil>
}

func ExampleBatch_Started() {
	mixed(func(b op.Batch[int]) []int { return indexes(b.Started()) })
	// Output: "[]" <nil>
}

func ExampleBatch_Errors() {
	mixed(op.Batch[int].Errors)
	// Output: "[2 is even]" <nil>
}

func ExampleBatch_Err() {
	mixed(func(b op.Batch[int]) bool { return b.Err() != nil })
	// Output: "true" <nil>
}

func ExampleBatch_Len() {
	mixed(op.Batch[int].Len)
	// Output: "3" <nil>
}

func ExampleBatch_Status() {
	mixed(op.Batch[int].Status)
	// Output: "FAILED" <nil>
}

func ExampleWithChunks() {
	outcome(op.Map("odds", []int{1, 3, 5}, odd(), op.WithChunks(2, 0)))
	// Output: "[1 3 5] ALL_COMPLETED false\n" <nil>
}
