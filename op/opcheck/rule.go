package opcheck

import (
	"embed"
	"slices"
	"strings"
)

//go:embed docs/*.md
var pages embed.FS

// Names of rules that are not kinds of effects.
const (
	ruleMapOrder    = "maporder"
	ruleConcurrency = "concurrency"
	ruleLock        = "lock"
	ruleOnce        = "once"
	ruleWrite       = "bodywrite"
	rulePackageVar  = "packagevar"
	ruleNeverRun    = "neverrun"
	ruleFuture      = "future"
	ruleDropped     = "dropped"
	ruleBlank       = "blank"
	ruleUnawaited   = "unawaited"
	ruleDeclared    = "declared"
	ruleMean        = "mean"
	ruleLoopKey     = "loopkey"
	ruleSameName    = "samename"
	ruleName        = "constname"
	ruleKey         = "unstablekey"
	ruleLossy       = "lossy"
	ruleNaN         = "nan"
	ruleBigInt      = "bigint"
	ruleError       = "unregistered"
	ruleDefer       = "deferred"
	ruleInvocation  = "invocation"
	ruleOuter       = "outercontext"
	ruleRepeat      = "repeatcharge"
	ruleIgnores     = "ignorescontext"
	ruleIdempotency = "idempotency"
	ruleUndo        = "undoreads"
	ruleSecret      = "secretlog"
	ruleAllow       = "allow"
	ruleUnresolved  = "unresolved"
)

// Severity says how sure a rule is that what it reports is a mistake.
type Severity string

const (
	// Error is a mistake that breaks executions.
	Error Severity = "error"
	// Warning is a mistake unless there is a reason that the code does not show.
	Warning Severity = "warning"
	// Note is for those who ask.
	Note Severity = "note"
)

// Rule is a kind of mistake.
type Rule struct {
	// Name is what it is allowed and switched off by; it is the name of its analyzer.
	Name string
	// Title says in a sentence what is wrong.
	Title    string
	Severity Severity
	// OptIn rules report only when they are asked to.
	OptIn bool
}

// URL is the address of the rule's page.
func (r Rule) URL() string {
	return "https://github.com/perdure/perdure/blob/main/op/opcheck/docs/" + r.Name + ".md"
}

// Page is the page of the rule, in Markdown: what, why, a failure that it caused, how to mend it,
// how to allow it.
func (r Rule) Page() string {
	text, err := pages.ReadFile("docs/" + r.Name + ".md")
	if err != nil {
		return ""
	}
	return string(text)
}

// Rules are all rules, by name.
func Rules() []Rule {
	all := []Rule{
		{clock, "Handler code reads the clock", Error, false},
		{random, "Handler code draws random numbers", Error, false},
		{environ, "Handler code reads the environment", Error, false},
		{files, "Handler code touches files", Error, false},
		{network, "Handler code calls out", Error, false},
		{process, "Handler code depends on the process", Error, false},
		{blocking, "Handler code blocks", Error, false},
		{rulePackageVar, "Handler code reads a package variable that changes", Warning, false},
		{ruleMapOrder, "The order of a map reaches an operation", Error, false},
		{ruleConcurrency, "Handler code uses goroutines, channels or what waits for them", Error, false},
		{ruleLock, "A lock is held across an operation", Error, false},
		{ruleOnce, "An operation runs inside a sync.Once", Error, false},
		{ruleWrite, "A body writes what is read outside of it", Error, false},
		{ruleNeverRun, "An operation is declared and never run", Error, false},
		{ruleFuture, "A future is never awaited", Warning, false},
		{ruleDropped, "The error of an operation is dropped", Error, false},
		{ruleBlank, "The error of an operation is assigned to the blank identifier", Warning, false},
		{ruleUnawaited, "A step is started and never awaited", Warning, true},
		{ruleDeclared, "A declared change is unsafe", Error, false},
		{ruleMean, "A recorded float is a quotient of nothing by nothing", Warning, false},
		{ruleLoopKey, "An operation in a loop has no key", Error, false},
		{ruleSameName, "A name is used twice in a scope without a key", Error, false},
		{ruleName, "The name of an operation is computed", Warning, false},
		{ruleKey, "A key does not identify its item", Warning, false},
		{ruleLossy, "A recorded type loses what it holds", Error, false},
		{ruleNaN, "A recorded float may be one that JSON has not", Warning, true},
		{ruleBigInt, "A reader may lose digits of a recorded integer", Warning, true},
		{ruleError, "An error is asked for that is not registered", Error, false},
		{ruleDefer, "A deferred effect runs on every suspension", Error, false},
		{ruleInvocation, "Handler code does I/O with the invocation's context", Error, false},
		{ruleOuter, "A context from outside is used inside an operation", Error, false},
		{ruleRepeat, "A step that runs at most once is retried", Warning, false},
		{ruleIgnores, "A body ignores its context in a loop", Warning, false},
		{ruleIdempotency, "A step does not pass on its idempotency key", Warning, true},
		{ruleUndo, "A compensation reads a variable that changes", Warning, false},
		{ruleSecret, "A callback's ID is logged", Warning, false},
		{ruleAllow, "An allowance has no reason or no use", Warning, false},
		{ruleUnresolved, "A call in handler code that the checker cannot follow", Note, true},
	}
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	return all
}
