package awskms_test

import (
	"context"
	"fmt"

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
