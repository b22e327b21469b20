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

// show prints whether a transform compresses v.
func show(v string, t codec.Transform) {
	p, err := codec.Encode(context.Background(), codec.Chain(codec.JSON(), t), codec.Meta{OperationName: "render"}, v)
	fmt.Println(strings.HasPrefix(string(p), `"~perdure1:`), err)
}

func ExampleWithThreshold() {
	show(strings.Repeat("page ", 100), compress.Zstd())
	show(strings.Repeat("page ", 100), compress.Zstd(compress.WithThreshold(200)))
	// Output:
	// false <nil>
	// true <nil>
}

func ExampleWithLimit() {
	show(strings.Repeat("page ", 1000), compress.Gzip(compress.WithLimit(2000)))
	// Output:
	// false codec: encode result of "render": compress: gzip: the payload is longer than the limit when it is decompressed of 2000 bytes: set it with compress.WithLimit, or keep the data elsewhere
}

func ExampleWithLevel() {
	show(strings.Repeat("page ", 1000), compress.Gzip(compress.WithLevel(compress.LevelBest)))
	// Output: true <nil>
}
