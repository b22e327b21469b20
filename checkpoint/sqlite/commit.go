package sqlite

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// maxBatch is how many transitions share a transaction at most.
const maxBatch = 256

// request is a transition that waits to be committed.
type request struct {
	t    local.Transition
	done chan error // takes one
}

// Commit implements [local.Store]: when it returns nil, t is on the disk.
func (s *Store) Commit(t local.Transition) error {
	if s.readOnly {
		return fmt.Errorf("sqlite: %s: %w", s.path, ErrReadOnly)
	}
	r := &request{t: t, done: make(chan error, 1)}
	select {
	case <-s.closing: // also if there is room
		return fmt.Errorf("sqlite: %s: %w", s.path, ErrClosed)
	default:
	}
	select {
	case s.requests <- r:
	case <-s.closing:
		return fmt.Errorf("sqlite: %s: %w", s.path, ErrClosed)
	}
	select {
	case err := <-r.done:
		return err
	case <-s.stopped:
	}
	select { // it may have been the last
	case err := <-r.done:
		return err
	default:
		return fmt.Errorf("sqlite: %s: %w", s.path, ErrClosed)
	}
}

// write commits transitions until the store is closed: all that wait share a transaction, and the
// time that the disk takes for it.
func (s *Store) write() {
	defer close(s.stopped)
	for {
		select {
		case r := <-s.requests:
			s.commitAll(s.batch(r))
		case <-s.closing:
			for {
				select {
				case r := <-s.requests:
					s.commitAll(s.batch(r))
				default:
					return
				}
			}
		}
	}
}

// batch returns the requests that wait, first among them.
func (s *Store) batch(first *request) []*request {
	all := []*request{first}
	for len(all) < maxBatch {
		select {
		case r := <-s.requests:
			all = append(all, r)
		default:
			return all
		}
	}
	return all
}

// commitAll commits transitions in one transaction. One that fails leaves the others alone, unless
// SQLite has rolled back all of them, as it does when the disk is full: then all have failed.
func (s *Store) commitAll(all []*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(all))
	err := s.transact(`BEGIN IMMEDIATE`, func() error { return s.applyAll(all) })
	if alone := (*applyError)(nil); errors.As(err, &alone) {
		err = s.transact(`BEGIN IMMEDIATE`, func() error { return s.applyEach(all, errs) })
	}
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
	for i, r := range all {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("sqlite: %s: %w", s.path, explain(errs[i]))
		}
		r.done <- errs[i]
	}
	if now().Sub(s.pruned) > pruneInterval {
		_ = s.prune() // it is tried again; what is kept longer does no harm
	}
}

// applyError says that a transition could not be applied, in a transaction that goes on.
type applyError struct{ error }

// applyAll applies transitions that are expected to succeed: there is nothing to go back to between
// them, which costs time. The mutex is held, in a transaction.
func (s *Store) applyAll(all []*request) error {
	for _, r := range all {
		err := s.apply(r.t)
		switch {
		case s.conn.GetAutocommit():
			return cmp.Or(err, errRolledBack)
		case err != nil:
			return &applyError{err}
		}
	}
	return nil
}

// applyEach applies transitions of which some fail, and notes their errors. The mutex is held, in a
// transaction.
func (s *Store) applyEach(all []*request, errs []error) error {
	for i, r := range all {
		if errs[i] = s.applyOne(r.t); s.conn.GetAutocommit() {
			return cmp.Or(errs[i], errRolledBack)
		}
	}
	return nil
}

// errRolledBack says that the transaction has ended under a transition.
var errRolledBack = errors.New("the transaction was rolled back")

// transact runs f in a transaction, which begin begins. The mutex is held.
func (s *Store) transact(begin string, f func() error) (err error) {
	if err := s.run(begin, nil, nil); err != nil {
		return err
	}
	if err = f(); err == nil {
		err = s.run(`COMMIT`, nil, nil)
	}
	if err != nil {
		clear(s.written) // what was written in it is not there
	}
	if err != nil && !s.conn.GetAutocommit() {
		err = errors.Join(err, s.run(`ROLLBACK`, nil, nil))
	}
	return err
}

// applyOne writes a transition as a whole, or nothing of it. The mutex is held, in a transaction.
func (s *Store) applyOne(t local.Transition) (err error) {
	if err := s.run(`SAVEPOINT one`, nil, nil); err != nil {
		return err
	}
	defer func() {
		if s.conn.GetAutocommit() {
			return // SQLite has rolled back all
		}
		if err != nil {
			clear(s.written)
			err = errors.Join(err, s.run(`ROLLBACK TO one`, nil, nil))
		}
		err = errors.Join(err, s.run(`RELEASE one`, nil, nil))
	}()
	return s.apply(t)
}

// apply writes a transition. If it fails, parts of it may have been written. The mutex is held, in
// a transaction.
func (s *Store) apply(t local.Transition) error {
	id, err := s.putExecution(&t.Execution)
	if err != nil {
		return err
	}
	for i := range t.Records {
		text, err := encodeRecord(&t.Records[i], t.Execution.Input)
		if err != nil {
			return err
		}
		if err := s.run(`INSERT INTO operations (execution, id, record) VALUES (?, ?, ?)
			ON CONFLICT (execution, id) DO UPDATE SET record = excluded.record`,
			args{id, t.Records[i].ID, text}, nil); err != nil {
			return err
		}
	}
	for _, ev := range t.Events {
		text, err := ev.MarshalJSON()
		if err != nil {
			return err
		}
		if err := s.run(`INSERT INTO events (execution, id, record) VALUES (?, ?, ?)`, args{id, ev.ID, text}, nil); err != nil {
			return err
		}
	}
	return s.putTimers(id, t)
}

// written is what the file has of an execution that goes on.
type written struct {
	id    int64
	input checkpoint.Payload
}

// putExecution writes an execution and returns its number. Its input is written once.
func (s *Store) putExecution(r *local.ExecutionRecord) (id int64, err error) {
	text, err := encodeExecution(r)
	if err != nil {
		return 0, err
	}
	got := func(row *sqlite3.Stmt) error {
		id = row.ColumnInt64(0)
		return nil
	}
	if w, ok := s.written[r.ARN]; ok && w.input.Equal(r.Input) {
		err := s.run(`UPDATE executions SET status = ?, unfinished = ?, ended = ?, record = ?, result = ?
			WHERE seq = ? AND arn = ? RETURNING seq`,
			args{string(r.Status), r.Unfinished(), milli(r.End), text, r.Result, w.id, r.ARN}, got)
		switch {
		case err != nil:
			return 0, err
		case id == w.id:
			s.note(id, r)
			return id, nil
		} // another process has deleted it
	}
	err = s.run(`INSERT INTO executions (arn, name, function, status, unfinished, started, ended, record, result)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (arn) DO UPDATE SET status = excluded.status, unfinished = excluded.unfinished,
			ended = excluded.ended, record = excluded.record, result = excluded.result
		RETURNING seq`,
		args{
			r.ARN, r.Name, r.Function, string(r.Status), r.Unfinished(), milli(r.Start), milli(r.End), text, r.Result,
		}, got)
	if err != nil {
		return 0, err
	}
	if r.Input.Present() {
		err = s.run(`INSERT INTO inputs (execution, payload) VALUES (?, ?)
			ON CONFLICT (execution) DO UPDATE SET payload = excluded.payload`, args{id, r.Input}, nil)
	} else {
		err = s.run(`DELETE FROM inputs WHERE execution = ?`, args{id}, nil)
	}
	if err != nil {
		return 0, err
	}
	s.note(id, r)
	return id, nil
}

// note remembers that an execution was written, until it ends.
func (s *Store) note(id int64, r *local.ExecutionRecord) {
	if !r.Unfinished() {
		delete(s.written, r.ARN)
		return
	}
	s.written[r.ARN] = written{id: id, input: r.Input}
}

func (s *Store) putTimers(id int64, t local.Transition) error {
	for _, key := range t.Clear {
		if err := s.run(`DELETE FROM timers WHERE execution = ? AND operation = ? AND purpose = ?`,
			args{id, key.Operation, string(key.Purpose)}, nil); err != nil {
			return err
		}
	}
	for _, timer := range t.Set {
		if err := s.run(`INSERT INTO timers (execution, operation, purpose, at) VALUES (?, ?, ?, ?)
			ON CONFLICT (execution, operation, purpose) DO UPDATE SET at = excluded.at`,
			args{id, timer.Operation, string(timer.Purpose), milli(timer.At)}, nil); err != nil {
			return err
		}
	}
	return nil
}
