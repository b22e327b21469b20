package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// read runs f, all of whose statements see the same state of the file, and says of its error where
// it is from.
func (s *Store) read(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := ErrClosed
	if !s.closed {
		err = s.transact(`BEGIN`, f) // another process may write meanwhile
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, local.ErrNotFound):
		return err // nothing is wrong with the file
	}
	return fmt.Errorf("sqlite: %s: %w", s.path, explain(err))
}

// number returns the number of an execution.
func (s *Store) number(arn string) (id int64, err error) {
	found := false
	err = s.run(`SELECT seq FROM executions WHERE arn = ?`, args{arn}, func(row *sqlite3.Stmt) error {
		found, id = true, row.ColumnInt64(0)
		return nil
	})
	if err == nil && !found {
		err = local.ErrNotFound
	}
	return id, err
}

// execution returns an execution with its input and its result.
func (s *Store) execution(id int64) (r local.ExecutionRecord, err error) {
	err = s.run(`SELECT e.record, e.result, i.payload FROM executions e LEFT JOIN inputs i ON i.execution = e.seq
		WHERE e.seq = ?`, args{id}, func(row *sqlite3.Stmt) error {
		var err error
		r, err = decodeExecution(row.ColumnRawText(0))
		if result := column(row, 1); result.Present() {
			r.Result = result
		}
		if input := column(row, 2); input.Present() {
			r.Input = input
		}
		return err
	})
	return r, err
}

// column returns the payload of a column; none if it is NULL.
func column(row *sqlite3.Stmt, i int) checkpoint.Payload {
	if row.ColumnType(i) == sqlite3.NULL {
		return checkpoint.Payload{}
	}
	return checkpoint.NewPayload(row.ColumnBlob(i, []byte{}))
}

// Load implements [local.Store].
func (s *Store) Load(arn string) (kept local.Snapshot, err error) {
	err = s.read(func() error {
		id, err := s.number(arn)
		if err != nil {
			return err
		}
		if kept.Execution, err = s.execution(id); err != nil {
			return err
		}
		err = s.run(`SELECT record FROM operations WHERE execution = ? ORDER BY seq`, args{id}, func(row *sqlite3.Stmt) error {
			r, err := decodeRecord(row.ColumnRawText(0), kept.Execution.Input)
			kept.Records = append(kept.Records, r)
			return err
		})
		if err != nil {
			return err
		}
		return s.run(`SELECT operation, purpose, at FROM timers WHERE execution = ? ORDER BY at, operation, purpose`,
			args{id}, func(row *sqlite3.Stmt) error {
				kept.Timers = append(kept.Timers, local.Timer{
					TimerKey: local.TimerKey{Operation: row.ColumnText(0), Purpose: local.Purpose(row.ColumnText(1))},
					At:       timeOf(row.ColumnInt64(2)),
				})
				return nil
			})
	})
	return kept, err
}

// Events implements [local.Store].
func (s *Store) Events(arn string, after, limit int) (events []local.Event, err error) {
	if limit <= 0 {
		limit = -1
	}
	err = s.read(func() error {
		id, err := s.number(arn)
		if err != nil {
			return err
		}
		return s.run(`SELECT record FROM events WHERE execution = ? AND id > ? ORDER BY id LIMIT ?`, args{id, after, limit},
			func(row *sqlite3.Stmt) error {
				var ev local.Event
				err := ev.UnmarshalJSON(row.ColumnRawText(0))
				events = append(events, ev)
				return err
			})
	})
	return events, err
}

// List implements [local.Store].
func (s *Store) List(q local.Query) (found []local.ExecutionRecord, err error) {
	text, parameters := selection(q)
	err = s.read(func() error {
		if q.After != "" {
			if _, err := s.number(q.After); err != nil {
				return err
			}
		}
		return s.run(text, parameters, func(row *sqlite3.Stmt) error {
			r, err := decodeExecution(row.ColumnRawText(0))
			r.Input, r.Result = checkpoint.Payload{}, checkpoint.Payload{} // which records of earlier versions have
			found = append(found, r)
			return err
		})
	})
	return found, err
}

// selection returns the statement that selects what a query asks for.
func selection(q local.Query) (text string, parameters args) {
	where := []string{"1"}
	add := func(condition string, p ...any) {
		where = append(where, condition)
		parameters = append(parameters, p...)
	}
	if q.Function != "" { // ';' follows ':'
		add(`(function = ? OR function >= ? AND function < ?)`, q.Function, q.Function+":", q.Function+";")
	}
	if q.Name != "" {
		add(`name = ?`, q.Name)
	}
	if len(q.Status) > 0 {
		add(`status IN (?`+strings.Repeat(", ?", len(q.Status)-1)+`)`, statuses(q.Status)...)
	}
	if q.Unfinished {
		add(`unfinished`)
	}
	if !q.StartedAfter.IsZero() {
		add(`started > ?`, milli(q.StartedAfter))
	}
	if !q.StartedBefore.IsZero() {
		add(`started < ?`, milliUp(q.StartedBefore))
	}
	order, comparison := `ASC`, `>`
	if q.Reverse {
		order, comparison = `DESC`, `<`
	}
	if q.After != "" {
		add(`seq `+comparison+` (SELECT seq FROM executions WHERE arn = ?)`, q.After)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = -1
	}
	return `SELECT record FROM executions WHERE ` + strings.Join(where, ` AND `) + ` ORDER BY seq ` + order + ` LIMIT ?`,
		append(parameters, limit)
}

func statuses(all []local.Status) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = string(s)
	}
	return out
}
