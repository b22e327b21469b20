package replay_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func ExampleContinueAsNew() {
	const enough = 3
	poll := replay.Handler(func(ctx op.Context, round int) (string, error) {
		if err := replay.Exec(ctx, op.Wait("an-hour", time.Hour)); err != nil {
			return "", err
		}
		if round == enough {
			return fmt.Sprintf("after %d rounds", round), nil
		}
		return "", replay.ContinueAsNew(ctx, round+1)
	})
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()
	if err := service.Host("poll", poll); err != nil {
		fmt.Println(err)
	}
	e, err := service.Start(ctx, "poll", "poll-eu1", []byte("1"))
	for err == nil {
		err = e.Drive(ctx)
		fmt.Println(e.Record().Name[:len("poll-eu1")])
		next, ok := checkpoint.ContinuedAs(e.Result())
		if !ok {
			break
		}
		e, _ = service.Execution(next)
	}
	fmt.Println(string(e.Result()), err)
	// Output:
	// poll-eu1
	// poll-eu1
	// poll-eu1
	// "after 3 rounds" <nil>
}

func ExampleContinueOn() {
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return 0, replay.ContinueAsNew(ctx, n+1, replay.ContinueOn("count:live")) // the newest code
	})
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	defer service.Close()
	counted := replay.Handler(func(_ op.Context, n int) (int, error) { return n, nil })
	if err := errors.Join(service.Host("count", counted), service.Host("begin", f)); err != nil {
		fmt.Println(err)
	}
	ctx := context.Background()
	e, err := service.Start(ctx, "begin", "", []byte("1"))
	err = errors.Join(err, e.Drive(ctx))
	next, _ := checkpoint.ContinuedAs(e.Result())
	fmt.Println(checkpoint.FunctionARN(next), err)
	// Output: arn:aws:lambda:us-east-1:123456789012:function:count:$LATEST <nil>
}

func ExampleHandlerOf() {
	double := op.FunctionOf[int, int]("double:live") // where both sides see it
	f := replay.HandlerOf(double, func(_ op.Context, n int) (int, error) { return 2 * n, nil })
	caller := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, double.Invoke("twice", n))
	})
	service := local.New()
	defer service.Close()
	if err := service.Host(double.Name(), f); err != nil {
		fmt.Println(err)
	}
	out, err := service.Run(context.Background(), caller, []byte("21"))
	fmt.Println(string(out), err)
	// Output: 42 <nil>
}
