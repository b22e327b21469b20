package changes_test

import (
	"fmt"
	"slices"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/replay/internal/changes"
)

// bounds are what open parallels must keep, by their names.
type bounds struct {
	most map[string]int // how many branches may be open at once, whichever version runs; zero is no bound
	// order are the branches of the first version that are not declared changes, in its order.
	order map[string][]string
	left  map[string]bool // branches that a version does not run any more: they stay open
}

// boundsOf are those of programs.
func boundsOf(programs [][]*changes.Stmt) bounds {
	b := bounds{make(map[string]int), make(map[string][]string), make(map[string]bool)}
	for i, program := range programs {
		changes.Each(program, func(s *changes.Stmt) {
			switch {
			case s.Kind == changes.Open:
				if most, known := b.most[s.Name]; !known || most > 0 && (s.Most == 0 || s.Most > most) {
					b.most[s.Name] = s.Most
				}
				for _, o := range s.Body {
					if i == 0 && o.Kind == changes.Future && o.Body[0].Kind == changes.Group {
						b.order[s.Name] = append(b.order[s.Name], o.Body[0].ID())
					}
				}
			case s.Kind == changes.Declared && s.Form == changes.Removed:
				for _, o := range s.Old {
					b.left[o.ID()] = true
					changes.Each(o.Old, func(o *changes.Stmt) { b.left[o.ID()] = true })
					changes.Each(o.New, func(o *changes.Stmt) { b.left[o.ID()] = true })
				}
			}
		})
	}
	return b
}

// broken lists what an execution's log says of open parallels that do not keep their bounds, and,
// as long as its first version runs, their order.
func (b bounds) broken(log []checkpoint.Operation, first bool) (wrong []string) {
	names, open, begun := make(map[string]string), make(map[string]int), make(map[string][]string)
	for _, o := range log {
		if o.SubType == subtype.Parallel {
			names[o.ID] = o.Name
		}
		if _, of := names[o.ParentID]; !of || o.SubType != subtype.ParallelBranch || b.left[o.Name] {
			continue
		}
		begun[o.ParentID] = append(begun[o.ParentID], o.Name)
		if !o.Status.Terminal() {
			open[o.ParentID]++
		}
	}
	for id, name := range names {
		if most := b.most[name]; most > 0 && open[id] > most {
			wrong = append(wrong, fmt.Sprintf("%d branches of %s are open, of %d that may be", open[id], name, most))
		}
		if want := b.order[name]; first && want != nil {
			want = slices.DeleteFunc(slices.Clone(want), func(branch string) bool { return b.left[branch] })
			got := slices.DeleteFunc(begun[id], func(branch string) bool { return !slices.Contains(want, branch) })
			if !slices.Equal(got, want[:len(got)]) {
				wrong = append(wrong, fmt.Sprintf("branches of %s were begun as %q, want %q", name, got, want))
			}
		}
	}
	return wrong
}
