package replaytest_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

func TestExploreTheOrder(t *testing.T) {
	t.Parallel()
	in := order{ID: "A-1", Total: 200, Items: []string{"x", "y"}}
	began := time.Now()
	r := replaytest.Explore(t, replay.Handler(newShop().process), in,
		replaytest.CallbackResult("manager-approval", approval{By: "Ann"}), replaytest.WithSchedules(50))
	if r.Singles != r.Want() || r.Callbacks != 1 || r.Pairs != 50 || r.Triples != 50 || r.Interrupted == 0 ||
		r.Interruptions < r.Singles || r.States < r.Calls {
		t.Errorf("got %v", r)
	}
	t.Logf("the order: %d schedules in %v", r.Schedules(), time.Since(began).Round(time.Millisecond))
}

// TestScheduleCountsObeyTheFormula counts what Explore says it has done in three other ways: what
// the line says is computed, executions are counted by Reset, and places by Run.
func TestScheduleCountsObeyTheFormula(t *testing.T) {
	t.Parallel()
	for reason, name := range map[string]string{
		"one after the other":           "sequence",
		"a callback and a future":       "callback",
		"waves of bodies":               "chunks",
		"no body at all":                "time-out",
		"crash points and groups":       "groups",
		"attempts are bodies, too":      "at most once, four times",
		"a reply holds several changes": "asked, and refused",
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			p := corpus()[name]
			f, executions := replay.Handler(p.run), 0
			got := replaytest.Explore(t, f, 1, append(p.opts, replaytest.WithSchedules(7), replaytest.WithReset(func() { executions++ }))...)
			line := got.String()
			if singles, sum := computed(t, line); singles != got.Singles || sum != got.Singles {
				t.Errorf("%d singles were tried; the line says %d, and its parts sum to %d: %s", got.Singles, singles, sum, line)
			}
			undisturbed := 8
			if got.Concurrent {
				undisturbed++ // finds out what can run at the same time
			}
			if want := executions - undisturbed; got.Schedules() != want || got.Pairs != 7 || got.Triples != 7 {
				t.Errorf("%d executions beside the undisturbed ones: %s", want, line)
			}
			var opts []replaytest.Option
			for _, o := range p.opts {
				if o, ok := o.(replaytest.Option); ok {
					opts = append(opts, o)
				}
			}
			r, bodies := replaytest.Run(t, f, 1, opts...), 0
			for _, o := range r.Ops() {
				bodies += o.Runs
			}
			if got.Invocations != r.Invocations || got.Bodies != bodies || !got.Concurrent && got.Calls != r.CheckpointCalls {
				t.Errorf("Run has %d invocations, %d bodies and %d calls: %s", r.Invocations, bodies, r.CheckpointCalls, line)
			}
		})
	}
}

// computed is the number of singles that the line of a report says, and what its parts add up to.
func computed(t *testing.T, line string) (singles, sum int) {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return n
	}
	formula := regexp.MustCompile(`(\d+) singles = (.*?), \d+ pairs`).FindStringSubmatch(line)
	if formula == nil {
		t.Fatalf("there is no formula in %s", line)
	}
	for part := range strings.SplitSeq(formula[2], " + ") {
		term, _, _ := strings.Cut(part, " ")
		times, of, product := strings.Cut(term, "×")
		if product {
			sum += number(times) * number(of)
			continue
		}
		sum += number(times)
	}
	return number(formula[1]), sum
}
