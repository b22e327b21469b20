package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/sqlite"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// counted is an execution that is counted.
type counted struct {
	arn, name, function, status string
	start, end                  time.Time
	failure                     *checkpoint.Failure // that a store has with it
}

// stats is what perdure stats prints as JSON. Times are in seconds.
type stats struct {
	Function   string        `json:"function,omitempty"`
	Executions int           `json:"executions"`
	Statuses   []statusCount `json:"statuses"`
	Oldest     *oldest       `json:"oldest,omitempty"` // of those that have not ended
	Took       *percentiles  `json:"tookSeconds,omitempty"`
	Age        *percentiles  `json:"ageSeconds,omitempty"`
	Waiting    waitingStats  `json:"waiting"`
	Failures   failureStats  `json:"failed"`

	open, failed []counted // the oldest first
}

type statusCount struct {
	Status string `json:"status"`
	Count  int    `json:"executions"`
}

// oldest is the oldest execution that has not ended.
type oldest struct {
	ARN      string    `json:"executionArn"`
	Name     string    `json:"name"`
	Function string    `json:"function"`
	Status   string    `json:"status"`
	Start    time.Time `json:"start"`
	Age      float64   `json:"ageSeconds"`
	Waiting  string    `json:"waitingFor,omitempty"`
}

// percentiles are by the nearest rank: each is a value that there is.
type percentiles struct {
	Count int     `json:"executions"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// reading is how much of what there is was read.
type reading struct {
	Executions int `json:"executions"`
	Read       int `json:"read"`
	// Gone are those that were listed, and have ended or were deleted since.
	Gone int `json:"gone,omitempty"`
}

type waitingStats struct {
	reading

	Groups []*waitingGroup `json:"groups"` // the largest first
	oldest *oldest
}

// waitingGroup are executions that wait for the same. The ARN, the name and the age are those of
// the oldest one.
type waitingGroup struct {
	Function string  `json:"function"`
	Waiting  string  `json:"waitingFor"`
	Count    int     `json:"executions"`
	ARN      string  `json:"oldestArn"`
	Name     string  `json:"oldestName"`
	Age      float64 `json:"oldestAgeSeconds"`
}

type failureStats struct {
	reading

	Groups []*failureGroup `json:"types"` // the largest first
}

// failureGroup are executions that have failed with errors of one type. The ARN, the name and the
// message are those of the last one that was started.
type failureGroup struct {
	Function string `json:"function"`
	Type     string `json:"type"`
	Count    int    `json:"executions"`
	ARN      string `json:"lastArn"`
	Name     string `json:"lastName"`
	Message  string `json:"lastMessage,omitempty"`
}

// count counts what a list says of executions.
func (a *app) count(all []counted) *stats {
	slices.SortStableFunc(all, func(x, y counted) int { return x.start.Compare(y.start) })
	s := &stats{Executions: len(all), Statuses: []statusCount{}}
	s.Waiting.Groups, s.Failures.Groups = []*waitingGroup{}, []*failureGroup{}
	counts := make(map[string]int)
	var took, ages []float64
	now := a.Now()
	for _, e := range all {
		counts[e.status]++
		switch {
		case e.unfinished():
			s.open = append(s.open, e)
			ages = append(ages, now.Sub(e.start).Seconds())
		case !e.end.IsZero():
			took = append(took, e.end.Sub(e.start).Seconds())
		}
		if e.status == string(local.StatusFailed) {
			s.failed = append(s.failed, e)
		}
	}
	for status, n := range counts {
		s.Statuses = append(s.Statuses, statusCount{status, n})
	}
	slices.SortFunc(s.Statuses, func(x, y statusCount) int { // unknown ones last
		rank := func(c statusCount) int { return (slices.Index(statuses(), c.Status) + 100) % 100 }
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Status, y.Status))
	})
	s.Took, s.Age = percentilesOf(took), percentilesOf(ages)
	s.Waiting.Executions, s.Failures.Executions = len(s.open), len(s.failed)
	if len(s.open) > 0 {
		e := &s.open[0]
		s.Oldest = &oldest{
			ARN: e.arn, Name: e.name, Function: functionOf(e.function), Status: e.status, Start: e.start.UTC(), Age: now.Sub(e.start).Seconds(),
		}
		s.Waiting.oldest = s.Oldest
	}
	return s
}

// percentilesOf returns the percentiles of values, nil for none.
func percentilesOf(values []float64) *percentiles {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	at := func(share float64) float64 {
		return values[max(0, int(math.Ceil(share*float64(len(values))))-1)]
	}
	return &percentiles{len(values), at(0.5), at(0.9), at(0.99), values[len(values)-1]}
}

// add counts an execution that waits. They are added in the order they were started.
func (w *waitingStats) add(e counted, h *view.History, now time.Time) {
	w.Read++
	if w.oldest != nil && w.oldest.ARN == e.arn {
		w.oldest.Waiting = h.WaitingFor(now)
	}
	function, cause := functionOf(e.function), h.Cause(now)
	i := slices.IndexFunc(w.Groups, func(g *waitingGroup) bool { return g.Function == function && g.Waiting == cause })
	if i < 0 {
		i = len(w.Groups)
		w.Groups = append(w.Groups, &waitingGroup{Function: function, Waiting: cause, ARN: e.arn, Name: e.name, Age: now.Sub(e.start).Seconds()})
	}
	w.Groups[i].Count++
	for ; i > 0 && w.Groups[i-1].Count < w.Groups[i].Count; i-- {
		w.Groups[i-1], w.Groups[i] = w.Groups[i], w.Groups[i-1]
	}
}

// add counts an execution that has failed. They are added in the order they were started.
func (f *failureStats) add(e counted, failure *checkpoint.Failure) {
	f.Read++
	if failure == nil {
		failure = &checkpoint.Failure{}
	}
	function := functionOf(e.function)
	i := slices.IndexFunc(f.Groups, func(g *failureGroup) bool { return g.Function == function && g.Type == failure.Type })
	if i < 0 {
		i = len(f.Groups)
		f.Groups = append(f.Groups, &failureGroup{Function: function, Type: failure.Type})
	}
	g := f.Groups[i]
	g.Count++
	g.ARN, g.Name, g.Message = e.arn, e.name, view.FailureText(&checkpoint.Failure{Message: failure.Message})
	for ; i > 0 && f.Groups[i-1].Count < f.Groups[i].Count; i-- {
		f.Groups[i-1], f.Groups[i] = f.Groups[i], f.Groups[i-1]
	}
}

// census is where executions are counted.
type census interface {
	// list returns those of a function, or of all if it is empty, that were started within a time;
	// zero for any.
	list(ctx context.Context, function string, since time.Duration) ([]counted, error)
	history(ctx context.Context, arn string) (*view.History, error)
	// move has a history show when what it waits for is due now, if that is known.
	move(ctx context.Context, arn string, h *view.History)
	failure(ctx context.Context, e counted) (*checkpoint.Failure, error)
	close() error
}

func (a *app) censusOf(o *statsOptions) (census, error) {
	if o.store == "" {
		a.pace = pacer(o.rate)
		return apiCensus{a}, nil
	}
	if _, err := os.Stat(o.store); err != nil {
		return nil, usage("there is no store %s: perdure dev keeps executions in .perdure/executions.db", o.store)
	}
	store, err := sqlite.Open(o.store, sqlite.WithReadOnly())
	if err != nil {
		return nil, fmt.Errorf("open the store %s: %w", o.store, err)
	}
	return storeCensus{store, a.Now}, nil
}

// storeCensus reads a file.
type storeCensus struct {
	*sqlite.Store

	now func() time.Time
}

func (s storeCensus) close() error { return s.Close() }

func (s storeCensus) list(_ context.Context, function string, since time.Duration) ([]counted, error) {
	var q local.Query
	if since > 0 {
		q.StartedAfter = s.now().Add(-since)
	}
	found, err := s.List(q)
	if err != nil {
		return nil, err
	}
	var all []counted
	for i := range found {
		r := &found[i]
		if r.Plain || function != "" && functionOf(r.Function) != functionOf(function) {
			continue
		}
		all = append(all, counted{r.ARN, r.Name, r.Function, string(r.Status), r.Start, r.End, r.Failure})
	}
	return all, nil
}

func (s storeCensus) history(ctx context.Context, arn string) (*view.History, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	events, err := s.Events(arn, 0, 0)
	if errors.Is(err, local.ErrNotFound) {
		return nil, notFoundError{err}
	}
	return view.Read(events), err
}

func (s storeCensus) move(_ context.Context, arn string, h *view.History) {
	kept, err := s.Load(arn)
	if err != nil {
		return // the history says when it was to be at first
	}
	for _, t := range kept.Timers {
		moveTimer(h, t.TimerKey, t.At)
	}
}

func (storeCensus) failure(_ context.Context, e counted) (*checkpoint.Failure, error) {
	return e.failure, nil
}

// apiCensus asks the service.
type apiCensus struct{ *app }

func (apiCensus) close() error { return nil }

func (c apiCensus) list(ctx context.Context, function string, since time.Duration) (all []counted, err error) {
	functions := []string{function}
	if function == "" {
		if functions, err = c.functions(ctx); err != nil {
			return nil, err
		}
	}
	for _, f := range functions {
		found, _, err := c.executions(ctx, f, selection{since: since})
		if err != nil {
			return nil, err
		}
		for i := range found {
			e := &found[i]
			all = append(all, counted{
				arn: aws.ToString(e.DurableExecutionArn), name: aws.ToString(e.DurableExecutionName), function: aws.ToString(e.FunctionArn),
				status: string(e.Status), start: aws.ToTime(e.StartTimestamp), end: aws.ToTime(e.EndTimestamp),
			})
		}
	}
	return all, nil
}

func (c apiCensus) history(ctx context.Context, arn string) (*view.History, error) {
	events, err := c.events(ctx, arn, 0)
	return view.Read(events), err
}

func (c apiCensus) move(ctx context.Context, arn string, h *view.History) { c.moveTimers(ctx, arn, h) }

func (c apiCensus) failure(ctx context.Context, e counted) (*checkpoint.Failure, error) {
	d, err := c.execution(ctx, e.arn)
	if err != nil {
		return nil, err
	}
	return failureOf(d.Error), nil
}
