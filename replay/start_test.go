package replay_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// starter is the local service, which does not start every execution that it is asked for.
type starter struct {
	*local.Service

	errs []error // of the calls, in their order; nil after them

	mu     sync.Mutex
	starts []checkpoint.StartInput
}

func (s *starter) StartExecution(ctx context.Context, in checkpoint.StartInput) (checkpoint.StartOutput, error) {
	s.mu.Lock()
	s.starts = append(s.starts, in)
	n := len(s.starts)
	s.mu.Unlock()
	if n <= len(s.errs) && s.errs[n-1] != nil {
		return checkpoint.StartOutput{}, s.errs[n-1]
	}
	return s.Service.StartExecution(ctx, in)
}

// hosts makes f a function whose client is the starter.
func (s *starter) hosts(f local.Handler) local.Handler {
	return local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		return f.Invoke(checkpoint.WithClient(ctx, s), payload)
	})
}

func invokeError(status int, code, message string) error {
	return &checkpoint.APIError{Call: "Invoke", HTTPStatus: status, Code: code, Message: message}
}

// TestStartRefused: what the service will refuse again fails the operation at once, and says what
// to do; everything else is attempted again.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		err    error
		calls  int
		says   string
	}{
		{"the role may not", invokeError(403, "AccessDeniedException", "no"), 1, "permit the function lambda:InvokeFunction for other:live"},
		{"no such function", invokeError(404, "ResourceNotFoundException", "no"), 1, "there is no function other:live"},
		{"the name is taken", invokeError(409, "DurableExecutionAlreadyStartedException", "no"), 1, "has an execution mine with another input: choose another name"},
		{"a loop", invokeError(400, "RecursiveInvocationException", "no"), 1, "RecursiveLoop: Allow"},
		{"not durable", fmt.Errorf("start: %w", &checkpoint.APIError{Call: "Invoke", HTTPStatus: 202, Cause: checkpoint.ErrNoExecution}), 1, "has no DurableConfig"},
		{"refused for another reason", invokeError(400, "InvalidParameterValueException", "bad tenant"), 1, "bad tenant"},
		{
			"the former one may not be looked up",
			&checkpoint.APIError{Call: "ListDurableExecutionsByFunction", HTTPStatus: 403, Code: "AccessDeniedException"}, 1,
			"permit the function lambda:ListDurableExecutionsByFunction",
		},
		{"throttled", invokeError(429, "TooManyRequestsException", "slow down"), 2, ""},
		{"the network", errors.New("connection reset"), 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			must(t, h.Host("other", echo()))
			client := &starter{Service: h.Service, errs: []error{tt.err}}
			e := h.drive(t, client.hosts(replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				return replay.Run(ctx, op.Start("begin", "other:live", 7, op.WithExecutionName("mine"),
					op.WithStarting(op.WithRetry(attemptsOf(2)))))
			})), "null")
			got := end(e)
			switch {
			case len(client.starts) != tt.calls:
				t.Errorf("%d calls, want %d: %s", len(client.starts), tt.calls, got)
			case tt.says != "" && (e.Status() != local.StatusFailed || !strings.Contains(got, tt.says)):
				t.Errorf("the execution is %s, want it FAILED with %q", got, tt.says)
			case tt.says == "" && !strings.Contains(got, ":function:other:$LATEST/durable-execution/mine/"):
				t.Errorf("the execution is %s, want the ARN", got)
			}
		})
	}
}

// echo is a function that returns its input.
func echo() local.Handler {
	return replay.Handler(func(_ op.Context, in any) (any, error) { return in, nil })
}

// others lists the executions of a function with their inputs.
func others(h *home, function string) (list []string) {
	for _, e := range h.Executions() {
		if rec := e.Record(); strings.HasSuffix(rec.Function, ":"+function) || strings.Contains(rec.Function, ":"+function+":") {
			list = append(list, rec.Name+" "+rec.Input.String())
		}
	}
	return list
}

// TestStartWithoutAClient: a client that cannot start executions says so.
func TestStartWithoutAClient(t *testing.T) {
	t.Parallel()
	client := &tape{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Start("begin", "other:live", 7))
	})
	got := once(t, f, client)
	if !strings.HasPrefix(got, "FAILED ") || !strings.Contains(got, "it is no checkpoint.Starter") {
		t.Errorf("answer %s, want it failed for the client", got)
	}
}

// TestStartSaysWhatItStarts: function, name, tenant, trace header and input are those of the
// operation; two operations start two executions.
func TestStartSaysWhatItStarts(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	must(t, h.Host("other", echo()))
	client := &starter{Service: h.Service}
	traced := replay.WithInterceptors(replay.Interceptor{
		InvokeTraceHeader: func(_ context.Context, o replay.OperationInfo, header string) string { return "Root=" + o.Path },
	})
	e := h.drive(t, client.hosts(replay.Handler(func(ctx op.Context, _ op.None) ([]string, error) {
		one, err := replay.Run(ctx, op.Start("begin", "other:live", []int{1}, op.WithTenant("acme")))
		if err != nil {
			return nil, err
		}
		many, err := replay.Run(ctx, op.All("many",
			op.Start("begin", "other:live", `"a"`, op.WithInputCodec(codec.Raw())).Key("a"),
			op.Start[any]("begin", "other:live", nil).Key("b")))
		return append([]string{one}, many...), err
	}, traced)), "null")
	var arns []string
	if err := json.Unmarshal(e.Result(), &arns); err != nil || len(arns) != 3 || len(client.starts) != 3 {
		t.Fatalf("the execution is %s: %v; %d calls", end(e), err, len(client.starts))
	}
	prefix := checkpoint.ExecutionName(e.ARN())[:10]
	seen := make(map[string]bool)
	for _, in := range client.starts {
		if seen[in.Name] || !strings.HasPrefix(in.Name, prefix) || !strings.Contains(in.Name, "-begin-") || !in.Own || in.Function != "other:live" {
			t.Errorf("started is %+v", in)
		}
		seen[in.Name] = true
	}
	var inputs []string
	for _, in := range client.starts {
		inputs = append(inputs, fmt.Sprintf("%s %q %q", in.Payload, in.Tenant, in.TraceHeader))
	}
	want := []string{`[1] "acme" "Root=begin"`, `"a" "" "Root=many[begin%5Ba%5D]/begin"`, `null "" "Root=many[begin%5Bb%5D]/begin"`}
	slices.Sort(inputs[1:])
	if diff := cmp.Diff(want, inputs); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	for _, arn := range arns {
		if _, ok := h.Execution(arn); !ok {
			t.Errorf("there is no execution %s", arn)
		}
	}
}

// noisy is a codec that never writes the same bytes again, as one that encrypts does.
type noisy struct{ codec.Codec }

func (n noisy) Encode(ctx context.Context, m codec.Meta, v any) ([]byte, error) {
	text, err := n.Codec.Encode(ctx, m, v)
	return fmt.Appendf(nil, "{%q:%s}", rand.Text(), text), err
}

// TestStartIsNotRepeated: an execution that was started, but not recorded, is found again, whatever
// the codec of the input writes. Under a name that others may have chosen it must write the same.
func TestStartIsNotRepeated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		opts   []op.StartOption
		says   string
	}{
		{"a derived name", nil, ""},
		{"a derived name and a codec that encrypts", []op.StartOption{op.WithInputCodec(noisy{codec.JSON()})}, ""},
		{"a name that was chosen", []op.StartOption{op.WithExecutionName("mine")}, ""},
		{
			"a name that was chosen and a codec that encrypts",
			[]op.StartOption{op.WithExecutionName("mine"), op.WithInputCodec(noisy{codec.JSON()})},
			"has an execution mine with another input",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			lost := false
			h := newHome(t, local.WithFaults(local.Faults{Lose: func(p local.Point) bool {
				for _, u := range p.Updates {
					if u.Action == checkpoint.ActionSucceed && u.Name == "begin" && p.Moment == local.MomentBeforeCall && !lost {
						lost = true
						return true
					}
				}
				return false
			}}))
			must(t, h.Host("other", echo()))
			client := &starter{Service: h.Service}
			e := h.drive(t, client.hosts(replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				return replay.Run(ctx, op.Start("begin", "other:live", 7, tt.opts...))
			})), "null")
			if got := end(e); tt.says != "" && !strings.Contains(got, tt.says) || tt.says == "" && e.Status() != local.StatusSucceeded {
				t.Errorf("the execution is %s, want %q", got, tt.says)
			}
			if started := others(h, "other"); len(started) != 1 || len(client.starts) != 2 || !lost {
				t.Errorf("%d calls have started %q, want two and one", len(client.starts), started)
			}
		})
	}
}

// TestStartMisuse: what is wrong with a declaration is refused before anything is called.
func TestStartMisuse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		o      op.Op[string]
		says   string
	}{
		{"no function", op.Start("begin", "", 1), "op.Start without a function"},
		{"no function's name", op.Start("begin", "a b", 1), `op.Start of "a b"`},
		{"no name", op.Start("", "other", 1), "an operation without a name"},
		{"a name with a space", op.Start("begin", "other", 1, op.WithExecutionName("a b")), "want 1 to 64 of A-Z a-z 0-9 - and _"},
		{"a name that is too long", op.Start("begin", "other", 1, op.WithExecutionName(strings.Repeat("x", 65))), "want 1 to 64"},
		{"a bad tenant", op.Start("begin", "other", 1, op.WithTenant("a!b")), "op.WithTenant"},
		{"an input that does not encode", op.Start("begin", "other", func() {}), "func()"},
		{"an input that is too large", op.Start("begin", "other", strings.Repeat("x", 1<<20)), "at most 1,048,576"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			client := &starter{Service: h.Service}
			e := h.drive(t, client.hosts(replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
				return replay.Run(ctx, tt.o)
			})), "null")
			if got := end(e); e.Status() != local.StatusFailed || !strings.Contains(got, tt.says) || len(client.starts) > 0 {
				t.Errorf("the execution is %s, want %q", got, tt.says)
			}
		})
	}
}
