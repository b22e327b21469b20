package oldlogs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// uncut names the execution that is not cut: the engine of today runs it from its beginning.
const uncut = "none"

// results are the operations of the execution when it has ended, without any help of the engine of
// today.
func (h *history) results(ctx context.Context, p Program) (results, error) {
	x, err := play(ctx, p, h, h.whole(), nil)
	if err != nil {
		return nil, err
	}
	if problems := x.complaints(); len(problems) > 0 {
		return nil, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return resultsOf(x.exec.Operations()), nil
}

// endingFrom is how an execution has ended, compared with another one.
func endingFrom(m *machine, base results) ending { return endingLike(m, base, &likeness{}) }

func endingLike(m *machine, base results, like *likeness) ending {
	end := endingOf(m.exec)
	got := resultsOf(m.exec.Operations())
	differ := func(id string, f final) {
		if end.Differs == nil {
			end.Differs = make(map[string]final)
		}
		end.Differs[id] = f
	}
	for id, r := range got {
		if want, ok := base[id]; !ok || !like.final(want.final, r.final) {
			differ(id, r.final)
		}
	}
	for id := range base {
		if _, ok := got[id]; !ok {
			differ(id, final{})
		}
	}
	return end
}

// judge returns a sentence for each thing that is wrong with an execution which another engine has
// begun.
func (h *history) judge(c cut, m *machine, base results, like *likeness) (problems []string) {
	problems = m.complaints()
	got := resultsOf(m.exec.Operations())
	for _, id := range slices.Sorted(maps.Keys(got)) {
		if want, ok := base[id]; ok && want.identity() != got[id].identity() {
			problems = append(problems, fmt.Sprintf("operation %s: expected %s, found %s", id, want.identity(), got[id].identity()))
		}
	}
	end := endingLike(m, base, like)
	for _, v := range h.varying {
		if f, ok := end.Differs[v.Operation]; ok && slices.ContainsFunc(v.Ends, func(e final) bool { return like.varied(e, f) }) {
			delete(end.Differs, v.Operation)
		}
	}
	want := h.endsAt(c.name)
	if slices.ContainsFunc(want, func(e ending) bool { return like.ending(e, end) }) {
		return problems
	}
	show := func(id string) string {
		switch {
		case base[id].name != "":
			return fmt.Sprintf("%q (%s)", base[id].name, id)
		case got[id].name != "":
			return fmt.Sprintf("%q (%s), which the uninterrupted execution does not have", got[id].name, id)
		}
		return id
	}
	expected := make([]string, len(want))
	for i, e := range want {
		expected[i] = e.describe(show, base)
	}
	return append(problems, fmt.Sprintf("expected %s\nfound    %s", strings.Join(expected, "\nor       "), end.describe(show, base)))
}

// endsAt lists how an execution may end that was cut in a place, without the operations that vary.
func (h *history) endsAt(name string) []ending {
	for _, c := range h.cuts {
		if c.Cut == name {
			return []ending{c.End}
		}
	}
	return append([]ending{h.end}, h.others...)
}

// describe says how an execution has ended.
func (e ending) describe(show func(id string) string, base results) string {
	var s strings.Builder
	s.WriteString(e.Status)
	if e.Result != nil {
		fmt.Fprintf(&s, ", result %s", brief(string(*e.Result)))
	}
	if e.Failure != nil {
		fmt.Fprintf(&s, ", failure %s: %s", e.Failure.Type, brief(string(e.Failure.Message)))
	}
	for _, id := range slices.Sorted(maps.Keys(e.Differs)) {
		fmt.Fprintf(&s, "\n         operation %s is %v; uninterrupted, it is %v", show(id), e.Differs[id], base[id].final)
	}
	return s.String()
}

// String implements fmt.Stringer.
func (f final) String() string {
	if f.Status == "" {
		return "not there"
	}
	text, err := marshal(f)
	if err != nil {
		return err.Error()
	}
	return brief(string(text))
}
