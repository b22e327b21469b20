package op

import (
	"slices"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/op/node"
	"github.com/perdure/perdure/retry"
)

// StepOption configures a [Step], [StepFunc], [Do] or [DoFunc]. Of options of one kind the last
// one counts.
type StepOption interface{ applyStep(n *node.Step) }

// GroupOption configures a [Group] or [GroupFunc].
type GroupOption interface{ applyGroup(n *node.Group) }

// CallbackOption configures a [CreateCallback] or [WaitForCallback].
type CallbackOption interface {
	WaitForCallbackOption

	applyCallback(n *node.Callback)
}

// WaitForCallbackOption configures a [WaitForCallback].
type WaitForCallbackOption interface{ applyWaitForCallback(w *waitForCallback) }

// InvokeOption configures an [Invoke], and a [Start] as well.
type InvokeOption interface {
	StartOption

	applyInvoke(n *node.Invoke)
}

// StartOption configures a [Start].
type StartOption interface{ applyStart(s *starting) }

// ConditionOption configures a [WaitForCondition].
type ConditionOption interface{ applyCondition(n *node.Step) }

// BatchOption configures a [Map] or [Parallel]; with [Op.With], a combinator.
type BatchOption interface {
	MapOption

	applyBatch(n *node.Batch)
}

// MapOption configures a [Map].
type MapOption interface{ applyMap(m *mapping) }

// SubTypeOption is an option of groups and batches.
type SubTypeOption interface { //nolint:iface // each type of option says what it is for
	GroupOption
	BatchOption
}

// ConcurrencyOption is an option of groups and batches.
type ConcurrencyOption interface { //nolint:iface // as above
	GroupOption
	BatchOption
}

// TimeoutOption is an option of steps, callbacks and conditions.
type TimeoutOption interface {
	StepOption
	CallbackOption
	ConditionOption
}

// Option is an option of every operation that has a result.
type Option interface {
	StepOption
	GroupOption
	CallbackOption
	InvokeOption
	ConditionOption
	BatchOption
}

// Semantics says how often the body of a step may run.
type Semantics int

const (
	// AtLeastOncePerRetry is the default: the body runs again if its invocation ends before the
	// result is recorded, so at least once per attempt.
	AtLeastOncePerRetry = Semantics(node.AtLeastOnce)
	// AtMostOncePerRetry records the start before the body begins and never begins the same attempt
	// twice: an attempt that was cut off failed with [ErrInterrupted]. Without [WithRetry] such a
	// step is not retried.
	AtMostOncePerRetry = Semantics(node.AtMostOnce)
	// Relaxed goes on before the result is durable: a crash may take back the last relaxed steps,
	// which then run again. It is for bodies that are pure or idempotent. No body that is not
	// relaxed starts before all earlier results are durable.
	Relaxed = Semantics(node.Relaxed)
)

// headerOption is an option that concerns the header alone.
type headerOption func(h *node.Header)

func (o headerOption) applyStep(n *node.Step)         { o(&n.Header) }
func (o headerOption) applyGroup(n *node.Group)       { o(&n.Header) }
func (o headerOption) applyCallback(n *node.Callback) { o(&n.Header) }
func (o headerOption) applyInvoke(n *node.Invoke)     { o(&n.Header) }
func (o headerOption) applyCondition(n *node.Step)    { o(&n.Header) }
func (o headerOption) applyStart(s *starting)         { o(&s.Header) }
func (o headerOption) applyBatch(n *node.Batch)       { o(&n.Header) }
func (o headerOption) applyMap(m *mapping)            { o(&m.n.Header) }

func (o headerOption) applyWaitForCallback(w *waitForCallback) { o(&w.group.Header) }

// stepOption is an option of steps alone.
type stepOption func(n *node.Step)

func (o stepOption) applyStep(n *node.Step) { o(n) }

// WithErrors registers errors that keep their identity in the log: errors.Is and errors.As give
// the same answer on the first run and on every replay. Repeated use adds to the list. An invalid
// registration, and one name for two errors, are reported by [Validate].
// On a group it holds for the operations inside as well.
func WithErrors(known ...codec.KnownError) Option {
	err := codec.ValidateKnown(known...)
	return headerOption(func(h *node.Header) {
		err, all := err, append(slices.Clip(h.Known), known...)
		if err == nil && len(h.Known) > 0 {
			err = codec.ValidateKnown(all...)
		}
		if err != nil && h.Err == nil {
			h.Err = misuse(h.Name, "op.WithErrors: %v", err)
		}
		h.Known = all
	})
}

// WithCodec encodes and decodes the result with c instead of the handler's codec; for a codec
// of one type see [Op.WithCodec]. Nil means the handler's codec.
func WithCodec(c codec.Codec) Option {
	err := codec.Validate(c)
	return headerOption(func(h *node.Header) {
		refuseCodec(h, "op.WithCodec", err)
		h.Codec = c
	})
}

// refuseCodec reports a codec that cannot convert anything.
func refuseCodec(h *node.Header, by string, err error) {
	if err != nil && h.Err == nil {
		h.Err = misuse(h.Name, "%s: %v", by, err)
	}
}

// WithRetry sets the policy that decides whether a failed attempt is followed by another, and
// when. The default is [retry.Default], and [retry.Never] for [AtMostOncePerRetry]. A nil p is
// reported by [Validate].
func WithRetry(p retry.Policy) StepOption {
	err := retry.Validate(p)
	return stepOption(func(n *node.Step) {
		if err != nil && n.Err == nil {
			n.Err = misuse(n.Name, "op.WithRetry: %v", err)
		}
		n.Config.Retry = p
	})
}

// WithRetryIf retries only errors that one of the filters accepts, whatever the policy says,
// the default one included. Without filters every error may be retried, the default. A nil filter,
// and one without arguments, are reported by [Validate].
func WithRetryIf(filters ...retry.Filter) StepOption {
	err := retry.Validate(retry.Never(), filters...)
	return stepOption(func(n *node.Step) {
		if err != nil && n.Err == nil {
			n.Err = misuse(n.Name, "op.WithRetryIf: %v", err)
		}
		n.Config.Only = filters
	})
}

// WithSemantics says how often the body may run; the default is [AtLeastOncePerRetry].
func WithSemantics(s Semantics) StepOption {
	return stepOption(func(n *node.Step) {
		if (s < AtLeastOncePerRetry || s > Relaxed) && n.Err == nil {
			n.Err = misuse(n.Name, "op.WithSemantics(%d): want AtLeastOncePerRetry, AtMostOncePerRetry or Relaxed", int(s))
		}
		n.Config.Semantics = node.Semantics(s)
	})
}

// WithCrashCounting makes a crash consume an attempt of an at-least-once step, so that a body
// that ends its process cannot do so forever. The start of each attempt is then recorded before
// the body begins, at the price of a round trip. By default a crash consumes none; an
// [AtMostOncePerRetry] step counts crashes always.
func WithCrashCounting() StepOption {
	return stepOption(func(n *node.Step) { n.Config.CountCrashes = true })
}

// timeoutOption is WithTimeout.
type timeoutOption time.Duration

func (o timeoutOption) applyStep(n *node.Step) {
	o.check(&n.Header)
	n.Config.Timeout = time.Duration(o)
}

func (o timeoutOption) applyCondition(n *node.Step) { o.applyStep(n) }

func (o timeoutOption) applyCallback(n *node.Callback) {
	o.checkCallback(&n.Header)
	n.Timeout = wholeSeconds(time.Duration(o))
}

func (o timeoutOption) applyWaitForCallback(w *waitForCallback) {
	o.checkCallback(&w.group.Header)
	o.applyCallback(&w.callback)
}

// checkCallback is check for a timeout that the service keeps.
func (o timeoutOption) checkCallback(h *node.Header) {
	o.check(h)
	if time.Duration(o) > MaxWait && h.Err == nil {
		h.Err = misuse(h.Name, "op.WithTimeout(%v): at most %v for a callback, the longest an execution can last", time.Duration(o), MaxWait)
	}
}

func (o timeoutOption) check(h *node.Header) {
	if o < 0 && h.Err == nil {
		h.Err = misuse(h.Name, "op.WithTimeout(%v): a timeout is not negative; zero means none", time.Duration(o))
	}
}

// WithTimeout limits a callback, or each attempt of a step or condition, to d.
//
// A callback fails with [ErrTimedOut] when no result arrives within d, rounded up to whole
// seconds. The context of a body is cancelled after d, with the cause [ErrTimedOut]: the attempt
// ends when the body returns, and what it returns counts. Zero means no timeout, the default.
func WithTimeout(d time.Duration) TimeoutOption { return timeoutOption(d) }

type subTypeOption string

func (o subTypeOption) applyGroup(n *node.Group) { o.apply(&n.Header) }
func (o subTypeOption) applyBatch(n *node.Batch) { o.apply(&n.Header) }
func (o subTypeOption) applyMap(m *mapping)      { o.apply(&m.n.Header) }

func (o subTypeOption) apply(h *node.Header) {
	if !validSubType(string(o)) && h.Err == nil {
		h.Err = misuse(h.Name, "op.WithSubType(%q): want 1 to 32 of A-Z a-z 0-9 _ -", string(o))
	}
	h.SubType = string(o)
}

// WithSubType replaces the sub-type in the records of a group or batch, for tools that read them.
// It is 1 to 32 letters, digits, underscores and hyphens (Lambda API, OperationUpdate.SubType).
func WithSubType(s string) SubTypeOption { return subTypeOption(s) }

func validSubType(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= limits.SubType
}
