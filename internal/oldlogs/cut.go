package oldlogs

import (
	"fmt"

	"github.com/perdure/perdure/checkpoint"
)

// cut is where a history ends for the engine that wrote it.
type cut struct {
	name string
	// moment is the last one of the history. updates are those of the call that are made; zero
	// stands for all.
	moment, updates int
	// suspended says that the moment is the answer of the function, which is then not lost.
	suspended bool
}

// whole is the cut after the end: nothing is left to another engine.
func (h *history) whole() cut { return cut{name: "the end", moment: len(h.moments), suspended: true} }

// everyCut lists the cuts of a history: after each call, within calls wherever the engine might
// have ended the call as well, and at each suspend.
func (h *history) everyCut() []cut {
	var cuts []cut
	var names paths
	carried := make(map[string]bool) // steps that carry a state to their next attempt
	suspended := 0
	for i, m := range h.moments {
		taken := ""
		for n := range m.Updates {
			u := &m.Updates[n]
			names.add(u)
			if u.Kind == checkpoint.KindStep {
				// What begins an attempt takes its state away. It travels with what ends the
				// attempt.
				if u.Action == checkpoint.ActionStart && carried[u.ID] {
					taken = u.ID
				} else if taken == u.ID {
					taken = ""
				}
				carried[u.ID] = u.Action == checkpoint.ActionRetry && u.Payload != nil
			}
			name := fmt.Sprintf("call %d", m.Call)
			at := 0
			if n < len(m.Updates)-1 {
				if taken != "" {
					continue
				}
				at = n + 1
				name = fmt.Sprintf("call %d, update %d", m.Call, at)
			}
			if u.Action == checkpoint.ActionStart && (u.Kind == checkpoint.KindStep || u.Kind == checkpoint.KindContext) {
				name += fmt.Sprintf(", inside %q", names.of(u.ID))
			}
			if u.Kind != checkpoint.KindExecution {
				cuts = append(cuts, cut{name: name, moment: i, updates: at})
			}
		}
		if m.Answer != nil && i < len(h.moments)-1 {
			suspended++
			cuts = append(cuts, cut{name: fmt.Sprintf("suspend %d", suspended), moment: i, suspended: true})
		}
	}
	return cuts
}

// paths are the names of operations with those that they are in, by ID.
type paths map[string]string //nolint:recvcheck // a map is made by one of them

func (p *paths) add(u *update) {
	if *p == nil {
		*p = make(paths)
	}
	if _, ok := (*p)[u.ID]; ok {
		return
	}
	path := u.Name
	if around, ok := (*p)[u.Parent]; ok {
		path = around + "/" + u.Name
	}
	(*p)[u.ID] = path
}

func (p paths) of(id string) string {
	if path, ok := p[id]; ok {
		return path
	}
	return id
}
