package local_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestExecutionsAreOfAVersion: what an execution was started with is resolved to a version, as the
// pattern of its ARN demands (Lambda API, DurableExecutionArn): an alias stays in no ARN and is no
// version. It still finds the host.
func TestExecutionsAreOfAVersion(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`^arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:function:[a-zA-Z0-9_-]+:(\$LATEST(\.PUBLISHED)?|[0-9]+)` +
		`/durable-execution/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+$`)
	const latest = "$LATEST"
	for _, tt := range []struct {
		reason         string
		hosted         []string
		start          string
		version, alias string
		host           string // which of hosted is invoked
	}{
		{"no qualifier", []string{"f"}, "f", latest, "", "f"},
		{"the latest version", []string{"f"}, "f:$LATEST", latest, "", "f"},
		{"the latest published version", []string{"f"}, "f:$LATEST.PUBLISHED", "$LATEST.PUBLISHED", "", "f"},
		{"a version", []string{"f"}, "f:12", "12", "", "f"},
		{"an alias", []string{"f"}, "f:live", latest, "live", "f"},
		{"an alias that begins like a number", []string{"f"}, "f:7up", latest, "7up", "f"},
		{"an alias that is hosted by itself", []string{"f", "f:live"}, "f:live", latest, "live", "f:live"},
		{"beside another one", []string{"f:live", "f:beta", "f"}, "f:beta", latest, "beta", "f:beta"},
		{"an ARN with an alias", []string{"f"}, "arn:aws:lambda:us-east-1:123456789012:function:f:live", latest, "live", "f"},
		{"no qualifier where only an alias is hosted", []string{"f:live"}, "f", latest, "live", "f:live"},
	} {
		for _, how := range []string{"started", "invoked"} {
			t.Run(tt.reason+", "+how, func(t *testing.T) {
				t.Parallel()
				s, clock := newVirtual(t)
				for _, name := range tt.hosted {
					err := s.Host(name, local.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
						lc, _ := lambdacontext.FromContext(ctx)
						return []byte(`{"Status":"SUCCEEDED","Result":"` + name + " as " + lc.InvokedFunctionArn + `"}`), nil
					}))
					if err != nil {
						t.Fatal(err)
					}
				}
				e := startedOr(t, s, tt.start, how == "invoked")
				if err := e.Drive(t.Context()); err != nil {
					t.Fatal(err)
				}
				rec := e.Record()
				if !pattern.MatchString(e.ARN()) {
					t.Errorf("the ARN %s does not fit the pattern of the API", e.ARN())
				}
				const function = "arn:aws:lambda:us-east-1:123456789012:function:f"
				if want := function + ":" + tt.version; rec.Function != want || checkpoint.FunctionARN(e.ARN()) != want {
					t.Errorf("an execution of %s, by its ARN of %s, want %s", rec.Function, checkpoint.FunctionARN(e.ARN()), want)
				}
				if rec.Alias != tt.alias {
					t.Errorf("started with the alias %q, want %q", rec.Alias, tt.alias)
				}
				if got := string(e.Result()); !strings.HasPrefix(got, tt.host+" as ") {
					t.Errorf("the host was %s, want %s", got, tt.host)
				}
				for q, want := range map[string]int{function + ":" + tt.version: 1, function: 1, function + ":99": 0} {
					found, err := s.List(local.Query{Function: q, Name: rec.Name})
					if err != nil || len(found) != want {
						t.Errorf("%d executions of %s are listed, want %d: %v", len(found), q, want, err)
					}
				}
				_ = clock
			})
		}
	}
}

// startedOr starts an execution, or has one start it by a chained invocation.
func startedOr(t *testing.T, s *local.Service, function string, invoked bool) *local.Execution {
	t.Helper()
	if !invoked {
		e, err := s.Start(t.Context(), function, "", []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	caller := begin(t, s, calling(t, invokeStart("i", function, `{}`)), `{}`)
	if err := caller.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, ev := range caller.History() {
		if ev.Type != local.EventChainedInvokeStarted {
			continue
		}
		e, ok := s.Execution(ev.Target)
		if want := ":" + ev.Version + "/"; !ok || !strings.Contains(ev.Target, want) {
			t.Fatalf("the target is %s (there: %t), and the version %s", ev.Target, ok, ev.Version)
		}
		return e
	}
	t.Fatal("nothing was invoked")
	return nil
}

// TestAliasAfterARestart: an execution that was started with an alias goes on at the host of the
// alias under the next service, too.
func TestAliasAfterARestart(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	host := func(s *local.Service) {
		for _, name := range []string{"f", "f:live"} {
			if err := s.Host(name, function(func(k *talk) (string, error) {
				if k.status("w") == "" {
					k.must(t, waitStart("w", time.Hour))
					return pending, nil
				}
				return succeed(`"` + name + `"`), nil
			})); err != nil {
				t.Fatal(err)
			}
		}
	}
	clock := local.NewVirtualClock(start)
	first := local.New(local.WithClock(clock), local.WithStore(store))
	host(first)
	e, err := first.Start(t.Context(), "f:live", "", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := local.New(local.WithClock(clock), local.WithStore(store))
	defer second.Close()
	host(second)
	e, ok := second.Execution(e.ARN())
	if !ok {
		t.Fatal("the execution is gone")
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := string(e.Result()); got != `"f:live"` {
		t.Errorf("it went on at the host %s, want f:live", got)
	}
}

// TestNoPayload: a function that is invoked without a payload is given an empty object, as by
// Lambda (AWS emulator, executor.py); only a durable one that is started directly sees that there
// was none.
func TestNoPayload(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason  string
		payload []byte
		plain   bool
		invoked bool
		want    string
	}{
		{"a plain function, nothing", nil, true, false, `{}`},
		{"a plain function, an empty text", []byte{}, true, false, `{}`},
		{"a plain function, null", []byte(`null`), true, false, `null`},
		{"a plain function, an object", []byte(`{"n":1}`), true, false, `{"n":1}`},
		{"a plain function that is invoked with nothing", nil, true, true, `{}`},
		{"a durable function that is invoked with nothing", nil, false, true, `{}`},
		{"a durable function that is invoked with an object", []byte(`{"n":1}`), false, true, `{"n":1}`},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, _ := newVirtual(t)
			var opts []local.HostOption
			var given []byte
			h := local.HandlerFunc(func(_ context.Context, event []byte) ([]byte, error) {
				given = event
				return []byte(`1`), nil
			})
			if tt.plain {
				opts = append(opts, local.WithPlainFunction())
			} else {
				h = func(_ context.Context, event []byte) ([]byte, error) {
					in, err := checkpoint.DecodeInvocation(event)
					if err == nil {
						given = in.Operations[0].Payload.Bytes()
					}
					return []byte(`{"Status":"SUCCEEDED"}`), err
				}
			}
			if err := s.Host("f", h, opts...); err != nil {
				t.Fatal(err)
			}
			var e *local.Execution
			var err error
			if tt.invoked {
				u := invokeStart("i", "f", "")
				u.Payload = checkpoint.Payload{}
				if tt.payload != nil {
					u.Payload = checkpoint.TextPayload(string(tt.payload))
				}
				e = begin(t, s, calling(t, u), `{}`)
			} else {
				e, err = s.Start(t.Context(), "f", "", tt.payload)
			}
			if err == nil {
				err = e.Drive(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(given) != tt.want {
				t.Errorf("the function was given %q, want %q", given, tt.want)
			}
		})
	}
}
