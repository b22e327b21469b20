// Command review has people decide about claims on the local service, in days that take no time,
// and prints what happens: to a claim whose reviewer needs a reminder, although the process is lost
// twice, to one that goes to the manager, and to one that no one decides.
//
//	go run ./docs/examples/review
//
// The handler is in review.go.
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

// monday is when the claims arrive.
func monday() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }

// show prints four claims.
func show(ctx context.Context, w io.Writer) error {
	approves := Answer{Approve, "the receipts are there"}
	for i, act := range []struct {
		title   string
		cents   int64
		answers map[string]reply
		away    []string
		crash   func(d *demo.Demo)
	}{
		{
			title: "the reviewer needs a reminder, and the process is lost twice", cents: 320_00,
			answers: map[string]reply{"reviewer": {30 * time.Hour, approves}},
			crash: func(d *demo.Demo) {
				d.CrashBefore("ask[reviewer]/assign")
				d.CrashAfter("ask[reviewer]/remind[1]")
			},
		},
		{
			title: "the reviewer answers too late, and the manager decides", cents: 320_00,
			answers: map[string]reply{"reviewer": {3*day + time.Hour, approves}, "manager": {6 * time.Hour, Answer{Reject, "the receipts are missing"}}},
		},
		{title: "the reviewer is away, and the manager silent: the rule decides", cents: 80_00, away: []string{"reviewer"}},
	} {
		fmt.Fprintf(w, "\n== %s\n", act.title)
		d := demo.New(w, monday()) //nolint:contextcheck // it lives as long as its run
		if act.crash != nil {
			act.crash(d)
		}
		review := NewReview(&fakeOffice{demo: d, answers: act.answers, away: act.away})
		c := Claim{ID: fmt.Sprintf("C-%d", 71+i), Customer: "Ada Lovelace", Cents: act.cents}
		decision, err := demo.Run(ctx, d, "review", replay.Handler(review.Decide, d.Options()...), c)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\nclaim %s of %s: %s by the %s, because %s\n", c.ID, euros(c.Cents), decision.Verdict, decision.By, decision.Reason)
	}
	return nil
}
