package replay_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// sealed is a codec whose payloads only holders of a key can read.
func sealed() codec.Codec {
	key, err := seal.GenerateKey("2026-06")
	if err != nil {
		panic(err)
	}
	return codec.Chain(codec.JSON(), seal.New(seal.Static(key)))
}

func ExampleWithHandlerCodec() {
	f := replay.Handler(func(_ op.Context, card string) (string, error) { return card, nil },
		replay.WithHandlerCodec(sealed()))
	service := local.New()
	defer service.Close()
	out, err := service.Run(context.Background(), f, []byte(`"4111"`)) // from outside, plain
	names, _ := codec.TransformsOf(out)
	fmt.Println(names, err)
	// Output: [seal] <nil>
}

func ExampleWithErrorCodec() {
	charge := op.Do("charge", func(context.Context) error { return errors.New("card 4111 was declined") },
		op.WithRetry(retry.Never()))
	show(func(ctx op.Context, _ op.None) (op.None, error) {
		err := replay.Exec(ctx, charge)
		fmt.Println(err)
		return op.None{}, err
	}, replay.WithErrorCodec(sealed()))
	// Output:
	// card 4111 was declined
	// Error: the error of the handler is encoded
}
