package replaytest_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/hosting"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

var _ replaytest.LambdaAPI = (*lambdaapi.Client)(nil)

const functionARN = "arn:aws:lambda:us-east-1:123456789012:function:orders:live"

// site stands for AWS: a function in the local service, behind HTTP. Time passes when someone asks
// for the second time in vain.
type site struct {
	url     string
	service *local.Service
	clock   *local.VirtualClock
	front   http.Handler
	// answers may take the place of the service's answer.
	answers func(w http.ResponseWriter, r *http.Request) (done bool)
	// still keeps time from passing.
	still bool

	mu     sync.Mutex // guards what follows
	events int
	calls  []string
}

// deploy deploys a function.
func deploy(t *testing.T, f local.Handler, opts ...local.HostOption) *site {
	t.Helper()
	s := &site{clock: local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	s.service = local.New(local.WithClock(s.clock))
	s.front = front.Handler(s.service)
	server := httptest.NewServer(s)
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := s.service.Close(); err != nil {
			t.Error(err)
		}
	})
	quiet := local.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		return f.Invoke(hosting.WithWatcher(ctx, &hosting.Watcher{Interceptor: replay.Interceptor{}, Logs: slog.DiscardHandler}), event)
	})
	if err := s.service.Host("orders:live", quiet, opts...); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) client() *lambdaapi.Client {
	return lambdaapi.New(lambdaapi.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.url), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	})
}

// cloud is the option for tests of the deployed function.
func (s *site) cloud(tb testing.TB, opts ...replaytest.CloudOption) replaytest.Option {
	tb.Helper()
	return replaytest.Cloud(tb, s.client(), functionARN, append([]replaytest.CloudOption{replaytest.WithPollInterval(time.Millisecond)}, opts...)...)
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls = append(s.calls, r.Method+" "+r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	s.mu.Unlock()
	if r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "/history") {
		s.goOn(r.Context())
	}
	if s.answers == nil || !s.answers(w, r) {
		s.front.ServeHTTP(w, r)
	}
}

// goOn runs what is due, and lets time pass if nothing has happened since it was called last.
func (s *site) goOn(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.service.Executions() {
		_ = e.RunUntilSuspended(ctx)
		n += len(e.History())
	}
	if at, ok := s.clock.Next(); ok && n == s.events && !s.still {
		s.clock.AdvanceTo(at)
	}
	s.events = n
}

// here compares what both a run here and one in the cloud know.
func here() cmp.Options {
	return cmp.Options{
		replaytest.IgnoreChance(),
		cmpopts.IgnoreFields(replaytest.Result[receipt]{}, "ARN", "Cloud", "Err", "Concurrent", "Metered", "Bytes"),
		cmpopts.IgnoreFields(replaytest.Operation{}, "Runs", "CallbackID"), unnamed(),
	}
}

// unnamed compares errors without the callback that they name: its ID has the execution in it.
func unnamed() cmp.Option {
	callback := regexp.MustCompile(`"callback":"[^"]*"`)
	return cmp.Transformer("unnamed", func(f checkpoint.Failure) checkpoint.Failure {
		if !callback.MatchString(f.Data) {
			return f
		}
		f.Data = callback.ReplaceAllString(f.Data, "")
		return f
	})
}

// TestSameTableHereAndInTheCloud runs one table in both homes and compares how they end.
func TestSameTableHereAndInTheCloud(t *testing.T) {
	t.Parallel()
	refuse := func(s *shop) {
		s.charge = op.StepFunc("charge-card", func(context.Context, order) (payment, error) { return payment{}, errDeclined },
			op.WithSemantics(op.AtMostOncePerRetry), op.WithErrors(codec.Sentinel("declined", errDeclined)))
	}
	busy := func(s *shop) {
		runs := 0
		s.reserve = op.StepFunc("reserve-stock", func(_ context.Context, o order) (hold, error) {
			if runs++; runs%3 != 0 {
				return hold{}, errBusy
			}
			return hold{o.ID}, nil
		}, op.WithRetry(retry.Fixed(2*time.Second, retry.NoJitter())))
	}
	tests := []struct {
		name, reason string
		shop         func(*shop)
		in           order
		opts         []replaytest.Option
		err          error
	}{
		{name: "small", reason: "steps and a wait", in: order{ID: "A-1", Items: []string{"x"}}},
		{name: "items", reason: "items of a map are found by their index", in: order{ID: "A-2", Items: strings.Fields("a b c d e f g h i j k l")}},
		{
			name: "approved", reason: "a reply goes through the API", in: order{ID: "A-3", Total: 500},
			opts: []replaytest.Option{replaytest.CallbackResult("manager-approval", approval{By: "Ann"})},
		},
		{
			name: "raw reply", reason: "bytes go as they stand", in: order{ID: "A-4", Total: 500},
			opts: []replaytest.Option{replaytest.CallbackResult("manager-approval", []byte(`{"By":"Bo"}`))},
		},
		{
			name: "refused", reason: "a failure from outside, compensated", in: order{ID: "A-5", Total: 500},
			opts: []replaytest.Option{replaytest.CallbackFailure("manager-approval", "declined", "too dear")},
		},
		{name: "no answer", reason: "a callback times out", in: order{ID: "A-6", Total: 500}, err: op.ErrTimedOut},
		{name: "declined", reason: "an error that an operation has registered", shop: refuse, in: order{ID: "A-7"}, err: errDeclined},
		{name: "retried", reason: "attempts are counted", shop: busy, in: order{ID: "A-8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop()
			if tt.shop != nil {
				tt.shop(s)
			}
			f := replay.Handler(s.process)
			want := replaytest.Run(t, f, tt.in, tt.opts...)
			got := replaytest.Run(t, f, tt.in, append(tt.opts, deploy(t, f).cloud(t))...)
			if diff := cmp.Diff(want, got, here()); diff != "" {
				t.Errorf("%s (-here +cloud):\n%s", tt.reason, diff)
			}
			if want.Took != got.Took || !got.Cloud || want.Cloud || !strings.Contains(got.ARN, ":orders:") {
				t.Errorf("got %v in the cloud, %v here; %v is %s", got.Took, want.Took, got.Cloud, got.ARN)
			}
			for _, r := range []*replaytest.Result[receipt]{want, got} {
				if (r.Err == nil) != (tt.err == nil && r.Status == local.StatusSucceeded) || !errors.Is(r.Err, tt.err) && tt.err != nil {
					t.Errorf("%s: got %v, want %v", tt.reason, r.Err, tt.err)
				}
			}
			if want.Err != nil && want.Err.Error() != got.Err.Error() {
				t.Errorf("%v here, %v in the cloud", want.Err, got.Err)
			}
			for _, r := range []*replaytest.Result[receipt]{want, got} { // an execution of another name has another ID
				for i := range r.History {
					r.History[i].OperationID = strings.TrimPrefix(r.History[i].OperationID, checkpoint.ExecutionID(r.ARN))
				}
			}
			if diff := cmp.Diff(want.History, got.History, cmpopts.IgnoreFields(local.Event{}, "CallbackID", "RequestID", "ID", "Name", "Result"), unnamed(),
				cmpopts.SortSlices(func(a, b local.Event) bool {
					return a.Time.Before(b.Time) || a.Time.Equal(b.Time) && a.OperationID+string(a.Type) < b.OperationID+string(b.Type)
				})); diff != "" {
				t.Errorf("the history (-here +cloud):\n%s", diff)
			}
		})
	}
}

// TestPathsAreFoundInTheHistory runs all kinds of names, and compares the paths.
func TestPathsAreFoundInTheHistory(t *testing.T) {
	t.Parallel()
	say := op.StepFunc("say", func(_ context.Context, s string) (string, error) { return s, nil })
	keyed := say.Key(func(s string) string { return s })
	walk := op.GroupFunc("walk", func(ctx op.Context, s string) (string, error) { return replay.Run(ctx, say(s)) })
	tests := []struct {
		name, reason string
		run          func(ctx op.Context) error
		opts         []replaytest.Option
	}{
		{
			name: "keys", reason: "a key is escaped in the name on the wire",
			run: func(ctx op.Context) error {
				return errors.Join(replay.Exec(ctx, keyed("a/b")), replay.Exec(ctx, keyed("[ü] 100%")), replay.Exec(ctx, keyed("x")))
			},
		},
		{
			name: "a key that is too long", reason: "it is cut in the name on the wire",
			run: func(ctx op.Context) error {
				outer := op.Group("outer", func(ctx op.Context) (string, error) { return replay.Run(ctx, say("x")) })
				return errors.Join(replay.Exec(ctx, outer.Key(strings.Repeat("key", 100))),
					replay.Exec(ctx, op.Map("all", []string{strings.Repeat("long ", 80), "b"}, keyed)))
			},
		},
		{
			name: "brackets in a name", reason: "they are no key",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Do("a[b]", func(context.Context) error { return nil }))
			},
		},
		{
			name: "repeats", reason: "the occurrence is part of the ID",
			run:  func(ctx op.Context) error { return errors.Join(replay.Exec(ctx, say("1")), replay.Exec(ctx, say("2"))) },
			opts: []replaytest.Option{replaytest.AllowRepeats()},
		},
		{
			name: "groups in items", reason: "an item that is a group has no other context",
			run: func(ctx op.Context) error { return replay.Exec(ctx, op.Map("all", []string{"a", "b"}, walk)) },
		},
		{
			name: "keyed items", reason: "they are found by their keys",
			run: func(ctx op.Context) error { return replay.Exec(ctx, op.Map("all", []string{"a/1", "item-0"}, keyed)) },
		},
		{
			name: "branches", reason: "they are found by their names",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.All("both", keyed("a"), op.Step("other", func(context.Context) (string, error) { return "", nil })))
			},
		},
		{
			name: "flat items", reason: "an item without a record is found by the scope of what it did",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Map("all", []string{"a", "b"}, walk, op.WithFlat()))
			},
		},
		{
			name: "flat branches", reason: "so is a branch",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Parallel("both", []op.Op[string]{say("a"), op.Step("other", func(context.Context) (string, error) { return "", nil })}, op.WithFlat()))
			},
		},
		{
			name: "keyed branches of keyed items of a flat map", reason: "keys of flat branches are in no record",
			run: func(ctx op.Context) error {
				both := op.Builder[string, []string](func(s string) op.Op[[]string] {
					return op.All("both", keyed(s+"1"), keyed(s+"2"))
				})
				return replay.Exec(ctx, op.Map("all", []string{"a", "b"}, both.Key(func(s string) string { return s }), op.WithFlat()))
			},
		},
		{
			name: "compensations", reason: "they have a scope of their own",
			run: func(ctx op.Context) error {
				undo := say.Undo(func(context.Context, string) error { return nil })
				err := replay.Exec(ctx, op.Group("trip", func(ctx op.Context) (string, error) {
					if err := replay.Exec(ctx, undo("a")); err != nil {
						return "", err
					}
					return "", errors.New("no")
				}))
				if err == nil {
					return errors.New("the group has not failed")
				}
				return nil
			},
		},
		{
			name: "callback in a group", reason: "it has a parent and a submitter",
			run: func(ctx op.Context) error {
				ask := op.WaitForCallback[string]("answer", func(context.Context, string) error { return nil })
				return replay.Exec(ctx, op.Group("outer", func(ctx op.Context) (string, error) { return replay.Run(ctx, ask) }))
			},
			opts: []replaytest.Option{replaytest.CallbackResult("outer/answer", "yes")},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, tt.run(ctx) })
			want := replaytest.Run(t, f, op.None{}, tt.opts...)
			got := replaytest.Run(t, f, op.None{}, append(tt.opts, deploy(t, f).cloud(t))...)
			if want.Err != nil || len(want.Operations) == 0 {
				t.Fatalf("got %v and %d operations", want.Err, len(want.Operations))
			}
			if diff := cmp.Diff(pathsOf(want.Operations), pathsOf(got.Operations)); diff != "" {
				t.Errorf("%s (-here +cloud):\n%s", tt.reason, diff)
			}
		})
	}
}

func pathsOf(ops []replaytest.Operation) (paths []string) {
	for _, o := range ops {
		paths = append(paths, o.Path)
	}
	slices.Sort(paths)
	return paths
}

// TestCodecOfACallbackInTheCloud answers a callback that has a codec of its own.
func TestCodecOfACallbackInTheCloud(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		text := codec.Of(func(s string) ([]byte, error) { return []byte("<" + s + ">"), nil },
			func(b []byte) (string, error) { return strings.Trim(string(b), "<>"), nil })
		ask := op.WaitForCallback[string]("answer", func(context.Context, string) error { return nil }).WithCodec(text)
		return replay.Run(ctx, ask)
	})
	r := replaytest.Run(t, f, op.None{}, deploy(t, f).cloud(t), replaytest.CallbackResult("answer", "yes"))
	if r.Value != "yes" || r.Op("answer").Result != "<yes>" {
		t.Errorf("got %q, %v, and %q in the log", r.Value, r.Err, r.Op("answer").Result)
	}
}

func TestNoBodyRunsToReadAHistory(t *testing.T) {
	t.Parallel()
	deployed := newShop()
	mine := newShop()
	mine.reserve = op.StepFunc("reserve-stock", func(context.Context, order) (hold, error) {
		t.Error("a body ran in the test")
		return hold{}, nil
	})
	s := deploy(t, replay.Handler(deployed.process))
	r := replaytest.Run(t, replay.Handler(mine.process), order{ID: "A-1", Total: 500}, s.cloud(t),
		replaytest.CallbackResult("manager-approval", approval{By: "Ann"}))
	if r.Err != nil || r.Value.Payment != "pay-A-1" {
		t.Errorf("got %+v, %v", r.Value, r.Err)
	}
}

func TestCloudSurvivesThrottlingAndLateHistories(t *testing.T) {
	t.Parallel()
	f := replay.Handler(newShop().process)
	s := deploy(t, f)
	asked := 0
	s.answers = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Method != http.MethodGet {
			return false
		}
		asked++
		switch {
		case asked == 1:
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(http.StatusNotFound)
		case asked%3 == 0:
			w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
			w.WriteHeader(http.StatusTooManyRequests)
		case asked%3 == 1 && strings.HasSuffix(r.URL.Path, "/history") && asked < 40:
			_, _ = w.Write([]byte(`{"Events":[]}`))
		default:
			return false
		}
		return true
	}
	if r := replaytest.Run(t, f, order{ID: "A-1", Items: []string{"x"}}, s.cloud(t)); r.Err != nil || r.Op("ship[0]/pack-item").Status != "SUCCEEDED" {
		t.Errorf("got %v, %+v", r.Err, r.Operations)
	}
	if asked < 6 {
		t.Errorf("only %d calls were made", asked)
	}
}

func TestLongHistoriesAreReadPageByPage(t *testing.T) {
	t.Parallel()
	const items = 700
	double := op.StepFunc("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		b, err := replay.Run(ctx, op.Map("all", slices.Collect(func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
		}), double, op.WithFlat()))
		return b.Len(), err
	})
	s := deploy(t, f)
	pages := 0
	s.answers = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/history") && r.URL.Query().Get("Marker") != "" {
			pages++
		}
		return false
	}
	r := replaytest.Run(t, f, items, s.cloud(t))
	operations := 0
	for _, o := range r.Operations {
		if o.SubType != subtype.Usage { // what the engine notes of the operations that the log hides
			operations++
		}
	}
	if r.Err != nil || r.Value != items || operations != items+1 || r.Op("all[699]/double").Result != "1398" {
		t.Errorf("got %d, %v, and %d operations", r.Value, r.Err, operations)
	}
	if pages != 1 {
		t.Errorf("%d events came on %d further pages, want one", len(r.History), pages)
	}
}

func TestTruncatedDataIsReported(t *testing.T) {
	t.Parallel()
	f := replay.Handler(newShop().process)
	s := deploy(t, f)
	s.answers = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/history") {
			return false
		}
		answer := httptest.NewRecorder()
		s.front.ServeHTTP(answer, r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(bytes.ReplaceAll(answer.Body.Bytes(), []byte(`{"Payload":"{\"ID\":\"pay-A-1\"}","Truncated":false}`),
			[]byte(`{"Payload":"{\"ID","Truncated":true}`)))
		return true
	}
	r := replaytest.Run(t, f, order{ID: "A-1"}, s.cloud(t))
	var pay payment
	if o := r.Op("charge-card"); !o.Truncated || o.Decode(&pay) == nil || !strings.Contains(o.Decode(&pay).Error(), "cut it off") {
		t.Errorf("got %+v, %v", o, o.Decode(&pay))
	}
	if o := r.Op("reserve-stock"); o.Truncated || r.Value.Payment != "pay-A-1" {
		t.Errorf("got %+v, %+v", o, r.Value)
	}
}
