package cli_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
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
	if got := s.run("skip", "A-1", "35h"); got.err != "skipped 35h: wait \"cool-off\" ends in 1h\n" || got.code != 0 {
		t.Errorf("a part of the wait: %+v", got)
	}
	s.advance(0)
	if got := s.run("show", "A-1"); !strings.Contains(got.out, "waiting for wait \"cool-off\", which ends in 1h\n") {
		t.Errorf("the wait has an hour left: %s", got.out)
	}
	if got := s.run("skip", "A-1", "--operation", "cool-off"); got.err != "skipped: wait \"cool-off\" is over\n" || got.code != 0 {
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

// TestSkipSaysWhatItDid: that nothing but the execution timeout came sooner, and whether a pause
// before an attempt is over.
func TestSkipSaysWhatItDid(t *testing.T) {
	t.Parallel()
	s := newSite(t, local.WithExecutionTimeout(100*time.Hour))
	callbacks := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.WaitForCallback[string]("answer", func(context.Context, string) error { return nil }))
	})
	if err := s.service.Host("ask", callbacks); err != nil {
		t.Fatal(err)
	}
	s.run("start", "order", `{"id":"A-1","items":["tie"]}`, "--name", "A-1")
	s.advance(time.Second)
	s.run("start", "ask", "--name", "Q-1")
	s.settle()
	for _, tt := range []struct{ args, reason, want string }{
		{
			"Q-1 1h", "its callback has no time-out", "skipped 1h of the execution timeout alone, since nothing else waits for a time: " +
				"the execution times out in 4d3h",
		},
		{
			"A-1 1m -f order", "the pause is longer", "skipped 1m: the pause before the next attempt of step \"pack\" ends in 29s; " +
				"the execution times out in 4d4h",
		},
		{
			"A-1 --operation parcels/item-0/pack -f order", "the rest of it",
			"skipped: the pause before the next attempt of step \"pack\" is over: the attempt begins",
		},
	} {
		got := s.run(append([]string{"skip"}, strings.Fields(tt.args)...)...)
		if got.err != tt.want+"\n" || got.code != 0 {
			t.Errorf("%s: %s: %+v, want %q", tt.args, tt.reason, got, tt.want)
		}
	}
	s.advance(0)
	if got := s.run("skip", "A-1", "24h", "-f", "order"); !strings.Contains(got.err, `callback "collected-callback" times out in 24h; the`) {
		t.Errorf("a part of the time of a callback: %+v", got)
	}
	if got := s.run("stats"); !strings.Contains(got.out, "(times out in 24h)") {
		t.Errorf("stats has what the history says: %s", got.out)
	}
	if got := s.run("skip", "A-1", "48h", "-f", "order"); got.err != "skipped 48h: callback \"collected-callback\" has timed out; the execution times out in 27h59m\n" {
		t.Errorf("a callback times out: %+v", got)
	}
}
