package cli_test

import (
	"strings"
	"testing"
	"time"
)

// TestSkip: a wait of days is over at once, and time goes by for one execution alone.
func TestSkip(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range []string{"A-1", "A-2"} {
		s.run("start", "order", `{"id":"`+name+`","items":["hat"]}`, "--name", name)
	}
	s.advance(time.Hour)
	for range 2 {
		s.run("callback", "succeed", s.callback(), `"Ann"`)
		s.settle()
	}
	if got := s.run("skip", "A-1", "35h"); got.err != "skipped 35h\n" || got.code != 0 {
		t.Errorf("a part of the wait: %+v", got)
	}
	s.advance(0)
	if got := s.run("show", "A-1"); !strings.Contains(got.out, "RUNNING") {
		t.Errorf("the wait has an hour left: %s", got.out)
	}
	if got := s.run("skip", "A-1", "--operation", "cool-off"); got.err != "skipped\n" || got.code != 0 {
		t.Errorf("the rest of it: %+v", got)
	}
	s.advance(0)
	if got := s.run("show", "A-1"); !strings.Contains(got.out, "SUCCEEDED  started") {
		t.Errorf("the wait is over: %s", got.out)
	}
	if got := s.run("show", "A-2"); !strings.Contains(got.out, `waiting for wait "cool-off", which ends in 36h`) {
		t.Errorf("the other execution: %s", got.out)
	}
	if got := s.run("skip", "A-2", "--operation", "nap"); !strings.Contains(got.err, `There is no operation "nap"; there are: reserve, charge`) {
		t.Errorf("no such operation: %+v", got)
	}
}
