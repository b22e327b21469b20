package oldlogs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// digest is short for what a log holds: of everything that a function is given but the EXECUTION,
// whose input the history has.
func digest(log []checkpoint.Operation) string {
	h := sha256.New()
	field := func(s string) { _, _ = fmt.Fprintf(h, "%d:%s,", len(s), s) } // a hash never fails
	for i := range log {
		o := &log[i]
		if o.Kind == checkpoint.KindExecution {
			continue
		}
		for _, s := range []string{o.ID, o.ParentID, o.Name, o.SubType, string(o.Kind), string(o.Status), o.CallbackID} {
			field(s)
		}
		// The digests of histories are of the time when these were two members of a record.
		next, end := o.Due, time.Time{}
		if o.Kind == checkpoint.KindWait {
			next, end = end, next
		}
		_, _ = fmt.Fprintf(h, "%d %d %d %d %d %t %t %t,", since(o.Start), since(o.End), since(next), since(end),
			o.Attempt, o.Payload.Present(), o.Failure != nil, o.ReplayChildren)
		field(o.Payload.String())
		if f := o.Failure; f != nil {
			for _, s := range append([]string{f.Type, f.Message, f.Data}, f.Stack...) {
				field(s)
			}
		}
	}
	const short = 6
	return hex.EncodeToString(h.Sum(nil)[:short])
}

// result is what is known of an operation when its execution has ended.
type result struct {
	kind          checkpoint.Kind
	sub, name, in string
	final         final
}

// results are the operations of an execution that has ended, by ID.
type results map[string]result

func resultsOf(log []checkpoint.Operation) results {
	all := make(results)
	for i := range log {
		o := &log[i]
		if o.Kind == checkpoint.KindExecution {
			continue
		}
		f := final{Status: open}
		if o.Status.Terminal() {
			f = final{Status: string(o.Status), Attempt: o.Attempt, Payload: textOf(o.Payload), Failure: newFailure(o.Failure)}
		}
		all[o.ID] = result{kind: o.Kind, sub: o.SubType, name: o.Name, in: o.ParentID, final: f}
	}
	return all
}

// open stands for how far an operation has come that nobody has waited for until it ended.
const open = "OPEN"

// identity says what cannot differ between two executions.
func (r result) identity() string { return fmt.Sprintf("%s %s %q in %q", r.kind, r.sub, r.name, r.in) }
