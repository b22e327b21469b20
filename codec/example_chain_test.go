package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/codec"
)

// reverse is a transform that writes long payloads backwards.
type reverse struct{}

func (reverse) Name() string { return "reverse" }

func (reverse) Apply(_ context.Context, _ codec.Stage, p []byte) ([]byte, bool, error) {
	if len(p) < 10 {
		return nil, false, nil
	}

	return backwards(p), true, nil
}

func (reverse) Revert(_ context.Context, _ codec.Stage, p []byte) ([]byte, error) {
	return backwards(p), nil
}

func backwards(p []byte) []byte {
	runes := bytes.Runes(p)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}

	return []byte(string(runes))
}

func ExampleOpen() {
	c := codec.Chain(codec.JSON(), reverse{})
	payload, _ := codec.Encode(context.Background(), c, codec.Meta{}, "a long text")
	plain, base, err := codec.Open(context.Background(), c, codec.Meta{}, payload)
	fmt.Println(string(payload))
	fmt.Println(string(plain), base == codec.JSON(), err)
	// Output:
	// "~perdure1:reverse:t\"txet gnol a\""
	// "a long text" true <nil>
}

func ExampleChain() {
	ctx, m := context.Background(), codec.Meta{OperationName: "greet"}
	c := codec.Chain(codec.JSON(), reverse{})

	short, err := codec.Encode(ctx, c, m, "hello")
	fmt.Println(string(short), err)

	long, err := codec.Encode(ctx, c, m, "hello world")
	fmt.Println(string(long), err)

	var greeting string
	err = codec.Decode(ctx, c, m, long, &greeting)
	fmt.Println(greeting, err)
	// Output:
	// "hello" <nil>
	// "~perdure1:reverse:t\"dlrow olleh\"" <nil>
	// hello world <nil>
}

func ExampleReadOnly() {
	ctx, m := context.Background(), codec.Meta{OperationName: "greet"}
	old := []byte(`"~perdure1:reverse:t\"dlrow olleh\""`)
	c := codec.Chain(codec.JSON(), codec.ReadOnly(reverse{}))

	var greeting string
	err := codec.Decode(ctx, c, m, old, &greeting)
	fmt.Println(greeting, err)

	now, err := codec.Encode(ctx, c, m, greeting)
	fmt.Println(string(now), err)
	// Output:
	// hello world <nil>
	// "hello world" <nil>
}

func ExampleRequired() {
	c := codec.Chain(codec.JSON(), codec.Required(reverse{}))

	var greeting string
	err := codec.Decode(context.Background(), c, codec.Meta{OperationName: "greet"}, []byte(`"hello world"`), &greeting)
	fmt.Println(err)
	// Output:
	// codec: decode result of "greet": the payload did not go through "reverse", which this chain requires: it was replaced, or written before the chain had it
}

func ExampleTransient() {
	late := codec.Transient(errors.New("the key service is late"))

	fmt.Println(late, codec.IsTransient(late))
	fmt.Println(codec.IsTransient(fmt.Errorf("get the key: %w", late)))
	// Output:
	// the key service is late true
	// true
}

func ExamplePermanent() {
	err := codec.Permanent(fmt.Errorf("the object was removed: %w", context.DeadlineExceeded))

	fmt.Println(codec.IsTransient(err), errors.Is(err, context.DeadlineExceeded))
	// Output: false true
}

func ExampleIsTransient() {
	fmt.Println(codec.IsTransient(context.DeadlineExceeded), codec.IsTransient(errors.New("no such key")))
	// Output: true false
}

func ExampleTransformsOf() {
	names, err := codec.TransformsOf([]byte(`"~perdure1:zstd,seal:bAAAA"`))
	fmt.Println(names, err)

	names, err = codec.TransformsOf([]byte(`{"status":"paid"}`))
	fmt.Println(names, err)
	// Output:
	// [zstd seal] <nil>
	// [] <nil>
}

func ExampleBody() {
	body, err := codec.Body([]byte(`"~perdure1:reverse:t\"dlrow olleh\""`))
	fmt.Println(string(body), err)
	// Output: "dlrow olleh" <nil>
}
