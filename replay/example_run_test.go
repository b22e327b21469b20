package replay_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func ExampleRun() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, printing("hello"))
	})
	// Output:
	// run hello
	// "hello" <nil>
}

func ExampleExec() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, printing("hello")); err != nil {
			return "", err
		}
		// During the wait no function runs. After it the handler begins again, the step does not.
		return "done", replay.Exec(ctx, op.Wait("a-day", 24*time.Hour))
	})
	// Output:
	// run hello
	// "done" <nil>
}

func ExampleGo() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		day := replay.Go(ctx, op.Wait("a-day", 24*time.Hour))
		hello, err := replay.Run(ctx, printing("hello"))
		if err != nil {
			return "", err
		}
		return hello, replay.Exec(ctx, day.Result())
	})
	// Output:
	// run hello
	// "hello" <nil>
}

func ExampleFuture_Result() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		day := replay.Go(ctx, op.Wait("a-day", 24*time.Hour))
		hour := replay.Go(ctx, op.Wait("an-hour", time.Hour))
		first, err := replay.Run(ctx, op.RaceWinner("first", day.Result(), hour.Result()))
		return first.Name, err
	})
	// Output: "an-hour" <nil>
}

func ExampleCancel() {
	show(func(ctx op.Context, _ op.None) (bool, error) {
		day := replay.Go(ctx, op.Wait("a-day", 24*time.Hour))
		if err := replay.Cancel(ctx, day); err != nil {
			return false, err
		}
		return errors.Is(replay.Exec(ctx, day.Result()), op.ErrStopped), nil
	})
	// Output: true <nil>
}

func ExampleNow() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, op.Wait("an-hour", time.Hour)); err != nil {
			return "", err
		}
		return replay.Now(ctx).Format(time.TimeOnly), nil
	})
	// Output: "10:00:00" <nil>
}

func ExampleUUID() {
	show(func(ctx op.Context, _ op.None) (bool, error) {
		// The same in every invocation, for the same name.
		return replay.UUID(ctx, "invoice") == replay.UUID(ctx, "parcel"), nil
	})
	// Output: false <nil>
}

func ExampleRand() {
	show(func(ctx op.Context, _ op.None) (bool, error) {
		return replay.Rand(ctx, "dice").IntN(6) == replay.Rand(ctx, "dice").IntN(6), nil
	})
	// Output: true <nil>
}

func ExampleOnEnd() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		replay.OnEnd(ctx, func(_ context.Context, err error) { fmt.Println("ended with", err) })
		return "", errors.New("out of stock")
	})
	// Output:
	// ended with out of stock
	// Error: out of stock
}

func ExampleSuspending() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		defer func() { fmt.Println("suspending:", replay.Suspending(ctx)) }()
		return "done", replay.Exec(ctx, op.Wait("an-hour", time.Hour))
	})
	// Output:
	// suspending: true
	// suspending: false
	// "done" <nil>
}
