// Package scope has names, keys, and operations that are not run.
package scope

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"example.test/shop/rules/helper"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func nop(context.Context) error { return nil }

func loops(ctx op.Context, items []string) error {
	for _, i := range items {
		_ = replay.Exec(ctx, op.Do("one", nop))        // want `loopkey: operation "one" runs in a loop without a key`
		_ = replay.Exec(ctx, op.Do("two", nop).Key(i)) // keyed
		_ = replay.Exec(ctx, helper.Ship(i))           // want `loopkey: operation "ship"`
		_ = replay.Exec(ctx, helper.ShipKeyed(i))      // keyed by its builder
		_ = helper.Notify(ctx, i)                      // want `loopkey: operation "notify"`
		_ = helper.NotifyKeyed(ctx, i)
		_ = replay.Exec(ctx, op.Do("three", nop)) //perdure:allow loopkey the list has one item
		if i == "stop" {
			return replay.Exec(ctx, op.Do("stop", nop)) // leaves the loop
		}
	}
	return nil
}

func twice(ctx op.Context, big bool) error {
	if big {
		return replay.Exec(ctx, op.Do("ask", nop)) // either this one or the other
	}
	if err := replay.Exec(ctx, op.Do("ask", nop)); err != nil {
		return err
	}
	if err := replay.Exec(ctx, op.Do("ask", nop)); err != nil { // want `samename: operation "ask" has the name of the one at scope.go:\d+`
		return err
	}
	if _, err := replay.Run(ctx, op.Group("inner", func(ctx op.Context) (int, error) {
		return 1, replay.Exec(ctx, op.Do("ask", nop)) // another scope
	})); err != nil {
		return err
	}
	if err := helper.Notify(ctx, "a"); err != nil {
		return err
	}
	if err := replay.Exec(ctx, op.Do("ask", nop)); err != nil { //perdure:allow samename an old execution knows it so
		return err
	}
	return helper.Notify(ctx, "b") // want `samename: operation "notify"`
}

type order struct{ ID string }

const shipName = "ship" + "-it"

func names(ctx op.Context, o order) error {
	_ = replay.Exec(ctx, op.Do("a-"+o.ID, nop))                 // want `constname: the name of the operation is computed`
	_ = replay.Exec(ctx, op.Do(fmt.Sprintf("b-%s", o.ID), nop)) // want `constname: `
	_ = replay.Exec(ctx, op.Do(o.ID, nop))                      // want `constname: `
	_ = replay.Exec(ctx, op.Do(shipName, nop))
	_ = replay.Exec(ctx, op.Do("c-"+o.ID, nop)) //perdure:allow constname IDs are names of stages
	for _, s := range []struct{ name string }{{"x"}, {"y"}} {
		_ = replay.Exec(ctx, op.Do(s.name, nop)) // a table of constants
	}
	return nil
}

func keys(ctx op.Context, items []order) error {
	for i, it := range items {
		_ = replay.Exec(ctx, op.Do("a", nop).Key(strconv.Itoa(i)))              // want `unstablekey: the key is a position`
		_ = replay.Exec(ctx, op.Do("b", nop).Key(fmt.Sprintf("item-%d", i)))    // want `unstablekey: the key is a position`
		_ = replay.Exec(ctx, op.Do("c", nop).Key(fmt.Sprintf("%p", &items[i]))) // want `unstablekey: the key is made of an address`
		_ = replay.Exec(ctx, op.Do("d", nop).Key(it.ID))
		_ = replay.Exec(ctx, op.Do("e", nop).Key(it.ID+strconv.Itoa(i)))
		_ = replay.Exec(ctx, op.Do("f", nop).Key(strconv.Itoa(i))) //perdure:allow unstablekey the list never changes
	}
	for i := 0; i < len(items); i++ {
		_ = replay.Exec(ctx, op.Do("g", nop).Key(strconv.Itoa(i))) // want `unstablekey: the key is a position`
		_ = items[i]
		_ = replay.Exec(ctx, op.Do("h", nop).Key(items[i].ID))
	}
	for n := range 3 {
		_ = replay.Exec(ctx, op.Do("remind", nop).Key(strconv.Itoa(n))) // the number is what identifies it
	}
	return nil
}

func unused(ctx op.Context, f func(op.Op[int]) int) error {
	op.Do("a", nop)                                                                             // want `neverrun: the operation is declared and never run`
	op.Do("b", nop).Key("x")                                                                    // want `neverrun: `
	_ = op.Wait("c", time.Second)                                                               // want `neverrun: `
	op.DoFunc("d", func(context.Context, int) error { return nil })                             // want `neverrun: the builder is made and never used`
	op.Do("e", nop)                                                                             //perdure:allow neverrun shows a mistake
	replay.Exec(ctx, op.Do("f", nop))                                                           // want `dropped: the error of the operation is dropped`
	replay.Exec(ctx, op.Do("g", nop))                                                           //perdure:allow dropped best effort
	_ = replay.Exec(ctx, op.Do("h", nop))                                                       // on purpose
	n, _ := replay.Run(ctx, op.Step("i", func(context.Context) (int, error) { return 1, nil })) // want `dropped: the error of the operation is dropped, and its result is used`
	replay.Go(ctx, op.Wait("j", time.Second))                                                   // want `future: the future is never awaited`
	replay.Go(ctx, op.Wait("k", time.Second))                                                   //perdure:allow future it is left behind on purpose
	replay.Go(ctx, op.Do("l", nop))                                                             // the scope waits for steps
	fut := replay.Go(ctx, op.Wait("m", time.Duration(n)))
	return replay.Exec(ctx, fut.Result())
}

var (
	charge = op.Do("charge", nop, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Default())) // want `repeatcharge: `
	never  = op.Do("never", nop, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()))
	later  = op.Do("later", nop, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()), op.WithRetry(retry.Default())) // want `repeatcharge: `
	ended  = op.Do("ended", nop, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Default()), op.WithRetry(retry.Never()))
	plain  = op.Do("plain", nop, op.WithSemantics(op.AtMostOncePerRetry))
	often  = op.Do("often", nop, op.WithRetry(retry.Default()))
	except = op.Do("except", nop, op.WithSemantics(op.AtMostOncePerRetry),
		op.WithRetry(retry.Exponential(retry.Unless(retry.OnIs(op.ErrInterrupted)))))
	//perdure:allow repeatcharge the terminal knows the key
	again = op.Do("again", nop, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Default()))
)
