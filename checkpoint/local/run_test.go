package local_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// order runs a step with one retry, then waits, then answers.
func order(k *talk) (string, error) {
	switch k.status("charge") {
	case "", "READY":
		retry := k.status("charge") == ""
		if _, err := k.send(stepStart("charge")); err != nil {
			return "", err
		}
		if retry {
			_, err := k.send(stepRetry("charge", 5*time.Second, &checkpoint.Failure{Type: "Throttled", Message: "slow down"}))
			return pending, err
		}
		if _, err := k.send(stepSucceed("charge", `"paid"`)); err != nil {
			return "", err
		}
	}
	if k.status("cool-off") == "" {
		_, err := k.send(waitStart("cool-off", 24*time.Hour))
		return pending, err
	}
	return succeed(`"done"`), nil
}

func TestRunDrivesAnExecutionToItsEnd(t *testing.T) {
	t.Parallel()
	s, clock := newVirtual(t)
	e := begin(t, s, function(order), `{"total":12}`)
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := string(e.Result()); got != `"done"` {
		t.Errorf("the result is %s", got)
	}
	want := []string{
		"ExecutionStarted", "StepStarted", "StepFailed", "InvocationCompleted",
		"StepStarted", "StepSucceeded", "WaitStarted", "InvocationCompleted",
		"WaitSucceeded", "InvocationCompleted", "ExecutionSucceeded",
	}
	if diff := cmp.Diff(want, types(e)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if got := clock.Now().Sub(start); got != 24*time.Hour+5*time.Second {
		t.Errorf("%v have passed", got)
	}
	out, err := s.Run(t.Context(), function(order), []byte(`{}`))
	if err != nil || string(out) != `"done"` {
		t.Errorf("Run returned %s, %v", out, err)
	}
}

func TestRunUnderTheRealClock(t *testing.T) {
	t.Parallel()
	s := local.New()
	out, err := s.Run(t.Context(), function(func(k *talk) (string, error) {
		return succeed(`1`), nil
	}), []byte(`{}`))
	if err != nil || string(out) != `1` {
		t.Errorf("Run returned %s, %v", out, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
