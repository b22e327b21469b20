package s3store_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/storetest"

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

// where prints under which key, and with which encryption, a store puts an object.
func where(opts ...s3store.Option) {
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Printf("%.24s… %q %q\n", r.URL.Path, r.Header.Get("X-Amz-Server-Side-Encryption"), r.Header.Get("X-Amz-Expected-Bucket-Owner"))
	}))
	defer service.Close()

	err := s3store.New(connect(service.URL, nil), "bucket", opts...).Put(context.Background(), storetest.KeyOf("paid"), []byte("paid"))
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleWithPrefix() {
	where()
	where(s3store.WithPrefix("shop"))
	// Output:
	// /bucket/perdure/orders_o… "" ""
	// /bucket/shop/orders_o-1-… "" ""
}

func ExampleWithKMSKey() {
	where(s3store.WithKMSKey("alias/perdure"))
	// Output: /bucket/perdure/orders_o… "aws:kms" ""
}

func ExampleWithBucketOwner() {
	where(s3store.WithBucketOwner("111122223333"))
	// Output: /bucket/perdure/orders_o… "" "111122223333"
}
