package local_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/limits"
)

// TestForksHaveTheirOwnBudget: an execution whose invocations have all failed is redriven, or
// forked: the history of the new one says where it begins, and as many invocations of its own may
// fail as of any other one.
func TestForksHaveTheirOwnBudget(t *testing.T) {
	t.Parallel()
	broken := func() local.Handler {
		return function(func(k *talk) (string, error) {
			if k.status("a") == "" {
				k.must(t, update(checkpoint.KindStep, checkpoint.ActionStart, "a"))
			}
			return "", errors.New("out of memory")
		})
	}
	tests := []struct {
		reason string
		fork   func(*local.Service, string) (*local.Execution, error)
		first  int // events that it has of the other one
	}{
		{"all of its invocations have ended", func(s *local.Service, arn string) (*local.Execution, error) {
			return s.Redrive(t.Context(), local.ForkInput{ARN: arn})
		}, 2 + limits.FailedInvocations},
		{"an invocation ran, and before that there was nothing", func(s *local.Service, arn string) (*local.Execution, error) {
			return s.Fork(t.Context(), local.ForkInput{ARN: arn, Before: "a"})
		}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			s, clock := newVirtual(t)
			from := begin(t, s, broken(), `{}`)
			if err := from.Drive(t.Context()); err != nil && from.Status() != local.StatusFailed {
				t.Fatal(err)
			}
			clock.Advance(time.Hour)
			e, err := tt.fork(s, from.ARN())
			if err != nil {
				t.Fatal(err)
			}
			mark := e.History()[tt.first]
			switch {
			case mark.Type != local.EventInvocationCompleted || mark.Failure == nil || mark.Failure.Type != "Service.Forked":
				t.Errorf("event %d does not say that it is a fork: %+v", tt.first+1, mark)
			case !strings.Contains(mark.Failure.Message, from.ARN()):
				t.Errorf("it does not say of what: %s", mark.Failure.Message)
			case !mark.Time.Equal(clock.Now()):
				t.Errorf("the fork began at %v, and its event is of %v", clock.Now(), mark.Time)
			}
			if err := e.Drive(t.Context()); err != nil && e.Status() != local.StatusFailed {
				t.Fatal(err)
			}
			failed := 0
			for _, ev := range e.History()[tt.first+1:] {
				if ev.Type == local.EventInvocationCompleted {
					failed++
				}
			}
			if failed != limits.FailedInvocations {
				t.Errorf("%d invocations of its own have failed, want %d", failed, limits.FailedInvocations)
			}
		})
	}
}
