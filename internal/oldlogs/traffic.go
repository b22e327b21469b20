package oldlogs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/internal/oplog"
)

// traffic is what the function of an execution has written, without the calls that have carried it.
type traffic struct {
	// wrote are the updates of each operation, by ID.
	wrote map[string][]update
	// orders are the operations of each scope as they began, full the updates of its operations, by
	// the tag of the scope.
	orders, full map[string][]string
}

func trafficOf(moments []moment) *traffic {
	t := &traffic{wrote: make(map[string][]update), orders: make(map[string][]string), full: make(map[string][]string)}
	for _, m := range moments {
		for _, u := range m.Updates {
			if tag, ok := oplog.ScopeTag(u.ID); ok {
				if t.wrote[u.ID] == nil {
					t.orders[tag] = append(t.orders[tag], u.ID)
				}
				t.full[tag] = append(t.full[tag], string(u.Action)+" "+u.ID)
			}
			t.wrote[u.ID] = append(t.wrote[u.ID], u)
		}
	}
	return t
}

// keys are updates as text.
func keys(updates []update) []string {
	list := make([]string, len(updates))
	for i, u := range updates {
		b, err := marshal(u)
		if err != nil {
			b = fmt.Appendf(nil, "%+v: %v", u, err)
		}
		list[i] = string(b)
	}
	return list
}

// compare compares what another execution has written with the history, and returns a sentence for
// each difference.
func (h *history) compare(got *traffic, like *likeness) (problems []string) {
	want := trafficOf(h.moments)
	var names paths
	for _, m := range h.moments {
		for i := range m.Updates {
			names.add(&m.Updates[i])
		}
	}
	for id, updates := range want.wrote {
		if !h.mayWrite(id, updates, got.wrote[id], like) {
			problems = append(problems, fmt.Sprintf("the updates of %q (%s) are not those of the history:\nexpected %s\nfound    %s",
				names.of(id), id, brief(strings.Join(keys(updates), "\n         ")), brief(strings.Join(keys(got.wrote[id]), "\n         "))))
		}
	}
	for id, updates := range got.wrote {
		if want.wrote[id] == nil && !h.mayWrite(id, nil, updates, like) {
			problems = append(problems, "the history has no operation with the ID of this one:\n"+brief(keys(updates)[0]))
		}
	}
	for tag := range want.orders {
		if h.head.Racy != "" || slices.Contains(h.head.Unordered, tag) {
			continue
		}
		old, now := both(want.orders[tag], got.orders[tag], false), both(got.orders[tag], want.orders[tag], false)
		what := "operations of one scope begin"
		if slices.Equal(old, now) && !slices.Contains(h.head.Loose, tag) {
			old, now = both(want.full[tag], got.full[tag], true), both(got.full[tag], want.full[tag], true)
			what = "updates of one scope are written"
		}
		if !slices.Equal(old, now) {
			problems = append(problems, fmt.Sprintf("%s in another order:\nexpected %s\nfound    %s", what, old, now))
		}
	}
	slices.Sort(problems)
	return problems
}

// both are those of list that are in other, too. Updates may repeat.
func both(list, other []string, repeat bool) (kept []string) {
	for _, s := range list {
		if slices.Contains(other, s) && (repeat || !slices.Contains(kept, s)) {
			kept = append(kept, s)
		}
	}
	return kept
}

// mayWrite reports whether the engine that wrote the history might have written an operation like
// this.
func (h *history) mayWrite(id string, want, got []update, like *likeness) bool {
	if like.updates(want, got) {
		return true
	}
	all := slices.Clone(want)
	for _, v := range h.variants {
		if v.Operation != id {
			continue
		}
		for _, w := range v.Wrote {
			if like.variant(w, got) || like.variant(want, got) {
				return true
			}
			all = append(all, w...)
		}
	}
	if h.head.Racy == "" || len(got) > 0 && len(all) == 0 {
		return false
	}
	for i := range got { // how far the operation comes differs
		if !slices.ContainsFunc(all, func(u update) bool { return like.variant([]update{u}, got[i:i+1]) }) {
			return false
		}
	}
	return true
}

// brief shortens what is printed.
func brief(s string) string {
	const most = 1500
	if len(s) > most {
		return fmt.Sprintf("%s… (%d bytes)", s[:most], len(s))
	}
	return s
}
