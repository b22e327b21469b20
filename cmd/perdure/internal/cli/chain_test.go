package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// TestShowFollowsAChain: an execution that goes on as another one says so, and --follow shows the
// last one.
func TestShowFollowsAChain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	countdown := replay.Handler(func(ctx op.Context, n int) (string, error) {
		if err := replay.Exec(ctx, op.Wait("an-hour", time.Hour)); err != nil || n == 0 {
			return "over", err
		}
		return "", replay.ContinueAsNew(ctx, n-1)
	})
	if err := s.service.Host("countdown", countdown); err != nil {
		t.Fatal(err)
	}
	s.run("start", "countdown", "2", "--name", "C-1")
	s.advance(time.Hour)
	first := s.run("show", "C-1")
	if first.code != 0 || !strings.Contains(first.out, "continue-as-new") || !strings.Contains(first.out, "\ngoes on as C-1-2-") ||
		!strings.Contains(first.out, "; perdure show C-1 --follow shows the last one\n") {
		t.Fatalf("exit code %d, %s\n%s", first.code, first.err, first.out)
	}
	if got := s.run("show", "C-1", "--follow"); got.code != 0 || !strings.HasPrefix(got.out, "C-1-2-") || !strings.Contains(got.out, "RUNNING") {
		t.Errorf("while the second runs: %+v", got)
	}
	s.advance(2 * time.Hour)
	last := s.run("show", "C-1", "--follow")
	if last.code != 0 || !strings.HasPrefix(last.out, "C-1-3-") || !strings.Contains(last.out, `"over"`) {
		t.Errorf("when all have ended: %+v", last)
	}
	if got := s.run("show", "C-1", "--follow", "-o", "json"); got.code != 0 || !strings.Contains(got.out, `"name": "C-1-3-`) {
		t.Errorf("as JSON: %+v", got)
	}
}
