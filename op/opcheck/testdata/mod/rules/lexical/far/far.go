// Package far has helpers of another package that know no op.Context.
package far

import (
	"database/sql"
	"os"
	"time"
)

type Order struct {
	ID    string
	Notes []string
}

func Late(at time.Time) bool { return time.Since(at) > time.Hour }

type Clock interface{ Now() time.Time }

type Wall struct{}

func (Wall) Now() time.Time { return time.Now() }

func Region() string { return os.Getenv("AWS_REGION") }

func Stock(db *sql.DB, sku string) (n int, err error) {
	return n, db.QueryRow("select n from stock where sku = ?", sku).Scan(&n)
}

func Fill(o *Order, id string) { o.ID = id }
