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
	// Price is what Operations and Bytes cost at [Prices], in US dollars. The time that functions run
	// and the keeping of data after the execution are not part of it.
	Price float64
}

// WithBudget fails the test if the execution needs more than b.
func WithBudget(b Budget) Option { return option(func(c *config) { c.budget = b }) }

// PriceTable is what the service charges, in US dollars.
type PriceTable struct {
	// Date is the month of the prices, Region where they hold.
	Date, Region string
	// PerOperation is for each metered operation, PerByte for each byte written.
	PerOperation, PerByte float64
}

// Prices is the table that [Budget.Price] is computed with. Source: AWS Lambda pricing, durable
// functions: 8.00 dollars per million operations, 0.25 dollars per GB written.
func Prices() PriceTable {
	return PriceTable{Date: "2025-12", Region: "us-east-2", PerOperation: 8.00 / 1e6, PerByte: 0.25 / 1e9}
}

// costOf adds up what an execution has cost.
func costOf(e *local.Execution) Budget {
	rec := e.Record()
	b := Budget{Operations: rec.Metered, Bytes: rec.DataBytes, CheckpointCalls: len(e.CheckpointCalls())}
	p := Prices()
	b.Price = float64(b.Operations)*p.PerOperation + float64(b.Bytes)*p.PerByte
	return b
}

// exceeded tells what is over the budget.
func (b Budget) exceeded(cost Budget) []string {
	var list []string
	for _, x := range []struct {
		what      string
		got, most int
	}{
		{"operations", cost.Operations, b.Operations},
		{"bytes", cost.Bytes, b.Bytes},
		{"checkpoint calls", cost.CheckpointCalls, b.CheckpointCalls},
	} {
		if x.most > 0 && x.got > x.most {
			list = append(list, fmt.Sprintf("over budget: %d %s of at most %d", x.got, x.what, x.most))
		}
	}
	if b.Price > 0 && cost.Price > b.Price {
		p := Prices()
		list = append(list, fmt.Sprintf("over budget: $%.7f of at most $%.7f (%s, prices of %s)", cost.Price, b.Price, p.Region, p.Date))
	}
	return list
}
