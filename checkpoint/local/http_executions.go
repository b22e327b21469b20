package local

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// defaultPageItems is how many executions or events a page holds unless the caller says so.
const defaultPageItems = 100

// execution serves GetDurableExecution.
func (f *front) execution(r request) (any, error) {
	data, err := r.flag("IncludeExecutionData", true)
	if err != nil {
		return nil, err
	}
	rec, err := f.svc.execution(r.labels[0])
	if err != nil {
		return nil, err
	}
	out := executionDetails{
		executionSummary: summaryOf(rec), Version: rec.Function[strings.LastIndexByte(rec.Function, ':')+1:],
		DataIncluded: data, Config: durableConfigOf(rec.Timeout),
	}
	if data {
		out.Input, out.Result, out.Error = textOf(rec.Input), textOf(rec.Result), wireFailureOf(rec.Failure)
	}
	return out, nil
}

// executionSummary is an execution in a list (Lambda API, Execution).
type executionSummary struct {
	ARN      string      `json:"DurableExecutionArn"`
	Name     string      `json:"DurableExecutionName"`
	Function string      `json:"FunctionArn"`
	Status   Status      `json:"Status"`
	Start    json.Number `json:"StartTimestamp"`
	End      json.Number `json:"EndTimestamp,omitempty"`
}

// executionDetails is the response of GetDurableExecution.
type executionDetails struct {
	executionSummary

	Version      string         `json:"Version,omitempty"`
	Input        *string        `json:"InputPayload,omitempty"`
	Result       *string        `json:"Result,omitempty"`
	Error        *wireFailure   `json:"Error,omitempty"`
	DataIncluded bool           `json:"ExecutionDataIncluded"`
	Config       *durableConfig `json:"DurableConfig,omitempty"`
}

func summaryOf(r ExecutionRecord) executionSummary {
	out := executionSummary{ARN: r.ARN, Name: r.Name, Function: r.Function, Status: r.Status, Start: secondsOf(r.Start)}
	if r.Status.Terminal() {
		out.End = secondsOf(r.End)
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
		items = defaultPageItems
	}
	events, more, err := f.svc.historyPage(r.labels[0], at, items, reverse)
	if err != nil {
		return nil, err
	}
	out := struct {
		Events     []Event `json:"Events"`
		NextMarker string  `json:"NextMarker,omitempty"`
	}{Events: events}
	if more {
		out.NextMarker = position(events[len(events)-1].ID)
	}
	if !data {
		for i := range out.Events {
			out.Events[i] = out.Events[i].withoutData()
		}
	}
	return out, nil
}

// withoutData returns the event without payloads and errors.
func (e Event) withoutData() Event {
	e.Input, e.Result, e.Failure = checkpoint.Payload{}, checkpoint.Payload{}, nil
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
		return 0, refuseCall("", "Invalid marker")
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
	found, err := f.svc.store.List(q)
	switch {
	case q.After != "" && isNotFound(err):
		return nil, refuseCall("", "Invalid marker: the execution that it names is not kept, or not any more; list from the beginning")
	case err != nil:
		return nil, err
	}
	if len(found) == 0 {
		if err := f.svc.known(q.Function); err != nil {
			return nil, err
		}
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
func (f *front) query(r request) (Query, error) {
	values := r.URL.Query()
	name, err := f.functionOf(r.labels[0], values.Get("Qualifier"))
	if err != nil {
		return Query{}, err
	}
	q := Query{Function: name.unqualified(), Name: values.Get("DurableExecutionName"), After: values.Get("Marker")}
	if name.qualifier != "" {
		q.Function = name.qualified()
	}
	for _, s := range values["Statuses"] {
		if !slices.Contains([]Status{StatusRunning, StatusSucceeded, StatusFailed, StatusTimedOut, StatusStopped}, Status(s)) {
			return Query{}, notValid("statuses", s, "Member must be one of RUNNING, SUCCEEDED, FAILED, TIMED_OUT, STOPPED")
		}
		q.Status = append(q.Status, Status(s))
	}
	for member, field := range map[string]*time.Time{"StartedAfter": &q.StartedAfter, "StartedBefore": &q.StartedBefore} {
		text := values.Get(member)
		if text == "" {
			continue
		}
		if *field, err = time.Parse(time.RFC3339, text); err != nil {
			return Query{}, notValid(member, text, "Member must be a time such as 2026-01-02T15:04:05Z")
		}
	}
	if q.Reverse, err = r.flag("ReverseOrder", false); err != nil {
		return Query{}, err
	}
	if q.Limit, err = r.maxItems(); err != nil {
		return Query{}, err
	}
	if q.Limit == 0 {
		q.Limit = defaultPageItems
	}
	return q, nil
}

// stop serves StopDurableExecution. An execution that was stopped already is answered as before.
func (f *front) stop(r request) (any, error) {
	failure, err := r.failure()
	if err != nil {
		return nil, err
	}
	rec, err := f.svc.execution(r.labels[0])
	if err != nil {
		return nil, err
	}
	if rec.Status != StatusStopped {
		e, ok := f.svc.Execution(rec.ARN)
		if !ok {
			return nil, ErrNotFound
		}
		if err := e.Stop(failure); err != nil {
			return nil, err
		}
		rec = e.Record()
	}
	return struct {
		Stopped json.Number `json:"StopTimestamp"`
	}{secondsOf(rec.End)}, nil
}
