package replaytest

import (
	"fmt"

	"github.com/perdure/perdure/checkpoint/local"
)

// Budget bounds what an execution may cost. A zero field sets no bound.
type Budget struct {
	// Operations is how many operations the service meters: each once, each retry once more.
	Operations int
	// Bytes is how many bytes of payloads and errors are stored.
	Bytes int
	// CheckpointCalls is how many checkpoint calls are made.
	CheckpointCalls int
	// Price is what Operations and Bytes cost at Prices, in US dollars: an estimate. The time that
	// functions run, the calls that start them and the keeping of data after the execution are not
	// part of it. A Price needs Prices.
	Price  float64
	Prices PriceTable
}

// WithBudget fails the test if the execution needs more than b.
func WithBudget(b Budget) Option { return option(func(c *config) { c.budget = b }) }

// PriceTable is what the service charges, in US dollars.
type PriceTable struct {
	// Date is when the prices were looked up, Region where they hold, Source where they were
	// found. They are printed with what a table was used for.
	Date, Region, Source string
	// PerOperation is for each metered operation, PerByte for each byte stored.
	PerOperation, PerByte float64
}

// AnnouncedPrices returns the prices of December 2025 in us-east-2, as durable functions were
// announced with: 8.00 dollars per million operations and 0.25 dollars per GB written. They are a
// table to begin with: prices change and differ between regions, and this package cannot look them
// up. Compare with https://aws.amazon.com/lambda/pricing/ and write down your own.
func AnnouncedPrices() PriceTable {
	return PriceTable{
		Date: "2025-12", Region: "us-east-2", Source: "as announced, not checked since; see aws.amazon.com/lambda/pricing",
		PerOperation: 8.00 / 1e6, PerByte: 0.25 / 1e9,
	}
}

// Of returns what that many operations and bytes cost.
func (p PriceTable) Of(operations, bytes int) float64 {
	return float64(operations)*p.PerOperation + float64(bytes)*p.PerByte
}

// costOf adds up what an execution has cost.
func costOf(e *local.Execution) Budget {
	rec := e.Record()
	return Budget{Operations: rec.Metered, Bytes: rec.DataBytes, CheckpointCalls: len(e.CheckpointCalls())}
}

// exceeded says what is over the budget.
func (b Budget) exceeded(cost Budget) []string {
	var list []string
	for _, x := range []struct {
		what      string
		got, most int
	}{
		{"operation", cost.Operations, b.Operations},
		{"byte", cost.Bytes, b.Bytes},
		{"checkpoint call", cost.CheckpointCalls, b.CheckpointCalls},
	} {
		if x.most > 0 && x.got > x.most {
			list = append(list, fmt.Sprintf("over budget: %s of at most %d", plural(x.got, x.what), x.most))
		}
	}
	if b.Price <= 0 {
		return list
	}
	p := b.Prices
	if p.PerOperation <= 0 && p.PerByte <= 0 {
		return append(list, "the budget has a Price and no Prices to compute it with: set Budget.Prices to a table that you "+
			"have checked; AnnouncedPrices is one to begin with")
	}
	if price := p.Of(cost.Operations, cost.Bytes); price > b.Price {
		list = append(list, fmt.Sprintf("over budget: $%.9f of at most $%.9f, for %s and %s at the prices of %s in %s (%s)",
			price, b.Price, plural(cost.Operations, "operation"), plural(cost.Bytes, "byte"), p.Date, p.Region, p.Source))
	}
	return list
}
