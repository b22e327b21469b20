package sqlite

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
)

// application marks the files of this package (PRAGMA application_id): "perd".
const application = 0x70657264

// migrations bring a file from one version of the schema (PRAGMA user_version) to the next, the
// first from an empty file. Entries are never changed, only added.
//
// The columns beside record are what lists and recovery select by. Times are in milliseconds.
var migrations = []string{ //nolint:gochecknoglobals // a constant table
	`CREATE TABLE executions (
		seq INTEGER PRIMARY KEY AUTOINCREMENT,
		arn TEXT NOT NULL UNIQUE,
		name TEXT NOT NULL,
		function TEXT NOT NULL,
		status TEXT NOT NULL,
		unfinished INTEGER NOT NULL,
		started INTEGER NOT NULL,
		ended INTEGER NOT NULL,
		record TEXT NOT NULL
	) STRICT;
	CREATE INDEX executions_of_function ON executions (function, name);
	CREATE INDEX executions_unfinished ON executions (seq) WHERE unfinished;
	CREATE INDEX executions_ended ON executions (ended) WHERE NOT unfinished;
	CREATE TABLE operations (
		seq INTEGER PRIMARY KEY AUTOINCREMENT,
		execution INTEGER NOT NULL,
		id TEXT NOT NULL,
		record TEXT NOT NULL,
		UNIQUE (execution, id)
	) STRICT;
	CREATE TABLE events (
		execution INTEGER NOT NULL,
		id INTEGER NOT NULL,
		record TEXT NOT NULL,
		PRIMARY KEY (execution, id)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE timers (
		execution INTEGER NOT NULL,
		operation TEXT NOT NULL,
		purpose TEXT NOT NULL,
		at INTEGER NOT NULL,
		PRIMARY KEY (execution, operation, purpose)
	) STRICT, WITHOUT ROWID;`,

	// An execution is looked for by its name at each start that gives one: by the name first, since
	// the function alone selects a range, with all of its versions.
	`CREATE INDEX executions_of_name ON executions (name, function);`,

	// A record is written at each transition and read by each list, so it has neither the input,
	// which is written once, nor the result, which stands behind the record in the row. Records of
	// earlier versions keep theirs until they are written again.
	`ALTER TABLE executions ADD COLUMN result TEXT;
	CREATE TABLE inputs (
		execution INTEGER PRIMARY KEY,
		payload TEXT NOT NULL
	) STRICT;`,

	// Nothing is laid out differently, but executions may be PAUSED, which earlier versions take
	// for ended.
	``,
}

// ErrSchema says that a file is not a store, or one of a later version.
var ErrSchema = errors.New("the schema is not one that this version can use")

// checkSchema refuses a file that is not a store of this version or an earlier one.
func checkSchema(c *sqlite3.Conn) (version int, err error) {
	id, err := number(c, `PRAGMA application_id`)
	if err != nil {
		return 0, err
	}
	version, err = number(c, `PRAGMA user_version`)
	if err != nil {
		return 0, err
	}
	tables, err := number(c, `SELECT count(*) FROM sqlite_schema`)
	switch {
	case err != nil:
		return 0, err
	case tables > 0 && id != application:
		return 0, fmt.Errorf("%w: it is the database of something else; give the path of a new file", ErrSchema)
	case version > len(migrations):
		return 0, fmt.Errorf("%w: version %d, of at most %d; use a later version of perdure", ErrSchema, version, len(migrations))
	}
	return version, nil
}

// migrate brings the schema to the present version, in one transaction.
func migrate(c *sqlite3.Conn, version int) (err error) {
	if version == len(migrations) {
		return nil
	}
	tx, err := c.BeginImmediate()
	if err != nil {
		return err
	}
	defer tx.End(&err)
	for _, m := range migrations[version:] {
		if err := c.Exec(m); err != nil {
			return err
		}
	}
	return c.Exec(fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d`, application, len(migrations)))
}

// number returns the only value of a query.
func number(c *sqlite3.Conn, query string) (n int, err error) {
	err = ask(c, query, func(s *sqlite3.Stmt) { n = s.ColumnInt(0) })
	return n, err
}

// ask calls answer with the first row of a query, if there is one.
func ask(c *sqlite3.Conn, query string, answer func(*sqlite3.Stmt)) error {
	s, _, err := c.Prepare(query)
	if err != nil {
		return err
	}
	if s.Step() {
		answer(s)
	}
	err = s.Err()
	return cmp.Or(err, s.Close()) // which repeats what has gone wrong
}
