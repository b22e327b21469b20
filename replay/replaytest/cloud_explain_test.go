package replaytest_test

import (
	"context"
	"net/http"
	"regexp"
	"testing"
	"time"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// TestCloudProblemsAreExplained reads what the author of a test reads.
func TestCloudProblemsAreExplained(t *testing.T) {
	t.Parallel()
	s := newShop()
	f := replay.Handler(s.process)
	in := order{ID: "A-1", Total: 500}
	tests := []struct {
		name, reason string
		site         func(t *testing.T) *site
		run          func(tb *recorder, s *site)
		want         string
	}{
		{
			name: "stub", reason: "a deployed function runs its own bodies",
			run: func(tb *recorder, at *site) {
				replaytest.Run(tb, f, in, at.cloud(tb), replaytest.StubResult(s.charge, payment{}))
			},
			want: `^replaytest: Cloud: the stub for the builder of "charge-card": a deployed function runs its own bodies; leave it out, .*without Cloud$`,
		},
		{
			name: "options of the service here", reason: "each one is named, with a reason",
			run: func(tb *recorder, at *site) {
				replaytest.Run(tb, f, in, at.cloud(tb), replaytest.WithStartTime(time.Unix(0, 0)), replaytest.WithService(local.WithExecutionTimeout(time.Hour)),
					replaytest.Host("math", f), replaytest.WithBudget(replaytest.Budget{Operations: 1}))
			},
			want: `(?s)Cloud: Host\("math"\): .*Cloud: WithStartTime: .*Cloud: WithService: .*Cloud: WithBudget: `,
		},
		{
			name: "start", reason: "a clock that cannot be held",
			run:  func(tb *recorder, at *site) { replaytest.Start(tb, f, in, at.cloud(tb)) },
			want: `^replaytest: Cloud goes with Run alone: `,
		},
		{
			name: "explore", reason: "what runs there cannot be interrupted",
			run:  func(tb *recorder, at *site) { replaytest.Explore(tb, f, in, at.cloud(tb)) },
			want: `Cloud goes with Run alone: `,
		},
		{
			name: "golden", reason: "the calls are not seen",
			run: func(tb *recorder, at *site) {
				replaytest.Run(tb, f, order{ID: "A-1"}, at.cloud(tb)).Golden(tb, "order.golden")
			},
			want: `^replaytest: Golden\("order.golden"\): the checkpoint traffic`,
		},
		{
			name: "no ARN", reason: "an environment variable is missing",
			run:  func(tb *recorder, at *site) { replaytest.Run(tb, f, in, replaytest.Cloud(tb, at.client(), "")) },
			want: `the ARN of the function is empty: is the environment variable set`,
		},
		{
			name: "no client", reason: "a helper may return nil",
			run:  func(tb *recorder, _ *site) { replaytest.Run(tb, f, in, replaytest.Cloud(tb, nil, functionARN)) },
			want: `the client is nil: pass a \*lambda.Client`,
		},
		{
			name: "client that was never made", reason: "the variable has a type, and so it is no nil interface",
			run: func(tb *recorder, _ *site) {
				var client *lambdaapi.Client
				replaytest.Run(tb, f, in, replaytest.Cloud(tb, client, functionARN))
			},
			want: `the client is nil: pass a \*lambda.Client`,
		},
		{
			name: "unknown function", reason: "a typo in the name",
			run:  func(tb *recorder, at *site) { replaytest.Run(tb, f, in, replaytest.Cloud(tb, at.client(), "oders")) },
			want: `start oders: .*Invoke: 404 .*are the name, the account and the client's region right\?`,
		},
		{
			name: "no permission", reason: "the calls that a role needs are named",
			site: func(t *testing.T) *site {
				t.Helper()
				at := deploy(t, f)
				at.answers = func(w http.ResponseWriter, _ *http.Request) bool {
					w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
					w.WriteHeader(http.StatusForbidden)
					return true
				}
				return at
			},
			run:  func(tb *recorder, at *site) { replaytest.Run(tb, f, in, at.cloud(tb)) },
			want: `Invoke: 403 AccessDeniedException.*the client needs lambda:InvokeFunction`,
		},
		{
			name: "no permission to look", reason: "the execution is not left running",
			site: func(t *testing.T) *site {
				t.Helper()
				at := deploy(t, f)
				at.answers = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodGet {
						return false
					}
					w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
					w.WriteHeader(http.StatusForbidden)
					return true
				}
				t.Cleanup(func() {
					for _, e := range at.service.Executions() {
						if e.Status() != local.StatusStopped {
							t.Errorf("the execution is %s", e.Status())
						}
					}
				})
				return at
			},
			run:  func(tb *recorder, at *site) { replaytest.Run(tb, f, in, at.cloud(tb)) },
			want: `^replaytest: execution arn:.*: checkpoint: GetDurableExecution: 403 AccessDeniedException.*; the client needs lambda:InvokeFunction`,
		},
		{
			name: "not durable", reason: "there is no history to look at",
			site: func(t *testing.T) *site {
				t.Helper()
				return deploy(t, local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, nil }), local.WithPlainFunction())
			},
			run:  func(tb *recorder, at *site) { replaytest.Run(tb, f, in, at.cloud(tb)) },
			want: `start arn:aws:lambda:us-east-1:123456789012:function:orders:live: .*The function is not durable`,
		},
		{
			name: "no answer", reason: "it says what the execution waits for",
			site: func(t *testing.T) *site {
				t.Helper()
				at := deploy(t, f)
				at.still = true
				return at
			},
			run: func(tb *recorder, at *site) {
				replaytest.Run(tb, f, in, at.cloud(tb, replaytest.WithPollTimeout(100*time.Millisecond)), replaytest.CallbackResult("manager-aprovl", ""))
			},
			want: `(?s)has not ended within 100ms: callback "manager-approval/manager-approval-callback" is STARTED; ` +
				`no CallbackResult is for "manager-approval", but for "manager-aprovl".*wait longer with WithPollTimeout.*OPERATION`,
		},
		{
			name: "test that ends soon", reason: "the execution is stopped before the test binary is",
			site: func(t *testing.T) *site {
				t.Helper()
				at := deploy(t, f)
				at.still = true
				return at
			},
			run: func(tb *recorder, at *site) {
				hurried := &hurriedTest{recorder: tb, end: time.Now().Add(10*time.Second + 50*time.Millisecond)}
				replaytest.Run(hurried, f, in, at.cloud(tb))
			},
			want: `has not ended within \d+\.\d+ms, when the -timeout of the test is near; Within allows 5m0s: callback "manager-approval/manager-approval-callback" is STARTED; ` +
				`answer it with the option CallbackResult\("manager-approval", …\); wait longer with WithPollTimeout\n`, // and not with Start
		},
		{
			name: "no function", reason: "it says the types and the errors",
			run:  func(tb *recorder, at *site) { replaytest.Run[order, receipt](tb, nil, in, at.cloud(tb)) },
			want: `^replaytest: the function is nil: pass what replay\.Handler makes of your handler$`,
		},
		{
			name: "repeated name", reason: "the check is the same as here",
			site: func(t *testing.T) *site {
				t.Helper()
				return deploy(t, replay.Handler(twice))
			},
			run:  func(tb *recorder, at *site) { replaytest.Run(tb, replay.Handler(twice), order{}, at.cloud(tb)) },
			want: `^replaytest: "notify#2" \(cloud_explain_test\.go:\d+\) repeats the name`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := (*site)(nil)
			if tt.site != nil {
				at = tt.site(t)
			} else {
				at = deploy(t, f)
			}
			got := record(t, func(tb *recorder) { tt.run(tb, at) })
			if len(got.errs) != 1 || !regexp.MustCompile(tt.want).MatchString(got.errs[0]) {
				t.Errorf("%s: got %q, want %q", tt.reason, got.errs, tt.want)
			}
		})
	}
}

// hurriedTest is a test whose binary ends soon.
type hurriedTest struct {
	*recorder

	end time.Time
}

func (t *hurriedTest) Deadline() (time.Time, bool) { return t.end, true }

// TestAbandonedExecutionIsStopped lets a test give up.
func TestAbandonedExecutionIsStopped(t *testing.T) {
	t.Parallel()
	f := replay.Handler(newShop().process)
	s := deploy(t, f)
	s.still = true
	got := record(t, func(tb *recorder) {
		replaytest.Run(tb, f, order{ID: "A-1", Total: 500}, s.cloud(tb, replaytest.WithPollTimeout(20*time.Millisecond)))
	})
	if !got.fatal {
		t.Errorf("got %q", got.errs)
	}
	all := s.service.Executions()
	if len(all) != 1 || all[0].Status() != local.StatusStopped || all[0].Failure().Type != "TestEnded" {
		t.Errorf("the execution goes on: %+v", all)
	}
	if name := all[0].Name(); !regexp.MustCompile(`^TestAbandonedExecutionIsStopped-[0-9a-f]{16}$`).MatchString(name) {
		t.Errorf("it is named %q", name)
	}
}

// twice runs two operations of one name.
func twice(ctx op.Context, _ order) (receipt, error) {
	for range 2 {
		if err := replay.Exec(ctx, op.Do("notify", func(context.Context) error { return nil })); err != nil {
			return receipt{}, err
		}
	}
	return receipt{}, nil
}
