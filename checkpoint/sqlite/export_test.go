package sqlite

import (
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint/local"
)

// Plan returns how SQLite looks for what a query selects.
func (s *Store) Plan(q local.Query) (string, error) {
	text, parameters := selection(q)
	var steps []string
	err := s.read(func() error {
		return s.run(`EXPLAIN QUERY PLAN `+text, parameters, func(row *sqlite3.Stmt) error {
			steps = append(steps, row.ColumnText(3))
			return nil
		})
	})
	return strings.Join(steps, "; "), err
}
