package codec_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/codec"
)

type charged struct {
	ID    string `json:"id"`
	Total int    `json:"total"` // it was named amount before
}

func ExampleStrict() {
	recorded := []byte(`{"id":"A-1","amount":250}`)
	m := codec.Meta{OperationName: "charge"}

	var v charged

	fmt.Println(codec.Decode(context.Background(), codec.JSON(), m, recorded, &v), v.Total)
	fmt.Println(codec.Decode(context.Background(), codec.Strict(), m, recorded, &v))
	fmt.Println(codec.Decode(context.Background(), codec.Strict("amount"), m, recorded, &v))
	// Output:
	// <nil> 0
	// codec: decode result of "charge": the recorded member .amount has no place in codec_test.charged: give it a place, declare the change, or name what may be lost in codec.Strict
	// <nil>
}

func ExampleLosses() {
	var v charged

	lost, err := codec.Losses(context.Background(), codec.JSON(), codec.Meta{}, []byte(`{"id":"A-1","amount":250}`), &v)
	fmt.Println(lost[0].Path, err)
	fmt.Println(lost[0])
	// Output:
	// .amount <nil>
	// the recorded member .amount has no place in codec_test.charged
}

func ExampleRenamed() {
	errDeclined := errors.New("card declined")
	known := codec.Renamed("declined", codec.Sentinel("card-declined", errDeclined))

	fmt.Println(known.Name(), known.Reads("declined"), known.Reads("card-declined"), known.Reads("stock"))
	// Output: card-declined true true false
}

func ExampleIsStrict() {
	fmt.Println(codec.IsStrict(codec.Strict()), codec.IsStrict(codec.Chain(codec.Strict())), codec.IsStrict(codec.JSON()))
	// Output: true true false
}

func ExampleIsJSON() {
	fmt.Println(codec.IsJSON(codec.JSON()), codec.IsJSON(codec.Strict()), codec.IsJSON(codec.Raw()))
	// Output: true true false
}
