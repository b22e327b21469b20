package op_test

import (
	"context"
	"fmt"
	"strconv"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func ExampleOpenParallel() {
	// Stock and price are asked for at the same time; who ships depends on the stock.
	offer := op.OpenParallel("offer", func(ctx op.Context) (string, error) {
		stock := replay.Go(ctx, op.Branch("stock", func(ctx op.Context) (int, error) {
			return replay.Run(ctx, op.Step("count", func(context.Context) (int, error) { return 3, nil }))
		}))
		price := replay.Go(ctx, op.Branch("price", func(op.Context) (float64, error) { return 9.5, nil }))

		n, err := replay.Run(ctx, stock.Result())
		if err != nil {
			return "", err
		}
		shipper := replay.Go(ctx, op.Branch("shipper", func(op.Context) (string, error) {
			return map[bool]string{true: "by post", false: "later"}[n > 0], nil
		}))
		p, err := replay.Run(ctx, price.Result())
		if err != nil {
			return "", err
		}
		s, err := replay.Run(ctx, shipper.Result())
		return fmt.Sprintf("%d for %.2f each, %s", n, p, s), err
	}, op.WithMaxConcurrency(2))
	show(orders(offer))
	// Output: "3 for 9.50 each, by post" <nil>
}

func ExampleBranch() {
	double := func(n int) op.Op[int] {
		return op.Branch("double", func(op.Context) (int, error) { return 2 * n, nil }).Key(strconv.Itoa(n))
	}
	show(func(ctx op.Context, _ op.None) (sum int, err error) {
		return replay.Run(ctx, op.OpenParallel("all", func(ctx op.Context) (sum int, err error) {
			var started []*replay.Future[int]
			for n := 1; n <= 3; n++ {
				started = append(started, replay.Go(ctx, double(n)))
			}
			for _, f := range started {
				v, err := replay.Run(ctx, f.Result())
				if err != nil {
					return 0, err
				}
				sum += v
			}
			return sum, nil
		}))
	})
	// Output: 12 <nil>
}
