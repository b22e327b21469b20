package sqlite

import (
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint"
)

// args are the parameters of a statement.
type args []any

// run runs a statement, which is prepared once, and calls row for each row of its result. The
// mutex is held.
func (s *Store) run(query string, parameters args, row func(*sqlite3.Stmt) error) (err error) {
	if s.conn == nil {
		return ErrClosed
	}
	stmt, ok := s.stmts[query]
	if !ok {
		if stmt, _, err = s.conn.Prepare(query); err != nil {
			return err
		}
		s.stmts[query] = stmt
	}
	defer func() { err = errors.Join(err, clean(stmt)) }()
	for i, p := range parameters {
		if err := bind(stmt, i+1, p); err != nil {
			return err
		}
	}
	for stmt.Step() {
		if row == nil {
			continue
		}
		if err := row(stmt); err != nil {
			return err
		}
	}
	return stmt.Err()
}

// clean makes a statement ready for its next use. That a statement has failed is known already.
func clean(stmt *sqlite3.Stmt) error {
	_ = stmt.Reset()
	return stmt.ClearBindings()
}

func bind(stmt *sqlite3.Stmt, i int, v any) error {
	switch v := v.(type) {
	case string:
		return stmt.BindText(i, v)
	case checkpoint.Payload:
		if !v.Present() {
			return stmt.BindNull(i)
		}
		return stmt.BindRawText(i, v.Bytes())
	case []byte:
		return stmt.BindRawText(i, v)
	case int:
		return stmt.BindInt(i, v)
	case int64:
		return stmt.BindInt64(i, v)
	case bool:
		return stmt.BindBool(i, v)
	}
	return fmt.Errorf("sqlite: a parameter is a %T", v)
}
