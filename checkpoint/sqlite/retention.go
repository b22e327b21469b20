package sqlite

import (
	"time"

	"github.com/ncruces/go-sqlite3"
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
// nobody else knows the store.
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
			for _, text := range []string{
				`DELETE FROM operations WHERE execution = ?`, `DELETE FROM events WHERE execution = ?`,
				`DELETE FROM timers WHERE execution = ?`, `DELETE FROM inputs WHERE execution = ?`, `DELETE FROM executions WHERE seq = ?`,
			} {
				if err := s.run(text, args{id}, nil); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
