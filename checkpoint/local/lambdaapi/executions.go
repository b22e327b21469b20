package lambdaapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// execution serves GetDurableExecution.
func (f *front) execution(r request) (any, error) {
	data, err := r.flag("IncludeExecutionData", true)
	if err != nil {
		return nil, err
	}
	rec, err := f.svc.Record(r.labels[0])
	if err != nil {
		return nil, err
	}
	out := executionDetails{
		executionSummary: summaryOf(rec), Version: rec.Function[strings.LastIndexByte(rec.Function, ':')+1:],
		DataIncluded: data, Config: durableConfigOf(rec.Timeout),
	}
	if rec.TraceHeader != "" {
		out.Trace = &traceHeader{rec.TraceHeader}
	}
	if !rec.Status.Terminal() {
		out.TimesOut = api.Timestamp(cmp.Or(rec.Deadline(), rec.Start.Add(limits.Duration)))
	}
	if rec.Status.Held() {
		out.Pause = &pauseDetails{Requested: api.Timestamp(rec.Pause.Requested), TimeoutPaused: rec.Pause.TimeoutPaused}
		if data {
			out.Pause.Reason = rec.Pause.Reason
		}
	}
	if data {
		out.Input, out.Result, out.Error = textOf(rec.Input), textOf(rec.Result), api.FailureOf(rec.Failure)
	}
	return out, nil
}

// executionSummary is an execution in a list (Lambda API, Execution).
type executionSummary struct {
	ARN      string       `json:"DurableExecutionArn"`
	Name     string       `json:"DurableExecutionName"`
	Function string       `json:"FunctionArn"`
	Status   local.Status `json:"Status"`
	Start    json.Number  `json:"StartTimestamp"`
	End      json.Number  `json:"EndTimestamp,omitempty"`
}

// executionDetails is the response of GetDurableExecution.
type executionDetails struct {
	executionSummary

	Version      string         `json:"Version,omitempty"`
	Input        *string        `json:"InputPayload,omitempty"`
	Result       *string        `json:"Result,omitempty"`
	Error        *api.Failure   `json:"Error,omitempty"`
	DataIncluded bool           `json:"ExecutionDataIncluded"`
	Config       *durableConfig `json:"DurableConfig,omitempty"`
	Trace        *traceHeader   `json:"TraceHeader,omitempty"`
	Pause        *pauseDetails  `json:"PauseDetails,omitempty"`
	TimesOut     json.Number    `json:"ExpectedExecutionTimeoutTimestamp,omitempty"`
}

// traceHeader is the trace header of an execution (Lambda API, TraceHeader).
type traceHeader struct {
	Header string `json:"XAmznTraceId"`
}

// pauseDetails is how an execution is paused (Lambda API, PauseDetails).
type pauseDetails struct {
	Requested     json.Number `json:"PauseRequestTimestamp"`
	Reason        string      `json:"Reason,omitempty"`
	TimeoutPaused bool        `json:"ExecutionTimeoutPaused"`
}

func summaryOf(r local.ExecutionRecord) executionSummary {
	out := executionSummary{ARN: r.ARN, Name: r.Name, Function: r.Function, Status: r.Status, Start: api.Timestamp(r.Start)}
	if r.Status.Terminal() {
		out.End = api.Timestamp(r.End)
	}
	return out
}

// history serves GetDurableExecutionHistory.
func (f *front) history(r request) (any, error) {
	data, err := r.flag("IncludeExecutionData", true)
	if err != nil {
		return nil, err
	}
	reverse, err := r.flag("ReverseOrder", false)
	if err != nil {
		return nil, err
	}
	items, err := r.maxItems()
	if err != nil {
		return nil, err
	}
	marker := r.URL.Query().Get("Marker")
	at, err := readPosition(marker)
	if err != nil {
		return nil, err
	}
	if items == 0 {
		items = limits.DefaultPageItems
	}
	events, more, err := f.svc.Events(r.labels[0], at, items, reverse)
	if err != nil {
		return nil, err
	}
	out := struct {
		Events     []local.Event `json:"Events"`
		NextMarker string        `json:"NextMarker,omitempty"`
	}{Events: events}
	if more {
		out.NextMarker = position(events[len(events)-1].ID)
	}
	for i := range out.Events {
		if !data {
			out.Events[i] = withoutData(out.Events[i])
		}
		out.Events[i] = f.cut(out.Events[i])
	}
	return out, nil
}

// withoutData returns the event without payloads and errors.
func withoutData(e local.Event) local.Event {
	e.Input, e.Result, e.Failure, e.Reason = checkpoint.Payload{}, checkpoint.Payload{}, nil, ""
	return e
}

// position is a marker: the page after an event.
func position(id int) string { return "event-" + strconv.Itoa(id) }

func readPosition(marker string) (id int, err error) {
	if marker == "" {
		return 0, nil
	}
	text, ok := strings.CutPrefix(marker, "event-")
	id, err = strconv.Atoi(text)
	if !ok || err != nil || id < 1 {
		return 0, refused("Invalid marker")
	}
	return id, nil
}

// list serves ListDurableExecutionsByFunction.
func (f *front) list(r request) (any, error) {
	q, err := f.query(r)
	if err != nil {
		return nil, err
	}
	items := q.Limit
	q.Limit++
	found, err := f.svc.List(q)
	switch {
	case q.After != "" && errors.Is(err, local.ErrNotFound):
		return nil, refused("Invalid marker: the execution that it names is not kept, or not any more; list from the beginning")
	case err != nil:
		return nil, err
	}
	out := struct {
		Executions []executionSummary `json:"DurableExecutions"`
		NextMarker string             `json:"NextMarker,omitempty"`
	}{Executions: []executionSummary{}}
	if len(found) > items {
		found = found[:items]
		out.NextMarker = found[items-1].ARN
	}
	for _, rec := range found {
		out.Executions = append(out.Executions, summaryOf(rec))
	}
	return out, nil
}

// query reads what a list is to hold.
func (f *front) query(r request) (local.Query, error) {
	values := r.URL.Query()
	name, err := functionOf(r.labels[0], values.Get("Qualifier"))
	if err != nil {
		return local.Query{}, err
	}
	q := local.Query{Function: name.Unqualified(), Name: values.Get("DurableExecutionName"), After: values.Get("Marker")}
	if name.Qualifier != "" {
		q.Function = name.Executed() // executions are of a version, also those that an alias has started
	}
	for _, s := range values["Statuses"] {
		if !slices.Contains(statuses(), local.Status(s)) {
			names := strings.Trim(strings.ReplaceAll(fmt.Sprint(statuses()), " ", ", "), "[]")
			return local.Query{}, notValid("statuses", s, "Member must be one of "+names)
		}
		q.Status = append(q.Status, local.Status(s))
	}
	for member, field := range map[string]*time.Time{"StartedAfter": &q.StartedAfter, "StartedBefore": &q.StartedBefore} {
		text := values.Get(member)
		if text == "" {
			continue
		}
		if *field, err = time.Parse(time.RFC3339, text); err != nil {
			return local.Query{}, notValid(member, text, "Member must be a time such as 2026-01-02T15:04:05Z")
		}
	}
	if q.Reverse, err = r.flag("ReverseOrder", false); err != nil {
		return local.Query{}, err
	}
	if q.Limit, err = r.maxItems(); err != nil {
		return local.Query{}, err
	}
	if q.Limit == 0 {
		q.Limit = limits.DefaultPageItems
	}
	return q, nil
}

func statuses() []local.Status {
	return []local.Status{
		local.StatusRunning, local.StatusPausing, local.StatusPaused, local.StatusSucceeded, local.StatusFailed,
		local.StatusTimedOut, local.StatusStopped, local.StatusDeleting,
	}
}

// stop serves StopDurableExecution. An execution that was stopped already is answered as before.
func (f *front) stop(r request) (any, error) {
	failure, err := r.failure()
	if err != nil {
		return nil, err
	}
	rec, err := f.svc.Record(r.labels[0])
	if err != nil {
		return nil, err
	}
	if rec.Status != local.StatusStopped {
		e, ok := f.svc.Execution(rec.ARN)
		if !ok {
			return nil, local.ErrNotFound
		}
		if err := e.Stop(failure); err != nil {
			return nil, err
		}
		rec = e.Record()
	}
	return struct {
		Stopped json.Number `json:"StopTimestamp"`
	}{api.Timestamp(rec.End)}, nil
}
