package compress_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/perdure/perdure/codec"

	"github.com/perdure/perdure/codec/compress"
)

func ExampleZstd() {
	ctx, c := context.Background(), codec.Chain(codec.JSON(), compress.Zstd())
	m := codec.Meta{OperationName: "render"}

	payload, err := codec.Encode(ctx, c, m, strings.Repeat("page ", 10_000))
	fmt.Println(len(payload) < 200, err)

	var text string
	err = codec.Decode(ctx, c, m, payload, &text)
	fmt.Println(len(text), err)
	// Output:
	// true <nil>
	// 50000 <nil>
}

func ExampleGzip() {
	ctx, m := context.Background(), codec.Meta{OperationName: "render"}
	before := codec.Chain(codec.JSON(), compress.Gzip())
	after := codec.Chain(codec.JSON(), compress.Zstd(), codec.ReadOnly(compress.Gzip()))

	payload, err := codec.Encode(ctx, before, m, strings.Repeat("page ", 10_000))
	if err != nil {
		fmt.Println(err)
		return
	}

	var text string
	err = codec.Decode(ctx, after, m, payload, &text)
	fmt.Println(len(text), err)
	// Output: 50000 <nil>
}
