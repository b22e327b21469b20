package local_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestTraceHeaders: each invocation of an execution has the header that it was started with, and so
// has what it invokes, unless the invoke has one of its own (Lambda API, ChainedInvokeOptions).
func TestTraceHeaders(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		started, invoked string
		want             []string
	}{
		"it is inherited":                {"Root=1", "", []string{"order Root=1", "child Root=1", "order Root=1"}},
		"an invoke has its own":          {"Root=1", "Root=1;Parent=2", []string{"order Root=1", "child Root=1;Parent=2", "order Root=1"}},
		"an execution may have none":     {"", "", []string{"order ", "child ", "order "}},
		"and an invoke of it one anyway": {"", "Root=3", []string{"order ", "child Root=3", "order "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newVirtual(t)
			var mu sync.Mutex
			var seen []string
			see := func(function string, ctx context.Context) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, function+" "+checkpoint.TraceHeaderFrom(ctx))
			}
			for function, h := range map[string]function{
				"order": func(k *talk) (string, error) {
					see("order", k.ctx)
					if k.status("call") != "" {
						return succeed(`1`), nil
					}
					u := invokeStart("call", "child", `1`)
					u.TraceHeader = tt.invoked
					k.must(t, u)
					return pending, nil
				},
				"child": func(k *talk) (string, error) {
					see("child", k.ctx)
					return succeed(`1`), nil
				},
			} {
				if err := s.Host(function, h); err != nil {
					t.Fatal(err)
				}
			}
			e, err := s.StartWith(local.StartInput{Function: "order", TraceHeader: tt.started})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, seen); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTraceHeadersThatCannotBe: a header is that of an HTTP request where the function runs.
func TestTraceHeadersThatCannotBe(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	if err := s.Host("order", echo); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"Root=1\nX: 1", strings.Repeat("r", 8193), "é"} {
		if _, err := s.StartWith(local.StartInput{Function: "order", TraceHeader: header}); err == nil || !strings.Contains(err.Error(), "trace header") {
			t.Errorf("a start with a header of %d bytes: %v", len(header), err)
		}
		inside(t, func(k *talk) string {
			u := invokeStart("call", "child", `1`)
			u.TraceHeader = header
			if _, err := k.send(u); !strings.Contains(message(err), "updates.1.member.chainedInvokeOptions.xAmznTraceId") {
				t.Errorf("an invoke with a header of %d bytes: %v", len(header), err)
			}
			return ""
		})
	}
}

// TestTraceHeaderOutlivesTheService: the next service has it from the store.
func TestTraceHeaderOutlivesTheService(t *testing.T) {
	t.Parallel()
	memory, clock := local.NewMemoryStore(), local.NewVirtualClock(start)
	var seen []string
	h := function(func(k *talk) (string, error) {
		seen = append(seen, checkpoint.TraceHeaderFrom(k.ctx))
		if k.status("nap") == "SUCCEEDED" {
			return succeed(`1`), nil
		}
		k.must(t, waitStart("nap", time.Second))
		return pending, nil
	})
	first := local.New(local.WithStore(memory), local.WithClock(clock))
	if err := first.Host("order", h); err != nil {
		t.Fatal(err)
	}
	e, err := first.StartWith(local.StartInput{Function: "order", TraceHeader: "Root=1"})
	if err != nil {
		t.Fatal(err)
	}
	settle(t, e)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, e := reopen(t, memory, clock, e.ARN())
	if err := second.Host("order", h); err != nil {
		t.Fatal(err)
	}
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Root=1", "Root=1"}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
