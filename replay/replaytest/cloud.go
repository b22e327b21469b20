package replaytest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/replay"
)

// Cloud has [Run] start the function that is deployed under functionARN, a name or an ARN with a
// version or an alias, and not the one that it is given: that one only gives the types, the
// registered errors and the codecs. api is a *lambda.Client of the AWS SDK. The test is the same:
//
//	var where replaytest.Option // nil: here, under virtual time
//	if arn := os.Getenv("ORDERS_ARN"); arn != "" {
//		where = replaytest.Cloud(t, client, arn)
//	}
//	r := replaytest.Run(t, orders, in, where)
//
// Time is real there. Run asks the service again and again how far the execution has come, answers
// the callbacks that have a [CallbackResult] when it sees them, and stops the execution if the test
// ends before it does. Throttled and lost calls are repeated.
//
// What happens inside the function cannot be observed there: of the [Result], Logs, Calls,
// CheckpointCalls, Metered, Bytes and Concurrent are zero, and so are the Runs of operations. The
// paths of operations, registered errors and codecs are found by running the handler again, in the
// test's process, with the history and without a single body. What is declared inside of a group
// that has ended is not seen again: errors that only such operations register are not restored
// (those of the handler always are), and keys of flat branches there are missing from paths.
//
// Options that need the service in the test's process fail the test: stubs, [Host],
// [WithStartTime], [WithService] and [WithBudget], and so do [Start], [Explore] and
// [Result.Golden].
func Cloud(tb testing.TB, api LambdaAPI, functionARN string, opts ...CloudOption) Option {
	tb.Helper()
	switch {
	case noClient(api):
		tb.Fatal("replaytest: Cloud: the client is nil: pass a *lambda.Client of the AWS SDK")
	case functionARN == "":
		tb.Fatal("replaytest: Cloud: the ARN of the function is empty: is the environment variable set that it comes from?")
	}
	c := &cloud{remote: remote{api}, function: functionARN, within: 5 * time.Minute, every: 250 * time.Millisecond}
	for _, o := range opts {
		o.applyCloud(c)
	}
	return option(func(cfg *config) { cfg.cloud = c })
}

// CloudOption configures [Cloud].
type CloudOption interface{ applyCloud(c *cloud) }

type cloudOption func(c *cloud)

func (o cloudOption) applyCloud(c *cloud) { o(c) }

// WithPollTimeout fails the test if an execution has not ended d after it was started; it is
// stopped then. The default is 5 minutes. Limit: 10 seconds before the -timeout of the test binary
// is over, which is 10 minutes unless set (go help testflag).
func WithPollTimeout(d time.Duration) CloudOption {
	return cloudOption(func(c *cloud) { c.within = d })
}

// WithPollInterval sets how long Run waits before it asks again how far an execution has come. Each
// pause is half as long again as the one before, up to 20 times d, until something has happened.
// The default is 250 milliseconds.
func WithPollInterval(d time.Duration) CloudOption {
	return cloudOption(func(c *cloud) { c.every = max(d, time.Millisecond) })
}

// cloud is a deployed function.
type cloud struct {
	remote

	function      string
	within, every time.Duration
}

// farewell is how long stopping an execution may take.
const farewell = 10 * time.Second

var errCloud = errors.New("Cloud goes with Run alone: the clock of AWS cannot be held, and what runs there not be interrupted; " +
	"leave the option out of Start and Explore")

// refused lists the options that a deployed function knows nothing of.
func (c *config) refused() (list []string) {
	add := func(what, why string) { list = append(list, "Cloud: "+what+": "+why) }
	for _, s := range c.stubs {
		add(s.name, "a deployed function runs its own bodies; leave it out, or run this case without Cloud")
	}
	for _, h := range c.hosts {
		add(fmt.Sprintf("Host(%q)", h.function), "a deployed function invokes what is deployed under that name")
	}
	if !c.start.Equal(newConfig().start) {
		add("WithStartTime", "the time there is the real one")
	}
	if len(c.service) > 0 {
		add("WithService", "the service there is AWS")
	}
	if c.budget != (Budget{}) {
		add("WithBudget", "how many calls were made, or bytes stored, is not seen there: check the budget without Cloud")
	}
	return list
}

// runCloud runs an execution of the deployed function.
func runCloud[In, Out any](tb testing.TB, f *replay.Function[In, Out], in In, cfg *config) *Result[Out] {
	tb.Helper()
	if f == nil {
		tb.Fatal(noFunction)
	}
	if list := cfg.refused(); len(list) > 0 {
		tb.Fatalf("replaytest: %s", strings.Join(list, "\nreplaytest: "))
	}
	input, err := encodeInput(tb.Context(), in)
	if err != nil {
		tb.Fatalf("replaytest: %v", err)
	}
	w := &watched{
		cloud: cfg.cloud, cfg: cfg, f: f, clock: checkpoint.ClockFrom(tb.Context()),
		answered: make(map[string]bool), replied: make(map[string]bool),
	}
	w.patience = w.within
	if t, ok := tb.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := t.Deadline(); ok {
			w.patience = min(w.within, end.Sub(w.clock.Now())-farewell)
		}
	}
	if err := w.run(tb.Context(), executionName(tb.Name()), input); err != nil {
		tb.Fatalf("replaytest: %v%s", err, w.table(tb.Context()))
	}
	k := w.rehearse(tb.Context())
	r, err := resultIn(w, k, f)
	if err != nil {
		tb.Fatal(err)
	}
	for _, c := range w.complaints(k, r.Operations) {
		tb.Errorf("replaytest: %s", c)
	}
	return r
}

// complaints are those of a run here that concern the cloud too.
func (w *watched) complaints(k *kit, ops []Operation) (list []string) {
	var callbacks []string
	for _, o := range ops {
		if o.Kind == checkpoint.KindCallback {
			callbacks = append(callbacks, askedAt(o, ops))
		}
	}
	for _, r := range w.cfg.replies {
		if !w.replied[r.path] {
			list = append(list, unusedReply(r.path, callbacks))
		}
	}
	for _, o := range ops {
		if last := lastOf(o.Path); !w.cfg.repeats && strings.Contains(last, "#") && !strings.Contains(last, "[") {
			list = append(list, repeats(o.Path, k.at))
		}
	}
	return list
}

// resultIn builds the result of an execution that has ended.
func resultIn[In, Out any](w *watched, k *kit, f *replay.Function[In, Out]) (*Result[Out], error) {
	h := w.history
	r := &Result[Out]{
		Cloud: true, ARN: w.arn, Status: w.end.status, Took: h.over.Sub(h.began), Invocations: h.invocations,
		History: h.events, Operations: w.operations(k), Rounds: w.rounds,
	}
	if !w.began.IsZero() {
		r.Took = h.over.Sub(w.began)
	}
	for _, o := range r.Operations {
		if o.SubType == subtype.Start && o.Status == checkpoint.StatusSucceeded && o.Path != successorPath {
			r.Started = append(r.Started, startedBy(o))
		}
	}
	return r, r.outcome(f, w.end, k.known)
}

// executionName makes the name of an execution of which people see which test has started it.
// Limit: 64 of [A-Za-z0-9_-] (Lambda API, DurableExecutionName).
func executionName(test string) string {
	const most, random = 64, 8
	name := []byte(test)
	for i, b := range name {
		if b != '_' && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			name[i] = '-'
		}
	}
	id := make([]byte, random)
	_, _ = rand.Read(id) // it never fails
	return string(name[:min(len(name), most-2*random-1)]) + "-" + hex.EncodeToString(id)
}

// watched is an execution in the cloud.
type watched struct {
	*cloud

	cfg   *config
	f     local.Handler
	clock checkpoint.Clock
	arn   string
	// patience is how long the test waits for the end.
	patience time.Duration
	// history is what was read last, end how the execution has ended.
	history *history
	end     ended
	// rounds are the executions that this one continues, began is when the first one has begun.
	rounds   []Round
	began    time.Time
	answered map[string]bool // callbacks, by ID
	replied  map[string]bool // by the path of a reply
}

// run starts the execution and waits until it has ended. If it does not, it is stopped.
func (w *watched) run(ctx context.Context, name string, input []byte) (err error) {
	if w.arn, err = w.start(ctx, w.function, name, input); err != nil {
		return fmt.Errorf("start %s: %w%s", w.function, err, hint(err))
	}
	if w.arn == "" {
		return fmt.Errorf("start %s: the function is not durable: it has no DurableConfig, or this version has not", w.function)
	}
	over := false
	defer func() {
		if over || w.end.over() {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		f := checkpoint.Failure{Type: "TestEnded", Message: "the test that started the execution has given up"}
		err = errors.Join(err, w.stop(ctx, w.arn, f))
	}()
	err = w.wait(ctx)
	for err == nil && w.goesOn() {
		err = w.wait(ctx)
	}
	over = err == nil
	return err
}

// goesOn turns to the execution that continues the one that has ended, if there is one.
func (w *watched) goesOn() bool {
	next, ok := checkpoint.ContinuedAs(w.end.result)
	if !ok || w.end.status != local.StatusSucceeded {
		return false
	}
	if len(w.rounds) == 0 {
		w.began = w.history.began
	}
	w.rounds = append(w.rounds, Round{ARN: w.arn, Name: checkpoint.ExecutionName(w.arn), Invocations: w.history.invocations})
	w.arn, w.history, w.end = next, nil, ended{}
	return true
}

// hint says what to look at when a call is refused.
func hint(err error) string {
	api, ok := errors.AsType[*checkpoint.APIError](err)
	if !ok {
		return ""
	}
	switch api.HTTPStatus {
	case http.StatusNotFound:
		if api.Call != "Invoke" {
			return ""
		}
		return "; are the name, the account and the client's region right? Durable functions are started by version or alias: orders:live"
	case http.StatusForbidden:
		return "; the client needs lambda:InvokeFunction, GetDurableExecution, GetDurableExecutionHistory, StopDurableExecution " +
			"and, for replies, SendDurableExecutionCallbackSuccess and SendDurableExecutionCallbackFailure"
	}
	return ""
}

// wait waits until the execution has ended and its history is complete, and answers callbacks.
func (w *watched) wait(ctx context.Context) error {
	until := w.clock.Now().Add(w.patience)
	pause := w.every
	for {
		progress, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !w.passing(err):
			return fmt.Errorf("execution %s: %w%s", w.arn, err, hint(err))
		case w.end.over() && w.history != nil && !w.history.over.IsZero():
			return nil
		case progress:
			pause = w.every
		}
		if w.clock.Now().Add(pause).After(until) {
			return w.gaveUp(ctx, err)
		}
		w.sleep(ctx, pause)
		const slowest = 20
		pause = min(pause*3/2, slowest*w.every) //nolint:mnd // half as long again
	}
}

// passing reports whether a call may succeed when it is made again: the execution may not be
// known everywhere so soon after its start.
func (w *watched) passing(err error) bool {
	api, ok := errors.AsType[*checkpoint.APIError](err)
	return ok && (!api.Permanent() || api.HTTPStatus == http.StatusNotFound && w.end.status == "")
}

// look asks how far the execution has come, and answers callbacks. It reports whether one was
// answered.
func (w *watched) look(ctx context.Context) (progress bool, err error) {
	if w.end.over() {
		return false, w.read(ctx)
	}
	status, err := w.status(ctx, w.arn)
	if err != nil {
		return false, err
	}
	w.end.status = status
	if status.Terminal() {
		end, err := w.get(ctx, w.arn, true)
		if err != nil {
			w.end.status = local.StatusRunning // and be asked again
			return false, err
		}
		w.end = end
		return false, w.read(ctx)
	}
	if len(w.cfg.replies) == 0 {
		return false, nil
	}
	if err := w.read(ctx); err != nil {
		return false, err
	}
	return w.answer(ctx)
}

func (w *watched) read(ctx context.Context) error {
	events, cut, err := w.cloud.history(ctx, w.arn)
	if err == nil {
		w.history = readHistory(w.arn, events, cut)
	}
	return err
}

// answer answers the open callbacks that have a reply.
func (w *watched) answer(ctx context.Context) (progress bool, err error) {
	var k *kit
	for _, rec := range w.history.log {
		if rec.Kind != checkpoint.KindCallback || rec.Status.Terminal() || rec.CallbackID == "" || w.answered[rec.CallbackID] {
			continue
		}
		if k == nil {
			k = w.rehearse(ctx)
		}
		for _, r := range w.cfg.replies {
			if !k.answers(r, rec) {
				continue
			}
			cb := &Callback{k: k, id: rec.CallbackID, path: k.path(rec), outer: k.parentPath(rec), arn: w.arn, to: sender{ctx, w.remote}}
			if err := r.act(cb); err != nil && !w.closed(ctx, rec.CallbackID) {
				return progress, fmt.Errorf("the reply for %q: %w", r.path, err)
			}
			w.answered[rec.CallbackID], w.replied[r.path] = true, true
			progress = true
			break
		}
	}
	return progress, nil
}

// closed reports whether a callback has ended meanwhile, by its timeout or by someone else.
func (w *watched) closed(ctx context.Context, id string) bool {
	if w.read(ctx) != nil {
		return false
	}
	return slices.ContainsFunc(w.history.log, func(rec checkpoint.Operation) bool {
		return rec.CallbackID == id && rec.Status.Terminal()
	})
}

// sender sends the answer of a callback to AWS.
type sender struct {
	ctx context.Context //nolint:containedctx // of the test that answers
	r   remote
}

// CompleteCallback sends a result.
func (s sender) CompleteCallback(id string, payload []byte) error {
	return s.r.succeed(s.ctx, id, payload)
}

// FailCallback sends a failure.
func (s sender) FailCallback(id string, f checkpoint.Failure) error { return s.r.fail(s.ctx, id, f) }

// sleep waits for d, or for the end of ctx.
func (w *watched) sleep(ctx context.Context, d time.Duration) {
	over := make(chan struct{})
	stop := w.clock.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// gaveUp says what the execution waits for.
func (w *watched) gaveUp(ctx context.Context, last error) error {
	what := fmt.Sprintf("execution %s has not ended within %v", w.arn, w.patience)
	if w.patience < w.within {
		what += fmt.Sprintf(", when the -timeout of the test is near; Within allows %v", w.within)
	}
	if last != nil {
		return fmt.Errorf("%s; the last call: %w", what, last)
	}
	if err := w.read(ctx); err != nil {
		return fmt.Errorf("%s; its history: %w", what, err)
	}
	if w.end.over() {
		return fmt.Errorf("the history of execution %s, which is %s, is not complete after %v", w.arn, w.end.status, w.patience)
	}
	return fmt.Errorf("%s: %s; wait longer with WithPollTimeout", what, waitsFor(w.operations(w.rehearse(ctx)), w.cfg.replies, ""))
}

// table is what the history says, for messages.
func (w *watched) table(ctx context.Context) string {
	if w.history == nil {
		return ""
	}
	var b strings.Builder
	b.WriteByte('\n')
	printOperations(&b, w.operations(w.rehearse(ctx)))
	return b.String()
}

// operations are those of the history.
func (w *watched) operations(k *kit) []Operation {
	ops := operationsOf(w.history.log, w.history.began, k.path)
	for i := range ops {
		ops[i].Truncated = w.history.cut[ops[i].ID]
	}
	return ops
}
