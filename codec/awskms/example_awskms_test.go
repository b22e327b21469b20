package awskms_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"

	"github.com/perdure/perdure/codec/awskms"
)

func ExampleNew() {
	client := &late{} // kms.NewFromConfig(cfg)
	keys := awskms.New(client, "alias/perdure", awskms.WithOldKeys("alias/perdure-2025"))
	c := codec.Chain(codec.JSON(), seal.New(keys))
	ctx, m := context.Background(), codec.Meta{ExecutionARN: "arn:1", OperationID: "7d1f", OperationName: "charge"}

	payload, err := codec.Encode(ctx, c, m, "4111 1111 1111 1111")
	if err != nil {
		fmt.Println(err)
		return
	}

	var card string
	err = codec.Decode(ctx, c, m, payload, &card)
	fmt.Println(card, err)
	// Output: 4111 1111 1111 1111 <nil>
}

// calls seals two payloads, and prints how often KMS was called for that.
func calls(opts ...awskms.Option) {
	client := &late{}
	keys := awskms.New(client, "alias/perdure", opts...)

	for range 2 {
		if _, err := keys.SealingKey(context.Background(), seal.Origin{}); err != nil {
			fmt.Println(err)
		}
	}

	fmt.Println(client.calls()[0])
}

func ExampleWithMaxAge() {
	calls()
	calls(awskms.WithMaxAge(0))
	// Output:
	// 1
	// 2
}

func ExampleWithMaxPayloads() {
	calls(awskms.WithMaxPayloads(1))
	// Output: 2
}

func ExampleWithMaxKeys() {
	calls(awskms.WithMaxKeys(1000)) // to open with
	// Output: 1
}

func ExampleWithClock() {
	now := time.Now()
	calls(awskms.WithClock(func() time.Time { now = now.Add(time.Hour); return now }))
	// Output: 2
}

func ExampleWithEncryptionContext() {
	calls(awskms.WithEncryptionContext(map[string]string{"service": "orders"}))
	// Output: 1
}

func ExampleWithOldKeys() {
	client := &late{}
	before, _ := awskms.New(client, "alias/perdure-2025").SealingKey(context.Background(), seal.Origin{})

	for _, keys := range []seal.Keyring{
		awskms.New(client, "alias/perdure"), awskms.New(client, "alias/perdure", awskms.WithOldKeys("alias/perdure-2025")),
	} {
		_, err := keys.OpeningKey(context.Background(), seal.Origin{}, before.ID())
		fmt.Println(errors.Is(err, seal.ErrNoKey))
	}
	// Output:
	// true
	// false
}
