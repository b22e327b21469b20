// Command subscription has a subscription live for two and a half years on the local service, where
// months pass at once, and prints what happens: charges, a wish, a crash, a card without money, new
// code that is deployed in the middle, and the executions that follow each other.
//
//	go run ./docs/examples/subscription
//
// The handler is in subscription.go, what it was before in before.go.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

func main() {
	if err := show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// show prints the life of one subscription.
func show(ctx context.Context, w io.Writer) error {
	begin := day(2026, 1, 31)
	d := demo.New(w, begin) //nolint:contextcheck // it lives as long as its run
	d.Brief(10)
	d.CrashBefore("charge[2026-06]")
	bank, post := &Bank{EmptyFrom: day(2027, 10, 30), EmptyTo: day(2027, 11, 7)}, &Post{}
	portal := &Portal{Ring: func(id string) error { return d.Service.CompleteCallback(id, nil) }}

	at := func(t time.Time, who, what string, f func() error) {
		d.After(t.Sub(begin), func() {
			d.Say(who, what)
			if err := f(); err != nil {
				d.Say(who, err.Error())
			}
		})
	}
	wish := func(t time.Time, wish Wish) {
		portal.Book(wish, t)
		at(t, "customer", "wishes "+wish.String(), portal.Wake)
	}
	wish(day(2026, 4, 12), Wish{Plan: Plan{Name: "team", Price: 29_00}})
	wish(day(2028, 9, 12), Wish{Cancel: true})
	at(day(2027, 6, 15), "deploy", "version 2: invoices, and inputs of another type", func() error {
		return d.Service.Host("subscriptions", NewFunction(bank, portal, post, d.Options()...))
	})

	if err := d.Service.Host("subscriptions", newFunction2026(bank, portal, post, d.Options()...)); err != nil {
		return err
	}
	f, err := demo.Chain[Subscription2026, Farewell](ctx, d, Function, "S-7", Subscription2026{ID: "S-7", Card: "4242", Price: 9_00, First: begin})
	if err != nil {
		return err
	}
	charges, sum := bank.Booked()
	fmt.Fprintf(w, "\n%s after %d months and %s; the bank has booked %d charges of %s, and %d invoices were sent\n",
		f.Reason, f.Months, f.Paid, charges, sum, post.Invoices())
	return nil
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 9, 0, 0, 0, time.UTC)
}
