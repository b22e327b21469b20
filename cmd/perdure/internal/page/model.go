package page

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/subtype"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// What the page reads is JSON. Times are milliseconds, zero for none; names are short where there
// may be thousands of a kind.

type jsonError struct {
	Type    string   `json:"type,omitempty"`
	Message string   `json:"message,omitempty"`
	Data    string   `json:"data,omitempty"`
	Stack   []string `json:"stack,omitempty"`
}

func errorOf(f *checkpoint.Failure) *jsonError {
	if f == nil {
		return nil
	}
	return &jsonError{f.Type, f.Message, f.Data, f.Stack}
}

// jsonRow is an execution in the list.
type jsonRow struct {
	ARN      string `json:"arn"`
	Name     string `json:"name"`
	Function string `json:"function"`
	Version  string `json:"version,omitempty"`
	Status   string `json:"status"`
	Start    int64  `json:"start"`
	End      int64  `json:"end,omitempty"`
	By       string `json:"by,omitempty"` // the name of the execution that has invoked it
	// Reason is why it has ended without a result, or is held; empty if that is to be asked for.
	Reason string `json:"reason,omitempty"`
	// Failing is how many invocations have failed in a row, of the nine that end it.
	Failing int `json:"failing,omitempty"`
}

type jsonExecution struct {
	jsonRow

	Input    *jsonText  `json:"input,omitempty"`
	Result   *jsonText  `json:"result,omitempty"`
	Error    *jsonError `json:"error,omitempty"`
	Deadline int64      `json:"deadline,omitempty"`
	Paused   int64      `json:"paused,omitempty"`
	Held     string     `json:"held,omitempty"` // the reason of a pause
	Why      []string   `json:"why,omitempty"`  // the reason in lines, for people
	Parent   string     `json:"parent,omitempty"`
	// Diverged says that it is held because the code is not the code that wrote its log.
	Diverged bool `json:"diverged,omitempty"`
	// Continued is the ARN of the execution that goes on for this one.
	Continued string `json:"continued,omitempty"`
	// Origin is the ARN of the execution that it was made of.
	Origin string `json:"origin,omitempty"`
	// Closed says that something of it went through transforms, so that it may be opened.
	Closed bool `json:"closed,omitempty"`
}

// jsonText is a payload, or its beginning.
type jsonText struct {
	Text string `json:"text"`
	// Bytes is how long all of it is, if Text is not all of it.
	Bytes int `json:"bytes,omitempty"`
}

type jsonOperation struct {
	Index    int    `json:"i"`
	ID       string `json:"id"`
	Parent   int    `json:"p"` // its index, -1 for none
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	What     string `json:"what"`
	Status   string `json:"status"`
	Start    int64  `json:"start"`
	End      int64  `json:"end,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	CutOff   int    `json:"cut,omitempty"`
	Running  bool   `json:"running,omitempty"`
	Until    int64  `json:"until,omitempty"`
	Beats    int64  `json:"beats,omitempty"`
	Callback string `json:"callback,omitempty"`
	Target   string `json:"target,omitempty"`
	Function string `json:"function,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	Failed   bool   `json:"failed,omitempty"` // Outcome is an error
	// Interrupted says that its effect may have happened, although it has failed.
	Interrupted bool      `json:"interrupted,omitempty"`
	Bars        []jsonBar `json:"bars"`
}

type jsonBar struct {
	Kind    string `json:"k"`
	Start   int64  `json:"s"`
	End     int64  `json:"e,omitempty"`
	Until   int64  `json:"u,omitempty"`
	Attempt int    `json:"n,omitempty"`
	Failure string `json:"f,omitempty"`
	Cut     bool   `json:"c,omitempty"`
}

type jsonInvocation struct {
	Number    int        `json:"n"`
	Start     int64      `json:"start"`
	End       int64      `json:"end"`
	RequestID string     `json:"requestId"`
	Version   string     `json:"version,omitempty"`
	Build     string     `json:"build,omitempty"`
	Error     *jsonError `json:"error,omitempty"`
	InRow     int        `json:"inRow,omitempty"`
	From      string     `json:"from,omitempty"` // the execution that this one was made of, if it began here
}

// jsonModel is an execution, or what has changed of it after an event.
type jsonModel struct {
	Event int `json:"event"`
	// After is the event after which it has what has changed; zero for all of it. Partial says that
	// it has the first operations alone: what is shown at once.
	After     int           `json:"after"`
	Partial   bool          `json:"partial,omitempty"`
	Now       int64         `json:"now"`
	Execution jsonExecution `json:"execution"`
	// Waiting says what it does and waits for.
	Waiting string `json:"waiting,omitempty"`
	// Advice says what can be done about it; commands in it are between backquotes.
	Advice string `json:"advice,omitempty"`
	// Poison says that its input is what it has failed at. Where says where the logs are of its
	// function, if they are not here.
	Poison bool   `json:"poison,omitempty"`
	Where  string `json:"where,omitempty"`
	// CutAt says in which lines of code bodies were when their invocations timed out.
	CutAt       string           `json:"cutAt,omitempty"`
	Operations  []jsonOperation  `json:"operations"`
	Count       int              `json:"count"` // of all operations
	Invocations []jsonInvocation `json:"invocations"`
	Ended       int              `json:"ended"` // invocations, all of them
	// Own and Failures are invocations that have ended, without those of an execution that it was
	// made of; Invoked is when the one began that runs.
	Own      int   `json:"own"`
	Failures int   `json:"failures"`
	Invoked  int64 `json:"invoked,omitempty"`
	// Charged of Limit invocations in a row have failed; Next is when the next one is.
	Charged int   `json:"charged,omitempty"`
	Limit   int   `json:"limit"`
	Next    int64 `json:"next,omitempty"`
	// Levels are how many bodies ran from a time on, Most the most of them.
	Levels [][2]int64 `json:"levels"`
	Most   int        `json:"most"`
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func milliOf(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return milli(*t)
}

// What the page is sent of a payload: shortText of an outcome in a row, longText where it is shown
// alone. All of it can be asked for.
const (
	shortText = 240
	longText  = 64 << 10
)

// cut returns the beginning of a text, of whole characters.
func cut(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && !utf8.RuneStart(text[bytes]) {
		bytes--
	}
	return text[:bytes] + "…"
}

func payload(text *string, bytes int) *jsonText {
	switch {
	case text == nil:
		return nil
	case len(*text) <= bytes:
		return &jsonText{Text: *text}
	}
	return &jsonText{Text: cut(*text, bytes), Bytes: len(*text)}
}

// functionOf returns the name of a function and its qualifier.
func functionOf(arn string) (name, version string) {
	if _, after, ok := strings.Cut(arn, ":function:"); ok {
		arn = after
	}
	name, version, _ = strings.Cut(arn, ":")
	return name, version
}

func rowOf(e *Execution) jsonRow {
	name, version := functionOf(e.Function)
	return jsonRow{
		ARN: e.ARN, Name: e.Name, Function: name, Version: version, Status: e.Status,
		Start: milli(e.Start), End: milli(e.End), By: nameOfExecution(e.Parent), Reason: cut(rowReason(e), shortText),
		Failing: e.Failing,
	}
}

// rowReason returns what the row of an execution says of it without its history. Why the
// invocations of one failed that is paused is to be asked for.
func rowReason(e *Execution) string {
	if e.Failing > 0 && e.End.IsZero() {
		return ""
	}
	return reasonOf(e)
}

// reasonOf returns why an execution has ended without a result, or is held, if it says so itself.
func reasonOf(e *Execution) string {
	switch {
	case !e.End.IsZero():
		return view.FailureText(e.Failure)
	case e.Pause.Reason != "":
		return view.Why(e.Pause.Reason)
	}
	return ""
}

// nameOfExecution returns the name that an ARN holds, empty for none.
func nameOfExecution(arn string) string {
	if arn == "" {
		return ""
	}
	return checkpoint.ExecutionName(arn)
}

// scope says how much of an execution is returned.
type scope struct {
	after int // of operations and invocations those that have changed after this event
	first int // at most that many operations, zero for all
	bytes int // of payloads
}

// whyOf returns the reason of a pause for people; it is empty if there is none.
func whyOf(reason string) []string {
	if reason == "" {
		return nil
	}
	return view.WhyInLines(reason)
}

// modelOf returns what the page shows of an execution.
func modelOf(e *Execution, h *view.History, s scope, now time.Time, build func(string, time.Time) string) *jsonModel {
	after, bytes := s.after, s.bytes
	m := &jsonModel{
		Event: h.Event, After: after, Partial: s.first > 0 && len(h.All) > s.first, Now: milli(now), Count: len(h.All), Ended: len(h.Ended), Own: h.Invocations, Failures: h.Failures,
		Limit: limits.FailedInvocations, Operations: []jsonOperation{}, Invocations: []jsonInvocation{}, Levels: [][2]int64{},
	}
	deadline := h.Deadline
	if !deadline.IsZero() && !e.Deadline.IsZero() {
		deadline = e.Deadline // which pauses have moved
	}
	m.Execution = jsonExecution{
		jsonRow: rowOf(e), Input: payload(e.Input, bytes), Result: payload(e.Result, bytes), Error: errorOf(e.Failure),
		Deadline: milli(deadline), Paused: milli(e.Pause.Since), Held: e.Pause.Reason, Why: whyOf(e.Pause.Reason), Parent: e.Parent,
		Continued: continuedAs(e.Result), Closed: isClosed(e.Input, e.Result),
	}
	_, m.Execution.Diverged = view.DivergenceOf(e.Pause.Reason)
	if e.Failure != nil && isClosed(&e.Failure.Data) {
		m.Execution.Closed = true
	}
	for id, at := range e.Due {
		h.Move(id, at)
	}
	h.FunctionTimeout, h.Invoked = e.FunctionTimeout, e.Invoked
	m.Advice = view.Marked(h.Advice(now, e.Failure), e.Name, nameOf(e.Function))
	if h.Forked != nil {
		m.Execution.Origin = h.Forked.From
	}
	if e.End.IsZero() {
		m.Waiting, m.Invoked = h.Doing(now), milli(e.Invoked)
		if h.Paused != nil { // since when and why is said apart
			m.Waiting = h.DoingMeanwhile(now)
		}
		if m.Charged = h.Charged; m.Charged > 0 && e.Invoked.IsZero() && e.Pause.Since.IsZero() {
			m.Next = milli(h.LastEnd.Add(limits.FailurePause(h.Charged)))
		}
	}
	m.Poison = view.Poisoned(e.Failure)
	levels, most := h.Concurrency(now)
	m.Most = most
	index := make(map[*view.Operation]int, len(h.All))
	for i, o := range h.All {
		if m.Partial && i == s.first {
			return m
		}
		index[o] = i
		if o.Event > after || o.Moved || o.Changed() {
			m.Operations = append(m.Operations, operationOf(o, i, index))
		}
	}
	for i := range h.Ended {
		v := &h.Ended[i]
		if v.Event <= after {
			continue
		}
		out := jsonInvocation{
			Number: i + 1, Start: milli(v.Start), End: milli(v.End), RequestID: v.RequestID, Version: m.Execution.Version,
			Error: errorOf(v.Failure), InRow: v.InRow, From: v.From,
		}
		if build != nil {
			out.Build = build(m.Execution.Function, v.Start)
		}
		m.Invocations = append(m.Invocations, out)
	}
	for _, l := range levels {
		m.Levels = append(m.Levels, [2]int64{milli(l.At), int64(l.Bodies)})
	}
	return m
}

// continuedAs returns the ARN of the execution that an execution with this result continues as.
func continuedAs(result *string) string {
	if result == nil {
		return ""
	}
	arn, _ := checkpoint.ContinuedAs([]byte(*result))
	return arn
}

// startedBy returns the ARN of the execution that an op.Start with this result has started; empty
// if the result is sealed.
func startedBy(result string) (arn string) {
	if json.Unmarshal([]byte(result), &arn) != nil {
		return ""
	}
	return arn
}

func operationOf(o *view.Operation, i int, index map[*view.Operation]int) jsonOperation {
	out := jsonOperation{
		Index: i, ID: o.ID, Parent: -1, Name: o.Label(), Kind: o.Kind, What: o.What(), Status: o.Shown(),
		Start: milli(o.Start), End: milliOf(o.End), Attempts: o.Attempts, CutOff: o.CutOff, Running: o.Running,
		Until: milliOf(o.Until), Beats: o.Beats.Milliseconds(), Callback: o.Callback, Target: o.Target, Function: o.Function,
		Interrupted: o.Interrupted(),
		Bars:        make([]jsonBar, len(o.Bars)),
	}
	if o.Parent != nil {
		out.Parent = index[o.Parent]
	}
	if o.SubType == subtype.Start && o.Result != nil {
		out.Target = startedBy(*o.Result)
	}
	switch {
	case o.Failure != nil:
		out.Outcome, out.Failed = cut(view.FailureText(o.Failure), shortText), true
	case o.Result != nil:
		out.Outcome = cut(view.OutcomeOf(*o.Result), shortText)
	}
	for j := range o.Bars {
		b := &o.Bars[j]
		out.Bars[j] = jsonBar{
			Kind: string(b.Kind), Start: milli(b.Start), End: milli(b.End), Until: milli(b.Until), Attempt: b.Attempt, Cut: b.Cut,
		}
		if b.Failure != nil {
			out.Bars[j].Failure = cut(view.InvocationFailure(b.Failure), shortText)
		}
	}
	return out
}

// jsonDetail is what the page shows of one operation beside its row.
type jsonDetail struct {
	ID       string        `json:"id"`
	Input    *jsonText     `json:"input,omitempty"`
	Result   *jsonText     `json:"result,omitempty"`
	Error    *jsonError    `json:"error,omitempty"`
	Cut      *jsonError    `json:"cut,omitempty"`
	Attempts []jsonAttempt `json:"attempts,omitempty"` // those that failed
	// Closed says that something of it went through transforms, so that it may be opened.
	Closed bool `json:"closed,omitempty"`
}

type jsonAttempt struct {
	Number int        `json:"n"`
	Start  int64      `json:"start"`
	End    int64      `json:"end"`
	Cut    bool       `json:"cut,omitempty"`
	Error  *jsonError `json:"error"`
}

func detailOf(o *view.Operation, bytes int) *jsonDetail {
	d := &jsonDetail{
		ID: o.ID, Input: payload(o.Input, bytes), Result: payload(o.Result, bytes), Error: errorOf(o.Failure), Cut: errorOf(o.Cut),
	}
	for i := range o.Bars {
		if b := &o.Bars[i]; b.Kind == view.BarAttempt && b.Failure != nil {
			d.Attempts = append(d.Attempts, jsonAttempt{b.Attempt, milli(b.Start), milli(b.End), b.Cut, errorOf(b.Failure)})
		}
	}
	d.Closed = d.hasClosed()
	return d
}
