package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

const stale = "Invalid checkpoint token"

func TestCheckpointTokenIsConsumed(t *testing.T) {
	t.Parallel()
	inside(t, func(k *talk) string {
		used := k.token
		k.must(t, stepStart("a"))
		if k.token == used {
			t.Error("the token has not moved on")
		}
		next := k.token
		k.token = used
		if _, err := k.send(stepStart("b")); message(err) != stale {
			t.Errorf("the used token: %v", err)
		}
		k.token = next
		k.must(t, stepStart("b"))
		return ""
	})
}

func TestEmptyCheckpointConsumesItsToken(t *testing.T) {
	t.Parallel()
	inside(t, func(k *talk) string {
		used := k.token
		k.must(t)
		k.token = used
		if _, err := k.send(); message(err) != stale {
			t.Errorf("the used token: %v", err)
		}
		return ""
	})
}

func TestRejectedCallKeepsItsToken(t *testing.T) {
	t.Parallel()
	inside(t, func(k *talk) string {
		if _, err := k.send(waitStart("w", 0)); message(err) == "" {
			t.Error("a wait without a length was accepted")
		}
		k.must(t, stepStart("a"))
		return ""
	})
}

func TestTokensAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, token string }{
		{"no token is not the token", ""},
		{"text that is no token", "?"},
		{"base64 that is no token", "YWJj"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			inside(t, func(k *talk) string {
				k.token = tt.token
				_, err := k.send(stepStart("a"))
				if message(err) != stale {
					t.Errorf("checkpoint: %v", err)
				}
				_, err = k.client.State(k.ctx, checkpoint.StateInput{ARN: k.event.DurableExecutionArn, Token: tt.token})
				if message(err) != stale {
					t.Errorf("state: %v", err)
				}
				return ""
			})
		})
	}
}

func TestTokenOfAnEarlierInvocationIsStale(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	var first *talk
	e := begin(t, s, function(func(k *talk) (string, error) {
		if first == nil {
			first = k
			_, err := k.send(waitStart("w", time.Second))
			return pending, err
		}
		first.ctx = k.ctx
		if _, err := first.send(stepStart("late")); message(err) != stale {
			t.Errorf("a call of the first invocation during the second: %v", err)
		}
		return succeed(`1`), nil
	}), `{}`)
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}

	// Until the next invocation begins nothing has used up the token.
	first.ctx = t.Context()
	first.must(t, stepStart("straggler"))
	if err := e.RunUntilSuspended(t.Context()); err != nil || e.Invocations() != 1 {
		t.Errorf("its own call has invoked the function again: %d invocations, %v", e.Invocations(), err)
	}
	clock.Advance(time.Second)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusSucceeded {
		t.Errorf("the execution is %s", e.Status())
	}
}

func TestTokenIsStaleAfterTheExecutionHasEnded(t *testing.T) {
	t.Parallel()
	var last *talk
	inside(t, func(k *talk) string {
		last = k
		return ""
	})
	last.ctx = context.WithoutCancel(last.ctx)
	if _, err := last.send(stepStart("a")); err == nil {
		t.Error("an execution that has ended takes updates")
	}
}

func TestExecutionSucceedIsAnsweredWithoutAToken(t *testing.T) {
	t.Parallel()
	e := inside(t, func(k *talk) string {
		used := k.token
		k.must(t, stepStart("a"), executionSucceed(k, `"large"`))
		if k.token != "" {
			t.Errorf("the reply has the token %q", k.token)
		}
		for _, token := range []string{used, ""} {
			k.token = token
			if _, err := k.send(); message(err) != stale {
				t.Errorf("a call after the end: %v", err)
			}
		}
		return `{"Status":"SUCCEEDED","Result":""}`
	})
	if got := string(e.Result()); got != `"large"` {
		t.Errorf("the result is %s", got)
	}
}

func TestUnknownExecutionIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	_, err := s.Checkpoint(t.Context(), checkpoint.CheckpointInput{ARN: "arn:absent", Token: "x"})
	if message(err) != "Invalid durable execution ARN" {
		t.Errorf("checkpoint: %v", err)
	}
	_, err = s.State(t.Context(), checkpoint.StateInput{ARN: "arn:absent", Token: "x"})
	if message(err) != "Invalid durable execution ARN" {
		t.Errorf("state: %v", err)
	}
}

func TestCallWithAnEndedContextIsNotMade(t *testing.T) {
	t.Parallel()
	inside(t, func(k *talk) string {
		ctx := k.ctx
		ended, cancel := context.WithCancel(ctx)
		cancel()
		k.ctx = ended
		if _, err := k.send(stepStart("a")); message(err) == "" || err == nil {
			t.Errorf("a call with an ended context: %v", err)
		}
		k.ctx = ctx
		k.must(t, stepStart("a")) // the token is still good
		return ""
	})
}
