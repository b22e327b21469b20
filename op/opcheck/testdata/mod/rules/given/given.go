// Package given gives names and keys to helpers.
package given

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"example.test/shop/rules/given/run"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type item struct{ SKU string }

type order struct {
	ID    string
	Items []item
}

func nop(context.Context) error { return nil }

func names(ctx op.Context, o order) error {
	if err := run.Do(ctx, "a", nop); err != nil {
		return err
	}
	if err := run.Do(ctx, "b", nop); err != nil {
		return err
	}
	if err := run.Do(ctx, "a", nop); err != nil { // want `samename: operation "a" has the name of the one at given.go:\d+`
		return err
	}
	if err := run.Keyed(ctx, "c", "one", nop); err != nil {
		return err
	}
	if err := run.Keyed(ctx, "c", "two", nop); err != nil {
		return err
	}
	if err := run.Keyed(ctx, "c", "one", nop); err != nil { // want `samename: operation "c" with the key "one" has the name`
		return err
	}
	if err := run.Do(ctx, strings.ToLower(o.ID), nop); err != nil { // want `constname: the name of the operation is computed`
		return err
	}
	if err := run.Do(ctx, "order-"+o.ID, nop); err != nil { //perdure:allow constname there are three orders
		return err
	}
	return replay.Exec(ctx, op.Do(nameOf(o), nop)) // want `constname: the name of the operation is computed`
}

func nameOf(o order) string { return "order-" + o.ID }

func loops(ctx op.Context, o order) error {
	for i, it := range o.Items {
		if err := run.Do(ctx, "a", nop); err != nil { // want `loopkey: operation "a" runs in a loop without a key`
			return err
		}
		if err := run.Keyed(ctx, "b", it.SKU, nop); err != nil {
			return err
		}
		if err := run.Keyed(ctx, "c", "c", nop); err != nil { // want `loopkey: operation "c" with the key "c" runs in a loop`
			return err
		}
		if err := run.Keyed(ctx, "d", o.ID, nop); err != nil { // want `loopkey: operation "d" runs in a loop, and the key is the same in each round`
			return err
		}
		if err := run.Keyed(ctx, "e", strconv.Itoa(i), nop); err != nil { // want `unstablekey: the key is a position in a list`
			return err
		}
		if err := run.Keyed(ctx, "f", fmt.Sprintf("%s-%d", o.ID, i), nop); err != nil { // want `unstablekey: the key is a position in a list`
			return err
		}
		if err := run.Keyed(ctx, "g", fmt.Sprintf("%s-%d", it.SKU, i), nop); err != nil {
			return err
		}
		if err := run.Mail(ctx, o.ID); err != nil { // want `loopkey: operation "mail" runs in a loop, and the key is the same`
			return err
		}
		if err := run.Mail(ctx, it.SKU); err != nil {
			return err
		}
		if err := run.Run(ctx, run.Step("h", o.ID+"-"+strconv.Itoa(i))); err != nil { // want `unstablekey: the key is a position`
			return err
		}
	}
	return nil
}

func direct(ctx op.Context, o order) error {
	work := op.Do("work", nop)
	n := 0
	for _, it := range o.Items {
		n++
		if err := replay.Exec(ctx, work.Key(o.ID)); err != nil { // want `loopkey: operation "work" runs in a loop, and the key is the same`
			return err
		}
		if err := replay.Exec(ctx, op.Do("pick", nop).Key(strconv.Itoa(n))); err != nil { // want `unstablekey: the key is a position`
			return err
		}
		if err := replay.Exec(ctx, op.Do("pack", nop).Key(o.ID+it.SKU)); err != nil {
			return err
		}
		//perdure:allow loopkey there is one item
		if err := replay.Exec(ctx, op.Do("post", nop).Key(o.ID)); err != nil {
			return err
		}
	}
	cursor := ""
	for range 3 {
		if err := replay.Exec(ctx, op.Do("page", nop).Key(o.ID+cursor)); err != nil {
			return err
		}
		cursor += "x"
	}
	return nil
}

func closures(ctx op.Context) error {
	send := func() error { return replay.Exec(ctx, op.Do("send", nop)) }
	post := func(to string) error { return replay.Exec(ctx, op.Do("post", nop).Key(to)) }
	if err := send(); err != nil {
		return err
	}
	if err := post("a"); err != nil {
		return err
	}
	if err := post("b"); err != nil {
		return err
	}
	return send() // want `samename: operation "send" has the name`
}

func again(ctx op.Context, n int) error {
	if n == 0 {
		return nil
	}
	if err := replay.Exec(ctx, op.Do("again", nop)); err != nil {
		return err
	}
	return again(ctx, n-1) // want `samename: operation "again" has the name`
}
