package changes_test

import (
	"slices"
	"strings"
	"time"

	"github.com/samber/lo"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/changes"
)

// batch is a batch.
func (c code) batch(s *changes.Stmt) op.Op[string] {
	var ops []op.Op[string]
	var values []string
	var options []op.BatchOption
	for _, o := range s.Body {
		if o.Kind == changes.Declared && o.Form == changes.Gone {
			options = append(options, op.WithRemoved(c.gone(o.Old)...))
			continue
		}
		ops, values = append(ops, c.op(o)), append(values, o.Value())
	}
	if s.Most > 0 {
		options = append(options, op.WithMaxConcurrency(s.Most))
	}
	if s.Rule == changes.FlatParallel || s.Rule == changes.FlatKeyed {
		options = append(options, op.WithFlat())
	}
	// words is the result: how the operands ended, in any order.
	words := func(all []string) (string, error) {
		all = slices.DeleteFunc(slices.Clone(all), func(word string) bool { return word == "" })
		slices.Sort(all)
		return s.Value() + "(" + strings.Join(all, " ") + ")", nil
	}
	one := func(v string) (string, error) { return words([]string{v}) }
	settled := func(b op.Batch[string]) (string, error) {
		return words(lo.Map(b.Items, func(it op.Item[string], _ int) string {
			if it.Err != nil {
				return values[it.Index] + "!"
			}
			return it.Value
		}))
	}
	var o op.Op[string]
	switch s.Rule {
	case changes.All:
		o = op.Transform(op.All(s.Name, ops...).With(options...), words)
	case changes.Join:
		o = joined(s.Name, ops, options, words)
	case changes.Settled:
		o = op.Transform(op.AllSettled(s.Name, ops...).With(options...), settled)
	case changes.Any:
		o = op.Transform(op.Any(s.Name, ops...).With(options...), one)
	case changes.First:
		o = op.Transform(op.Race(s.Name, ops...).With(options...), one)
	case changes.Winner:
		o = op.Transform(op.RaceWinner(s.Name, ops...).With(options...), func(w op.Winner[string]) (string, error) { return one(w.Value) })
	case changes.Limit:
		o = op.Transform(op.Timeout(s.Name, ops[0], 2000*time.Hour), one)
	case changes.Parallel, changes.FlatParallel:
		o = op.Transform(op.Parallel(s.Name, ops, options...), settled)
	case changes.Keyed, changes.FlatKeyed, changes.Indexed:
		items := lo.Map(options, func(o op.BatchOption, _ int) op.MapOption { return o })
		o = op.Transform(op.Map(s.Name, lo.Range(len(ops)), func(i int) op.Op[string] { return ops[i] }, items...), settled)
	}
	return caught(s, o)
}

// joined is a Join of two to five operands.
func joined(name string, ops []op.Op[string], options []op.BatchOption, words func([]string) (string, error)) op.Op[string] {
	switch len(ops) {
	case 2:
		return op.Transform(op.Join2(name, ops[0], ops[1]).With(options...), func(t lo.Tuple2[string, string]) (string, error) {
			return words([]string{t.A, t.B})
		})
	case 3:
		return op.Transform(op.Join3(name, ops[0], ops[1], ops[2]).With(options...), func(t lo.Tuple3[string, string, string]) (string, error) {
			return words([]string{t.A, t.B, t.C})
		})
	case 4:
		return op.Transform(op.Join4(name, ops[0], ops[1], ops[2], ops[3]).With(options...), func(t lo.Tuple4[string, string, string, string]) (string, error) {
			return words([]string{t.A, t.B, t.C, t.D})
		})
	case 5:
		return op.Transform(op.Join5(name, ops[0], ops[1], ops[2], ops[3], ops[4]).With(options...), func(t lo.Tuple5[string, string, string, string, string]) (string, error) {
			return words([]string{t.A, t.B, t.C, t.D, t.E})
		})
	}
	// What is left of a Join, or has become of it, may be no Join. The log has an All like it.
	return op.Transform(op.All(name, ops...).With(options...), words)
}

// gone are the operations that an operand was.
func (c code) gone(list []*changes.Stmt) (all []op.Operation) {
	for _, s := range list {
		switch {
		case s.Kind != changes.Declared:
			all = append(all, c.op(s))
		case s.Form == changes.WasUndone:
			all = append(all, c.op(s))
		default:
			all = append(append(all, c.gone(s.New)...), c.gone(s.Old)...)
		}
	}
	return all
}
