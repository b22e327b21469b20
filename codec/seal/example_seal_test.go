package seal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
)

func ExampleNew() {
	key, err := seal.NewKey("2026-06", []byte("32 random bytes, from a keeper..")) // of secrets
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx, c := context.Background(), codec.Chain(codec.JSON(), seal.New(seal.Static(key)))
	m := codec.Meta{ExecutionARN: "arn:1", OperationID: "7d1f", OperationName: "charge"}

	payload, err := codec.Encode(ctx, c, m, "4111 1111 1111 1111")
	fmt.Println(strings.HasPrefix(string(payload), `"~perdure1:seal:b`), err)

	var card string
	err = codec.Decode(ctx, c, m, payload, &card)
	fmt.Println(card, err)

	m.OperationID = "0e55"
	err = codec.Decode(ctx, c, m, payload, &card)
	fmt.Println(errors.Is(err, seal.ErrMoved))
	// Output:
	// true <nil>
	// 4111 1111 1111 1111 <nil>
	// true
}

func ExampleStatic() {
	old, _ := seal.GenerateKey("2026-01")
	now, _ := seal.GenerateKey("2026-06")
	keys := seal.Static(now, old)

	k, err := keys.SealingKey(context.Background(), seal.Origin{})
	fmt.Println(k, err)

	k, err = keys.OpeningKey(context.Background(), seal.Origin{}, "2026-01")
	fmt.Println(k, err)
	// Output:
	// "2026-06" <nil>
	// "2026-01" <nil>
}

func ExampleFile() {
	dir, _ := os.MkdirTemp("", "keys")
	defer os.RemoveAll(dir)

	path := filepath.Join(dir, "keys")
	_ = os.WriteFile(path, []byte("2026-06 MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"), 0o600)

	k, err := seal.File(path).SealingKey(context.Background(), seal.Origin{})
	fmt.Println(k, err)
	// Output: "2026-06" <nil>
}

func ExampleOrigin_Fits() {
	caller := codec.Meta{
		ExecutionARN: "arn:aws:lambda:eu-west-1:111122223333:function:orders:1/durable-execution/o-1/5a1e",
		OperationID:  "7d1f", Function: "bills", Part: codec.PartInput,
	}
	callee := codec.Meta{
		ExecutionARN: "arn:aws:lambda:eu-west-1:111122223333:function:bills:1/durable-execution/b-1/77aa",
		Part:         codec.PartInput,
	}

	fmt.Println(seal.OriginOf(caller).Fits(callee))

	callee.Part = codec.PartResult
	fmt.Println(seal.OriginOf(caller).Fits(callee))
	// Output:
	// true
	// false
}

func ExampleNewKey() {
	_, err := seal.NewKey("2026-06", []byte("too short"))
	fmt.Println(err)
	// Output: seal: key "2026-06" has 9 bytes: AES-256 needs 32, from openssl rand -base64 32 for example
}

func ExampleGenerateKey() {
	key, err := seal.GenerateKey("of-a-test")
	fmt.Println(key, err)
	// Output: "of-a-test" <nil>
}

func ExampleOriginOf() {
	o := seal.OriginOf(codec.Meta{ExecutionARN: "arn:1", OperationID: "7d1f", OperationName: "charge", Part: codec.PartState})

	fmt.Println(o)
	// Output: state of operation "7d1f" of execution "arn:1"
}

func ExampleInspect() {
	key, _ := seal.GenerateKey("2026-06")
	c := codec.Chain(codec.JSON(), seal.New(seal.Static(key)))
	payload, _ := codec.Encode(context.Background(), c, codec.Meta{ExecutionARN: "arn:1", OperationID: "7d1f"}, "4111 1111")

	sealed, err := codec.Body(payload)
	if err != nil {
		fmt.Println(err)
		return
	}

	info, err := seal.Inspect(sealed)
	fmt.Println(info.KeyID, info.Origin, err)
	// Output: 2026-06 result of operation "7d1f" of execution "arn:1" <nil>
}
