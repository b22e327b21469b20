package retry

import (
	"errors"
	"fmt"
	"time"
)

// config is what the options of a preset add up to.
type config struct {
	preset   string
	attempts int
	initial  time.Duration
	ceiling  time.Duration
	growth   growth
	rate     float64
	jitter   jitter
	filters  []Filter
	unless   []Filter
	problems []error
}

// build applies opts to the defaults in c, the last one winning, and returns the policy.
func build(c config, opts []Option) Policy {
	for _, o := range opts {
		if o == nil {
			c.problem("an option is nil")
			continue
		}

		o.apply(&c)
	}

	if err := errors.Join(c.problems...); err != nil {
		return func(Attempt) Decision { return Decision{Err: err} }
	}

	return c.decide
}

// decide is the policy of a valid configuration. A Number below 1 is a probe.
func (c *config) decide(a Attempt) Decision {
	if a.Number < 1 || a.Number >= c.attempts || !c.allows(a.Err) {
		return Decision{}
	}

	return Decision{Retry: true, After: c.delay(a)}
}

// allows asks the filters. There is nothing to ask when nothing failed.
func (c *config) allows(err error) bool {
	if err == nil || isAgain(err) {
		return true
	}

	err = Strip(err)
	if matchAny(c.unless, err) {
		return false
	}

	return len(c.filters) == 0 || matchAny(c.filters, err)
}

func (c *config) addFilter(list *[]Filter, f Filter) {
	if err := checkFilter(f); err != nil {
		c.problem("%w", err)
		return
	}

	*list = append(*list, f)
}

func (c *config) checkDelay(what string, d time.Duration) {
	if d < 0 {
		c.problem("%s is %v: use zero or more", what, d)
	}
}

func (c *config) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf("%w: %s: %w", ErrInvalid, c.preset, fmt.Errorf(format, args...)))
}
