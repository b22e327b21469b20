package filestore_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
)

func ExampleOpen() {
	dir, _ := os.MkdirTemp("", "objects")
	defer os.RemoveAll(dir)

	store, err := filestore.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx, c := context.Background(), codec.Chain(codec.JSON(), offload.New(store))
	m := codec.Meta{ExecutionARN: "arn:1", OperationID: "7d1f", OperationName: "render"}

	payload, err := codec.Encode(ctx, c, m, strings.Repeat("page ", 1_000_000))
	fmt.Println(len(payload) < 500, err)

	var text string
	err = codec.Decode(ctx, c, m, payload, &text)
	fmt.Println(len(text), err)
	// Output:
	// true <nil>
	// 5000000 <nil>
}
