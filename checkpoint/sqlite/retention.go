package sqlite

import (
	"errors"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint/local"
)

const (
	// pruneInterval is how long it takes until old executions are looked for again.
	pruneInterval = time.Hour
	// pruneMost is how many executions are deleted at a time, so that commits do not wait for long.
	pruneMost = 100
)

// now is the time by which executions grow old, which is the real one.
func now() time.Time { return time.Now() } //nolint:forbidigo // a file has no other

// prune deletes executions that have ended too long ago, a bounded number. The mutex is held, or
// no one else knows the store.
func (s *Store) prune() error {
	if s.retention <= 0 {
		return nil
	}
	s.pruned = now()
	old := milli(s.pruned.Add(-s.retention))
	return s.transact(`BEGIN IMMEDIATE`, func() error {
		var ids []int64
		err := s.run(`SELECT seq FROM executions WHERE NOT unfinished AND ended < ? ORDER BY ended LIMIT ?`, args{old, pruneMost},
			func(row *sqlite3.Stmt) error {
				ids = append(ids, row.ColumnInt64(0))
				return nil
			})
		if err != nil {
			return err
		}
		if len(ids) == pruneMost {
			s.pruned = time.Time{} // there may be more: go on at the next commit
		}
		for _, id := range ids {
			if err := s.deleteAll(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteAll deletes an execution with all that is kept of it. A transaction is under way.
func (s *Store) deleteAll(id int64) error {
	for _, text := range []string{
		`DELETE FROM operations WHERE execution = ?`, `DELETE FROM events WHERE execution = ?`,
		`DELETE FROM timers WHERE execution = ?`, `DELETE FROM inputs WHERE execution = ?`, `DELETE FROM executions WHERE seq = ?`,
	} {
		if err := s.run(text, args{id}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Delete implements [local.Store]: when it returns nil, the execution is gone from the file.
func (s *Store) Delete(arn string) error {
	if s.readOnly {
		return fmt.Errorf("sqlite: %s: %w", s.path, ErrReadOnly)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := ErrClosed
	if !s.closed {
		err = s.transact(`BEGIN IMMEDIATE`, func() error {
			id, err := s.number(arn)
			if err != nil {
				return err
			}
			delete(s.written, arn)
			return s.deleteAll(id)
		})
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, local.ErrNotFound):
		return err
	}
	return fmt.Errorf("sqlite: %s: %w", s.path, explain(err))
}
