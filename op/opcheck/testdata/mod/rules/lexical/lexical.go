// Package lexical has what a linter misses that looks at the text of one function at a time: AWS's
// names each of these among what its own does not see. TestLexicalMisses lists them.
package lexical

import (
	"context"
	"database/sql"
	"os"
	"time"

	"example.test/shop/rules/lexical/far"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type service struct {
	clock far.Clock
	now   func() time.Time
	db    *sql.DB
}

func newService(db *sql.DB) *service { return &service{clock: far.Wall{}, now: time.Now, db: db} }

// miss: a helper without a context
func (s *service) helper(_ op.Context, at time.Time) bool {
	return far.Late(at) // want `clock: far.Late → time.Since`
}

// miss: a function value of which it is known what it is
func (s *service) value(op.Context) time.Time {
	return s.now() // want `clock: time.Now in handler code`
}

// miss: an interface of which it is known what it is
func (s *service) behind(op.Context) time.Time {
	return s.clock.Now() // want `clock: far.Wall.Now → time.Now`
}

var attempts int

func charge(context.Context) error {
	attempts++ // want `bodywrite: package variable attempts is written in a body and read in handler code`
	return nil
}

// miss: a named function that is passed as a body
func (s *service) named(ctx op.Context) (int, error) {
	err := replay.Exec(ctx, op.Do("charge", charge))
	return attempts, err // want `packagevar: package variable attempts changes`
}

// miss: a write through a pointer
func (s *service) pointer(ctx op.Context) (string, error) {
	id := ""
	p := &id
	err := replay.Exec(ctx, op.Do("draw", func(context.Context) error {
		*p = "x" // want `bodywrite: id is written in a body`
		return nil
	}))
	return id, err
}

// miss: a write through a pointer that a helper is given
func (s *service) filled(ctx op.Context) (string, error) {
	var o far.Order
	err := replay.Exec(ctx, op.Do("fill", func(context.Context) error {
		far.Fill(&o, "x") // want `bodywrite: o is written in a body`
		return nil
	}))
	return o.ID, err
}

// miss: a write to a field
func (s *service) field(ctx op.Context, o far.Order) (string, error) {
	err := replay.Exec(ctx, op.Do("name", func(context.Context) error {
		o.ID = "x" // want `bodywrite: o is written in a body`
		return nil
	}))
	return o.ID, err
}

// miss: a write to an element
func (s *service) element(ctx op.Context, names []string) ([]string, error) {
	found := map[string]bool{}
	err := replay.Exec(ctx, op.Do("note", func(context.Context) error {
		names[0] = "x"    // want `bodywrite: names is written in a body`
		found["x"] = true // want `bodywrite: found is written in a body`
		return nil
	}))
	if found["x"] {
		return names, err
	}
	return nil, err
}

// miss: a read of the environment
func (s *service) environment(op.Context) string {
	return os.Getenv("STAGE") + // want `environ: os.Getenv in handler code`
		far.Region() // want `environ: far.Region → os.Getenv`
}

// miss: a read of a database
func (s *service) database(_ op.Context, sku string) (int, error) {
	if err := s.db.QueryRow("select 1").Scan(new(int)); err != nil { // want `network: sql.DB.QueryRow` `network: sql.Row.Scan`
		return 0, err
	}
	return far.Stock(s.db, sku) // want `network: far.Stock → sql`
}
