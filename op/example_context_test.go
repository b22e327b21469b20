package op_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func ExampleInfoFrom() {
	showOp(op.Do("charge", func(ctx context.Context) error {
		info, ok := op.InfoFrom(ctx)
		fmt.Println(info.Path, info.Attempt, len(info.IdempotencyKey), ok)
		return nil
	}))
	// Output:
	// charge 1 32 true
	// {} <nil>
}

func ExampleLoggerFrom() {
	// Outside a body the logger drops everything.
	op.LoggerFrom(context.Background()).Info("unheard")
	fmt.Println("silence")
	// Output: silence
}

func ExampleLoggerFrom_policy() {
	patient := func(a retry.Attempt) retry.Decision {
		info, _ := op.InfoFrom(a.Context)
		op.LoggerFrom(a.Context).Debug("asked for another attempt", slog.Duration("elapsed", a.Elapsed))
		fmt.Printf("attempt %d of %q\n", a.Number, info.Name)
		return retry.Decision{Retry: a.Number < 2}
	}
	showOp(op.Step("charge", func(ctx context.Context) (int, error) {
		if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
			return 0, context.DeadlineExceeded
		}
		return 7, nil
	}, op.WithRetry(patient)))
	// Output:
	// attempt 0 of ""
	// attempt 1 of "charge"
	// 7 <nil>
}

func ExampleStateFrom() {
	showOp(op.Step("import", func(ctx context.Context) (int, error) {
		page, _, err := op.StateFrom[int](ctx)
		if err != nil || page == 3 {
			return page, err
		}
		return 0, retry.Again(page + 1)
	}))
	// Output: 3 <nil>
}

func ExampleContext_Execution() {
	show(func(ctx op.Context, _ op.None) (string, error) {
		return ctx.Execution().StartedAt.Format("15:04"), nil
	})
	// Output: "09:00" <nil>
}

func ExampleContext_Logger() {
	show(func(ctx op.Context, _ op.None) (bool, error) { return ctx.Logger() != nil, nil })
	// Output: true <nil>
}

func ExampleContext_InvocationContext() {
	show(func(ctx op.Context, _ op.None) (bool, error) { return ctx.InvocationContext().Err() == nil, nil })
	// Output: true <nil>
}

func ExampleContext_WithValue() {
	type tenant struct{}
	show(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx.WithValue(tenant{}, "acme"), op.Step("who", func(ctx context.Context) (string, error) {
			who, _ := ctx.Value(tenant{}).(string)
			return who, nil
		}))
	})
	// Output: "acme" <nil>
}

func ExampleNewContext() {
	show(func(ctx op.Context, _ op.None) (bool, error) {
		return op.NewContext(op.ScopeOf(ctx)) == ctx, nil
	})
	// Output: true <nil>
}

func ExampleScopeOf() {
	fmt.Println(op.ScopeOf(op.Context{}))
	// Output: <nil>
}
