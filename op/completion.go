package op

import (
	"fmt"

	"github.com/perdure/perdure/op/node"
)

// Completion is a rule that ends a batch. Rules that are given together hold together: the
// batch ends when the first of them says so.
//
// After each operation that ends, the rules are asked in this order:
//
//  1. Have more operations failed than are tolerated? Then the batch failed. If neither a tolerance
//     nor a minimum nor a predicate is given, none is tolerated.
//  2. Does the predicate say that the batch is done?
//  3. Have all ended?
//  4. Have as many succeeded as are asked for?
type Completion interface{ apply(c *completion) }

type completion struct {
	count, percent, min int // -1: not given
	when                func(Progress) Verdict
	err                 error
}

type completionRule func(c *completion)

func (r completionRule) apply(c *completion) { r(c) }

// Progress is the state of a batch, as the predicate of [CompleteWhen] is given it.
type Progress struct {
	// Total is the number of operations, Started how many have been started.
	Total, Started int
	// Succeeded and Failed are how many have ended.
	Succeeded, Failed int
}

// Verdict is the answer of the predicate of [CompleteWhen]. The zero value is [VerdictContinue].
type Verdict int

const (
	// VerdictContinue lets the batch go on.
	VerdictContinue Verdict = iota
	// VerdictSucceed ends the batch without an error, for [ReasonCustomSucceeded].
	VerdictSucceed
	// VerdictFail ends the batch with a [*BatchError], for [ReasonCustomFailed].
	VerdictFail
)

// AllSuccessful ends the batch at the first failure, which fails it. It is the default.
func AllSuccessful() Completion { return Tolerate(0) }

// AllCompleted waits for all operations, whatever becomes of them.
func AllCompleted() Completion { return ToleratePercent(100) }

// FirstSuccessful ends the batch when one operation has succeeded. As for [MinSuccessful], it is no
// error if none has.
func FirstSuccessful() Completion { return MinSuccessful(1) }

// MinSuccessful ends the batch when n operations have succeeded. By itself it tolerates all
// failures: if all operations have ended and fewer than n have succeeded, the batch ends with
// [ReasonAllCompleted] and without an error. Look at [Batch.Succeeded], or add [Tolerate] so that
// too many failures are an error. n is at least one and at most the number of operations.
func MinSuccessful(n int) Completion {
	return completionRule(func(c *completion) {
		c.min = n
		if n < 1 {
			c.refuse("op.MinSuccessful(%d): want at least one", n)
		}
	})
}

// Tolerate fails the batch when more than n operations have failed.
func Tolerate(n int) Completion {
	return completionRule(func(c *completion) {
		c.count = n
		if n < 0 {
			c.refuse("op.Tolerate(%d): want zero or more", n)
		}
	})
}

// ToleratePercent fails the batch when more than p percent of all its operations have failed;
// p is from 0 to 100.
func ToleratePercent(p int) Completion {
	return completionRule(func(c *completion) {
		c.percent = p
		if p < 0 || p > 100 {
			c.refuse("op.ToleratePercent(%d): want 0 to 100", p)
		}
	})
}

// CompleteWhen ends the batch when f says so. f is called whenever an operation has ended, and
// must depend on its argument alone. A nil f is reported by [Validate].
func CompleteWhen(f func(Progress) Verdict) Completion {
	return completionRule(func(c *completion) {
		c.when = f
		if f == nil {
			c.refuse("op.CompleteWhen(nil): pass a predicate")
		}
	})
}

func (c *completion) refuse(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// newCompletion puts rules together for a batch of total operations.
func newCompletion(total int, rules []Completion) (node.Rule, error) {
	c := completion{count: -1, percent: -1, min: -1}
	for _, r := range rules {
		if r != nil {
			r.apply(&c)
		}
	}
	if c.err == nil && c.min > total {
		c.refuse("op.MinSuccessful(%d): there are only %d operations", c.min, total)
	}
	if c.count < 0 && c.percent < 0 && c.min < 0 && c.when == nil {
		c.count = 0
	}
	return c.rule, c.err
}

// rule is the rule as interpreters ask it.
func (c *completion) rule(p node.Progress) node.Verdict {
	switch {
	case c.count >= 0 && p.Failed > c.count, c.percent >= 0 && p.Failed*100 > c.percent*p.Total:
		return node.Verdict{Done: true, Reason: string(ReasonToleranceExceeded), Failed: true}
	}
	if c.when != nil {
		switch c.when(Progress(p)) {
		case VerdictSucceed:
			return node.Verdict{Done: true, Reason: string(ReasonCustomSucceeded)}
		case VerdictFail:
			return node.Verdict{Done: true, Reason: string(ReasonCustomFailed), Failed: true}
		case VerdictContinue:
		}
	}
	switch {
	case p.Succeeded+p.Failed == p.Total:
		return node.Verdict{Done: true, Reason: string(ReasonAllCompleted)}
	case c.min >= 0 && p.Succeeded >= c.min:
		return node.Verdict{Done: true, Reason: string(ReasonMinSuccessful)}
	}
	return node.Verdict{}
}
