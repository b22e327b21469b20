package offload_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
)

func ExampleNew() {
	ctx, store := context.Background(), &memory{}
	c := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(1000), offload.WithPreview(0)))

	short, err := codec.Encode(ctx, c, charge, "paid")
	fmt.Println(string(short), err)

	long, err := codec.Encode(ctx, c, charge, fmt.Sprintf("%2000d", 1))
	fmt.Println(len(long) < 200, err)

	info, ok, err := offload.Inspect(long)
	fmt.Println(info.Size, ok, err)
	// Output:
	// "paid" <nil>
	// true <nil>
	// 2002 true <nil>
}

func ExampleInspect() {
	record := `"~perdure1:offload:t1 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b 7 1772366400 orders_o-1-00\n\"secret"`

	info, ok, err := offload.Inspect([]byte(record))
	fmt.Println(info.Size, info.Preview, ok, err)
	// Output: 7 "secret true <nil>
}

func ExampleScope() {
	fmt.Println(offload.Scope("arn:aws:lambda:eu-west-1:111122223333:function:orders:1/durable-execution/o-1/5a1e"))
	// Output: orders_o-1-1dadd6ad0d013c4d66b2f7a1b56375bf
}

func ExampleCollect() {
	ctx, store := context.Background(), listed{memory: &memory{}, written: began}
	c := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0)))

	for _, arn := range []string{"arn:ended", "arn:runs"} {
		_, _ = codec.Encode(ctx, c, codec.Meta{ExecutionARN: arn}, arn)
	}

	var use offload.InUse

	use.AddExecution("arn:runs")

	got, err := offload.Collect(ctx, store, &use, began.Add(24*time.Hour))
	fmt.Printf("%+v %v\n", got, err)
	// Output: {Removed:1 Kept:1 RemovedBytes:11} <nil>
}

func ExampleInUse_AddPayload() {
	var use offload.InUse

	err := use.AddPayload([]byte(`"~perdure1:offload,seal:bAAAA"`))
	fmt.Println(err)
	// Output:
	// offload: the reference to an object lies under "seal": have offload come last in the chain
}

// show prints whether v is kept elsewhere by a transform, and what its record shows.
func show(v string, t codec.Transform) {
	p, err := codec.Encode(context.Background(), codec.Chain(codec.JSON(), t), charge, v)
	if err != nil {
		fmt.Println(err)
		return
	}

	info, ok, err := offload.Inspect(p)
	fmt.Printf("%v %q %v\n", ok, info.Preview, err)
}

func ExampleWithThreshold() {
	show("paid", offload.New(&memory{}))
	show("paid", offload.New(&memory{}, offload.WithThreshold(0)))
	// Output:
	// false "" <nil>
	// true "\"paid\"" <nil>
}

func ExampleWithPreview() {
	show("paid in full", offload.New(&memory{}, offload.WithThreshold(0), offload.WithPreview(5)))
	show("paid in full", offload.New(&memory{}, offload.WithThreshold(0), offload.WithPreview(0)))
	// Output:
	// true "\"paid" <nil>
	// true "" <nil>
}

func ExampleWithPatience() {
	for _, d := range []time.Duration{time.Hour, 0} {
		store := &memory{}
		c := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0), offload.WithPatience(d)))
		p, _ := codec.Encode(context.Background(), c, charge, "paid")

		store.objects = nil
		err := codec.Decode(context.Background(), c, charge, p, new(string))
		fmt.Println(errors.Is(err, offload.ErrAbsent), codec.IsTransient(err))
	}
	// Output:
	// true true
	// true false
}

func ExampleWithClock() {
	clock := &watch{began}
	c := codec.Chain(codec.JSON(), offload.New(&memory{}, offload.WithThreshold(0), offload.WithClock(clock.read)))

	p, err := codec.Encode(context.Background(), c, charge, "paid")
	fmt.Println(strings.Contains(string(p), strconv.FormatInt(began.Unix(), 10)), err)
	// Output: true <nil>
}

func ExampleAnyPlace() {
	store := &memory{}
	p, _ := codec.Encode(context.Background(), codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0))), charge, "paid")
	elsewhere := codec.Meta{ExecutionARN: next}

	for _, o := range []codec.Transform{offload.New(store), offload.New(store, offload.AnyPlace())} {
		var got string

		err := codec.Decode(context.Background(), codec.Chain(codec.JSON(), o), elsewhere, p, &got)
		fmt.Println(got, errors.Is(err, offload.ErrMoved))
	}
	// Output:
	//  true
	// paid false
}
