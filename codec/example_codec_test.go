package codec_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
)

func ExampleJSON() {
	ctx, m := context.Background(), codec.Meta{OperationName: "charge"}

	payload, err := codec.Encode(ctx, codec.JSON(), m, map[string]string{"status": "paid <in full>"})
	fmt.Println(string(payload), err)

	var status map[string]string
	err = codec.Decode(ctx, codec.JSON(), m, payload, &status)
	fmt.Println(status, err)
	// Output:
	// {"status":"paid <in full>"} <nil>
	// map[status:paid <in full>] <nil>
}

func ExampleRaw() {
	ctx, m := context.Background(), codec.Meta{OperationName: "greet"}

	payload, err := codec.Encode(ctx, codec.Raw(), m, "HELLO CHILD")
	fmt.Println(string(payload), err)

	_, err = codec.Encode(ctx, codec.Raw(), m, 42)
	fmt.Println(err)
	// Output:
	// HELLO CHILD <nil>
	// codec: encode result of "greet": codec.Raw takes a string or a []byte, not a value of type int: use codec.JSON or codec.Of
}

func ExampleOf() {
	days := codec.Of(
		func(t time.Time) ([]byte, error) { return t.AppendFormat(nil, time.DateOnly), nil },
		func(p []byte) (time.Time, error) { return time.Parse(time.DateOnly, string(p)) })

	payload, err := days.Encode(time.Date(2026, time.March, 1, 17, 0, 0, 0, time.UTC))
	fmt.Println(string(payload), err)

	day, err := days.Decode(payload)
	fmt.Println(day, err)
	// Output:
	// 2026-03-01 <nil>
	// 2026-03-01 00:00:00 +0000 UTC <nil>
}

func ExampleTyped_Codec() {
	upper := codec.Of(
		func(s string) ([]byte, error) { return []byte(strings.ToUpper(s)), nil },
		func(p []byte) (string, error) { return strings.ToLower(string(p)), nil }).Codec()

	payload, err := codec.Encode(context.Background(), upper, codec.Meta{}, "paid")
	fmt.Println(string(payload), err)
	// Output: PAID <nil>
}

func ExampleTyped_Err() {
	var forgotten codec.Typed[int]

	fmt.Println(forgotten.Err())
	// Output: codec: a function of this codec is nil: make it with codec.Of and two functions
}

func ExampleEncode() {
	m := codec.Meta{OperationName: "render", Part: codec.PartInput}

	_, err := codec.Encode(context.Background(), codec.Raw(), m, "\x89PNG")
	fmt.Println(err)
	// Output:
	// codec: encode input of "render": the payload is not valid UTF-8 (byte 0): encode binary data as text, as base64 for example
}

func ExampleDecode() {
	var total int

	err := codec.Decode(context.Background(), codec.JSON(), codec.Meta{OperationName: "sum"}, []byte(`"many"`), &total)
	fmt.Println(err)

	if e, ok := errors.AsType[*codec.Error](err); ok {
		fmt.Println(e.Operation, e.Part, e.Decoding)
	}
	// Output:
	// codec: decode result of "sum": json: cannot unmarshal string into Go value of type int
	// sum result true
}

func ExampleIsPure() {
	vault := struct{ codec.Codec }{codec.JSON()} // says nothing of itself
	fmt.Println(codec.IsPure(codec.JSON()), codec.IsPure(codec.Raw()), codec.IsPure(vault))
	// Output: true true false
}

func ExampleValidate() {
	fmt.Println(codec.Validate(codec.JSON()))
	fmt.Println(codec.Validate(codec.Typed[int]{}.Codec()))
	// Output:
	// <nil>
	// codec: a function of this codec is nil: make it with codec.Of and two functions
}
