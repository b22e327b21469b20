package local_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestPausedIsStopped: a paused execution can be stopped, and one that is about to be paused.
func TestPausedIsStopped(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		k.must(t, waitStart("nap", time.Hour))
		return pending, nil
	}), `{}`)
	settle(t, e)
	pauseIt(t, s, e.ARN())
	again, err := s.Start(t.Context(), "order", e.Name(), []byte(`{}`))
	if err != nil || again.ARN() != e.ARN() {
		t.Errorf("a start under the name of a paused execution: %v, %v", again, err)
	}
	if err := e.Err(); err != nil {
		t.Errorf("Err of a paused execution: %v", err)
	}
	if err := e.Stop(nil); err != nil {
		t.Errorf("Stop: %v", err)
	}
	expectStatus(t, e, local.StatusStopped, 1)
	pausing := inside(t, func(k *talk) string {
		s, _ := k.client.(*local.Service)
		e, _ := s.Execution(k.event.DurableExecutionArn)
		pauseIt(t, s, e.ARN())
		if err := e.Stop(nil); err != nil {
			t.Errorf("Stop while it is PAUSING: %v", err)
		}
		if _, err := k.send(); message(err) != "Invalid checkpoint token" {
			t.Errorf("a call after the stop: %v", err)
		}
		return pending
	})
	expectStatus(t, pausing, local.StatusStopped, 1)
}

// TestControlRefusals is what the three calls answer in a state in which they cannot be made.
func TestControlRefusals(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	open := begin(t, s, function(func(k *talk) (string, error) {
		k.must(t, waitStart("nap", time.Hour))
		return pending, nil
	}), `{}`)
	settle(t, open)
	start := func(function string, h local.Handler, opts ...local.HostOption) *local.Execution {
		if err := s.Host(function, h, opts...); err != nil {
			t.Fatal(err)
		}
		e, err := s.Start(t.Context(), function, "", []byte(`1`))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	held := start("held", function(func(*talk) (string, error) { return succeed(`1`), nil }))
	pauseIt(t, s, held.ARN())
	ended := start("ended", function(func(*talk) (string, error) { return succeed(`1`), nil }))
	settle(t, ended)
	plain := start("plain", echo, local.WithPlainFunction())

	pause := func(in checkpoint.PauseInput) error { return s.Pause(t.Context(), in) }
	resume := func(in checkpoint.ResumeInput) error { return s.Resume(t.Context(), in) }
	remove := func(arn string) error {
		_, err := s.Delete(t.Context(), checkpoint.DeleteInput{ARN: arn})
		return err
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	long := strings.Repeat("é", 1025)
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
		is     error
	}{
		"a pause of what is not there":          {pause(checkpoint.PauseInput{ARN: "no"}), 404, "ResourceNotFoundException", local.ErrNotFound},
		"a pause of what is paused":             {pause(checkpoint.PauseInput{ARN: held.ARN()}), 409, "ResourceConflictException", local.ErrPaused},
		"a pause of what has ended":             {pause(checkpoint.PauseInput{ARN: ended.ARN()}), 409, "ResourceConflictException", local.ErrEnded},
		"a pause of a plain function":           {pause(checkpoint.PauseInput{ARN: plain.ARN()}), 400, "InvalidParameterValueException", nil},
		"a pause with too long a reason":        {pause(checkpoint.PauseInput{ARN: open.ARN(), Reason: long}), 400, "InvalidParameterValueException", nil},
		"a pause with a reason that is no text": {pause(checkpoint.PauseInput{ARN: open.ARN(), Reason: "\xff"}), 400, "InvalidParameterValueException", nil},
		"a pause whose context is over":         {s.Pause(over, checkpoint.PauseInput{ARN: open.ARN()}), 0, "", context.Canceled},
		"a resume of what is not there":         {resume(checkpoint.ResumeInput{ARN: "no"}), 404, "ResourceNotFoundException", local.ErrNotFound},
		"a resume of what is not paused":        {resume(checkpoint.ResumeInput{ARN: open.ARN()}), 409, "ResourceConflictException", local.ErrNotPaused},
		"a resume of what has ended":            {resume(checkpoint.ResumeInput{ARN: ended.ARN()}), 409, "ResourceConflictException", local.ErrEnded},
		"a resume with too long a reason":       {resume(checkpoint.ResumeInput{ARN: held.ARN(), Reason: long}), 400, "InvalidParameterValueException", nil},
		"a delete of what is not there":         {remove("no"), 404, "ResourceNotFoundException", local.ErrNotFound},
		"a delete of what runs":                 {remove(open.ARN()), 409, "ResourceConflictException", local.ErrUnfinished},
		"a delete of what is paused":            {remove(held.ARN()), 409, "ResourceConflictException", local.ErrUnfinished},
	} {
		failed, ok := errors.AsType[*checkpoint.APIError](tt.err)
		switch {
		case !ok || failed.HTTPStatus != tt.status || failed.Code != tt.code || tt.is != nil && !errors.Is(tt.err, tt.is):
			t.Errorf("%s: %v", name, tt.err)
		case failed.NotFound() != (tt.status == 404) || failed.Conflict() != (tt.status == 409) || failed.Denied():
			t.Errorf("%s: NotFound %v, Conflict %v, Denied %v", name, failed.NotFound(), failed.Conflict(), failed.Denied())
		}
	}
	if err := pause(checkpoint.PauseInput{ARN: open.ARN(), Reason: strings.Repeat("é", 1024)}); err != nil {
		t.Errorf("a reason of 1,024 characters: %v", err)
	}
	expectStatus(t, held, local.StatusPaused, 0)
}

// TestControlIsRepeated: the same request under the same token is answered again, within 15
// minutes; what it asks for does not happen again.
func TestControlIsRepeated(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(func(k *talk) (string, error) {
		k.must(t, waitStart("nap", 100*time.Hour))
		return pending, nil
	}), `{}`)
	settle(t, e)
	pause := func(token, reason string) error {
		return s.Pause(t.Context(), checkpoint.PauseInput{ARN: e.ARN(), ClientToken: token, Reason: reason})
	}
	resume := func(token string) error {
		return s.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN(), ClientToken: token})
	}
	for _, step := range []struct {
		reason string
		err    error
		is     error
	}{
		{"it is paused", pause("1", "r"), nil},
		{"asked for again", pause("1", "r"), nil},
		{"for another reason", pause("1", "s"), local.ErrPaused},
		{"by another request", pause("2", "r"), local.ErrPaused},
		{"it is resumed", resume("3"), nil},
		{"asked for again", resume("3"), nil},
		{"by another request", resume("4"), local.ErrNotPaused},
		{"the pause is asked for again: it stays resumed", pause("1", "r"), nil},
	} {
		if !errors.Is(step.err, step.is) {
			t.Errorf("%s: %v", step.reason, step.err)
		}
	}
	expectStatus(t, e, local.StatusRunning, 1)
	clock.Advance(16 * time.Minute)
	if err := pause("1", "r"); err != nil || e.Status() != local.StatusPaused {
		t.Errorf("the same request 16 minutes later: %v, %s", err, e.Status())
	}
}

// TestDelete: what has ended can be deleted, its name is free again, and the next execution of that
// name is another.
func TestDelete(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t)
	run := func() *local.Execution {
		if err := s.Host("order", function(func(*talk) (string, error) { return succeed(`1`), nil })); err != nil {
			t.Fatal(err)
		}
		e, err := s.Start(t.Context(), "order", "A-1", []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		settle(t, e)
		return e
	}
	first := run()
	out, err := s.Delete(t.Context(), checkpoint.DeleteInput{ARN: first.ARN()})
	if err != nil || !out.Requested.Equal(start) {
		t.Fatal(out, err)
	}
	if _, ok := s.Execution(first.ARN()); ok || first.Status() != local.StatusDeleting || len(s.Executions()) > 0 {
		t.Errorf("it is still there: %v, %s", ok, first.Status())
	}
	if _, err := s.Record(first.ARN()); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("Record: %v", err)
	}
	if all, err := s.List(local.Query{}); err != nil || len(all) > 0 {
		t.Errorf("List: %v, %v", all, err)
	}
	if _, err := s.Delete(t.Context(), checkpoint.DeleteInput{ARN: first.ARN()}); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("the second Delete: %v", err)
	}
	second := run()
	if second.ARN() == first.ARN() || second.Name() != first.Name() || second.Invocations() != 1 {
		t.Errorf("the next execution is %s", second.ARN())
	}
}

// TestDeleteOfTheTargetOfAnInvoke: it can be deleted when whoever waits for it has its result, and
// that one goes on.
func TestDeleteOfTheTargetOfAnInvoke(t *testing.T) {
	t.Parallel()
	g := openTour(t, &mortalStore{MemoryStore: local.NewMemoryStore(), left: -1}, local.NewVirtualClock(start))
	defer func() { _ = g.s.Close() }()
	if g.drive(t) {
		t.Fatal(g.s.Err())
	}
	durable, _ := g.e.Operation("durable")
	target := ""
	for _, ev := range g.e.History() {
		if ev.Type == local.EventChainedInvokeStarted {
			target = ev.Target
		}
	}
	if _, err := g.s.Delete(t.Context(), checkpoint.DeleteInput{ARN: target}); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if durable.Status != checkpoint.StatusSucceeded {
		t.Errorf("the invoke is %s", durable.Status)
	}
}

// TestDeleteThatTheStoreRefuses leaves the execution as it is.
func TestDeleteThatTheStoreRefuses(t *testing.T) {
	t.Parallel()
	s, _ := newVirtual(t, local.WithStore(undeletable{local.NewMemoryStore()}))
	e := begin(t, s, function(func(*talk) (string, error) { return succeed(`1`), nil }), `{}`)
	settle(t, e)
	if _, err := s.Delete(t.Context(), checkpoint.DeleteInput{ARN: e.ARN()}); !errors.Is(err, errDisk) {
		t.Errorf("Delete: %v", err)
	}
	if _, err := s.Record(e.ARN()); err != nil || e.Status() != local.StatusSucceeded {
		t.Errorf("it is %s, %v", e.Status(), err)
	}
}

// undeletable deletes nothing.
type undeletable struct{ *local.MemoryStore }

func (undeletable) Delete(string) error { return errDisk }
