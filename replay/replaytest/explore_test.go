package replaytest_test

import (
	"testing"

	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

func TestExploreTheOrder(t *testing.T) {
	t.Parallel()
	in := order{ID: "A-1", Total: 200, Items: []string{"x", "y"}}
	r := replaytest.Explore(t, replay.Handler(newShop().process), in,
		replaytest.Reply("manager-approval", approval{By: "Ann"}), replaytest.Schedules(50))
	if r.Singles != r.Want() || r.Callbacks != 1 || r.Pairs != 50 || r.Triples != 50 || r.Interrupted == 0 {
		t.Errorf("got %v", r)
	}
}
