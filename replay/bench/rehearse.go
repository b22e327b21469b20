package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/cputime"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// payment is what the steps of a rehearsed log have resulted in.
type payment struct {
	ID     string `json:"ID"`
	Amount int    `json:"Amount"`
}

// rehearseRows rehearse a log of fifty operations, of which the last one, a wait, has not ended.
// The yardstick is encoding/json, which decodes the results and encodes them again: a rehearsal
// finds out what is lost of them. Both are measured by the time of processors.
func rehearseRows() []Row {
	const steps = 49
	return []Row{{
		Name:  "Rehearse/50",
		Means: "what it takes to know whether code fits the log of an execution, of fifty operations",
		Measure: func(ctx context.Context, size Size) ([]Metric, error) {
			l := newLog()
			var results [][]byte
			for i := range steps {
				result := fmt.Appendf(nil, `{"ID":"p-%d","Amount":%d}`, i, i)
				results = append(results, result)
				l.step("", "charge-"+strconv.Itoa(i), "", 0, checkpoint.TextPayload(string(result)))
			}
			l.add("", checkpoint.Operation{
				Name: "cool-off", Kind: checkpoint.KindWait, SubType: "Wait", Status: checkpoint.StatusStarted, Due: epoch().Add(time.Hour),
			})
			of := checkpoint.Invocation{ARN: "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a", Operations: *l}
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				for i := range steps {
					pay := op.Step("charge-"+strconv.Itoa(i), func(context.Context) (payment, error) { return payment{Amount: i}, nil })
					if _, err := replay.Run(ctx, pay); err != nil {
						return op.None{}, err
					}
				}
				return replay.Run(ctx, op.Wait("cool-off", time.Hour))
			})
			rehearse := func() error {
				r, err := f.Rehearse(ctx, of)
				if err == nil && (r.Verdict != replay.VerdictFits || len(r.Lossy) > 0 || len(r.Waiting) != 1 || r.Waiting[0].New) {
					err = fmt.Errorf("bench: the rehearsal is %+v", *r)
				}
				return err
			}
			worked, floor, err := turns(size.Turns*size.Turns, spent(rehearse), spent(func() error { return decodeAndEncode(results) }))
			if err != nil {
				return nil, err
			}
			least, err := leastOf(size.Turns, rehearse)
			if err != nil {
				return nil, err
			}
			allocs := math.Inf(1)
			for range 5 { // pools may be empty, and what else the process does counts as well
				allocs = min(allocs, allocations(func() { err = errors.Join(err, rehearse()) }))
			}
			return []Metric{
				{Unit: "x-encoding-json", Value: ratio(worked, floor), Most: 3.5, Limit: 5},
				{Unit: "cpu-µs", Value: float64(worked) / float64(time.Microsecond)},
				{Unit: "µs", Value: float64(least) / float64(time.Microsecond), Most: 150},
				{Unit: "encoding-json-µs", Value: float64(floor) / float64(time.Microsecond)},
				{Unit: "allocs", Value: allocs, Most: 320, Limit: 320},
			}, err
		},
	}}
}

// leastOf returns how long f takes, from the outside, in the least disturbed of n turns of a
// hundred: what else runs on the machine only adds.
func leastOf(n int, f func() error) (time.Duration, error) {
	const times = 100
	least := time.Duration(math.MaxInt64)
	for range n {
		began := time.Now()
		for range times {
			if err := f(); err != nil {
				return 0, err
			}
		}
		least = min(least, time.Since(began))
	}
	return least / times, nil
}

// decodeAndEncode is the least that encoding/json can be asked to do with the results.
func decodeAndEncode(results [][]byte) error {
	for _, doc := range results {
		var p payment
		if err := json.Unmarshal(doc, &p); err != nil {
			return err
		}
		if _, err := json.Marshal(p); err != nil {
			return err
		}
	}
	return nil
}

// spent returns the time of processors that f takes: the mean of twenty times, for that time is not
// counted finely.
func spent(f func() error) func() (time.Duration, error) {
	const times = 20
	return func() (took time.Duration, err error) {
		took = cputime.Of(func() {
			for range times {
				if err = f(); err != nil {
					return
				}
			}
		})
		return took / times, err
	}
}
