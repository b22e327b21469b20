// Package effects has what handler code must not do.
package effects

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"time"

	"example.test/shop/rules/helper"
	"example.test/shop/rules/helper/deeper"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type shop struct {
	now func() time.Time
	db  *sql.DB
}

func newShop(db *sql.DB) *shop { return &shop{now: time.Now, db: db} }

func clocks(ctx op.Context, s *shop) (time.Time, error) {
	began := time.Now()          // want `clock: time.Now in handler code reads the clock`
	_ = time.Since(began)        // want `clock: time.Since`
	_ = s.now()                  // want `clock: time.Now`
	_ = helper.Old(1)            // want `clock: helper.Old → deep.Age → deeper.Stamp → time.Now \(deeper.go:10\)`
	_ = deeper.Clock()           // want `clock: time.Now`
	_ = helper.Later()()         // want `clock: `
	_ = local()                  // want `clock: effects.local → time.Now \(effects.go:\d+\)`
	_ = replay.Now(ctx)          // the same on every replay
	_ = time.Duration(3).Hours() // computes
	_ = helper.Total(1, 2)
	_ = ctx.Execution().StartedAt.Add(time.Hour)
	//perdure:allow clock the log line wants the time of this machine
	_ = time.Now()
	return replay.Run(ctx, op.Step("read-clock", func(context.Context) (time.Time, error) {
		return time.Now(), nil // a body may
	}))
}

func local() bool { return time.Now().IsZero() }

func allowedInside() bool {
	//perdure:allow clock only for a metric
	return time.Now().IsZero()
}

func others(ctx op.Context, s *shop) error {
	_ = rand.IntN(3)                        // want `random: rand.IntN`
	_ = replay.Rand(ctx, "dice").IntN(3)    // seeded by the execution
	_ = rand.New(rand.NewPCG(1, 2)).IntN(3) // seeded
	_ = crand()                             // want `random: effects.crand → .* → rand.Text`
	_ = os.Getenv("X")                      // want `environ: os.Getenv`
	_ = helper.Zone()                       // want `environ: helper.Zone → deeper.Region → os.Getenv`
	_, _ = os.ReadFile("x")                 // want `files: os.ReadFile`
	_ = os.IsNotExist(nil)                  // computes
	_, _ = http.Get("http://localhost")     // want `network: http.Get`
	_ = http.StatusText(200)                // computes
	_, _ = s.db.Query("SELECT 1")           // want `network: sql.DB.Query`
	_, _ = os.Hostname()                    // want `process: os.Hostname`
	_ = exec.Command("ls").Run()            // want `process: exec.Cmd.Run`
	_ = fmt.Sprint(os.PathSeparator)        // computes
	_ = allowedInside()                     // allowed where it is
	time.Sleep(time.Second)                 // want `blocking: time.Sleep`
	time.Sleep(1)                           //perdure:allow blocking a nanosecond
	_ = rand.IntN(3)                        //perdure:allow random spreads log lines only
	_ = os.Getenv("X")                      //perdure:allow environ set once per deployment
	_, _ = os.ReadFile("x")                 //perdure:allow files part of the image
	_, _ = http.Get("http://localhost")     //perdure:allow network a side effect that may repeat
	_, _ = os.Hostname()                    //perdure:allow process for the log
	if deeper.Limit > deeper.Fixed {        // want `packagevar: package variable Limit changes`
		return nil
	}
	_ = deeper.Limit //perdure:allow packagevar it is set once, at the start
	return replay.Exec(ctx, op.Do("work", s.work))
}

func crand() string { return crandText() }

func crandText() string { return textOf() }

func textOf() string { return crypto() }

func crypto() string { return randText() }

func (s *shop) work(ctx context.Context) error {
	_, err := s.db.QueryContext(ctx, os.Getenv("QUERY"))
	time.Sleep(time.Millisecond)
	return err
}

// A function of the operation's own package is asked again on each replay.
func replayed(ctx op.Context, items []string) error {
	b := op.DoFunc("item", func(context.Context, string) error { return nil }).Key(func(s string) string {
		return s + time.Now().String() // want `clock: time.Now`
	})
	for _, i := range items {
		if err := replay.Exec(ctx, b(i)); err != nil {
			return err
		}
	}
	return nil
}
