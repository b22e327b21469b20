package browsertest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/cmd/perdure/internal/page"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// begin is when the executions begin.
var begin = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// site is a service with its page.
type site struct {
	t       testing.TB
	clock   *local.VirtualClock
	service *local.Service
	url     string
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	bus := page.NewBus()
	s := &site{t: tb, clock: local.NewVirtualClock(begin)}
	s.service = local.New(local.WithClock(s.clock), local.WithStore(page.Announce(local.NewMemoryStore(), bus)))
	tb.Cleanup(func() {
		if err := s.service.Close(); err != nil {
			tb.Error(err)
		}
	})
	for name, f := range map[string]lambda.Handler{
		"order": replay.Handler(s.order), "payment": replay.Handler(s.payment), "report": replay.Handler(s.report, replay.WithStackTraces()),
	} {
		if err := s.service.Host(name, f); err != nil {
			tb.Fatal(err)
		}
	}
	server := httptest.NewServer(page.New(page.Options{
		Source: page.FromService(s.service), Actions: page.ActionsOn(s.service), Place: "perdure dev at 127.0.0.1:9090", Bus: bus, Now: s.clock.Now,
		Build: func(_ string, at time.Time) string { return fmt.Sprintf("%012x", at.Unix()/864000) },
	}))
	tb.Cleanup(server.Close)
	s.url = server.URL
	return s
}

type purchase struct {
	ID    string   `json:"id"`
	Items []string `json:"items"`
}

// order waits for weeks until someone collects it.
func (s *site) order(ctx op.Context, p purchase) (string, error) {
	if _, err := replay.Run(ctx, op.Step("reserve", s.takes(40*time.Minute, len(p.Items)), atMostOnce)); err != nil {
		return "", err
	}
	if _, err := replay.Run(ctx, op.Invoke[string]("charge", "payment", p.ID)); err != nil {
		return "", err
	}
	pack := op.StepFunc("pack", func(ctx context.Context, item string) (string, error) {
		s.clock.Advance(20 * time.Minute)
		if info, _ := op.InfoFrom(ctx); item == "tie" && info.Attempt < 3 {
			return "", errors.New("it fell down")
		}
		return "box with a " + item, nil
	}, op.WithRetry(retry.Fixed(5*time.Hour)), atMostOnce)
	if err := replay.Exec(ctx, op.Map("parcels", p.Items, pack)); err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Wait("cool-off", 14*24*time.Hour)); err != nil {
		return "", err
	}
	by, err := replay.Run(ctx, op.WaitForCallback[string]("collected",
		func(context.Context, string) error { return nil }, op.WithTimeout(30*24*time.Hour), op.WithHeartbeatTimeout(10*24*time.Hour)))
	if err != nil {
		return "", err
	}
	return "collected by " + by, nil
}

func (s *site) takes(d time.Duration, n int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		s.clock.Advance(d)
		return n, nil
	}
}

func (s *site) payment(ctx op.Context, id string) (string, error) {
	return replay.Run(ctx, op.Step("pay", func(context.Context) (string, error) {
		s.clock.Advance(2 * time.Second)
		if id == "B-1" {
			return "", retry.Permanent(errors.New("the card is empty"))
		}
		return "paid", nil
	}, atMostOnce))
}

// atMostOnce has the start of a body be in the log before it runs, so that bars are as long as it
// takes: a start that is held back is sent with the outcome, as the clock of the tests does not
// move by itself.
var atMostOnce = op.WithSemantics(op.AtMostOncePerRetry)

// report panics: its error has a stack.
func (s *site) report(ctx op.Context, days int) (int, error) {
	if _, err := replay.Run(ctx, op.Step("read", s.takes(time.Second, days), atMostOnce)); err != nil {
		return 0, err
	}
	return replay.Run(ctx, op.Step("average", func(context.Context) (int, error) {
		return []int{20, 18, 21}[days], nil // it panics
	}, op.WithRetry(retry.Never()), atMostOnce))
}

// start starts an execution and returns its ARN.
func (s *site) start(function, name, input string) string {
	s.t.Helper()
	e, err := s.service.StartWith(local.StartInput{Function: function, Name: name, Input: checkpoint.TextPayload(input), Async: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return e.ARN()
}

// advance moves the clock, one thing that happens after the other.
func (s *site) advance(d time.Duration) {
	s.t.Helper()
	for to := s.clock.Now().Add(d); ; {
		s.settle()
		at, ok := s.clock.Next()
		if !ok || at.After(to) {
			s.clock.AdvanceTo(to)
			s.settle()
			return
		}
		s.clock.AdvanceTo(at)
	}
}

// settle lets all executions run until none goes on by itself.
func (s *site) settle() {
	s.t.Helper()
	for before := -1; ; {
		now := 0
		for _, e := range s.service.Executions() {
			if err := e.RunUntilSuspended(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
			now += len(e.History())
		}
		if now == before {
			return
		}
		before = now
	}
}

// story runs executions of all kinds, and returns the ARN of an order that waits for weeks, and of
// one that fails.
func (s *site) story() (order, failed string) {
	s.t.Helper()
	order = s.start("order", "A-1", `{"id":"A-1","items":["hat","tie","scarf"]}`)
	s.start("order", "B-1", `{"id":"B-1","items":["hat"]}`)
	s.advance(24 * time.Hour)
	failed = s.start("report", "R-7", `7`)
	s.advance(15 * 24 * time.Hour)
	for i := range 12 {
		s.start("payment", fmt.Sprintf("P-%d", i), fmt.Sprintf(`"P-%d"`, i))
		s.advance(time.Hour)
	}
	held := s.start("order", "A-2", `{"id":"A-2","items":["glove"]}`)
	s.advance(time.Hour)
	if err := s.service.Pause(s.t.Context(), checkpoint.PauseInput{ARN: held, Reason: "the last deploy is broken"}); err != nil {
		s.t.Fatal(err)
	}
	s.advance(3 * 24 * time.Hour)
	return order, failed
}
