package op_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func ExampleSaga() {
	flight := op.Step("book-flight", func(context.Context) (string, error) { return "LH1", nil }).
		Undo(func(_ context.Context, seat string) error { fmt.Println("cancel", seat); return nil })
	hotel := op.Do("book-hotel", func(context.Context) error { return errors.New("full") }, op.WithRetry(retry.Never()))
	show(func(ctx op.Context, _ op.None) (bool, error) {
		trip, err := replay.Run(ctx, op.Saga("trip", func(ctx op.Context) (string, error) {
			seat, err := replay.Run(ctx, flight)
			if err != nil {
				return "", err
			}
			return seat, replay.Exec(ctx, hotel)
		}))
		fmt.Println(trip.Err, trip.Undone, trip.Failed)
		return trip.Compensated(), err
	})
	// Output:
	// cancel LH1
	// full [trip[work]/book-flight] []
	// true <nil>
}
