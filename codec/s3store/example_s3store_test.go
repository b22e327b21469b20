package s3store_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"

	"github.com/perdure/perdure/codec/s3store"
)

func ExampleNew() {
	client := s3.New(s3.Options{Region: "eu-west-1"}) // s3.NewFromConfig(cfg)
	store := s3store.New(client, "payloads-of-orders", s3store.WithKMSKey("alias/perdure"), s3store.WithBucketOwner("111122223333"))
	c := codec.Chain(codec.JSON(), offload.New(store))

	payload, err := codec.Encode(context.Background(), c, codec.Meta{OperationName: "charge"}, "small enough for the record")
	fmt.Println(string(payload), err)
	// Output: "small enough for the record" <nil>
}
