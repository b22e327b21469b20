package retry

import (
	"errors"
	"regexp"
)

// Filter selects errors. As an [Option] it makes a policy retry the errors that it or another
// filter of the policy matches, and no others; in [Unless] it selects the errors that are not
// retried.
//
// A filter is given the error that the body returned, without [Permanent] and [After] around it.
type Filter interface {
	Option
	match(err error) bool
	// check returns what is wrong with the filter.
	check() error
}

// OnIs matches errors for which errors.Is finds one of the targets. No target, and a nil one, are
// reported by [Validate].
func OnIs(targets ...error) Filter {
	return onIs(targets)
}

type onIs []error

func (f onIs) apply(c *config) { c.addFilter(&c.filters, f) }

func (f onIs) match(err error) bool {
	for _, target := range f {
		if errors.Is(err, target) {
			return true
		}
	}

	return false
}

func (f onIs) check() error {
	if len(f) == 0 {
		return errors.New("OnIs has no target: pass the errors that errors.Is looks for")
	}

	for _, target := range f {
		if target == nil {
			return errors.New("OnIs has a nil target: pass the errors that errors.Is looks for")
		}
	}

	return nil
}

// OnType matches errors in whose tree errors.As finds an E. E may be an interface, such as
// net.Error.
func OnType[E error]() Filter {
	return onType[E]{}
}

type onType[E error] struct{}

func (f onType[E]) apply(c *config) { c.addFilter(&c.filters, f) }

func (onType[E]) match(err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func (onType[E]) check() error { return nil }

// OnMessage matches errors whose message matches re. A nil re is reported by [Validate].
func OnMessage(re *regexp.Regexp) Filter {
	return onMessage{re}
}

type onMessage struct{ re *regexp.Regexp }

func (f onMessage) apply(c *config) { c.addFilter(&c.filters, f) }

func (f onMessage) match(err error) bool { return f.re.MatchString(err.Error()) }

func (f onMessage) check() error {
	if f.re == nil {
		return errors.New("OnMessage has a nil expression: pass one made by regexp.MustCompile")
	}

	return nil
}

// If matches errors for which matches reports true. It must be a pure function. A nil function is
// reported by [Validate].
func If(matches func(error) bool) Filter {
	return onIf(matches)
}

type onIf func(error) bool

func (f onIf) apply(c *config) { c.addFilter(&c.filters, f) }

func (f onIf) match(err error) bool { return f(err) }

func (f onIf) check() error {
	if f == nil {
		return errors.New("If has a nil function: pass one that reports whether an error matches")
	}

	return nil
}

// matchAny reports whether one of the filters matches err.
func matchAny(filters []Filter, err error) bool {
	for _, f := range filters {
		if f.match(err) {
			return true
		}
	}

	return false
}

func checkFilter(f Filter) error {
	if f == nil {
		return errors.New("a filter is nil")
	}

	return f.check()
}
