package replaytest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/callsite"
	"github.com/perdure/perdure/replay"
)

// CompatibleOption changes what [Compatible] lets pass.
type CompatibleOption func(c *compatible)

// WithOtherResults lets code pass that makes another result of a finished history than was
// recorded.
func WithOtherResults() CompatibleOption { return func(c *compatible) { c.otherResults = true } }

// WithLossyAllowed lets code pass that does not keep recorded values whole, or does not register
// recorded errors.
func WithLossyAllowed() CompatibleOption { return func(c *compatible) { c.lossy = true } }

// WithUndecidedAllowed lets code pass of which the histories alone do not say whether it fits.
func WithUndecidedAllowed() CompatibleOption { return func(c *compatible) { c.undecided = true } }

// compatible is a comparison of code with histories.
type compatible struct {
	otherResults, lossy, undecided bool

	lines *callsite.Lines // of the handler
	told  map[string]bool
}

// Rehearser is a durable function with any types of input and result, as [replay.Handler] returns
// it and [Compatible] takes it.
type Rehearser interface {
	Rehearse(ctx context.Context, of checkpoint.Invocation) (*replay.Rehearsal, error)
}

// Compatible rehearses the code of f (replay.Function.Rehearse) on every state that each history
// has gone through, as an execution of today may be in one of them: after each event, and where the
// function was suspended. The test fails for each history and cause once, with the line of the
// handler and what to declare, if the code
//
//  1. diverges;
//  2. otherwise, if that is not decided, unless [WithUndecidedAllowed] is given;
//  3. otherwise, if it does not keep recorded values whole or does not register recorded errors,
//     unless [WithLossyAllowed] is given;
//  4. otherwise, if the history is one of an execution that has ended and the code ends it
//     otherwise, unless [WithOtherResults] is given: an execution that has ended does not see new
//     code, but one that is nearly there will.
//
// No body runs. Code that goes on after the end of a finished history passes. Record histories of
// executions that run, those of [HistoryOf] for example, and keep those of earlier versions as long
// as their executions live.
func Compatible(tb testing.TB, f Rehearser, histories []History, opts ...CompatibleOption) {
	tb.Helper()
	c := &compatible{}
	for _, o := range opts {
		if o != nil {
			o(c)
		}
	}
	switch {
	case f == nil:
		tb.Fatalf("%s", noFunction)
	case len(histories) == 0:
		tb.Fatalf("replaytest: Compatible: no histories: record some, or read those of testdata (ReadHistories)")
	}
	for i := range histories {
		h := &histories[i]
		if h.Name == "" {
			h.Name = "history " + strconv.Itoa(i+1)
		}
		c.lines, c.told = new(callsite.Lines), make(map[string]bool)
		for n := 1; n <= len(h.Events); n++ {
			if n > 1 && h.Events[n-1].Type == local.EventInvocationCompleted {
				continue // the log is the same
			}
			found, err := f.Rehearse(c.watch(tb.Context(), h, n), h.Log(n))
			if err != nil {
				tb.Fatalf("replaytest: Compatible: %s after event %d: %v", h.Name, n, err)
			}
			for _, problem := range c.problems(h, n, found) {
				tb.Errorf("%s", problem)
			}
		}
	}
}

// watch has a rehearsal note where the handler runs what, at the time of the history.
func (c *compatible) watch(ctx context.Context, h *History, n int) context.Context {
	ctx = checkpoint.WithClock(ctx, local.NewVirtualClock(h.Events[n-1].Time))
	return c.lines.Watch(ctx)
}

// problems are what is wrong after an event and was not said before.
func (c *compatible) problems(h *History, n int, found *replay.Rehearsal) []string {
	var texts []string
	add := func(text string, causes ...string) {
		told := slices.ContainsFunc(causes, func(cause string) bool { return c.told[cause] })
		for _, cause := range causes {
			c.told[cause] = true
		}
		if !told {
			texts = append(texts, fmt.Sprintf("%s after event %d (%s): %s", h.Name, n, placeOfEvent(&h.Events[n-1]), text))
		}
	}
	switch found.Verdict {
	case replay.VerdictDiverges:
		add(c.divergence(found.Diverged), causesOf(found.Diverged)...)
	case replay.VerdictFails:
		add(found.Err.Error(), found.Err.Error())
	case replay.VerdictUndecided:
		for _, u := range found.Undecided {
			if c.undecided {
				break
			}
			if u.Diverged != nil {
				add("depending on what happens next: "+c.divergence(u.Diverged), causesOf(u.Diverged)...)
			} else {
				add("not decided: "+u.String(), u.String())
			}
		}
	case replay.VerdictFits:
	}
	if !c.lossy {
		for _, l := range found.Lossy {
			add(c.at(l.Path)+l.String()+"; declare the change: "+l.Declare, l.String())
		}
		for _, u := range found.Unregistered {
			add(c.at(u.Path)+u.String()+"; declare the change: "+u.Declare, u.String())
		}
	}
	if text := otherEnd(h, n, found.Outcome); text != "" && !c.otherResults {
		add(text, "end")
	}
	return texts
}

// causesOf names what a divergence comes from: the operation of the code, and the first one of the
// log. What was inserted or removed is met again in every later state, on one of the sides with
// another operation.
func causesOf(d *replay.DivergedError) []string {
	causes := []string{"code " + d.Reason + d.Code}
	if _, rest, ok := strings.Cut(d.Log, "ID "); ok {
		causes = append(causes, "log "+rest[:max(0, strings.IndexAny(rest+")", ",)"))])
	}
	return causes
}

// placeOfEvent says what an event is.
func placeOfEvent(e *local.Event) string {
	if e.Name == "" {
		return string(e.Type)
	}
	return fmt.Sprintf("%s of %q", e.Type, e.Name)
}

// divergence says what diverges, at which line, and what to declare.
func (c *compatible) divergence(d *replay.DivergedError) string {
	text := fmt.Sprintf("%s%s; the log has %s; the code declares %s", c.at(d.Path), d.Reason, d.Log, d.Code)
	if d.Declare == "" {
		return text + "; no declaration makes it fit: let executions that have begun end under the code that began them"
	}
	return text + "; declare the change (docs/changing-code.md): " + d.Declare
}

// at is the line of an operation, as messages begin with it; empty if it is not known.
func (c *compatible) at(path string) string {
	if line := lineText(c.lines.Of(path)); line != "" {
		return line + ": "
	}
	return ""
}

// otherEnd says how the code ends a finished history otherwise; empty if it does not.
func otherEnd(h *History, n int, o *checkpoint.Outcome) string {
	last := &h.Events[n-1]
	if o == nil {
		return ""
	}
	switch last.Type { //nolint:exhaustive // all others are no end that code makes
	case local.EventExecutionSucceeded:
		if o.Status != checkpoint.OutcomeSucceeded {
			return fmt.Sprintf("it was recorded with the result %s, and the code fails with %s", last.Result, failureText(o.Failure))
		}
		if _, withheld := last.Result.Withheld(); !withheld && !sameJSON(last.Result.Bytes(), o.Result) {
			return fmt.Sprintf("it was recorded with the result %s, and the code makes %s of the same log", last.Result, o.Result)
		}
	case local.EventExecutionFailed:
		if o.Status != checkpoint.OutcomeFailed {
			return fmt.Sprintf("it was recorded as failed with %s, and the code makes the result %s of the same log", failureText(last.Failure), o.Result)
		}
		if last.Failure != nil && o.Failure != nil && last.Failure.Type != o.Failure.Type {
			return fmt.Sprintf("it was recorded as failed with %s, and the code fails with %s", failureText(last.Failure), failureText(o.Failure))
		}
	}
	return ""
}

func failureText(f *checkpoint.Failure) string {
	if f == nil {
		return "an error"
	}
	return f.Type + ": " + f.Message
}

// sameJSON reports whether two texts are the same, or the same JSON.
func sameJSON(a, b []byte) bool {
	if slices.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
