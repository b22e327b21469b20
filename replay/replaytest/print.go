package replaytest

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/subtype"
)

// Print writes how the execution ended and a table of its operations to w, for people: what runs
// inside of an operation follows it, long results are cut, and those of batches are summed up.
func (r *Result[Out]) Print(w io.Writer) {
	var text strings.Builder
	text.WriteString(string(r.Status))
	if r.Err != nil {
		text.WriteString(": " + brief(r.Err.Error()))
	}
	fmt.Fprintf(&text, " after %s, %s", span(r.Took), plural(r.Invocations, "invocation"))
	if !r.Cloud { // no one sees the rest there
		fmt.Fprintf(&text, ", %s, %s, %s", plural(r.CheckpointCalls, "checkpoint call"),
			plural(r.Metered, "metered operation"), plural(r.Bytes, "byte"))
	}
	text.WriteByte('\n')
	printOperations(&text, r.Operations)
	_, _ = io.WriteString(w, text.String()) // it is for people
}

func printOperations(w *strings.Builder, ops []Operation) {
	var table strings.Builder
	tab := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0) //nolint:mnd // two spaces between columns
	fmt.Fprintln(tab, "OPERATION\tKIND\tSTATUS\tRUNS\tBEGAN\tENDED\tRESULT")
	for _, o := range ops {
		ended, runs := "", ""
		if o.Status.Terminal() {
			ended = span(o.Ended)
		}
		if o.Kind == checkpoint.KindStep && (o.Runs > 0 || o.Attempts == 0) {
			runs = strconv.Itoa(o.Runs)
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Path, o.word(), o.Status, runs, span(o.Began), ended, o.brief())
	}
	_ = tab.Flush() // a builder takes everything
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// word is what users call the operation, where the wire has another name.
func (o Operation) word() string {
	switch o.SubType {
	case subtype.Group:
		if _, ok := o.batch(); ok {
			return "Batch"
		}
		return "Group"
	case subtype.Invoke:
		return "Invoke"
	case subtype.MapItem:
		return "Item"
	case subtype.ParallelBranch:
		return "Branch"
	}
	return o.SubType
}

// kindWord is what users call operations of a kind.
func kindWord(k checkpoint.Kind) string {
	switch k {
	case checkpoint.KindChainedInvoke:
		return "invoke"
	case checkpoint.KindContext:
		return "group"
	case checkpoint.KindExecution, checkpoint.KindStep, checkpoint.KindWait, checkpoint.KindCallback:
	}
	return strings.ToLower(string(k))
}

// outcomes is what the result of a batch says of its branches.
type outcomes struct {
	Reason string `json:"reason"`
	Status string `json:"status"`
}

// batch reads the result of a batch; ok is false for that of anything else.
func (o Operation) batch() (outcomes, bool) {
	var result struct {
		Perdure *outcomes `json:"perdure"`
	}
	if o.Kind != checkpoint.KindContext || json.Unmarshal([]byte(o.Result), &result) != nil || result.Perdure == nil {
		return outcomes{}, false
	}
	return *result.Perdure, true
}

// brief is the result or the failure, for a table.
func (o Operation) brief() string {
	if o.Failure != nil && o.Result == "" {
		return brief(o.Failure.Type + ": " + o.Failure.Message)
	}
	if b, ok := o.batch(); ok {
		return fmt.Sprintf("%d of %d succeeded, %s", strings.Count(b.Status, "S"), len(b.Status), b.Reason)
	}
	return brief(o.Result)
}

// brief cuts a text for a table.
func brief(s string) string {
	const most = 60
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
