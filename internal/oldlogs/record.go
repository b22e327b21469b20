package oldlogs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// recording is an execution that nothing interrupts, with what its function does.
type recording struct {
	*machine

	writing sync.Mutex // guards what follows
	moments []moment
	calls   int
}

// record runs a program to its end.
func record(ctx context.Context, p Program, input []byte, answer Outside, haste func()) (*recording, error) {
	m, err := newMachine(p) //nolint:contextcheck // a service of its own
	if err != nil {
		return nil, err
	}
	m.haste = haste
	r := &recording{machine: m}
	m.invoke, m.answer = r.call, answer
	err = m.run(ctx, input)
	if closing := m.close(); err == nil { //nolint:contextcheck // a service of its own
		err = closing
	}
	return r, err
}

// call is an invocation.
func (r *recording) call(ctx context.Context, event []byte) (out []byte, err error) {
	r.add(moment{Begin: r.exec.Invocations()})
	done := false
	defer func() {
		if !done { // its goroutine ends, as if it were the process
			r.add(moment{Lost: true})
		}
	}()
	client, _ := checkpoint.ClientFrom(ctx)
	ctx = checkpoint.WithClient(ctx, &recorder{Client: client, r: r})
	out, err = r.program.Function.Invoke(r.watch(ctx, nil), event)
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), local.ErrLost) {
		return out, err
	}
	done = true
	if err != nil {
		r.complain("an invocation has failed: %v", err)
		return out, err
	}
	t := text(out)
	r.add(moment{Answer: &t})
	return out, nil
}

func (r *recording) add(m moment) {
	m.At = since(r.clock.Now())
	r.writing.Lock()
	defer r.writing.Unlock()
	if len(m.Updates) > 0 {
		r.calls++
		m.Call = r.calls
	}
	r.moments = append(r.moments, m)
}

// recorder is a client that notes what calls have made.
type recorder struct {
	checkpoint.Client

	r *recording
}

// Checkpoint implements checkpoint.Client.
func (c *recorder) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	out, err := c.Client.Checkpoint(ctx, in)
	if err == nil && len(in.Updates) > 0 {
		m := moment{Log: digest(c.r.exec.Operations())}
		for _, u := range in.Updates {
			m.Updates = append(m.Updates, newUpdate(u))
		}
		c.r.add(m)
	}
	return out, err
}

// rounds is how often a program is run before what it writes is taken for all that it may write,
// and how often it is run from each cut.
const rounds, roundsFromCut = 40, 12

// write records the history of a program: the one that is seen most often, with what may differ
// from it.
func write(ctx context.Context, p Program) (*history, error) {
	all := make(map[string]*history)
	seen := make(map[string]int)
	var runs []*recording
	for n := range rounds {
		var input []byte
		var outside Outside
		if p.Prepare != nil {
			input, outside = p.Prepare()
		}
		r, err := record(ctx, p, input, outside, hasteOf(n))
		if err != nil {
			return nil, err
		}
		if problems := r.complaints(); len(problems) > 0 {
			return nil, fmt.Errorf("%q", problems)
		}
		runs = append(runs, r)
		h := r.history(p, input)
		file, err := h.encode()
		if err != nil {
			return nil, err
		}
		all[string(file)] = h
		seen[string(file)]++
	}
	files := slices.Sorted(maps.Keys(all))
	slices.SortStableFunc(files, func(a, b string) int { return seen[b] - seen[a] })
	var problems []string
	for _, file := range files { // one in which time passes during a call cannot be repeated
		h := all[file]
		x, err := play(ctx, p, h, h.whole(), nil)
		if err != nil {
			return nil, err
		}
		if problems = x.complaints(); len(problems) > 0 {
			continue
		}
		h.differences(runs)
		return h, h.interrupt(ctx, p, runs)
	}
	return nil, fmt.Errorf("the service repeats none of %d histories: %q", len(files), problems)
}

// hasteOf makes bodies and calls of some rounds take random times, so that branches overtake each
// other.
func hasteOf(round int) func() {
	if round < rounds/2 {
		return nil
	}
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(uint64(round), 0))
	return func() {
		mu.Lock()
		d := time.Duration(rng.IntN(1500)) * time.Microsecond
		mu.Unlock()
		time.Sleep(d) //nolint:forbidigo // real time, for the goroutines of the engine
	}
}

// history is the recording as it is written.
func (r *recording) history(p Program, input []byte) *history {
	h := &history{
		head:    head{Program: p.Name, Engine: Engine, ARN: r.exec.ARN(), Racy: p.Racy},
		answers: r.given, moments: r.moments, end: endingOf(r.exec),
	}
	if input != nil {
		h.head.Input = textOf(checkpoint.NewPayload(input))
	}
	return h
}

func endingOf(e *local.Execution) ending {
	end := ending{Status: string(e.Status()), Failure: newFailure(e.Failure())}
	if out := e.Result(); out != nil {
		end.Result = textOf(checkpoint.NewPayload(out))
	}
	return end
}

// differences notes what differs between runs of the program.
func (h *history) differences(runs []*recording) {
	base := trafficOf(h.moments)
	for _, r := range runs {
		got := trafficOf(r.moments)
		for tag := range base.orders {
			if !slices.Equal(got.orders[tag], base.orders[tag]) && !slices.Contains(h.head.Unordered, tag) {
				h.head.Unordered = append(h.head.Unordered, tag)
			}
			if !slices.Equal(got.full[tag], base.full[tag]) && !slices.Contains(h.head.Loose, tag) {
				h.head.Loose = append(h.head.Loose, tag)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(got.wrote)) {
			h.writes(id, base, got)
		}
		for _, id := range slices.Sorted(maps.Keys(base.wrote)) {
			h.writes(id, base, got)
		}
	}
	slices.Sort(h.head.Unordered)
	slices.Sort(h.head.Loose)
}

// writes notes what an operation was written as, unless it is known.
func (h *history) writes(id string, base, got *traffic) {
	i := slices.IndexFunc(h.variants, func(v variant) bool { return v.Operation == id })
	if slices.Equal(keys(base.wrote[id]), keys(got.wrote[id])) {
		return
	}
	if i < 0 {
		h.variants = append(h.variants, variant{Operation: id})
		i = len(h.variants) - 1
	}
	v := &h.variants[i]
	if !slices.ContainsFunc(v.Wrote, func(w []update) bool { return slices.Equal(keys(w), keys(got.wrote[id])) }) {
		v.Wrote = append(v.Wrote, slices.Clone(got.wrote[id]))
	}
}

// from is how executions have ended that were cut in a place.
type from struct {
	cut  string
	ends []ending
}

// interrupt notes how the execution ends from each cut where it ends in another way than this one.
func (h *history) interrupt(ctx context.Context, p Program, runs []*recording) error {
	base, err := h.results(ctx, p)
	if err != nil {
		return err
	}
	straight := from{cut: uncut}
	for _, r := range runs {
		straight.add(endingFrom(r.machine, base))
	}
	all := []from{straight}
	for _, c := range h.everyCut() {
		f := from{cut: c.name}
		for n := range roundsFromCut {
			x, err := play(ctx, p, h, c, hasteOf(rounds-1-2*n))
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if problems := x.complaints(); len(problems) > 0 {
				return fmt.Errorf("%s: %q", c.name, problems)
			}
			f.add(endingFrom(x.machine, base))
		}
		all = append(all, f)
	}
	h.vary(all, base)
	for _, f := range all {
		ends := from{cut: f.cut}
		for _, e := range f.ends {
			ends.add(h.fixed(e))
		}
		if h.head.Racy != "" {
			for _, e := range ends.ends {
				if !same(e, h.end) && !slices.ContainsFunc(h.others, func(o ending) bool { return same(o, e) }) {
					h.others = append(h.others, e)
				}
			}
			continue
		}
		if len(ends.ends) > 1 {
			return fmt.Errorf("%s: the program ends in several ways; if that is meant, say why it is racy: %v", f.cut, ends.ends)
		}
		if e := ends.ends[0]; !same(e, h.end) {
			h.cuts = append(h.cuts, cutEnd{Cut: f.cut, End: e})
		}
	}
	return nil
}

// add adds an ending that is not there yet.
func (f *from) add(end ending) {
	if !slices.ContainsFunc(f.ends, func(e ending) bool { return same(e, end) }) {
		f.ends = append(f.ends, end)
	}
}

// vary finds the operations that end in several ways although the cut is the same. For a racy
// program that is every operation that does not always end in the same way.
func (h *history) vary(all []from, base results) {
	seen := make(map[string][]final)
	varies := make(map[string]bool)
	for _, f := range all {
		here := make(map[string][]final)
		for _, e := range f.ends {
			for id := range e.Differs {
				here[id] = nil
			}
		}
		for id := range here {
			for _, e := range f.ends {
				end, ok := e.Differs[id]
				if !ok {
					end = base[id].final
				}
				here[id], seen[id] = withFinal(here[id], end), withFinal(seen[id], end)
			}
			varies[id] = varies[id] || len(here[id]) > 1 || h.head.Racy != ""
		}
	}
	for _, id := range slices.Sorted(maps.Keys(varies)) {
		if varies[id] {
			h.varying = append(h.varying, varying{Operation: id, Ends: seen[id]})
		}
	}
}

func withFinal(list []final, f final) []final {
	if slices.ContainsFunc(list, func(other final) bool { return equalJSON(other, f) }) {
		return list
	}
	return append(list, f)
}

// fixed is an ending without the operations that vary.
func (h *history) fixed(end ending) ending {
	rest := make(map[string]final)
	for id, f := range end.Differs {
		if !slices.ContainsFunc(h.varying, func(v varying) bool { return v.Operation == id }) {
			rest[id] = f
		}
	}
	end.Differs = rest
	if len(rest) == 0 {
		end.Differs = nil
	}
	return end
}

func same(a, b ending) bool {
	x, errX := marshal(a)
	y, errY := marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
