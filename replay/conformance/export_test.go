package conformance

import (
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// InputOf is the input of a requirement's function. Random text that is long is made of one letter:
// nothing depends on which it is, and it is short where it is kept.
func InputOf(q *Requirement, v *Vars) (string, error) {
	const long = 256
	for name, value := range v.values {
		if s, ok := value.(string); ok && len(s) > long {
			v.values[name] = strings.Repeat("x", len(s))
		}
	}
	return dump(&q.Input, v)
}

// Outside answers callbacks as a requirement says: in the order in which they were created, one
// after the other.
type Outside struct {
	vars *Vars
	left []Action
	free time.Time
}

// NewOutside is the outside of one execution.
func NewOutside(q *Requirement, v *Vars) *Outside {
	return &Outside{vars: v, left: slices.Clone(q.Actions)}
}

// Next returns what is done next to a callback, when, and with which payload; ok is false if
// nothing is.
func (o *Outside) Next(name string, now time.Time) (act Action, at time.Time, payload string, ok bool) {
	a := actor{vars: o.vars}
	i := slices.IndexFunc(o.left, func(act Action) bool { return a.isAbout(act, name) })
	if i < 0 {
		return act, at, "", false
	}
	act = o.left[i]
	o.left = slices.Delete(o.left, i, i+1)
	if o.free.After(now) {
		now = o.free
	}
	o.free = now.Add(time.Duration(act.Delay * float64(time.Second)))
	payload, err := dump(&act.Payload, o.vars)
	return act, o.free, payload, err == nil
}

// FailureOf is the failure that the payload of an action is.
func FailureOf(payload string) (*checkpoint.Failure, error) { return failureOf(payload) }

// Mutated returns a copy of a span that f has changed.
func (s *Span) Mutated(f func(s *Span)) *Span {
	c := s.copied()
	f(c)
	kind, _ := c.fields["kind"].(string)
	status, _ := c.fields["status"].(string)
	return c.sealed(kind, status)
}

// Restated returns a copy of a span with another kind and status.
func (s *Span) Restated(kind, status string) *Span { return s.copied().sealed(kind, status) }
