package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// patient is an execution that is prepared.
type patient struct {
	function, input string
	// answer is what is wrong, for after the practice.
	answer string
}

// patients returns what is prepared. Functions and operations have the names that they would have
// anywhere: none of them says what is wrong.
func patients() []patient {
	return []patient{
		{"refund", `{"id":"R-7","cents":48000}`, "the callback has no time-out, and the answer never came: answer or fail it, then give it a time-out"},
		{"order", `{"id":"O-12","cents":900}`, "the body of call-bank hangs in a read without a deadline: give it one; it is cut off meanwhile"},
		{"report", `{"id":"Q-3","rows":90000}`, "render is slow, in another line each time, and was cut off nine times: cut it into steps, since its timeout is the most already, then start again"},
		{"loan", `{"id":"L-4","cents":990000}`, "held: check-fraud was inserted before charge-card: declare it (op.Added) or deploy the former code, then resume; here no code can be deployed, so a resume has it held again"},
		{"signup", `{"id":"S-9","cents":"12 EUR"}`, "poison input, cents is a text: have whoever starts it send a number, and start again"},
		{"checkout", `{"id":"C-1","cents":2500}`, "payment:live does not exist: deploy it or its alias, then start again"},
		{"ingest", `{"id":"I-2","rows":900}`, "its checkpoint calls are throttled: fewer, larger steps, or a higher quota; pause it before the ninth failure in a row"},
		{"export", `{"id":"E-5"}`, "the result of dump-table is larger than a record may be: keep it in a store (codec/offload) or return a key"},
		{"invoice", `{"id":"N-8","lines":[1200,300]}`, "total panics because it reads a third line that the input does not have: mend the code, then start again"},
		{"subscription", `{"id":"U-6","days":365}`, "nothing is wrong unless the time is: it waits for a year; stop it, or skip the wait on this machine"},
	}
}

// site is a service with the functions, and what they need to break.
type site struct {
	bus     *page.Bus // says which executions have changed
	logFile string    // what the functions log is in it

	clock   shifted
	service *local.Service
	logs    *lines
	began   chan struct{} // a body that hangs has begun
	ending  chan struct{} // is closed when such bodies may end
	renders atomic.Int64  // how often the body that is slow has begun
	// hanging is the execution whose body hangs, while there is one, until hangsUntil at most.
	hanging    string
	hangsUntil time.Time
	names      map[string]string
	server     *http.Server
}

// functionTimeout is that of all functions: the most that Lambda takes.
const functionTimeout = 15 * time.Minute

// prepared returns a service whose executions are broken at the time end. names says by function
// what each is named.
func prepared(ctx context.Context, store local.Store, logs io.Writer, end time.Time, names map[string]string) (*site, error) {
	clock := local.NewVirtualClock(end.Add(-20 * time.Hour))
	s := &site{
		clock: shifted{clock}, logs: &lines{w: logs, cutOff: make(chan struct{}, 1)}, names: names,
		began: make(chan struct{}), ending: make(chan struct{}),
	}
	s.service = local.New(local.WithStore(store), local.WithClock(s.clock), //nolint:contextcheck // it lives until it is closed
		local.WithFunctionTimeout(functionTimeout), local.WithExecutionTimeout(366*24*time.Hour))
	api, err := s.throttled(ctx)
	if err == nil {
		err = s.host(api)
	}
	if err == nil {
		err = s.breakAll(ctx, end)
	}
	if err != nil {
		return nil, errors.Join(err, s.close()) //nolint:contextcheck // what ctx ends is closed all the same
	}
	return s, nil
}

// breakAll brings each execution to where it is to be found.
func (s *site) breakAll(ctx context.Context, end time.Time) error {
	if err := s.answered(ctx); err != nil {
		return err
	}
	for _, function := range []string{"subscription", "refund", "loan", "checkout", "signup", "export", "invoice"} {
		if err := s.start(ctx, function); err != nil {
			return err
		}
		if err := s.advance(ctx, 7*time.Minute); err != nil {
			return err
		}
	}
	for _, next := range []func() error{
		func() error { return s.quiet(ctx) },
		func() error { return s.service.Host("loan", handler(s, loanNext)) }, // what its execution goes on under
		func() error { return s.advance(ctx, time.Hour) },
		func() error { return s.start(ctx, "report") },
		func() error { return s.advance(ctx, 9*(functionTimeout+2*time.Minute)) }, // pauses are shorter
		func() error { return s.advance(ctx, end.Sub(s.clock.Now())-throttledFor-hangs) },
		func() error { return s.start(ctx, "ingest") },
		func() error { return s.advance(ctx, throttledFor) },
		func() error { return s.start(ctx, "order") },
		func() error { return s.advance(ctx, hangs) },
	} {
		if err := next(); err != nil {
			return err
		}
	}
	return nil
}

// answered has an execution end well, whose callback shows what an answer looks like.
func (s *site) answered(ctx context.Context) error {
	e, err := s.service.Start(ctx, "refund", "A-0", []byte(`{"id":"R-6","cents":1900}`))
	if err != nil {
		return err
	}
	if err := e.RunUntilSuspended(ctx); err != nil {
		return err
	}
	for _, o := range e.Operations() {
		if o.CallbackID != "" {
			return s.service.CompleteCallback(o.CallbackID, []byte("Ann"))
		}
	}
	return errors.New("the execution A-0 waits for no callback")
}

// hangs is for how long the body that hangs has run when it is looked at first.
const hangs = 9 * time.Minute

// start starts the execution of a function under its name.
func (s *site) start(ctx context.Context, function string) error {
	for _, p := range patients() {
		if p.function == function {
			_, err := s.service.Start(ctx, function, s.names[function], []byte(p.input))
			return err
		}
	}
	return fmt.Errorf("start %s: there is no input for it", function)
}

// advance moves the clock, from timer to timer: in between everything happens that can.
func (s *site) advance(ctx context.Context, d time.Duration) error {
	for to := s.clock.Now().Add(d); ; {
		if err := s.quiet(ctx); err != nil {
			return err
		}
		at, ok := s.clock.virtual.Next()
		if !ok || at.After(to) {
			s.clock.virtual.AdvanceTo(to)
			return nil
		}
		if !at.Before(s.hangsUntil) {
			s.hanging = "" // its invocation runs out of time
		}
		s.clock.virtual.AdvanceTo(at)
		if s.hanging != "" && at.Equal(s.hangsUntil.Add(-lastWords)) {
			if err := s.cutOffIsLogged(ctx); err != nil {
				return err
			}
		}
	}
}

// lastWords is how long before the end of its time an invocation logs what holds it up.
const lastWords = time.Second

// cutOffIsLogged waits until an invocation has logged what holds it up, which it does on a
// goroutine of its own.
func (s *site) cutOffIsLogged(ctx context.Context) error {
	select {
	case <-s.logs.cutOff:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// quiet waits until no execution goes on by itself but one whose body hangs.
func (s *site) quiet(ctx context.Context) error {
	for _, e := range s.service.Executions() {
		if e.Name() == s.hanging {
			continue
		}
		if err := s.quietOf(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) quietOf(ctx context.Context, e *local.Execution) error {
	var began chan struct{}
	if e.Name() == s.names["report"] || e.Name() == s.names["order"] {
		began = s.began
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- e.RunUntilSuspended(waiting) }()
	select {
	case err := <-done:
		return err
	case <-began:
		s.hanging, s.hangsUntil = e.Name(), s.clock.Now().Add(functionTimeout)
		return nil
	}
}

const (
	// throttledFor is for how long calls have been throttled when the last execution begins.
	throttledFor = 10 * time.Minute
	// quota is how often a call is let through. The pauses after eight failed invocations are
	// longer: so the ninth, which would end the execution, does not fail.
	quota = 100 * time.Second
)

// throttled returns a client of the service whose calls of checkpoints are throttled.
func (s *site) throttled(ctx context.Context) (checkpoint.LambdaAPI, error) {
	var mu sync.Mutex
	var last time.Time
	refuse := func(call string) bool {
		mu.Lock()
		defer mu.Unlock()
		if call != "CheckpointDurableExecution" {
			return false
		}
		if s.clock.Now().Sub(last) < quota {
			return true
		}
		last = s.clock.Now()
		return false
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.server = &http.Server{Handler: front.Handler(s.service, front.WithThrottling(refuse)), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }()
	return lambdaapi.New(lambdaapi.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + listener.Addr().String()), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}), nil
}

// close ends everything.
func (s *site) close() error {
	close(s.ending)
	err := s.service.Close()
	if s.server != nil {
		err = errors.Join(err, s.server.Close())
	}
	return err
}

// numbered names executions and so on, in an order that a seed decides.
func numbered(seed uint64) map[string]string {
	names := make(map[string]string)
	all := patients()
	for i, n := range rand.New(rand.NewPCG(seed, seed)).Perm(len(all)) {
		names[all[i].function] = "A-" + strconv.Itoa(n+1)
	}
	return names
}

// lines is a writer that several functions use.
type lines struct {
	mu     sync.Mutex
	w      io.Writer
	cutOff chan struct{} // a line says that an invocation will be cut off
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.w.Write(p)
	if bytes.Contains(p, []byte("the invocation's time is nearly over")) {
		select {
		case l.cutOff <- struct{}{}:
		default: // later than the preparation no one waits for it
		}
	}
	return n, err
}
