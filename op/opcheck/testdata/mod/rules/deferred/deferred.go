// Package deferred has deferred functions, and the invocation's context.
package deferred

import (
	"context"
	"database/sql"
	"os"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type stock interface {
	Release(ctx context.Context, sku string) error
	Free()
}

func defers(ctx op.Context, s stock, tx *sql.Tx) error {
	defer os.Remove("lock")                       // want `deferred: os.Remove is deferred`
	defer s.Free()                                // it is not known to do anything
	defer s.Release(ctx.InvocationContext(), "x") // want `deferred: stock.Release, a method of an interface is deferred`
	defer func() { _ = tx.Rollback() }()          // want `deferred: sql.Tx.Rollback is deferred`
	defer func() {
		if !replay.Suspending(ctx) {
			_ = tx.Rollback()
		}
	}()
	defer os.Remove("tmp") //perdure:allow deferred it may run often
	defer func() { _ = recover() }()
	return nil
}

func invocation(ctx op.Context, s stock, db *sql.DB) error {
	if err := s.Release(ctx.InvocationContext(), "x"); err != nil { // want `invocation: stock.Release, a method of an interface gets the invocation's context`
		return err
	}
	c, cancel := context.WithCancel(ctx.InvocationContext())
	defer cancel()
	_, _ = db.ExecContext(c, "DELETE")                       // want `invocation: sql.DB.ExecContext gets the invocation's context`
	_, _ = db.ExecContext(context.Background(), "DELETE")    // want `invocation: sql.DB.ExecContext gets context.Background\(\)`
	_, _ = db.ExecContext(ctx.InvocationContext(), "DELETE") //perdure:allow invocation it may be deleted often
	ctx.Logger().InfoContext(ctx.InvocationContext(), "fine")
	if d, ok := ctx.InvocationContext().Deadline(); ok && d.After(time.Time{}) {
		return nil
	}
	h := house{s}
	_ = h.reserve(ctx.InvocationContext(), "x") // want `invocation: deferred.house.reserve → stock.Release, a method of an interface \(deferred.go:\d+\) gets the invocation's context`
	return name(ctx.InvocationContext())
}

type house struct{ stock stock }

func (h house) reserve(ctx context.Context, sku string) error { return h.stock.Release(ctx, sku) }

func inBody(ctx op.Context, h house) error {
	return replay.Exec(ctx, op.Do("reserve", func(ctx context.Context) error { return h.reserve(ctx, "x") }))
}

func name(context.Context) error { return nil }
