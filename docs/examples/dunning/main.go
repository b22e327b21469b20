// Command dunning waits for the payment of invoices on the local service, for months that take no
// time, and prints what happens: to one that is paid late, although the process is lost twice, to
// one that is paid when a collection agency has it, to one that is cancelled, and to one that is
// never paid.
//
//	go run ./docs/examples/dunning
//
// The handler is in dunning.go, the stages are in invoice.go.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

func main() {
	if err := show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// issued is when the invoices are written.
func issued() time.Time { return time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC) }

// show prints four invoices.
func show(ctx context.Context, w io.Writer) error {
	for i, act := range []struct {
		title, customer string
		down            int
		crash           func(d *demo.Demo)
	}{
		{"paid after the second reminder, although the process is lost twice", "Ada Lovelace", 1, func(d *demo.Demo) {
			d.CrashBefore("send-letter[reminder]")
			d.CrashAfter("send-letter[second-reminder]")
		}},
		{"paid when the agency has it", "Charles Babbage", 0, func(*demo.Demo) {}},
		{"cancelled", "George Boole", 0, func(*demo.Demo) {}},
		{"never paid", "Lord Byron", 0, func(*demo.Demo) {}},
	} {
		fmt.Fprintf(w, "\n== %s\n", act.title)
		d := demo.New(w, issued()) //nolint:contextcheck // it lives as long as its run
		act.crash(d)
		dunning := NewDunning(&fakeWorld{demo: d, down: act.down})
		inv := Invoice{ID: fmt.Sprintf("F-%d", 2030+i), Customer: act.customer, Cents: 240_00, Due: issued().AddDate(0, 0, 14)}
		s, err := demo.Run(ctx, d, "dunning", replay.Handler(dunning.Collect, d.Options()...), inv)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\ninvoice %s: %s, received %s, waived %s, lost %s\n",
			s.Invoice, s.Status, euros(s.Received), euros(s.Waived), euros(s.Lost))
	}
	return nil
}
