package local

import (
	"slices"
	"strings"
	"sync"

	"github.com/perdure/perdure/checkpoint"
)

var _ Store = (*MemoryStore)(nil)

// MemoryStore keeps executions in memory, until the process ends.
type MemoryStore struct {
	mu         sync.Mutex
	executions map[string]*stored
	order      []*stored
	byName     map[string][]*stored
}

type stored struct {
	execution ExecutionRecord
	records   []Record
	index     map[string]int
	timers    []Timer
	events    []Event
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{executions: make(map[string]*stored), byName: make(map[string][]*stored)}
}

// Commit implements [Store]. It never fails.
func (m *MemoryStore) Commit(t Transition) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.executions[t.Execution.ARN]
	if s == nil {
		s = &stored{index: make(map[string]int)}
		m.executions[t.Execution.ARN] = s
		m.order = append(m.order, s)
		m.byName[t.Execution.Name] = append(m.byName[t.Execution.Name], s)
	}
	s.execution = t.Execution
	for _, r := range t.Records {
		i, ok := s.index[r.ID]
		if !ok {
			s.index[r.ID] = len(s.records)
			s.records = append(s.records, r)
			continue
		}
		s.records[i] = r
	}
	s.events = append(s.events, t.Events...)
	for _, key := range t.Clear {
		s.clear(key)
	}
	for _, timer := range t.Set {
		s.clear(timer.TimerKey)
		s.timers = append(s.timers, timer)
	}
	return nil
}

func (s *stored) clear(key TimerKey) {
	s.timers = slices.DeleteFunc(s.timers, func(t Timer) bool { return t.TimerKey == key })
}

// Load implements [Store].
func (m *MemoryStore) Load(arn string) (Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.executions[arn]
	if !ok {
		return Snapshot{}, ErrNotFound
	}
	return Snapshot{
		Execution: s.execution,
		Records:   slices.Clone(s.records),
		Timers:    slices.Clone(s.timers),
	}, nil
}

// Events implements [Store].
func (m *MemoryStore) Events(arn string, after, limit int) ([]Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.executions[arn]
	if !ok {
		return nil, ErrNotFound
	}
	events := s.events[min(max(after, 0), len(s.events)):]
	if limit > 0 {
		events = events[:min(limit, len(events))]
	}
	return slices.Clone(events), nil
}

// List implements [Store].
func (m *MemoryStore) List(q Query) ([]ExecutionRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.executions[q.After]; q.After != "" && !ok {
		return nil, ErrNotFound
	}
	var found []ExecutionRecord
	skip := q.After != ""
	order := m.order
	if q.Name != "" && !skip {
		order = m.byName[q.Name]
	}
	for i := range order {
		s := order[i]
		if q.Reverse {
			s = order[len(order)-1-i]
		}
		if skip {
			skip = s.execution.ARN != q.After
			continue
		}
		if !q.matches(s.execution) {
			continue
		}
		r := s.execution
		r.Input, r.Result = checkpoint.Payload{}, checkpoint.Payload{}
		found = append(found, r)
		if len(found) == q.Limit {
			break
		}
	}
	return found, nil
}

// Delete implements [Store].
func (m *MemoryStore) Delete(arn string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.executions[arn]
	if !ok {
		return ErrNotFound
	}
	delete(m.executions, arn)
	is := func(x *stored) bool { return x == s }
	m.order = slices.DeleteFunc(m.order, is)
	name := s.execution.Name
	if m.byName[name] = slices.DeleteFunc(m.byName[name], is); len(m.byName[name]) == 0 {
		delete(m.byName, name)
	}
	return nil
}

func (q Query) matches(r ExecutionRecord) bool {
	return (q.Function == "" || q.Function == r.Function || strings.HasPrefix(r.Function, q.Function+":")) &&
		(q.Name == "" || q.Name == r.Name) &&
		(!q.Unfinished || r.Unfinished()) &&
		(q.StartedAfter.IsZero() || r.Start.After(q.StartedAfter)) &&
		(q.StartedBefore.IsZero() || r.Start.Before(q.StartedBefore)) &&
		(len(q.Status) == 0 || slices.Contains(q.Status, r.Status))
}
