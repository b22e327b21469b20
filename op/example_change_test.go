package op_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// changed shows two executions: one that began with the code of before, was suspended, and goes on
// with that of after; and one of after.
func changed[Out any](before, after func(op.Context, op.None) (Out, error)) {
	service := virtual()
	defer service.Close()
	for _, versions := range [][]local.Handler{{replay.Handler(before), replay.Handler(after)}, {replay.Handler(after)}} {
		out, err := service.Run(context.Background(), local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
			code := versions[0]
			if len(versions) > 1 {
				versions = versions[1:]
			}
			return code.Invoke(ctx, event)
		}), []byte(`null`))
		fmt.Println(string(out), err)
	}
}

// orders is a handler that runs operations and results in what the last one did.
func orders(ops ...op.Op[string]) func(op.Context, op.None) (string, error) {
	return func(ctx op.Context, _ op.None) (last string, err error) {
		for _, o := range ops {
			if last, err = replay.Run(ctx, o); err != nil {
				return "", err
			}
		}
		return last, nil
	}
}

// word is a step that says its name.
func word(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name, nil })
}

// night is a wait, in which the next version is deployed.
func night() op.Op[string] {
	return op.Transform(op.Wait("night", 8*time.Hour), func(op.None) (string, error) { return "", nil })
}

func ExampleReplaces() {
	toCard, toWallet := word("charge-card"), word("charge-wallet")
	charge := op.Replaces(toWallet, toCard)
	receipt := func(charge op.Op[string]) func(op.Context, op.None) (string, error) {
		return func(ctx op.Context, _ op.None) (string, error) {
			by, err := replay.Run(ctx, charge)
			if err != nil {
				return "", err
			}
			return by, replay.Exec(ctx, night())
		}
	}
	changed(receipt(toCard), receipt(charge))
	// Output:
	// "charge-card" <nil>
	// "charge-wallet" <nil>
}

func ExampleAdded() {
	check := op.Added(word("checked"), "accepted without a check")
	handler := func(ctx op.Context, _ op.None) (string, error) {
		risk, err := replay.Run(ctx, check)
		if err != nil {
			return "", err
		}
		return risk, replay.Exec(ctx, night())
	}
	changed(orders(night()), handler)
	// Output:
	// "accepted without a check" <nil>
	// "checked" <nil>
}

func ExampleRemoved() {
	handler := func(ctx op.Context, _ op.None) (string, error) {
		legacy, err := replay.Run(ctx, op.Removed(word("book-in-ledger")))
		if err != nil {
			return "", err
		}
		if err := replay.Exec(ctx, night()); err != nil || !legacy.Begun() {
			return "not in the ledger", err
		}
		entry, err := replay.Run(ctx, legacy.Result())
		if errors.Is(err, op.ErrRemoved) {
			return "perhaps in the ledger", nil
		}
		return entry, err
	}
	changed(orders(word("book-in-ledger"), night()), handler)
	// Output:
	// "book-in-ledger" <nil>
	// "not in the ledger" <nil>
}

func ExamplePast_Result() {
	handler := func(ctx op.Context, _ op.None) (string, error) {
		pause, err := replay.Run(ctx, op.Removed(night()))
		if err != nil {
			return "", err
		}
		switch _, err = replay.Run(ctx, pause.Result()); {
		case errors.Is(err, op.ErrRemoved):
			return "no night", nil
		case err != nil:
			return "", err
		}
		return "the night was over first", nil
	}
	changed(orders(night()), handler)
	// Output:
	// "the night was over first" <nil>
	// "no night" <nil>
}

func ExampleInline() {
	fetch, store := word("fetch"), word("store")
	oneByOne := func(ctx op.Context) (string, error) {
		got, err := replay.Run(ctx, fetch)
		if err != nil {
			return "", err
		}
		kept, err := replay.Run(ctx, store)
		return got + " and " + kept, err
	}
	together := op.Replaces(
		op.Transform(op.Group("transfer", oneByOne), func(s string) (string, error) { return s + ", as one", nil }),
		op.Inline("fetch and store", oneByOne))
	handler := func(transfer op.Op[string]) func(op.Context, op.None) (string, error) {
		return func(ctx op.Context, _ op.None) (string, error) {
			done, err := replay.Run(ctx, transfer)
			if err != nil {
				return "", err
			}
			return done, replay.Exec(ctx, night())
		}
	}
	changed(handler(op.Inline("fetch and store", oneByOne)), handler(together))
	// Output:
	// "fetch and store" <nil>
	// "fetch and store, as one" <nil>
}

func ExampleOp_Was() {
	charge := op.Step("charge-payment", func(ctx context.Context) (string, error) {
		info, _ := op.InfoFrom(ctx)
		return "by " + info.Name, nil
	})
	old := op.Step("charge-card", func(context.Context) (string, error) { return "by charge-card", nil })
	handler := func(charge op.Op[string]) func(op.Context, op.None) (string, error) {
		return func(ctx op.Context, _ op.None) (string, error) {
			by, err := replay.Run(ctx, charge)
			if err != nil {
				return "", err
			}
			return by, replay.Exec(ctx, night())
		}
	}
	changed(handler(old), handler(charge.Was("charge-card")))
	// Output:
	// "by charge-card" <nil>
	// "by charge-payment" <nil>
}

func ExampleOp_WasKey() {
	remind := word("remind")
	changed(orders(remind, night()), orders(remind.Key("first").WasKey(""), night()))
	// Output:
	// "" <nil>
	// "" <nil>
}

func ExampleOp_WasUndone() {
	release := func(_ context.Context, hold string) error {
		fmt.Println("release", hold)
		return nil
	}
	reserve := word("reserve")
	never := func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, reserve.WasUndone(release)); err != nil {
			return "", err
		}
		if err := replay.Exec(ctx, night()); err != nil {
			return "", err
		}
		return "", errors.New("out of stock")
	}
	show(never) // the compensation had not begun
	// Output: Error: out of stock
}

func ExampleWithRemoved() {
	fast, slow, gone := word("fast-freight"), word("slow-freight"), word("bankrupt-freight")
	quotes := func(all []op.Op[string], opts ...op.BatchOption) func(op.Context, op.None) (int, error) {
		return func(ctx op.Context, _ op.None) (int, error) {
			b, err := replay.Run(ctx, op.Parallel("quotes", all, opts...))
			if err != nil {
				return 0, err
			}
			return b.Len(), replay.Exec(ctx, night())
		}
	}
	changed(
		quotes([]op.Op[string]{fast, slow, gone}),
		quotes([]op.Op[string]{fast, slow}, op.WithRemoved(gone)),
	)
	// Output:
	// 2 <nil>
	// 2 <nil>
}
