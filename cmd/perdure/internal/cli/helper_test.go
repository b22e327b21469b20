package cli_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// begin is when the tests begin.
var begin = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// site is a service under a virtual clock with a function that orders something.
type site struct {
	t        *testing.T
	clock    *local.VirtualClock
	service  *local.Service
	endpoint string
	env      map[string]string
	last     string // the exit code of the last command of a document
}

func newSite(t *testing.T, opts ...local.Option) *site {
	t.Helper()
	clock := local.NewVirtualClock(begin)
	service := local.New(append([]local.Option{local.WithClock(clock)}, opts...)...)
	s := &site{t: t, clock: clock, service: service, env: make(map[string]string)}
	t.Cleanup(func() {
		if err := s.service.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, f := range map[string]lambda.Handler{"order": replay.Handler(order), "payment": replay.Handler(payment)} {
		if err := s.service.Host(name, f); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(lambdaapi.Handler(s.service))
	t.Cleanup(server.Close)
	s.endpoint, s.env["PERDURE_ENDPOINT"] = server.URL, server.URL
	return s
}

type purchase struct {
	ID    string   `json:"id"`
	Items []string `json:"items"`
}

// order has one operation of each kind.
func order(ctx op.Context, p purchase) (string, error) {
	if _, err := replay.Run(ctx, op.Step("reserve", func(context.Context) (int, error) {
		if len(p.Items) == 0 {
			return 0, retry.Permanent(errors.New("the order is empty"))
		}
		return len(p.Items), nil
	})); err != nil {
		return "", err
	}
	paid, err := replay.Run(ctx, op.Invoke[string]("charge", "payment", p.ID))
	if err != nil {
		return "", err
	}
	pack := op.StepFunc("pack", func(ctx context.Context, item string) (string, error) {
		if info, _ := op.InfoFrom(ctx); item == "tie" && info.Attempt == 1 {
			return "", errors.New("it fell down")
		}
		return "box with a " + item, nil
	}, op.WithRetry(retry.Fixed(90*time.Second)))
	if err := replay.Exec(ctx, op.Map("parcels", p.Items, pack, op.WithMaxConcurrency(1))); err != nil {
		return "", err
	}
	by, err := replay.Run(ctx, op.WaitForCallback[string]("collected",
		func(context.Context, string) error { return nil }, op.WithTimeout(48*time.Hour)))
	if err != nil {
		return "", err
	}
	return p.ID + " " + paid + ", collected by " + by, replay.Exec(ctx, op.Wait("cool-off", 36*time.Hour))
}

func payment(ctx op.Context, id string) (string, error) {
	return replay.Run(ctx, op.Step("pay", func(context.Context) (string, error) {
		if id == "B-1" {
			return "", retry.Permanent(errors.New("the card is empty"))
		}
		return "paid", nil
	}))
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

// advance moves the clock, one thing that happens after the other.
func (s *site) advance(d time.Duration) {
	s.t.Helper()
	s.settle()
	for to := s.clock.Now().Add(d); ; {
		at, ok := s.clock.Next()
		if !ok || at.After(to) {
			s.clock.AdvanceTo(to)
			s.settle()
			return
		}
		s.clock.AdvanceTo(at)
		s.settle()
	}
}

// outcome is what a run of the program has printed, and its exit code.
type outcome struct {
	out, err string
	code     int
}

// run runs the program with arguments.
func (s *site) run(args ...string) outcome {
	s.t.Helper()
	return s.runIn(s.t.Context(), "", args...)
}

func (s *site) runIn(ctx context.Context, in string, args ...string) outcome {
	s.t.Helper()
	return s.runWith(ctx, in, &told{lines: make(chan string, 1000)}, args...)
}

func (s *site) runWith(ctx context.Context, in string, err *told, args ...string) outcome {
	var out bytes.Buffer
	code := cli.Run(ctx, args, cli.Streams{
		In: strings.NewReader(in), Out: &out, Err: err, Now: s.clock.Now, Width: 110,
		Getenv: func(key string) string { return s.env[key] },
	})
	return outcome{s.scrub(out.String()), s.scrub(err.String()), code}
}

var (
	uuid       = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	callbackID = regexp.MustCompile(`YXJu[A-Za-z0-9_=-]+…?`)
	requestID  = regexp.MustCompile(`"(RequestId|Id|ParentId)":"[^"]*"`)
	operation  = regexp.MustCompile(`"id": "[^"]*"`)
)

// scrub replaces what is another in each run.
func (s *site) scrub(text string) string {
	text = strings.ReplaceAll(text, s.endpoint, "http://127.0.0.1:9090")
	text = uuid.ReplaceAllString(text, "6c9f…")
	text = callbackID.ReplaceAllString(text, "YXJu…")
	text = requestID.ReplaceAllString(text, `"$1":"…"`)
	return operation.ReplaceAllString(text, `"id": "…"`)
}

// callback returns the ID of the callback that an execution waits for.
func (s *site) callback() string {
	s.t.Helper()
	for _, e := range s.service.Executions() {
		for _, o := range e.Operations() {
			if o.CallbackID != "" && !o.Status.Terminal() {
				return o.CallbackID
			}
		}
	}
	s.t.Fatal("no execution waits for a callback")
	return ""
}
