package replay_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestInterceptorThatBlocksKeepsNoAnswerBack: an interceptor must return soon. One that does not
// costs the invocation its time, and no more: it is answered, with its outcome if there is one, and
// otherwise with an error that names who blocks.
func TestInterceptorThatBlocksKeepsNoAnswerBack(t *testing.T) {
	t.Parallel()
	info := func(block func()) func(context.Context, replay.InvocationInfo) {
		return func(context.Context, replay.InvocationInfo) { block() }
	}
	idle := replay.Interceptor{}
	tests := []struct {
		reason string
		list   func(block func()) []replay.Interceptor
		want   string // that the answer begins with
		ran    bool   // the handler
	}{
		{"InvocationStart", func(block func()) []replay.Interceptor {
			return []replay.Interceptor{idle, {InvocationStart: info(block)}}
		}, "error replay: the invocation's time is over, and InvocationStart of interceptor 1, counted from zero, has not returned: ", false},
		{"WrapInvocation, before it calls next", func(block func()) []replay.Interceptor {
			return []replay.Interceptor{{WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
				block()
				next(ctx)
			}}}
		}, "error replay: the invocation's time is over, and WrapInvocation of interceptor 0, counted from zero, has not returned: ", false},
		{"WrapInvocation, after next has returned", func(block func()) []replay.Interceptor {
			return []replay.Interceptor{{WrapInvocation: func(ctx context.Context, _ replay.InvocationInfo, next func(context.Context) replay.InvocationEnd) {
				next(ctx)
				block()
			}}}
		}, "SUCCEEDED 7", true},
		{"InvocationEnd", func(block func()) []replay.Interceptor {
			return []replay.Interceptor{{InvocationEnd: func(context.Context, replay.InvocationInfo, replay.InvocationEnd) { block() }}}
		}, "SUCCEEDED 7", true},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ran, release := false, make(chan struct{})
				f := replay.Handler(func(op.Context, op.None) (int, error) {
					ran = true
					return 7, nil
				}, replay.WithInterceptors(tt.list(func() { <-release })...))
				ctx, cancel := context.WithTimeout(checkpoint.WithClient(t.Context(), &tape{}), time.Minute)
				defer cancel()
				began := time.Now()
				if got := say(f.Invoke(ctx, event(t))); !strings.HasPrefix(got, tt.want) {
					t.Errorf("the answer is %s, want %s", got, tt.want)
				}
				if took := time.Since(began); took < time.Minute || took > time.Minute+2*time.Second {
					t.Errorf("it came after %v, want the time of the invocation and a grace", took)
				}
				close(release)
				synctest.Wait()
				if ran != tt.ran {
					t.Errorf("the handler ran: %t", ran)
				}
			})
		})
	}
}

// TestInterceptorThatExits: it is named, where the invocation had ended without a word.
func TestInterceptorThatExits(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(op.Context, op.None) (int, error) { return 7, nil }, replay.WithInterceptors(replay.Interceptor{
		InvocationStart: func(context.Context, replay.InvocationInfo) { runtime.Goexit() },
	}))
	want := "error replay: an interceptor has ended the goroutine of the invocation, with runtime.Goexit or t.FailNow; it must return: " +
		"InvocationStart of interceptor 0, counted from zero"
	if got := once(t, f, &tape{}); got != want {
		t.Errorf("the answer is %s, want %s", got, want)
	}
}
