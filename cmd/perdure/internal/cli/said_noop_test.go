package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// TestStartOfAnExecutionThatHasEnded: its ARN is printed, as the name asks for, and that nothing
// was started is said.
func TestStartOfAnExecutionThatHasEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.begun("A-1")
	input := `{"id":"A-1","items":["hat"]}`
	if o := s.run("start", "order", input, "--name", "A-1"); strings.Contains(o.err, "nothing was started") {
		t.Errorf("one that runs: %+v", o)
	}
	s.run("stop", "A-1", "-f", "order")
	if o := s.run("start", "order", input, "--name", "A-1"); strings.Contains(o.err, "nothing was started") {
		t.Errorf("one that ended a moment ago may be what was started: %+v", o)
	}
	s.clock.Advance(2 * time.Hour)
	o := s.run("start", "order", input, "--name", "A-1")
	const want = "nothing was started: the execution of that name has ended, STOPPED at 2026-03-02 09:00:00Z; another name starts another one\n"
	if o.code != 0 || !strings.HasSuffix(o.err, want) || !strings.Contains(o.out, "durable-execution/A-1/") {
		t.Errorf("one that ended hours ago: %+v", o)
	}
}

// TestRedriveOfAnInputThatDoesNotFit is refused: a redrive has the same input.
func TestRedriveOfAnInputThatDoesNotFit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "order", `"no order"`, "--name", "P-1")
	s.settle()
	if o := s.run("show", "P-1", "-f", "order"); !strings.Contains(o.out, "the input does not fit") {
		t.Fatalf("%+v", o)
	}
	o := s.run("redrive", "P-1", "-f", "order")
	if o.code != cli.ExitUsage || o.out != "" || !strings.Contains(o.err, "it fails again; start one with another input") {
		t.Errorf("%+v", o)
	}
}
