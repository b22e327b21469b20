package local_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
)

func TestExecutionNamesAreIdempotent(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	for _, name := range []string{"order", "other"} {
		if err := s.Host(name, function(func(*talk) (string, error) { return succeed(`1`), nil })); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(function, name, payload string) (*local.Execution, error) {
		return s.Start(t.Context(), function, name, []byte(payload))
	}
	first, err := begin("order", "order-42", "{}")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		reason, function, name, payload string
		same                            bool
	}{
		{"the same name and payload is the same execution, even if it has ended", "order", "order-42", "{}", true},
		{"the function may be named in another way", "123456789012:function:order", "order-42", "{}", true},
		{"another version is the same function", "order:7", "order-42", "{}", true},
		{"another name is another execution", "order", "order-43", "{}", false},
		{"another function is another execution", "other", "order-42", "{}", false},
		{"no name is always another execution", "order", "", "{}", false},
	} {
		e, err := begin(tt.function, tt.name, tt.payload)
		if err != nil || (e == first) != tt.same {
			t.Errorf("%s: %v, %v", tt.reason, e, err)
		}
	}
	_, err = begin("order", "order-42", "[]")
	started, ok := errors.AsType[*local.AlreadyStartedError](err)
	if !ok || started.ARN != first.ARN() || started.Name != "order-42" {
		t.Errorf("another payload: %v", err)
	}
	if found, ok := s.Execution(first.ARN()); !ok || found != first || first.Name() != "order-42" {
		t.Errorf("the execution is not found by its ARN %s", first.ARN())
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t, local.WithLimits(local.Limits{InputBytes: 10}))
	if err := s.Host("order", echo); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ reason, function, name, payload, want string }{
		{"a function that is not hosted", "absent", "", "", "no such function is hosted: absent"},
		{"a text that is no function", "a b", "", "", `"a b" is not the name of a function`},
		{"a name with other characters", "order", "a b", "", "the name of an execution is 1 to 64 of"},
		{"a name that is too long", "order", strings.Repeat("a", 65), "", "the name of an execution is 1 to 64 of"},
		{"a payload that is too large", "order", "", "12345678901", "the payload is 11 bytes long, of at most 10"},
		{"a payload that is not text", "order", "", "\xff", "the payload is not valid UTF-8"},
	} {
		_, err := s.Start(t.Context(), tt.function, tt.name, []byte(tt.payload))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.reason, err, tt.want)
		}
	}
	if _, err := s.Start(t.Context(), "absent", "", nil); !errors.Is(err, local.ErrNoFunction) {
		t.Errorf("absent: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Start(ended, "order", "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if len(s.Executions()) != 0 {
		t.Errorf("%d executions were started", len(s.Executions()))
	}
}

// TestFunctionNames says which host answers to which name.
func TestFunctionNames(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:lambda:eu-west-1:210987654321:function:"
	for _, tt := range []struct {
		reason string
		hosted []string
		target string
		want   string // the ARN of the function; empty if none answers
	}{
		{"a name", []string{"order"}, "order", "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST"},
		{"any qualifier of a host without one", []string{"order"}, "order:live", "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST"},
		{"the host of the qualifier", []string{arn + "order", "order:live"}, "order:live", "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST"},
		{"an ARN", []string{arn + "order:7"}, "order:7", arn + "order:7"},
		{"by an ARN", []string{"order"}, arn + "order:7", "arn:aws:lambda:us-east-1:123456789012:function:order:7"},
		{"a partial ARN", []string{"order"}, "210987654321:function:order:7", "arn:aws:lambda:us-east-1:123456789012:function:order:7"},
		{"with an account", []string{"210987654321:function:order"}, "order", "arn:aws:lambda:us-east-1:210987654321:function:order:$LATEST"},
		{"no qualifier means the latest", []string{"order:live", "order:$LATEST"}, "order", "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST"},
		{"or the only one", []string{"order:live", "orders:7"}, "order", "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST"},
		{"but not any", []string{"order:live", "order:7"}, "order", ""},
		{"another qualifier", []string{"order:live"}, "order:7", ""},
		{"another name", []string{"orders"}, "order", ""},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, _ := newVirtual(t)
			for _, name := range tt.hosted {
				if err := s.Host(name, echo, local.WithPlainFunction()); err != nil {
					t.Fatal(err)
				}
			}
			e, err := s.Start(t.Context(), tt.target, "", []byte("1"))
			if tt.want == "" {
				if !errors.Is(err, local.ErrNoFunction) {
					t.Errorf("Start: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := checkpoint.FunctionARN(e.ARN()); got != tt.want {
				t.Errorf("the function is %s, want %s", got, tt.want)
			}
		})
	}
}

func TestHostRefuses(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	for _, name := range []string{"", "a b", "order:", "order:a b", "arn:aws:lambda:function", ":live"} {
		if err := s.Host(name, echo); err == nil {
			t.Errorf("%q was hosted", name)
		}
	}
	if err := s.Host("order", nil); err == nil {
		t.Error("nil was hosted")
	}
}

// TestHostingAgainReplacesAFunction says that running executions go on in the new one.
func TestHostingAgainReplacesAFunction(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		k.must(t, waitStart("w", time.Second))
		return pending, nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Host("order", function(func(*talk) (string, error) { return succeed(`"new"`), nil })); err != nil {
		t.Fatal(err)
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if string(e.Result()) != `"new"` {
		t.Errorf("the result is %s", e.Result())
	}
}

func TestDriveReportsAStall(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	f := function(func(k *talk) (string, error) {
		k.must(t, callbackStart("approval"))
		return pending, nil
	})
	e := begin(t, s, f, `{}`)
	err := e.Drive(t.Context())
	if !errors.Is(err, local.ErrStalled) || !strings.Contains(err.Error(), `waits for CALLBACK "approval" (approval), which is STARTED`) {
		t.Errorf("Drive: %v", err)
	}
	if _, err := s.Run(t.Context(), f, nil); !errors.Is(err, local.ErrStalled) {
		t.Errorf("Run: %v", err)
	}
	all := s.Executions()
	if got := all[len(all)-1].Status(); got != local.StatusStopped {
		t.Errorf("Run leaves an execution that is %s", got)
	}
}

// TestAFunctionCannotDrive says that what would wait for itself is an error.
func TestAFunctionCannotDrive(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	inner := function(func(*talk) (string, error) { return succeed(`1`), nil })
	_, err := s.Run(t.Context(), function(func(k *talk) (string, error) {
		if _, err := s.Run(k.ctx, inner, nil); err == nil {
			t.Error("a function has driven its service")
		}
		return succeed(`1`), nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
}

func TestDriveObeysItsContext(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	impatient := errors.New("impatient")
	release := make(chan struct{})
	e := begin(t, s, function(func(*talk) (string, error) {
		cancel(impatient)
		<-release
		return succeed(`1`), nil
	}), `{}`)
	if err := e.Drive(ctx); !errors.Is(err, impatient) {
		t.Errorf("Drive: %v", err)
	}
	close(release)
	if err := e.Drive(t.Context()); err != nil || e.Status() != local.StatusSucceeded {
		t.Errorf("the execution is %s, %v", e.Status(), err)
	}
}

// TestRealClock runs waits, retries and timeouts under the clock of a bubble.
func TestRealClock(t *testing.T) { //nolint:paralleltest // synctest
	synctest.Test(t, func(t *testing.T) {
		s := local.New()
		began := time.Now()
		e := begin(t, s, function(order), `{}`)
		if err := e.RunUntilSuspended(t.Context()); err != nil || e.Status() != local.StatusRunning || e.Invocations() != 1 {
			t.Errorf("after the first invocation: %s, %v", e.Status(), err)
		}
		if err := e.Drive(t.Context()); err != nil {
			t.Fatal(err)
		}
		if string(e.Result()) != `"done"` || time.Since(began) != 24*time.Hour+5*time.Second {
			t.Errorf("the result is %s after %v", e.Result(), time.Since(began))
		}
		s.Advance(time.Hour) // does nothing
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestThousandsOfExecutions run at the same time and end.
func TestThousandsOfExecutions(t *testing.T) { //nolint:paralleltest // synctest
	synctest.Test(t, func(t *testing.T) {
		s := local.New()
		n := draws.Count(1000)
		var all []*local.Execution
		for range n {
			all = append(all, begin(t, s, function(order), `{}`))
		}
		for _, e := range all {
			if err := e.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if string(e.Result()) != `"done"` || e.Invocations() != 3 {
				t.Fatalf("an execution ended with %s after %d invocations", e.Result(), e.Invocations())
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestExecutionsAreInvokedInTurn says in which order a virtual service runs what is due.
func TestExecutionsAreInvokedInTurn(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	var seen []string
	f := function(func(k *talk) (string, error) {
		name := checkpoint.ExecutionName(k.event.DurableExecutionArn)
		seen = append(seen, name)
		if k.status("w") == "" {
			k.must(t, waitStart("w", time.Minute))
			return pending, nil
		}
		return succeed(`1`), nil
	})
	if err := s.Host("order", f); err != nil {
		t.Fatal(err)
	}
	var last *local.Execution
	for _, name := range []string{"c", "a", "b"} {
		var err error
		if last, err = s.Start(t.Context(), "order", name, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := last.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"c", "a", "b", "c", "a", "b"}; !slices.Equal(seen, want) {
		t.Errorf("the order is %v, want %v", seen, want)
	}
}
