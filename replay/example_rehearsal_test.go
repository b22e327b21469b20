package replay_test

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func ExampleFunction_Rehearse() {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()

	// An execution of the code that is deployed waits.
	_ = service.Host("order", replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, printing("reserve")); err != nil {
			return "", err
		}
		return "", replay.Exec(ctx, op.Wait("cool-off", time.Hour))
	}))
	execution, err := service.Start(ctx, "order", "", []byte(`null`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = execution.RunUntilSuspended(ctx)

	// Would the code that is to be deployed go on with it?
	changed := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, printing("check-fraud")); err != nil {
			return "", err
		}
		return replay.Run(ctx, printing("reserve"))
	})
	r, err := changed.Rehearse(ctx, execution.Log())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Verdict)
	fmt.Println(r.Diverged.Reason)
	fmt.Println("code:", r.Diverged.Code)
	// Output:
	// run reserve
	// diverges
	// an operation was inserted, renamed or moved before operations that have been recorded, or one of those was removed
	// code: STEP Step at "check-fraud"
}
