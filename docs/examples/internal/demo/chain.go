package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// Chain starts an execution of a function that the Service of d hosts, drives it and each execution
// that continues it to its end, prints what each has cost, and returns the result of the last one.
// The errors are those of Run.
func Chain[In, Out any](ctx context.Context, d *Demo, function, name string, in In) (out Out, err error) {
	defer func() { err = errors.Join(err, d.Service.Close()) }() //nolint:contextcheck // whatever becomes of ctx
	input, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	e, err := d.Service.Start(ctx, function, name, input)
	if err != nil {
		return out, err
	}
	for continued := true; continued; {
		if err := e.Drive(ctx); err != nil {
			return out, err
		}
		var next string
		if next, continued = checkpoint.ContinuedAs(e.Result()); continued {
			e, continued = d.Service.Execution(next)
		}
	}
	d.p.costs()
	return result[Out](d, e)
}

// result is that of an execution that has ended.
func result[Out any](d *Demo, e *local.Execution) (out Out, err error) {
	for _, c := range d.crashes {
		if !c.done {
			return out, fmt.Errorf("the function was not lost at %q: nothing was recorded there", c.path)
		}
	}
	if err := e.Err(); err != nil {
		return out, err
	}
	return out, json.Unmarshal(e.Result(), &out)
}

// costs prints what each execution of the service has cost.
func (p *printer) costs() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folded()
	fmt.Fprintf(p.w, "\n%-28s  %-10s  %-10s  %11s  %10s  %6s\n", "EXECUTION", "BEGAN", "ENDED", "INVOCATIONS", "OPERATIONS", "BYTES")
	const day = "2006-01-02"
	for _, e := range p.svc.Executions() {
		rec := e.Record()
		fmt.Fprintf(p.w, "%-28s  %-10s  %-10s  %11d  %10d  %6d\n",
			e.Name(), rec.Start.Format(day), rec.End.Format(day), rec.Invocations, rec.Metered, rec.DataBytes)
	}
}
